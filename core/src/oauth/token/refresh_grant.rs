//! The `refresh_token` grant (RFC 6749 section 6, OAuth 2.1 section 4.3.1).
//!
//! ```text
//! Writing --read, current--> Renewing --tokens--> Writing --written--> tokens
//!    |  |                        |                    | conflict: read again
//!    |  \--of a former master key--> Moving --the user's records are moved--> Renewing
//!    |  |                        |--Entra says no--> Ending --deleted--> invalid_grant
//!    |  |                        \--another replica asks Entra--> Waiting --> read again
//!    |  |--an earlier one, in its time--> the same, and the client gets the one that is good
//!    |  \--its time is over, its successor unused--> invalid_grant
//!    \--an older one--> Ending --deleted--> invalid_grant
//! ```
//!
//! A refresh token is replaced once. A client that lost the answer, or whose processes all use one token, gets what
//! replaced it, for as long as [`Refresh::generation`] says (threat E6). The way there is in the record: each token
//! opens its successor. Any other reuse ends the session (RFC 9700 section 4.14.2), unless nobody has used the
//! successor: then nobody but this client is there.
//!
//! Each refresh token has a share of its own. One that was replaced opens the record for as long as it may be
//! repeated or its session tokens last; then it opens nothing (threat G3).
//!
//! Refreshing here refreshes with Entra too, a repetition as well unless Entra was asked just now, so that a user
//! who is disabled there loses access within the lifetime of one session token (threat D10).

mod generations;
mod narrowing;

use std::time::Duration;

use super::response::{fail, grant, invalid_grant, refuse};
use crate::{
    ask::{Awaiting, Stored, Version},
    entra::{
        refresh_lease::RefreshLease,
        token_refresh::{
            self, RefreshError, RefreshResult, Refreshed, RefreshedTokens, TokenRefresh,
        },
    },
    env::Server,
    event::Answer,
    fault::Fault,
    http::form::Form,
    log_event::LogEventId,
    oauth::{
        client::AuthenticatedClient,
        error::{OAuthError, Refusal},
        moving_records::MovingRecords,
        opaque_token::{self, OpaqueToken},
        resource,
    },
    pause::Pause,
    planted::Planted,
    session::{
        allowed,
        ending::EndingSession,
        record::{Generation, Outline, Session},
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
    lease: RefreshLease,
}

#[derive(Debug)]
enum State {
    /// The session is read, and what has changed written.
    Writing(Update<Box<Written>>),
    /// The master key was changed since the last refresh: the user's records follow the session.
    Moving(Box<Read>, MovingRecords),
    /// Before it is written, Entra is asked.
    Renewing(Box<Read>, TokenRefresh),
    /// Another replica asks Entra: in a moment the session is read again.
    Waiting(Awaiting<Pause>),
    Ending(EndingSession),
}

/// A session as it was read, and what the client is to get.
#[derive(Debug)]
struct Read {
    session: Session,
    version: Version,
    attempt: Attempt,
    gets: Gets,
}

/// Which refresh token the client is to get.
#[derive(Debug)]
enum Gets {
    /// A new one, in place of the one that it has shown.
    New,
    /// The one that is good, which has replaced the one that it has shown.
    Live(OpaqueToken),
}

/// What the client gets once the record is written.
#[derive(Debug)]
struct Written {
    session: Session,
    refresh_token: OpaqueToken,
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
        let state = State::Writing(Update::read(presented.session_id, cx));
        let request = RefreshRequest {
            client,
            presented,
            scope,
            resource,
            lease: RefreshLease::default(),
        };
        Ok(request.waiting(state))
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let Self { mut request, state } = self;
        match state {
            State::Writing(update) => match update.handle(answer, cx) {
                Progress::Pending(update) => request.waiting(State::Writing(update)),
                Progress::Ready(Ok(Updated::Read(stored, attempt))) => {
                    request.read(stored, attempt, cx)
                }
                Progress::Ready(Ok(Updated::Written(written))) => {
                    request.lease.release(cx);
                    request.grant(&written.session, &written.refresh_token, cx)
                }
                Progress::Ready(Err(_)) => {
                    request.lease.release(cx);
                    fail(Fault::Store, cx)
                }
            },
            State::Moving(read, moving) => match moving.handle(answer, &read.session.user, cx) {
                Progress::Pending(moving) => request.waiting(State::Moving(read, moving)),
                Progress::Ready(Ok(())) => request.renew(*read, cx),
                Progress::Ready(Err(fault)) => fail(fault, cx),
            },
            State::Renewing(read, renewal) => match renewal.handle(answer, cx) {
                Progress::Pending(renewal) => request.waiting(State::Renewing(read, renewal)),
                Progress::Ready(Refreshed { lease, result }) => {
                    request.lease = lease;
                    request.asked(*read, result, cx)
                }
            },
            State::Waiting(pause) => {
                let () = pause.into_answer(answer);
                let update = Update::read(request.presented.session_id, cx);
                request.waiting(State::Writing(update))
            }
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
        if !self.client.is(&sealed.outline().client) {
            return refuse(invalid_grant(), cx);
        }
        let outline = sealed.outline().clone();
        let share = self.presented.share();
        // The share of a token opens the record for as long as it may be repeated, and longer.
        let Some((session, version)) = sealed.open(&share, cx.env.server) else {
            return self.reused(&outline, cx);
        };
        session.audit(cx);
        let (lifetimes, now) = (&cx.env.server.config.lifetimes, cx.env.now.unix);
        let tenant = &session.user.tenant_id;
        let is_taken = cx.env.server.config.entra.takes_tenant(tenant);
        if session.expires(now, lifetimes) <= now || !is_taken {
            // What is set was made shorter, or names the user's organization no more (threat D24).
            return self.end(&session.outline, cx);
        }
        if let Err(refusal) = self.narrowed(&session, cx.env.server) {
            return refuse(refusal, cx);
        }
        let Some(refresh) = &session.refresh else {
            return refuse(invalid_grant(), cx);
        };
        let gets = match self.generation(refresh, cx) {
            Generation::Current => Gets::New,
            Generation::Repeated(between) => match self.live(between, refresh, cx) {
                Some(live) => Gets::Live(live),
                None => return self.reused(&session.outline, cx),
            },
            Generation::Late => return refuse(invalid_grant(), cx),
            Generation::Replayed => return self.reused(&session.outline, cx),
        };
        let read = Read {
            session,
            version,
            attempt,
            gets,
        };
        if read.session.needs_former_key() {
            let moving = MovingRecords::start(&read.session.user, cx);
            return self.waiting(State::Moving(Box::new(read), moving));
        }
        self.renew(read, cx)
    }

    fn reused(self, outline: &Outline, cx: &mut Cx<'_>) -> Progress<RefreshGrant> {
        outline.client.audit(cx);
        cx.log(LogEventId::RefreshTokenReplayed);
        self.end(outline, cx)
    }

    /// Asks Entra, unless it was asked a moment ago.
    fn renew(mut self, read: Read, cx: &mut Cx<'_>) -> Progress<RefreshGrant> {
        let keys = &cx.env.server.keys;
        let Some(old) = read.session.entra_tokens(keys) else {
            return self.end(&read.session.outline, cx);
        };
        let now = cx.env.now.unix;
        let is_ahead = old.refreshed > now && cx.env.server.has(Planted::ClockTrusted);
        if is_ahead || old.refreshed.lasts(ASKED_LATELY, now, Duration::ZERO) {
            // Who may sign in may have been changed since.
            if allowed::check_session(&read.session, cx.env).is_err() {
                return refuse(invalid_grant(), cx);
            }
            return match read.gets {
                // Nothing has changed.
                Gets::Live(live) => {
                    self.lease.release(cx);
                    self.grant(&read.session, &live, cx)
                }
                Gets::New => self.write(read, cx),
            };
        }
        if let Some(fault) = token_refresh::throttled(&read.session.user, cx) {
            return fail(fault, cx);
        }
        let lease = std::mem::take(&mut self.lease);
        let Some(renewal) = TokenRefresh::start(&read.session, &old, lease, None, cx) else {
            return self.end(&read.session.outline, cx);
        };
        self.waiting(State::Renewing(Box::new(read), renewal))
    }

    /// Entra was asked, or another replica does that.
    fn asked(
        self,
        mut read: Read,
        result: RefreshResult,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        match result {
            Ok(fresh) => self.renewed(read, &fresh, cx),
            Err(RefreshError::SignInRequired | RefreshError::ConsentRequired) => {
                self.end(&read.session.outline, cx)
            }
            // The session goes on, but nothing is done in it before the user has satisfied them.
            Err(RefreshError::ClaimsRequired(claims)) => {
                read.session.required_claims = Some(claims);
                self.write(read, cx)
            }
            Err(RefreshError::Unavailable(fault)) => fail(fault, cx),
            Err(RefreshError::UnderWay) => {
                let pause = self.lease.pause(cx);
                self.waiting(State::Waiting(pause))
            }
        }
    }

    fn renewed(
        self,
        mut read: Read,
        fresh: &RefreshedTokens,
        cx: &mut Cx<'_>,
    ) -> Progress<RefreshGrant> {
        match fresh.put_into(&mut read.session, true, cx) {
            Some(()) => self.write(read, cx),
            None => self.end(&read.session.outline, cx),
        }
    }

    /// Writes the session, with a new refresh token if the client is to get one.
    fn write(self, read: Read, cx: &mut Cx<'_>) -> Progress<RefreshGrant> {
        let Read {
            mut session,
            version,
            attempt,
            gets,
        } = read;
        let refresh_token = match gets {
            Gets::New => self.rotate(&mut session, cx),
            Gets::Live(live) => live,
        };
        // Dated after now, it began before the clock was set back, and must not last longer for it.
        session.created = session.created.min(cx.env.now.unix);
        let update = Update::write(&session, version, attempt, cx);
        let written = Box::new(Written {
            session,
            refresh_token,
        });
        self.waiting(State::Writing(update.then(written)))
    }

    fn rotate(&self, session: &mut Session, cx: &mut Cx<'_>) -> OpaqueToken {
        let (server, now) = (cx.env.server, cx.env.now.unix);
        let keys = &server.keys;
        let successor = opaque_token::new_refresh_token(session.id, cx.entropy, keys);
        let sealed = self.presented.seal_successor(&successor, cx.entropy, keys);
        let reuse = server.config.lifetimes.refresh_reuse;
        if let Some(refresh) = &mut session.refresh {
            refresh.rotate(self.presented.hash, sealed, successor.hash, reuse, now);
        }
        session.seal_tokens_anew(keys, cx.entropy);
        session.open_also_to(&successor.share(), server, now);
        successor
    }

    fn end(mut self, outline: &Outline, cx: &mut Cx<'_>) -> Progress<RefreshGrant> {
        self.lease.release(cx);
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
            Ok(granted) => {
                cx.audit(LogEventId::RefreshTokenUsed);
                grant(session, &granted, successor, cx)
            }
            Err(refusal) => refuse(refusal, cx),
        }
    }

    fn narrowed(&self, session: &Session, server: &Server) -> Result<Granted, Refusal> {
        let asked = (self.scope.as_deref(), self.resource.as_deref());
        narrowing::narrowed(session, asked, server)
    }
}
