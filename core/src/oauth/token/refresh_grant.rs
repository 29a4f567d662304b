//! The `refresh_token` grant (RFC 6749 section 6, OAuth 2.1 section 4.3.1).
//!
//! ```text
//! Reading --current--> Renewing --tokens--> Rotating --written--> tokens
//!    |  |                 |                    | conflict: Reading again
//!    |  |                 \--Entra says no--> Ending --deleted--> invalid_grant
//!    |  \--the one before, just now--> the same successor once more
//!    \--an older one--> Ending --deleted--> invalid_grant
//! ```
//!
//! A refresh token is used once. Only the last one may be repeated, for a short while and until its
//! successor was used: a client that lost the answer, or refreshed twice at once, gets the same
//! successor, which waits in the record, sealed under what the token before it carries (threat E6). Any
//! other reuse ends the session.
//!
//! Each refresh token has a share of its own. The one before opens the record for as long as its session
//! tokens last; then it opens nothing (threat G3).
//!
//! Refreshing here refreshes with Entra too, so that whoever is disabled there loses access within
//! the lifetime of one session token (threat D10).

use std::time::Duration;

use super::{ATTEMPTS, fail, grant, invalid_grant, refuse};
use crate::{
    ask::{Ask, Awaiting, Guard, Store, StoreFault, Version},
    catalog::scope::{Scope, Scopes},
    entra::token_refresh::{self, RefreshError, RefreshedTokens, TokenRefresh},
    event::Event,
    fault::Fault,
    http::form::Form,
    limits,
    log_event::LogEventId,
    oauth::{
        client::Client,
        error::{OAuthError, Refusal},
        opaque_token::{self, OpaqueToken},
        resource,
    },
    planted::Planted,
    session::ending::EndingSession,
    session::{
        record::{EntraTokens, Outline, Predecessor, Refresh, Session},
        sealed::SealedSession,
    },
    step::{Cx, Progress},
};

/// Entra was asked less than this ago: once is enough.
const ASKED_LATELY: Duration = Duration::from_secs(30);

/// A refresh under way.
#[derive(Debug)]
pub(crate) struct RefreshGrant {
    asked: Asked,
    attempts: u8,
    state: State,
}

/// What the client sent.
#[derive(Debug)]
struct Asked {
    client: Client,
    presented: OpaqueToken,
    scope: Option<String>,
    resource: Option<String>,
}

#[derive(Debug)]
enum State {
    Reading(Awaiting<Store>),
    Renewing {
        session: Box<Session>,
        version: Version,
        old: Box<EntraTokens>,
        renewal: TokenRefresh,
    },
    Rotating {
        session: Box<Session>,
        successor: OpaqueToken,
        written: Awaiting<Store>,
    },
    Ending(EndingSession),
}

impl RefreshGrant {
    pub(super) fn start(
        form: &Form,
        client: Client,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let missing = Refusal::new(OAuthError::InvalidRequest, "refresh_token is missing.");
        let text = form.one("refresh_token")?.ok_or(missing)?;
        let scope = form.one("scope")?.map(str::to_owned);
        let resource = resource::of_token_request(form, &cx.env.server.config.public_url)?;
        let keys = &cx.env.server.keys;
        let presented = opaque_token::read_refresh_token(text, keys).ok_or_else(invalid_grant)?;
        let read = cx.store(Store::Get(presented.session_id.key()));
        let state = State::Reading(read);
        let asked = Asked {
            client,
            presented,
            scope,
            resource,
        };
        Ok(Progress::Pending(Self {
            asked,
            attempts: 0,
            state,
        }))
    }

    pub(super) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Self> {
        let Self {
            asked,
            attempts,
            state,
        } = self;
        match (state, event) {
            (State::Reading(read), Event::Stored(answered)) => match read.take(answered) {
                None => asked.go(attempts, State::Reading(read)),
                Some(answer) => asked.read(answer, attempts, cx),
            },
            (
                State::Renewing {
                    session,
                    version,
                    old,
                    renewal,
                },
                event,
            ) => match renewal.handle(event, cx) {
                Progress::Pending(renewal) => asked.go(
                    attempts,
                    State::Renewing {
                        session,
                        version,
                        old,
                        renewal,
                    },
                ),
                Progress::Ready(Ok(mut fresh)) => {
                    fresh.merge(*old, true);
                    let state = asked.rotate(*session, version, Some(&fresh), cx);
                    asked.go(attempts, state)
                }
                Progress::Ready(Err(
                    RefreshError::SignInRequired | RefreshError::ConsentRequired,
                )) => asked.end(&session.outline, cx),
                Progress::Ready(Err(RefreshError::Unavailable(fault))) => fail(fault, cx),
            },
            (
                State::Rotating {
                    session,
                    successor,
                    written,
                },
                Event::Stored(answered),
            ) => match written.take(answered) {
                None => asked.go(
                    attempts,
                    State::Rotating {
                        session,
                        successor,
                        written,
                    },
                ),
                Some(Ok(_)) => asked.grant(&session, &successor, cx),
                Some(Err(StoreFault::Conflict)) if attempts < ATTEMPTS => {
                    let read = cx.store(Store::Get(session.id.key()));
                    asked.go(attempts + 1, State::Reading(read))
                }
                Some(Err(_)) => fail(Fault::Store, cx),
            },
            (State::Ending(ending), Event::Stored(answered)) => match ending.handle(answered, cx) {
                Progress::Pending(ending) => asked.go(attempts, State::Ending(ending)),
                Progress::Ready(Ok(())) => refuse(invalid_grant(), cx),
                Progress::Ready(Err(fault)) => fail(fault, cx),
            },
            (state, _) => asked.go(attempts, state),
        }
    }
}

impl Asked {
    fn go(self, attempts: u8, state: State) -> Progress<RefreshGrant> {
        Progress::Pending(RefreshGrant {
            asked: self,
            attempts,
            state,
        })
    }

    fn read(
        self,
        answer: <Store as Ask>::Answer,
        attempts: u8,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        let keys = &cx.env.server.keys;
        let stored = match answer {
            Ok(Some(stored)) => stored,
            Ok(None) => return refuse(invalid_grant(), cx),
            Err(_) => return fail(Fault::Store, cx),
        };
        let Some(sealed) = SealedSession::read(self.presented.session_id, &stored, keys) else {
            return refuse(invalid_grant(), cx);
        };
        if sealed.outline().client != self.client.hash() {
            return refuse(invalid_grant(), cx);
        }
        let outline = sealed.outline().clone();
        let share = self.presented.share();
        // The share of a token opens the record for as long as it may be repeated, and longer.
        let Some((session, version)) = sealed.open(&share, cx.env.server) else {
            return self.reused(&outline, cx);
        };
        if resource::differs(self.resource.as_deref(), &session.resource) {
            return refuse(resource::invalid_target(), cx);
        }
        if let Err(refusal) = self.narrowed(&session, &cx.env.server.scopes) {
            return refuse(refusal, cx);
        }
        let Some(refresh) = &session.refresh else {
            return refuse(invalid_grant(), cx);
        };
        let is_current = self.presented.hash == refresh.current;
        if is_current || cx.env.server.has(Planted::ReuseIgnored) {
            return self.renew(session, version, attempts, cx);
        }
        match self.repeated(refresh, cx) {
            Some(successor) => self.grant(&session, &successor, cx),
            None => self.reused(&session.outline, cx),
        }
    }

    /// What followed the presented token, if it is the last but one and may still be repeated.
    fn repeated(&self, refresh: &Refresh, cx: &Cx<'_>) -> Option<OpaqueToken> {
        let previous = refresh.previous.as_ref();
        let previous = previous.filter(|previous| previous.hash == self.presented.hash)?;
        let (now, leeway) = (cx.env.now.unix, limits::CLOCK_LEEWAY);
        let is_in_time = refresh.rotated.lasts(limits::REFRESH_GRACE, now, leeway);
        let keys = &cx.env.server.keys;
        is_in_time.then(|| self.presented.open_successor(&previous.successor, keys))?
    }

    fn reused(self, outline: &Outline, cx: &mut Cx<'_>) -> Progress<RefreshGrant> {
        cx.log(LogEventId::RefreshTokenReplayed);
        self.end(outline, cx)
    }

    /// Asks Entra, unless it was asked a moment ago.
    fn renew(
        self,
        session: Session,
        version: Version,
        attempts: u8,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        let keys = &cx.env.server.keys;
        let Some(old) = session.entra_tokens(keys) else {
            return self.end(&session.outline, cx);
        };
        if old
            .refreshed
            .lasts(ASKED_LATELY, cx.env.now.unix, Duration::ZERO)
        {
            let state = self.rotate(session, version, None, cx);
            return self.go(attempts, state);
        }
        if let Some(fault) = token_refresh::throttled(&session.user, cx) {
            return fail(fault, cx);
        }
        let Some(renewal) = TokenRefresh::start(&session, &old, cx) else {
            return self.end(&session.outline, cx);
        };
        let (session, old) = (Box::new(session), Box::new(old));
        self.go(
            attempts,
            State::Renewing {
                session,
                version,
                old,
                renewal,
            },
        )
    }

    fn rotate(
        &self,
        mut session: Session,
        version: Version,
        fresh: Option<&RefreshedTokens>,
        cx: &mut Cx<'_>,
    ) -> State {
        let (server, now) = (cx.env.server, cx.env.now.unix);
        let keys = &server.keys;
        if let Some(fresh) = fresh {
            fresh.put_into(&mut session, keys, cx.entropy);
        }
        let successor = opaque_token::new_refresh_token(session.id, cx.entropy, keys);
        let sealed = self.presented.seal_successor(&successor, cx.entropy, keys);
        session.refresh = Some(Refresh {
            current: successor.hash,
            previous: Some(Predecessor {
                hash: self.presented.hash,
                successor: sealed,
            }),
            rotated: now,
        });
        session.open_also_to(&successor.share(), server, now);
        let (guard, expires) = (Guard::Version(version), session.expires(now));
        let put = session.put(guard, expires, keys, cx.entropy);
        State::Rotating {
            written: cx.store(put),
            session: Box::new(session),
            successor,
        }
    }

    fn end(self, outline: &Outline, cx: &mut Cx<'_>) -> Progress<RefreshGrant> {
        let ending = EndingSession::with_streams(self.presented.session_id, outline, cx);
        self.go(0, State::Ending(ending))
    }

    fn grant(
        &self,
        session: &Session,
        successor: &OpaqueToken,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        let mut granted = session.clone();
        if let Ok(Some(scope)) = self.narrowed(session, &cx.env.server.scopes) {
            granted.scope = scope.to_string();
        }
        grant(&granted, &self.client, successor, cx)
    }

    /// The narrower scope that was asked for, if one was; never a wider one (threat E7).
    fn narrowed(&self, session: &Session, scopes: &Scopes) -> Result<Option<Scope>, Refusal> {
        let Some(requested) = self.scope.as_deref() else {
            return Ok(None);
        };
        let requested = scopes.grant(Some(requested))?;
        if scopes.held(&session.scope).covers(&requested) {
            Ok(Some(requested))
        } else {
            Err(Refusal::new(
                OAuthError::InvalidScope,
                "A refresh cannot ask for more than the user granted.",
            ))
        }
    }
}
