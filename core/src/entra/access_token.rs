//! An access token of a session: Graph's, of which one is stored and renewed when it is about to expire, or
//! one for another permission, which is fetched on demand and not stored (`session_token`).
//!
//! ```text
//! stored and fresh --> the token
//! Refreshing --tokens--> Saving --written--> the token
//!    |--another replica asks Entra--> Waiting --> Reading --> its token, or Refreshing
//!    |                     | conflict: read again, and saved again unless theirs are as new
//!    +--Entra says no--> Ending --> SessionEnded
//!    \--Entra does not give this permission--> Denied
//! ```
//!
//! Of replicas that share the store one asks Entra, and the others wait for what it gets. Where two ask at once all the
//! same, the store's version decides which tokens are stored, and both go on with valid tokens.

use std::borrow::Cow;

use super::{
    permission::Permission,
    refresh_lease::RefreshLease,
    token_refresh::{self, RefreshError, RefreshResult, Refreshed, RefreshedTokens, TokenRefresh},
};
use crate::{
    ask::{Awaiting, Store, Stored, Version},
    claims_challenge::ClaimsChallenge,
    event::Answer,
    fault::Fault,
    limits,
    pause::Pause,
    secret::Secret,
    session::{
        ending::EndingSession,
        record::{EntraTokens, Session},
        update::{Attempt, Update, UpdateError, Updated},
    },
    step::{Cx, Progress},
    time::UnixTime,
};

/// For the model and the user.
pub(super) const PERMISSION_DENIED: &str = "Microsoft Entra ID does not give this server the permission that is needed: \
                         it was not consented to, or a policy of the organization forbids it.";

/// An access token that is being acquired.
#[derive(Debug)]
pub(crate) struct AcquireToken {
    renewal: Renewal,
    state: State,
}

/// What is renewed.
#[derive(Debug)]
struct Renewal {
    session: Session,
    lease: RefreshLease,
    /// Whether the new access token is stored.
    stores: bool,
    /// What it must satisfy.
    claims: Option<ClaimsChallenge>,
}

#[derive(Debug)]
enum State {
    Refreshing(TokenRefresh, Version),
    Saving(Box<RefreshedTokens>, Update),
    /// Another replica asks Entra: in a moment the session is read again.
    Waiting(Awaiting<Pause>),
    Reading(Awaiting<Store>),
    Ending(EndingSession),
}

/// An access token, and when it ends.
#[derive(Debug)]
pub(crate) struct AccessToken {
    pub(crate) secret: Secret<String>,
    pub(crate) expires: UnixTime,
}

impl From<EntraTokens> for AccessToken {
    fn from(tokens: EntraTokens) -> Self {
        Self {
            secret: tokens.access_token,
            expires: tokens.expires,
        }
    }
}

/// Why there is no access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccessTokenError {
    /// The user must sign in again; the session is deleted, its streams are not closed yet.
    SessionEnded,
    /// Entra does not give a token for this; why, for the model and the user.
    Denied(Cow<'static, str>),
    /// The user must satisfy these claims first.
    ClaimsRequired(ClaimsChallenge),
    /// Not now.
    Unavailable(Fault),
}

/// How far it is, and what it results in.
pub(crate) type AccessTokenProgress =
    Progress<Box<AcquireToken>, Result<AccessToken, AccessTokenError>>;

fn ended() -> AccessTokenProgress {
    Progress::Ready(Err(AccessTokenError::SessionEnded))
}

fn denied(reason: &'static str) -> AccessTokenProgress {
    Progress::Ready(Err(AccessTokenError::Denied(reason.into())))
}

fn unavailable(fault: Fault) -> AccessTokenProgress {
    Progress::Ready(Err(AccessTokenError::Unavailable(fault)))
}

impl AcquireToken {
    /// The stored token if it is valid for [`limits::ACCESS_TOKEN_RENEWAL`], else a new one.
    pub(crate) fn start(
        session: &Session,
        version: Version,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        match session.entra_tokens(&cx.env.server.keys) {
            Some(tokens) if is_fresh(&tokens, cx) => Progress::Ready(Ok(tokens.into())),
            Some(tokens) => Self::renewing(session, version, &tokens, None, cx),
            None => ended(),
        }
    }

    /// A new token, whatever the stored one looks like: Graph has refused it, and may want these claims.
    pub(crate) fn renew(
        session: &Session,
        version: Version,
        claims: Option<ClaimsChallenge>,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        match session.entra_tokens(&cx.env.server.keys) {
            Some(tokens) => Self::renewing(session, version, &tokens, claims, cx),
            None => ended(),
        }
    }

    /// Whether the stored token covers a permission; `None` if it does not open.
    pub(super) fn is_covered(
        permission: &Permission,
        session: &Session,
        cx: &Cx<'_>,
    ) -> Option<bool> {
        let tokens = session.entra_tokens(&cx.env.server.keys)?;
        Some(permission.is_covered_by(&tokens.scope, &cx.env.server.config.entra))
    }

    /// A new token for a permission of any resource, such as `api://orders/Orders.Read`, of which only the refresh token is
    /// stored; it must satisfy these claims.
    pub(super) fn for_permission(
        permission: &Permission,
        claims: Option<ClaimsChallenge>,
        session: &Session,
        version: Version,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        let Some(old) = session.entra_tokens(&cx.env.server.keys) else {
            return ended();
        };
        if let Some(fault) = token_refresh::throttled(&session.user, cx) {
            return unavailable(fault);
        }
        match TokenRefresh::of_scope(session, &old, permission.to_entra_scope(), claims, cx) {
            Some(refresh) => {
                let renewal = Renewal::of(session, false);
                renewal.waiting(State::Refreshing(refresh, version))
            }
            None => denied(PERMISSION_DENIED),
        }
    }

    fn renewing(
        session: &Session,
        version: Version,
        old: &EntraTokens,
        claims: Option<ClaimsChallenge>,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        if let Some(fault) = token_refresh::throttled(&session.user, cx) {
            return unavailable(fault);
        }
        let renewal = Renewal {
            claims,
            ..Renewal::of(session, true)
        };
        renewal.refresh(version, old, cx)
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> AccessTokenProgress {
        let Self { mut renewal, state } = self;
        match state {
            State::Refreshing(refresh, version) => match refresh.handle(answer, cx) {
                Progress::Pending(refresh) => renewal.waiting(State::Refreshing(refresh, version)),
                Progress::Ready(Refreshed { lease, result }) => {
                    renewal.lease = lease;
                    renewal.asked(version, result, cx)
                }
            },
            State::Waiting(pause) => {
                let () = pause.into_answer(answer);
                let read = cx.store(Store::Get(renewal.session.id.key()));
                renewal.waiting(State::Reading(read))
            }
            State::Reading(read) => match read.into_answer(answer) {
                Ok(stored) => renewal.waited(stored, cx),
                Err(_) => unavailable(Fault::Store),
            },
            State::Saving(fresh, update) => match update.handle(answer, cx) {
                Progress::Pending(update) => renewal.waiting(State::Saving(fresh, update)),
                // It is valid even if it could not be stored: the next call will renew again.
                Progress::Ready(Ok(Updated::Written(())) | Err(UpdateError::NotWritten)) => {
                    renewal.lease.release(cx);
                    Progress::Ready(Ok(fresh.tokens.into()))
                }
                Progress::Ready(Ok(Updated::Read(stored, attempt))) => {
                    renewal.reread(fresh, stored, attempt, cx)
                }
                Progress::Ready(Err(UpdateError::NotRead)) => {
                    renewal.lease.release(cx);
                    unavailable(Fault::Store)
                }
            },
            State::Ending(ending) => match ending.handle(answer, cx) {
                Ok(()) => ended(),
                Err(fault) => unavailable(fault),
            },
        }
    }
}

impl Renewal {
    fn of(session: &Session, stores: bool) -> Self {
        Self {
            session: session.clone(),
            lease: RefreshLease::default(),
            stores,
            claims: None,
        }
    }

    /// Asks Entra, unless another replica does.
    fn refresh(
        mut self,
        version: Version,
        old: &EntraTokens,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        let lease = std::mem::take(&mut self.lease);
        let claims = self.claims.clone();
        match TokenRefresh::start(&self.session, old, lease, claims, cx) {
            Some(refresh) => self.waiting(State::Refreshing(refresh, version)),
            None => self.end(cx),
        }
    }

    fn end(self, cx: &mut Cx<'_>) -> AccessTokenProgress {
        let ending = EndingSession::start(self.session.id, &self.session.outline, cx);
        self.waiting(State::Ending(ending))
    }

    /// Entra was asked, or another replica does that.
    fn asked(
        self,
        version: Version,
        result: RefreshResult,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        match result {
            Ok(fresh) => self.save(version, Attempt::default(), fresh, cx),
            Err(RefreshError::ConsentRequired) if !self.stores => denied(PERMISSION_DENIED),
            Err(RefreshError::SignInRequired | RefreshError::ConsentRequired) => self.end(cx),
            Err(RefreshError::ClaimsRequired(claims)) => {
                Progress::Ready(Err(AccessTokenError::ClaimsRequired(claims)))
            }
            Err(RefreshError::Unavailable(fault)) => unavailable(fault),
            Err(RefreshError::UnderWay) => {
                let pause = self.lease.pause(cx);
                self.waiting(State::Waiting(pause))
            }
        }
    }

    /// The session as it is now: with the tokens that another replica has got, or still with the old ones.
    fn waited(mut self, stored: Option<Stored>, cx: &mut Cx<'_>) -> AccessTokenProgress {
        let keys = &cx.env.server.keys;
        let opened = stored.and_then(|stored| self.session.open_again(&stored, keys));
        let Some((session, version)) = opened else {
            return ended();
        };
        let old = self.session.entra_tokens(keys);
        let (Some(old), Some(tokens)) = (old, session.entra_tokens(keys)) else {
            return ended();
        };
        if is_fresh(&tokens, cx) && tokens.access_token.expose() != old.access_token.expose() {
            return Progress::Ready(Ok(tokens.into()));
        }
        self.session = session;
        self.refresh(version, &tokens, cx)
    }

    fn waiting(self, state: State) -> AccessTokenProgress {
        Progress::Pending(Box::new(AcquireToken {
            renewal: self,
            state,
        }))
    }

    fn save(
        mut self,
        version: Version,
        attempt: Attempt,
        fresh: Box<RefreshedTokens>,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        if fresh.put_into(&mut self.session, self.stores, cx).is_none() {
            return ended();
        }
        let update = Update::write(&self.session, version, attempt, cx);
        self.waiting(State::Saving(fresh, update))
    }

    /// The session as another exchange has written it meanwhile.
    fn reread(
        mut self,
        fresh: Box<RefreshedTokens>,
        stored: Option<Stored>,
        attempt: Attempt,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        let keys = &cx.env.server.keys;
        let opened = stored.and_then(|stored| self.session.open_again(&stored, keys));
        let Some((session, version)) = opened else {
            // Revoked while Entra answered: the token must not be used.
            self.lease.release(cx);
            return ended();
        };
        match session.entra_tokens(keys) {
            None => ended(),
            // The other exchange's tokens are as new: they stay, and ours is valid, too.
            Some(theirs)
                if theirs.refreshed >= fresh.tokens.refreshed && !is_ahead(&theirs, cx) =>
            {
                self.lease.release(cx);
                Progress::Ready(Ok(fresh.tokens.into()))
            }
            Some(_) => {
                self.session = session;
                self.save(version, attempt, fresh, cx)
            }
        }
    }
}

fn is_fresh(tokens: &EntraTokens, cx: &Cx<'_>) -> bool {
    let left = tokens.expires.until(cx.env.now.unix);
    !is_ahead(tokens, cx) && left > limits::ACCESS_TOKEN_RENEWAL
}

/// Whether tokens are dated after now: they were got before the clock was set back, and nobody knows when they
/// end.
fn is_ahead(tokens: &EntraTokens, cx: &Cx<'_>) -> bool {
    tokens.refreshed > cx.env.now.unix.after(limits::CLOCK_LEEWAY)
}

#[cfg(test)]
mod tests;
