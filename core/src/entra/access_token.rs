//! An access token of a session: Graph's, of which one is kept and renewed when it is about to end, or
//! one for another permission, which is got for whoever asks and not kept.
//!
//! ```text
//! kept and fresh --> Ready
//! Renewing --tokens--> Saving --written--> Ready
//!    |                   | conflict: Rereading --theirs is as new--> Ready
//!    |                   |                     \--> Saving again
//!    +--Entra says no--> Ending --> SessionOver
//!    \--Entra does not give this permission--> Refused
//! ```
//!
//! Two exchanges may renew at once: the store's version decides credentials tokens are kept, and both go
//! on with tokens that are good.

use super::{
    permission::Permission,
    token_refresh::{self, RefreshError, RefreshedTokens, TokenRefresh},
};
use crate::{
    ask::{Ask, Awaiting, Guard, Store, StoreFault, Version},
    event::Event,
    fault::Fault,
    limits,
    secret::Secret,
    session::ending::EndingSession,
    session::record::{EntraTokens, Session},
    step::{Cx, Progress},
};

/// How often a lost race to write the session is run again.
const ATTEMPTS: u8 = 5;

/// For the model and the user.
const PERMISSION_DENIED: &str = "Microsoft Entra ID does not give this server the permission that is needed: \
                         it was not consented to, or a policy of the organization forbids it.";

/// An access token that is being got.
#[derive(Debug)]
pub(crate) struct AcquireToken {
    session: Session,
    attempts: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    Renewing {
        renewal: TokenRefresh,
        old: Box<EntraTokens>,
        version: Version,
        /// Whether the new access token is the one to keep.
        keeps: bool,
    },
    Saving {
        token: Secret<String>,
        fresh: Box<RefreshedTokens>,
        saved: Awaiting<Store>,
    },
    Rereading {
        token: Secret<String>,
        fresh: Box<RefreshedTokens>,
        read: Awaiting<Store>,
    },
    Ending(EndingSession),
    /// Between two states.
    Ended,
}

/// Why there is no access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessTokenError {
    /// The user must sign in again; the session is deleted, its streams are not closed yet.
    SessionEnded,
    /// Entra does not give a token for this; why, for the model and the user.
    Denied(&'static str),
    /// Not now.
    Unavailable(Fault),
}

/// How far it is, and what it results in.
pub(crate) type AccessTokenProgress =
    Progress<Box<AcquireToken>, Result<Secret<String>, AccessTokenError>>;

fn ended() -> AccessTokenProgress {
    Progress::Ready(Err(AccessTokenError::SessionEnded))
}

fn denied(reason: &'static str) -> AccessTokenProgress {
    Progress::Ready(Err(AccessTokenError::Denied(reason)))
}

fn unavailable(fault: Fault) -> AccessTokenProgress {
    Progress::Ready(Err(AccessTokenError::Unavailable(fault)))
}

impl AcquireToken {
    /// The kept token if it is good for [`limits::ACCESS_TOKEN_RENEWAL`], else a new one.
    pub(crate) fn start(
        session: &Session,
        version: Version,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        match session.entra_tokens(&cx.env.server.keys) {
            Some(tokens) if is_fresh(&tokens, cx) => Progress::Ready(Ok(tokens.access_token)),
            Some(tokens) => Self::renewing(session, version, tokens, cx),
            None => ended(),
        }
    }

    /// A new token, whatever the kept one looks like: Graph has refused it.
    pub(crate) fn renew(
        session: &Session,
        version: Version,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        match session.entra_tokens(&cx.env.server.keys) {
            Some(tokens) => Self::renewing(session, version, tokens, cx),
            None => ended(),
        }
    }

    /// A token for a permission of any resource, such as `https://graph.microsoft.com/Mail.Read`: the
    /// kept one if it will do, else a new one, of which only the refresh token is kept.
    pub(crate) fn for_scope(
        effect: &str,
        session: &Session,
        version: Version,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        let entra = &cx.env.server.config.entra;
        let Some(permission) = Permission::parse(effect, entra) else {
            return denied("The tool asked for a token that Entra ID does not have.");
        };
        let Some(old) = session.entra_tokens(&cx.env.server.keys) else {
            return ended();
        };
        if permission.is_covered_by(&old.scope, entra) {
            return Self::start(session, version, cx);
        }
        if let Some(fault) = token_refresh::throttled(&session.user, cx) {
            return unavailable(fault);
        }
        let Some(renewal) = TokenRefresh::of_scope(session, &old, permission.to_entra_scope(), cx)
        else {
            return denied(PERMISSION_DENIED);
        };
        let state = State::Renewing {
            renewal,
            old: Box::new(old),
            version,
            keeps: false,
        };
        Self {
            session: session.clone(),
            attempts: 0,
            state,
        }
        .waiting()
    }

    fn renewing(
        session: &Session,
        version: Version,
        old: EntraTokens,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        if let Some(fault) = token_refresh::throttled(&session.user, cx) {
            return unavailable(fault);
        }
        let access = |state| Self {
            session: session.clone(),
            attempts: 0,
            state,
        };
        if let Some(renewal) = TokenRefresh::start(session, &old, cx) {
            let old = Box::new(old);
            return Progress::Pending(Box::new(access(State::Renewing {
                renewal,
                old,
                version,
                keeps: true,
            })));
        }
        let ending = EndingSession::start(session.id, &session.outline, cx);
        access(State::Ending(ending)).waiting()
    }

    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> AccessTokenProgress {
        let Self {
            session,
            attempts,
            state,
        } = self;
        let access = |state| Self {
            session: session.clone(),
            attempts,
            state,
        };
        match (state, event) {
            (
                State::Renewing {
                    renewal,
                    old,
                    version,
                    keeps,
                },
                event,
            ) => {
                let renewed = renewal.handle(event, cx);
                access(State::Ended).renewed(renewed, old, version, keeps, cx)
            }
            (
                State::Saving {
                    token,
                    fresh,
                    saved,
                },
                Event::Stored(answered),
            ) => match saved.take(answered) {
                None => access(State::Saving {
                    token,
                    fresh,
                    saved,
                })
                .waiting(),
                Some(Err(StoreFault::Conflict)) if attempts < ATTEMPTS => {
                    let read = cx.store(Store::Get(session.id.key()));
                    access(State::Rereading { token, fresh, read }).waiting()
                }
                // Not kept, but good: the next call will renew again.
                Some(_) => Progress::Ready(Ok(token)),
            },
            (State::Rereading { token, fresh, read }, Event::Stored(answered)) => {
                match read.take(answered) {
                    None => access(State::Rereading { token, fresh, read }).waiting(),
                    Some(answer) => access(State::Ended).reread(token, fresh, answer, cx),
                }
            }
            (State::Ending(ending), Event::Stored(answered)) => match ending.handle(answered, cx) {
                Progress::Pending(ending) => access(State::Ending(ending)).waiting(),
                Progress::Ready(Ok(())) => ended(),
                Progress::Ready(Err(fault)) => unavailable(fault),
            },
            (state, _) => access(state).waiting(),
        }
    }

    /// How far the renewal is.
    fn renewed(
        mut self,
        renewed: Progress<TokenRefresh, Result<Box<RefreshedTokens>, RefreshError>>,
        old: Box<EntraTokens>,
        version: Version,
        keeps: bool,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        match renewed {
            Progress::Pending(renewal) => {
                self.state = State::Renewing {
                    renewal,
                    old,
                    version,
                    keeps,
                };
                self.waiting()
            }
            Progress::Ready(Ok(mut fresh)) => {
                let token = fresh.tokens.access_token.clone();
                fresh.merge(*old, keeps);
                self.save(version, token, fresh, cx)
            }
            Progress::Ready(Err(RefreshError::ConsentRequired)) if !keeps => {
                denied(PERMISSION_DENIED)
            }
            Progress::Ready(Err(RefreshError::SignInRequired | RefreshError::ConsentRequired)) => {
                let ending = EndingSession::start(self.session.id, &self.session.outline, cx);
                self.state = State::Ending(ending);
                self.waiting()
            }
            Progress::Ready(Err(RefreshError::Unavailable(fault))) => unavailable(fault),
        }
    }

    fn waiting(self) -> AccessTokenProgress {
        Progress::Pending(Box::new(self))
    }

    fn save(
        mut self,
        version: Version,
        token: Secret<String>,
        fresh: Box<RefreshedTokens>,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        let (keys, now) = (&cx.env.server.keys, cx.env.now.unix);
        fresh.put_into(&mut self.session, keys, cx.entropy);
        let expires = self.session.expires(now);
        let put = self
            .session
            .put(Guard::Version(version), expires, keys, cx.entropy);
        self.state = State::Saving {
            token,
            fresh,
            saved: cx.store(put),
        };
        self.waiting()
    }

    /// The session as somebody else has written it meanwhile.
    fn reread(
        mut self,
        token: Secret<String>,
        fresh: Box<RefreshedTokens>,
        answer: <Store as Ask>::Answer,
        cx: &mut Cx<'_>,
    ) -> AccessTokenProgress {
        let keys = &cx.env.server.keys;
        let stored = match answer {
            Ok(Some(stored)) => stored,
            // Revoked while Entra answered: the token must not be used.
            Ok(None) => return ended(),
            Err(_) => return unavailable(Fault::Store),
        };
        let Some((session, version)) = self.session.open_again(&stored, keys) else {
            return ended();
        };
        match session.entra_tokens(keys) {
            None => ended(),
            // Somebody else's tokens are as new: they are kept, and ours is good all the same.
            Some(theirs) if theirs.refreshed >= fresh.tokens.refreshed => {
                Progress::Ready(Ok(token))
            }
            Some(_) => {
                self.session = session;
                self.attempts += 1;
                self.save(version, token, fresh, cx)
            }
        }
    }
}

fn is_fresh(tokens: &EntraTokens, cx: &Cx<'_>) -> bool {
    // Dated after now, they were got before the clock was set back: nobody knows when they end.
    let now = cx.env.now.unix;
    tokens.refreshed <= now.after(limits::CLOCK_LEEWAY)
        && tokens.expires.until(now) > limits::ACCESS_TOKEN_RENEWAL
}

#[cfg(test)]
mod tests;
