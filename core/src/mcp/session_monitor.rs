//! The monitor of a session while an exchange lasts: comments that keep the connection open, and a look at
//! the session with each, so that a revocation that another replica took ends the exchange as well
//! (threats I6, I7). That the token has expired is another matter: its session may live.
//!
//! Where replicas share the store, another one may have ended a session that this one cannot look up. So what runs goes on for a
//! while only. A store of this process alone is written by nobody else: while it is away, no session ends.
//!
//! A stream that tells of what a policy hides goes by the roles and groups that its user has, and a refresh renews those: it looks at
//! them, too (threat R7).

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use super::session::McpSession;
use crate::{
    admit::caller::Caller,
    ask::{Awaiting, Store, Stored, Version},
    event::Answer,
    hub::{ToHub, ToHubKind},
    id::{McpSessionId, SessionId},
    limits,
    planted::Planted,
    policy::PolicyKind,
    session::{
        record::{KnownSession, Outline},
        sealed::SealedSession,
    },
    step::Cx,
    time::{Instant, UnixTime},
};

/// The shortest wait.
pub(crate) const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// How soon to look again after the store has failed once; each further time after twice as long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The monitor of a caller's session.
#[derive(Debug)]
pub(crate) struct SessionMonitor {
    /// The look at the session that is under way.
    reading: Option<Awaiting<Store>>,
    /// When to look next.
    next: Instant,
    /// How soon to look again if the store fails.
    look_again: Duration,
    /// When the session was last known to live.
    verified: Instant,
    /// When the token expires; `None` once it has.
    token_expires: Option<UnixTime>,
    /// The number of the settings of its MCP sessions that are known.
    settings: u64,
    /// Which writing of the session says which roles and groups the user has, if that matters.
    roles_of: Option<Version>,
    /// The session as it was written since, with other roles or groups.
    renewed: Option<Arc<KnownSession>>,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// A comment that keeps the connection open.
    KeepAlive,
    /// The token has expired: said once.
    TokenExpired,
}

/// What a look at the session has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// It lives, as far as is known: a store that is down says nothing.
    Alive,
    /// The store has been down for too long, and another replica may have ended it.
    Unverified,
    /// It was revoked, or has ended.
    Revoked,
    /// Its MCP session was ended by the client.
    McpSessionEnded,
    /// It lives, and what it says of its user cannot be read with the token of this exchange any more.
    Outgrown,
}

impl SessionMonitor {
    pub(crate) fn new(caller: &Caller, cx: &Cx<'_>) -> Self {
        let mut monitor = Self {
            reading: None,
            next: cx.env.now.instant,
            look_again: LOOK_AGAIN,
            verified: cx.env.now.instant,
            token_expires: Some(caller.expires),
            settings: caller.session.outline.mcp_settings.number(),
            roles_of: None,
            renewed: None,
        };
        monitor.schedule(cx);
        monitor
    }

    /// The same for a stream on which the backend is heard of its own accord.
    pub(crate) fn of_stream(caller: &Caller, cx: &Cx<'_>) -> Self {
        let is_limited = cx.env.gateway().is_some() && cx.env.policy.hides(PolicyKind::Resource);
        let is_in_store = caller.entra.is_none();
        Self {
            roles_of: (is_limited && is_in_store).then_some(caller.version),
            ..Self::new(caller, cx)
        }
    }

    /// The session with the roles and groups that its user has now, if they are others than were known.
    pub(crate) fn renewed(&mut self) -> Option<Arc<KnownSession>> {
        self.renewed.take()
    }

    /// Schedules the next keep-alive, or the end of the token if that comes first.
    fn schedule(&mut self, cx: &Cx<'_>) {
        let now = cx.env.now;
        let left = self.token_expires.map(|expires| expires.until(now.unix));
        let wait = left.map_or(limits::KEEP_ALIVE, |left| limits::KEEP_ALIVE.min(left));
        // A token may end between its look-up and this: the next look still lies ahead.
        self.next = now.instant.after(wait.max(SHORTEST_WAIT));
    }

    /// The client has shown a newer token of the same session.
    pub(crate) fn renew_token(&mut self, expires: UnixTime, cx: &Cx<'_>) {
        self.token_expires = self.token_expires.max(Some(expires));
        self.schedule(cx);
    }

    /// When to look next.
    pub(crate) fn wake(&self) -> Instant {
        self.next
    }

    /// What it is time for.
    pub(crate) fn tick(&mut self, caller: &Caller, cx: &mut Cx<'_>) -> Due {
        let now = cx.env.now;
        // Further ahead than a token lasts, the clock was set back: nobody knows when it ends.
        let lifetime = cx.env.server.config.lifetimes.session_token;
        let leeway = limits::CLOCK_LEEWAY;
        let lasts = |expires: UnixTime| expires.is_ahead(lifetime, now.unix, leeway);
        if self.token_expires.is_some_and(|expires| !lasts(expires)) {
            self.token_expires = None;
            self.schedule(cx);
            return Due::TokenExpired;
        }
        if now.instant < self.next {
            return Due::Nothing;
        }
        // A store that is slower than a keep-alive is not asked twice.
        if self.reading.is_none() {
            self.reading = Some(cx.store(Store::Get(caller.session.id.key())));
        }
        self.schedule(cx);
        Due::KeepAlive
    }

    /// Takes the answer to its look at the session, and says what that has found. Another answer is given back.
    pub(crate) fn answered(
        &mut self,
        answer: Answer,
        caller: &Caller,
        mcp_session: Option<&McpSession>,
        cx: &mut Cx<'_>,
    ) -> ControlFlow<SessionState, Answer> {
        match self.reading.take_if(|reading| reading.id() == answer.ask()) {
            Some(reading) => {
                let stored = reading.into_answer(answer);
                ControlFlow::Break(match &stored {
                    Ok(stored) => {
                        self.look_again = LOOK_AGAIN;
                        self.verified = cx.env.now.instant;
                        self.state(stored.as_ref(), caller, mcp_session, cx)
                    }
                    Err(_) => self.unanswered(cx),
                })
            }
            None => ControlFlow::Continue(answer),
        }
    }

    /// The store has not answered. A session that has been revoked must not go on until the next keep-alive for that; a store
    /// that is down is asked no oftener than otherwise.
    fn unanswered(&mut self, cx: &Cx<'_>) -> SessionState {
        let (now, server) = (cx.env.now.instant, cx.env.server);
        let end = self.verified.after(limits::UNVERIFIED_SESSION);
        let is_bounded = server.has_replicas();
        if is_bounded && now >= end {
            return SessionState::Unverified;
        }
        self.next = self.next.min(now.after(self.look_again));
        if is_bounded {
            self.next = self.next.min(end);
        }
        self.look_again = (self.look_again * 2).min(limits::KEEP_ALIVE);
        SessionState::Alive
    }

    fn state(
        &mut self,
        stored: Option<&Stored>,
        caller: &Caller,
        mcp_session: Option<&McpSession>,
        cx: &mut Cx<'_>,
    ) -> SessionState {
        let id = caller.session.id;
        let keys = &cx.env.server.keys;
        let Some(session) = stored.and_then(|stored| SealedSession::read(id, stored, keys)) else {
            return match cx.env.server.has(Planted::LateEndIgnored) {
                true => SessionState::Alive,
                false => SessionState::Revoked,
            };
        };
        if !stored.is_none_or(|stored| self.look_for_roles(stored, caller, cx)) {
            return SessionState::Outgrown;
        }
        let outline = session.outline();
        match mcp_session {
            Some(mcp_session) if !mcp_session.lives_in(outline) => SessionState::McpSessionEnded,
            Some(mcp_session) => {
                self.look_for_subscriptions(outline, id, mcp_session.id, cx);
                SessionState::Alive
            }
            None => SessionState::Alive,
        }
    }

    /// Looks which roles and groups the user has now. Whether that can be read.
    fn look_for_roles(&mut self, stored: &Stored, caller: &Caller, cx: &Cx<'_>) -> bool {
        let server = cx.env.server;
        let is_known = self.roles_of.is_none_or(|known| known == stored.version);
        if is_known || server.has(Planted::StreamsKeepRoles) {
            return true;
        }
        let session = caller.whole_session(server);
        let Some((session, version)) = session.open_again(stored, &server.keys) else {
            return false;
        };
        self.roles_of = Some(version);
        self.renewed = Some(Arc::clone(session.known()));
        true
    }

    /// Another replica may have changed what the MCP session is subscribed to, and its message be lost.
    fn look_for_subscriptions(
        &mut self,
        outline: &Outline,
        session: SessionId,
        mcp_session: McpSessionId,
        cx: &mut Cx<'_>,
    ) {
        let settings = &outline.mcp_settings;
        if settings.number() != self.settings {
            self.settings = settings.number();
            let subscriptions = settings.subscriptions(mcp_session);
            let whose = (session, mcp_session);
            cx.to_hub(ToHub(ToHubKind::Subscribed(whose, subscriptions)));
        }
    }
}
