//! The watch over an answer that stays open: comments that keep the connection awake, and a look at the
//! session with each, so that a token that ends and a revocation that another replica took end the
//! answer as well (threats I6, I7).

use std::time::Duration;

use super::session::McpSession;
use crate::{
    admit::caller::Caller,
    ask::{Answered, Ask, Awaiting, Store},
    limits,
    session::sealed::SealedSession,
    step::Cx,
    time::Instant,
};

/// The shortest rest.
const SOONEST: Duration = Duration::from_millis(1);

/// A watch.
#[derive(Debug)]
pub(crate) struct SessionMonitor {
    /// The look at the session that is under way.
    looking: Option<Awaiting<Store>>,
    /// When to look next.
    next: Instant,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// A comment that keeps the connection awake.
    KeepAlive,
    /// The end: the token is no longer good.
    Over,
}

impl SessionMonitor {
    /// Begins.
    pub(crate) fn new(caller: &Caller, cx: &Cx<'_>) -> Self {
        let mut watch = Self {
            looking: None,
            next: cx.env.now.instant,
        };
        watch.rest(caller, cx);
        watch
    }

    /// Until the next keep-alive, or the end of the token if that comes first.
    fn rest(&mut self, caller: &Caller, cx: &Cx<'_>) {
        let now = cx.env.now;
        let left = caller.verified.expires.until(now.unix);
        // A token may end between its look-up and this: the next look, which ends the answer, still lies
        // ahead.
        let rest = limits::KEEP_ALIVE.min(left).max(SOONEST);
        self.next = now.instant.after(rest);
    }

    /// When to look next.
    pub(crate) fn wake(&self) -> Instant {
        self.next
    }

    /// What it is time for.
    pub(crate) fn tick(&mut self, caller: &Caller, cx: &mut Cx<'_>) -> Due {
        if cx.env.now.unix >= caller.verified.expires {
            return Due::Over;
        }
        if cx.env.now.instant < self.next {
            return Due::Nothing;
        }
        // A store that is slower than a keep-alive is not asked twice.
        if self.looking.is_none() {
            self.looking = Some(cx.store(Store::Get(caller.session.id.key())));
        }
        self.rest(caller, cx);
        Due::KeepAlive
    }

    /// Whether this is the answer to a look of its own.
    pub(crate) fn waits_for(&self, answered: &Answered<Store>) -> bool {
        self.looking
            .as_ref()
            .is_some_and(|looking| looking.is(answered))
    }

    /// Whether the session, or the MCP session, is gone. A store that is down says nothing.
    pub(crate) fn is_over(
        &mut self,
        answered: Answered<Store>,
        caller: &Caller,
        mcp_session: Option<&McpSession>,
        cx: &Cx<'_>,
    ) -> bool {
        let answer = self
            .looking
            .take()
            .and_then(|looking| looking.take(answered));
        answer.is_some_and(|answer| is_gone(&answer, caller, mcp_session, cx))
    }
}

/// Whether what the store says is that the session, or the MCP session, is gone. A store that is down
/// says nothing.
pub(crate) fn is_gone(
    answer: &<Store as Ask>::Answer,
    caller: &Caller,
    mcp_session: Option<&McpSession>,
    cx: &Cx<'_>,
) -> bool {
    let Ok(stored) = answer else {
        return false;
    };
    let id = caller.session.id;
    let keys = &cx.env.server.keys;
    let opened = stored
        .as_ref()
        .and_then(|stored| SealedSession::read(id, stored, keys));
    let Some(session) = opened else {
        return true;
    };
    mcp_session.is_some_and(|mcp_session| !mcp_session.lives_in(session.outline()))
}
