//! Asking Entra for new tokens with the refresh token that we keep.
//!
//! Microsoft, refresh tokens: the old one stays valid, so a renewal whose answer is lost costs
//! nothing; the new one replaces it in the session.

use super::{
    awaiting_metadata::AwaitingMetadata,
    error::{EntraError, Step},
    groups::{GroupsRequest, GroupsUnknown},
    refresh_lease::RefreshLease,
    token_endpoint::{Grant, TokenResponse},
    token_request::TokenRequest,
};
use crate::{
    ask::{Awaiting, Store, StoreFault},
    catalog::Names,
    claims_challenge::ClaimsChallenge,
    event::Answer,
    fault::Fault,
    hub::{ToHub, ToHubKind},
    id::SessionId,
    log_event::{Field, LogEvent, LogEventId},
    planted::Planted,
    session::{
        allowed,
        profile::{AnotherUser, ProfileClaims},
        record::{EntraTokens, Hash, Profile, Session, User},
    },
    step::{Cx, Progress},
    throttle::{Throttled, whole_seconds},
};

/// A renewal under way.
#[derive(Debug)]
pub(crate) struct TokenRefresh {
    whose: Box<Whose>,
    session: SessionId,
    lease: RefreshLease,
    state: State,
}

/// Whose tokens are renewed.
#[derive(Debug)]
struct Whose {
    user: User,
    client: Hash,
    subject: String,
    /// Whether the new access token is Graph's.
    is_of_graph: bool,
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
    /// The names, roles and groups that the user has now, if Entra and Graph said so.
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
        let profile = self.profile.as_ref();
        if let Some(profile) = profile.filter(|_| !cx.env.server.has(Planted::RolesNotRenewed)) {
            session.user.profile.clone_from(profile);
        }
        session.required_claims = None;
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
    /// The user is in more groups than the ID token names: Graph is asked.
    AwaitingGroups(Box<RefreshedTokens>, GroupsRequest),
}

/// Why Entra gives no new tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefreshError {
    /// Entra wants the user to sign in, or sent the tokens of another user, or of one who may not sign in any more: the
    /// session is over (threats D6, D10, D20).
    SignInRequired,
    /// The user must satisfy these claims first; what was granted stands.
    ClaimsRequired(ClaimsChallenge),
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
        claims: Option<ClaimsChallenge>,
        cx: &mut Cx<'_>,
    ) -> Option<Self> {
        let refresh_token = tokens.refresh_token.as_ref()?;
        let scope = cx.env.server.scopes.held(&session.scope);
        let scope = scope.to_entra_scope(&cx.env.server.config.entra);
        let grant = Grant::refresh_token(refresh_token.clone(), scope).satisfying(claims);
        Self::asking(
            session,
            grant.at_tenant(&session.user.tenant_id),
            (lease, true),
            cx,
        )
    }

    /// The same for these scopes, as Entra names them: a refresh token is good for any resource with
    /// consent (Microsoft identity platform, "Refresh tokens").
    pub(crate) fn of_scope(
        session: &Session,
        tokens: &EntraTokens,
        scope: String,
        claims: Option<ClaimsChallenge>,
        cx: &mut Cx<'_>,
    ) -> Option<Self> {
        let lease = RefreshLease::NotNeeded;
        let refresh_token = tokens.refresh_token.as_ref()?;
        let grant = Grant::refresh_token(refresh_token.clone(), scope).satisfying(claims);
        Self::asking(
            session,
            grant.at_tenant(&session.user.tenant_id),
            (lease, false),
            cx,
        )
    }

    fn asking(
        session: &Session,
        grant: Grant,
        (lease, is_of_graph): (RefreshLease, bool),
        cx: &mut Cx<'_>,
    ) -> Option<Self> {
        let state = match lease.take(session.id, cx) {
            Some(awaiting) => State::Leasing(grant, awaiting),
            None => ask(grant, cx)?,
        };
        Some(Self {
            whose: Box::new(Whose {
                user: session.user.clone(),
                client: session.outline.client,
                subject: session.outline.subject.clone(),
                is_of_graph,
            }),
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
                Progress::Ready(response) => match read_response(response, &self.whose, cx) {
                    Ok((renewed, has_more)) => received(renewed, has_more, &self.whose, cx),
                    Err(error) => Err(Err(error)),
                },
            },
            State::AwaitingGroups(renewed, request) => {
                let groups = request.handle(&self.whose.client, answer, cx);
                Err(with_groups(renewed, groups, &self.whose, cx))
            }
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

/// The tokens are there. Does it matter which groups the user is in, and does the ID token not say so?
fn received(
    mut renewed: Box<RefreshedTokens>,
    has_more_groups: bool,
    whose: &Whose,
    cx: &mut Cx<'_>,
) -> Result<State, RefreshResult> {
    if has_more_groups && whose.is_of_graph {
        let token = &renewed.tokens.access_token;
        match GroupsRequest::start(&whose.user, &whose.client, token, cx) {
            Some(Ok(request)) => return Ok(State::AwaitingGroups(renewed, request)),
            Some(Err(unknown)) => return Err(with_groups(renewed, Err(unknown), whose, cx)),
            None => {}
        }
    } else if let (true, Some(profile)) = (has_more_groups, &mut renewed.profile) {
        // As of the last renewal of Graph's token.
        profile.groups = whose.user.profile.groups.clone();
    }
    let allowed = check_allowed(renewed.profile.as_ref(), whose, cx);
    Err(allowed.map(|()| renewed))
}

/// Graph has said which groups the user is in, or nobody knows: then who may sign in by a group only must wait.
fn with_groups(
    mut renewed: Box<RefreshedTokens>,
    groups: Result<Names, GroupsUnknown>,
    whose: &Whose,
    cx: &mut Cx<'_>,
) -> RefreshResult {
    let is_unknown = groups.is_err();
    if let Some(profile) = &mut renewed.profile {
        profile.groups = groups.unwrap_or_default();
        let user = User {
            profile: profile.clone(),
            ..whose.user.clone()
        };
        if is_unknown && allowed::check(&user, &whose.client, cx.env).is_err() {
            return Err(RefreshError::Unavailable(Fault::Entra));
        }
    }
    check_allowed(renewed.profile.as_ref(), whose, cx)?;
    Ok(renewed)
}

/// Reads the answer of the token endpoint; and whether the user is in more groups than the ID token names.
fn read_response(
    response: Result<TokenResponse, EntraError>,
    whose: &Whose,
    cx: &mut Cx<'_>,
) -> Result<(Box<RefreshedTokens>, bool), RefreshError> {
    let Whose { user, .. } = whose;
    match response {
        Ok(answer) => {
            let id_token = answer.id_token.as_ref();
            let claims = id_token.map(|token| ProfileClaims::renewed(token.expose(), user, cx));
            let claims = match claims {
                Some(Err(AnotherUser)) => {
                    cx.log(LogEventId::IdTokenOfAnotherUser);
                    return Err(RefreshError::SignInRequired);
                }
                Some(Ok(claims)) => claims,
                None => None,
            };
            let has_more_groups = claims.as_ref().is_some_and(|claims| claims.has_more_groups);
            let renewed = Box::new(RefreshedTokens {
                tokens: answer.into_tokens(cx.env.now.unix),
                profile: claims.map(|claims| claims.profile),
            });
            Ok((renewed, has_more_groups))
        }
        Err(error) => {
            cx.log(error.log_event(Step::TokenRenewal));
            if let (EntraError::SignInAgain(_), Some(claims)) = (&error, error.claims()) {
                return Err(RefreshError::ClaimsRequired(claims.clone()));
            }
            Err(match error {
                EntraError::SignInAgain(_) if error.is_consent_required() => {
                    RefreshError::ConsentRequired
                }
                EntraError::SignInAgain(_) => RefreshError::SignInRequired,
                EntraError::Configuration(_) => RefreshError::Unavailable(Fault::Configuration),
                EntraError::Throttled(_, wait) => {
                    let until = cx.env.now.instant.after(wait);
                    let requests = Throttled::TokenRefresh(user.key());
                    cx.to_hub(ToHub(ToHubKind::Throttle { requests, until }));
                    RefreshError::Unavailable(Fault::Throttled(whole_seconds(wait)))
                }
                EntraError::Unavailable(_) => RefreshError::Unavailable(Fault::Entra),
            })
        }
    }
}

/// Whether the user may go on as the directory describes them now (threat D20). Where that matters and it says nothing,
/// nobody knows.
fn check_allowed(
    profile: Option<&Profile>,
    whose: &Whose,
    cx: &mut Cx<'_>,
) -> Result<(), RefreshError> {
    if !allowed::is_limited(&whose.client, cx.env) {
        return Ok(());
    }
    let Some(profile) = profile else {
        let event = LogEvent::new(LogEventId::SessionUserNotNamed);
        cx.log(event.with(Field::Subject, &whose.subject));
        return Err(RefreshError::Unavailable(Fault::Entra));
    };
    let user = User {
        profile: profile.clone(),
        ..whose.user.clone()
    };
    allowed::check(&user, &whose.client, cx.env).map_err(|_| {
        let event = LogEvent::new(LogEventId::SessionUserNotAllowed);
        cx.log(event.with(Field::Subject, &whose.subject));
        RefreshError::SignInRequired
    })
}
