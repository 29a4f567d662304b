//! Asking Entra for new tokens with the refresh token that we keep.
//!
//! Microsoft, refresh tokens: the old one stays valid, so a renewal whose answer is lost costs
//! nothing; the new one replaces it in the session.

use super::{
    awaiting_metadata::AwaitingMetadata,
    error::{EntraError, Step},
    profile::{AnotherUser, ProfileClaims},
    refresh_lease::RefreshLease,
    token_endpoint::{Grant, TokenResponse},
    token_request::TokenRequest,
};
use crate::{
    ask::{Awaiting, Store, StoreFault},
    event::Answer,
    fault::Fault,
    hub::{ToHub, ToHubKind},
    id::SessionId,
    log_event::LogEventId,
    secret::Secret,
    session::record::{EntraTokens, Profile, Session, User},
    step::{Cx, Progress},
    throttle::{Throttled, whole_seconds},
};

/// A renewal under way.
#[derive(Debug)]
pub(crate) struct TokenRefresh {
    whose: Box<User>,
    session: SessionId,
    lease: RefreshLease,
    state: State,
}

/// How a renewal went, and what is known of the lease: if it is held, release it once the tokens are stored.
#[derive(Debug)]
pub(crate) struct Refreshed {
    pub(crate) lease: RefreshLease,
    pub(crate) result: RefreshResult,
}

/// What a renewal gives.
#[derive(Debug)]
pub(crate) struct RefreshedTokens {
    /// The tokens. `refresh_token` is `None` if Entra sent none: the old one goes on.
    pub(crate) tokens: EntraTokens,
    /// The names, roles and groups that the user has now, if Entra sent them.
    profile: Option<Profile>,
}

impl RefreshedTokens {
    /// Puts the refresh token into the session, if there is a new one, and the access token if it `stores`
    /// it. `None` if the session's own tokens do not open.
    pub(crate) fn put_into(
        &self,
        session: &mut Session,
        stores: bool,
        cx: &mut Cx<'_>,
    ) -> Option<()> {
        let keys = &cx.env.server.keys;
        let stored = session.entra_tokens(keys)?;
        let mut tokens = if stores {
            self.tokens.clone()
        } else {
            EntraTokens {
                refreshed: self.tokens.refreshed,
                ..stored.clone()
            }
        };
        tokens.refresh_token = self.tokens.refresh_token.clone().or(stored.refresh_token);
        if let Some(profile) = &self.profile {
            session.user.profile.clone_from(profile);
        }
        session.set_entra_tokens(&tokens, keys, cx.entropy);
        Some(())
    }
}

#[derive(Debug)]
enum State {
    /// Does another replica refresh these tokens right now?
    Leasing(Grant, Awaiting<Store>),
    /// This server has just been started, and does not know where Entra's token endpoint is.
    AwaitingMetadata(AwaitingMetadata<Grant>),
    /// Entra is asked.
    AwaitingTokens(TokenRequest),
}

/// Why Entra gives no new tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshError {
    /// Entra wants the user to sign in, or sent the tokens of another user: the session is over (threats
    /// D6, D10).
    SignInRequired,
    /// Entra does not give this permission, but the session may go on without it.
    ConsentRequired,
    /// Not now.
    Unavailable(Fault),
    /// Another replica asks Entra right now: wait, and see what it has got.
    UnderWay,
}

/// What a refresh results in.
pub(crate) type RefreshResult = Result<Box<RefreshedTokens>, RefreshError>;

/// Whether Entra wants no refreshes of this user's tokens at the moment.
pub(crate) fn throttled(user: &User, cx: &Cx<'_>) -> Option<Fault> {
    let requests = Throttled::TokenRefresh(user.key());
    let wait = cx.env.entra.throttle.wait(&requests, cx.env.now.instant)?;
    Some(Fault::Throttled(whole_seconds(wait)))
}

impl TokenRefresh {
    /// Begins; `None` if there is no refresh token to begin with. Entra is asked for what the session
    /// was granted, not for all that is offered: the user has not consented to more.
    pub(crate) fn start(
        session: &Session,
        tokens: &EntraTokens,
        lease: RefreshLease,
        cx: &mut Cx<'_>,
    ) -> Option<Self> {
        let refresh_token = tokens.refresh_token.as_ref()?;
        let scope = cx.env.server.scopes.held(&session.scope);
        let scope = scope.to_entra_scope(&cx.env.server.config.entra);
        Self::asking(session, refresh_token, scope, lease, cx)
    }

    /// The same for these scopes, as Entra names them: a refresh token is good for any resource with
    /// consent (Microsoft identity platform, "Refresh tokens").
    pub(crate) fn of_scope(
        session: &Session,
        tokens: &EntraTokens,
        scope: String,
        cx: &mut Cx<'_>,
    ) -> Option<Self> {
        let lease = RefreshLease::NotNeeded;
        Self::asking(session, tokens.refresh_token.as_ref()?, scope, lease, cx)
    }

    fn asking(
        session: &Session,
        refresh_token: &Secret<String>,
        scope: String,
        lease: RefreshLease,
        cx: &mut Cx<'_>,
    ) -> Option<Self> {
        let grant = Grant::refresh_token(refresh_token.clone(), scope);
        let state = match lease.take(session.id, cx) {
            Some(awaiting) => State::Leasing(grant, awaiting),
            None => ask(grant, cx)?,
        };
        Some(Self {
            whose: Box::new(session.user.clone()),
            session: session.id,
            lease,
            state,
        })
    }

    pub(crate) fn handle(mut self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self, Refreshed> {
        let next = match self.state {
            State::Leasing(grant, awaiting) => match awaiting.into_answer(answer) {
                Ok(_) => {
                    self.lease = RefreshLease::Held(self.session);
                    ask(grant, cx).ok_or(Err(RefreshError::Unavailable(Fault::Entra)))
                }
                Err(StoreFault::Conflict) => {
                    self.lease = self.lease.taken_by_another(cx.env.now.instant);
                    Err(Err(RefreshError::UnderWay))
                }
                Err(StoreFault::Unavailable) => Err(Err(RefreshError::Unavailable(Fault::Store))),
            },
            State::AwaitingMetadata(awaiting) => {
                let (grant, _) = awaiting.handle(answer, cx);
                let request = TokenRequest::start(grant, cx).map(State::AwaitingTokens);
                request.ok_or(Err(RefreshError::Unavailable(Fault::Entra)))
            }
            State::AwaitingTokens(request) => match request.handle(answer, cx) {
                Progress::Pending(request) => Ok(State::AwaitingTokens(request)),
                Progress::Ready(response) => Err(read_response(response, &self.whose, cx)),
            },
        };
        match next {
            Ok(state) => Progress::Pending(Self { state, ..self }),
            Err(result) => {
                if result.is_err() {
                    self.lease.release(cx);
                }
                let lease = self.lease;
                Progress::Ready(Refreshed { lease, result })
            }
        }
    }
}

/// Asks Entra; `None` if it is not known where.
fn ask(grant: Grant, cx: &mut Cx<'_>) -> Option<State> {
    match AwaitingMetadata::known(grant, cx) {
        Progress::Pending(awaiting) => Some(State::AwaitingMetadata(awaiting)),
        Progress::Ready((grant, _)) => TokenRequest::start(grant, cx).map(State::AwaitingTokens),
    }
}

fn read_response(
    response: Result<TokenResponse, EntraError>,
    whose: &User,
    cx: &mut Cx<'_>,
) -> RefreshResult {
    match response {
        Ok(answer) => {
            let id_token = answer.id_token.as_ref();
            let claims = id_token.map(|token| ProfileClaims::renewed(token.expose(), whose, cx));
            let claims = match claims {
                Some(Err(AnotherUser)) => {
                    cx.log(LogEventId::IdTokenOfAnotherUser);
                    return Err(RefreshError::SignInRequired);
                }
                Some(Ok(claims)) => claims,
                None => None,
            };
            if let Some(claims) = &claims {
                claims.warn(cx);
            }
            Ok(Box::new(RefreshedTokens {
                tokens: answer.into_tokens(cx.env.now.unix),
                profile: claims.map(|claims| claims.profile),
            }))
        }
        Err(error) => {
            cx.log(error.log_event(Step::TokenRenewal));
            Err(match error {
                EntraError::SignInAgain(_) if error.is_consent_required() => {
                    RefreshError::ConsentRequired
                }
                EntraError::SignInAgain(_) => RefreshError::SignInRequired,
                EntraError::Configuration(_) => RefreshError::Unavailable(Fault::Configuration),
                EntraError::Throttled(_, wait) => {
                    let until = cx.env.now.instant.after(wait);
                    let requests = Throttled::TokenRefresh(whose.key());
                    cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
                    RefreshError::Unavailable(Fault::Throttled(whole_seconds(wait)))
                }
                EntraError::Unavailable(_) => RefreshError::Unavailable(Fault::Entra),
            })
        }
    }
}
