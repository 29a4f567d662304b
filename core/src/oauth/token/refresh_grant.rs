//! The `refresh_token` grant (RFC 6749 section 6, OAuth 2.1 section 4.3.1).
//!
//! ```text
//! Rotating --read, current--> Renewing --tokens--> Rotating --written--> tokens
//!    |  |                        |                    | conflict: read again
//!    |  |                        \--Entra says no--> Ending --deleted--> invalid_grant
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
//! Refreshing here refreshes with Entra too, so that a user who is disabled there loses access within
//! the lifetime of one session token (threat D10).

use std::time::Duration;

use super::{fail, grant, invalid_grant, refuse};
use crate::{
    ask::{Stored, Version},
    entra::token_refresh::{self, RefreshError, RefreshedTokens, TokenRefresh},
    env::Server,
    event::Answer,
    fault::Fault,
    http::form::Form,
    limits,
    log_event::LogEventId,
    oauth::{
        client::AuthenticatedClient,
        error::{OAuthError, Refusal},
        opaque_token::{self, OpaqueToken},
        resource,
    },
    planted::Planted,
    session::{
        ending::EndingSession,
        record::{Outline, Predecessor, Refresh, Session},
        sealed::SealedSession,
        token::Granted,
        update::{Attempt, Update, Updated},
    },
    step::{Cx, Progress},
};

/// Entra was asked less than this ago: once is enough.
const ASKED_LATELY: Duration = Duration::from_secs(30);

/// A refresh under way.
#[derive(Debug)]
pub(crate) struct RefreshGrant {
    request: RefreshRequest,
    state: State,
}

/// What the client sent.
#[derive(Debug)]
struct RefreshRequest {
    client: AuthenticatedClient,
    presented: OpaqueToken,
    scope: Option<String>,
    resource: Option<String>,
}

#[derive(Debug)]
enum State {
    /// The session is read, and the next refresh token written into it.
    Rotating(Update<Box<Rotated>>),
    /// Before it is written, Entra is asked.
    Renewing {
        session: Box<Session>,
        version: Version,
        attempt: Attempt,
        renewal: TokenRefresh,
    },
    Ending(EndingSession),
}

/// What the client gets once the record is written.
#[derive(Debug)]
struct Rotated {
    session: Session,
    successor: OpaqueToken,
}

impl RefreshGrant {
    pub(super) fn start(
        form: &Form,
        client: AuthenticatedClient,
        cx: &mut Cx<'_>,
    ) -> Result<Progress<Self>, Refusal> {
        let missing = Refusal::new(OAuthError::InvalidRequest, "refresh_token is missing.");
        let text = form.one("refresh_token")?.ok_or(missing)?;
        let scope = form.one("scope")?.map(str::to_owned);
        let resource = resource::of_token_request(form, &cx.env.server.config.public_url)?;
        let keys = &cx.env.server.keys;
        let presented = opaque_token::read_refresh_token(text, keys).ok_or_else(invalid_grant)?;
        let state = State::Rotating(Update::read(presented.session_id, cx));
        let request = RefreshRequest {
            client,
            presented,
            scope,
            resource,
        };
        Ok(request.waiting(state))
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let Self { request, state } = self;
        match state {
            State::Rotating(update) => match update.handle(answer, cx) {
                Progress::Pending(update) => request.waiting(State::Rotating(update)),
                Progress::Ready(Ok(Updated::Read(stored, attempt))) => {
                    request.read(stored, attempt, cx)
                }
                Progress::Ready(Ok(Updated::Written(rotated))) => {
                    request.grant(&rotated.session, &rotated.successor, cx)
                }
                Progress::Ready(Err(_)) => fail(Fault::Store, cx),
            },
            State::Renewing {
                session,
                version,
                attempt,
                renewal,
            } => match renewal.handle(answer, cx) {
                Progress::Pending(renewal) => request.waiting(State::Renewing {
                    session,
                    version,
                    attempt,
                    renewal,
                }),
                Progress::Ready(Ok(fresh)) => {
                    request.renewed(*session, version, attempt, &fresh, cx)
                }
                Progress::Ready(Err(
                    RefreshError::SignInRequired | RefreshError::ConsentRequired,
                )) => request.end(&session.outline, cx),
                Progress::Ready(Err(RefreshError::Unavailable(fault))) => fail(fault, cx),
            },
            State::Ending(ending) => match ending.handle(answer, cx) {
                Ok(()) => refuse(invalid_grant(), cx),
                Err(fault) => fail(fault, cx),
            },
        }
    }
}

impl RefreshRequest {
    fn waiting(self, state: State) -> Progress<RefreshGrant> {
        Progress::Pending(RefreshGrant {
            request: self,
            state,
        })
    }

    fn read(
        self,
        stored: Option<Stored>,
        attempt: Attempt,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        let keys = &cx.env.server.keys;
        let Some(stored) = stored else {
            return refuse(invalid_grant(), cx);
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
        if let Err(refusal) = self.narrowed(&session, cx.env.server) {
            return refuse(refusal, cx);
        }
        let Some(refresh) = &session.refresh else {
            return refuse(invalid_grant(), cx);
        };
        let is_current = self.presented.hash == refresh.current;
        if is_current || cx.env.server.has(Planted::ReuseIgnored) {
            return self.renew(session, version, attempt, cx);
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
        attempt: Attempt,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        let keys = &cx.env.server.keys;
        let Some(old) = session.entra_tokens(keys) else {
            return self.end(&session.outline, cx);
        };
        let now = cx.env.now.unix;
        let is_ahead = old.refreshed > now && cx.env.server.has(Planted::ClockTrusted);
        if is_ahead || old.refreshed.lasts(ASKED_LATELY, now, Duration::ZERO) {
            return self.rotate(session, version, attempt, cx);
        }
        if let Some(fault) = token_refresh::throttled(&session.user, cx) {
            return fail(fault, cx);
        }
        let Some(renewal) = TokenRefresh::start(&session, &old, cx) else {
            return self.end(&session.outline, cx);
        };
        self.waiting(State::Renewing {
            session: Box::new(session),
            version,
            attempt,
            renewal,
        })
    }

    fn renewed(
        self,
        mut session: Session,
        version: Version,
        attempt: Attempt,
        fresh: &RefreshedTokens,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        match fresh.put_into(&mut session, true, cx) {
            Some(()) => self.rotate(session, version, attempt, cx),
            None => self.end(&session.outline, cx),
        }
    }

    fn rotate(
        self,
        mut session: Session,
        version: Version,
        attempt: Attempt,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        let (server, now) = (cx.env.server, cx.env.now.unix);
        let keys = &server.keys;
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
        // Dated after now, it began before the clock was set back, and must not last longer for it.
        session.created = session.created.min(now);
        let update = Update::write(&session, version, attempt, cx);
        let rotated = Box::new(Rotated { session, successor });
        self.waiting(State::Rotating(update.then(rotated)))
    }

    fn end(self, outline: &Outline, cx: &mut Cx<'_>) -> Progress<RefreshGrant> {
        let ending = EndingSession::start(self.presented.session_id, outline, cx);
        self.waiting(State::Ending(ending))
    }

    fn grant(
        &self,
        session: &Session,
        successor: &OpaqueToken,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        match self.narrowed(session, cx.env.server) {
            Ok(granted) => grant(session, &granted, successor, cx),
            Err(refusal) => refuse(refusal, cx),
        }
    }

    /// The scope and resource of the session, or the narrower ones that were asked for; never wider ones (threats C9,
    /// E7).
    fn narrowed(&self, session: &Session, server: &Server) -> Result<Granted, Refusal> {
        let mut granted = Granted::whole(session);
        let (resource, public_url) = (self.resource.as_deref(), &server.config.public_url);
        granted.resource = resource::narrow(&session.resource, resource, public_url)?;
        let Some(requested) = self.scope.as_deref() else {
            return Ok(granted);
        };
        let requested = server.scopes.grant(Some(requested))?;
        let is_granted = |name: &str| session.scope.split(' ').any(|own| own == name);
        if !requested.iter().all(|scope| is_granted(&scope.name)) {
            return Err(Refusal::new(
                OAuthError::InvalidScope,
                "A refresh cannot ask for more than the user granted.",
            ));
        }
        granted.scope = requested.to_string();
        Ok(granted)
    }
}
