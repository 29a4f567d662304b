//! DELETE /mcp: the client ends its MCP session.
//!
//! The end is written into the session record, guarded by its version, so that it holds on every
//! replica and after a restart; a conflict is read again and decided again.

use ::http::{HeaderMap, StatusCode};

use super::Streamable;
use crate::{
    admit::{bearer, caller::Caller},
    ask::{Ask, Awaiting, Guard, Store, StoreFault},
    event::Event,
    http::response,
    hub::{ToHub, ToHubKind},
    log_event::LogEventId,
    mcp::session::{McpSession, named_session, only_post},
    route::Route,
    step::{Cx, Progress},
};

/// How often a conflict is tried again: each means that somebody else got on.
const TRIES: u8 = 8;

/// The end of an MCP session is written.
#[derive(Debug)]
pub(crate) struct Ending {
    caller: Caller,
    mcp_session: McpSession,
    tries: u8,
    awaiting: Asked,
}

#[derive(Debug)]
enum Asked {
    Put(Awaiting<Store>),
    Get(Awaiting<Store>),
}

impl Ending {
    pub(super) fn start(
        headers: &HeaderMap,
        caller: Caller,
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        if let Some(refusal) = only_post(headers) {
            return cx.done(refusal);
        }
        match named_session(headers, &caller, cx) {
            Ok(mcp_session) => Self::put(caller, mcp_session, 0, cx),
            Err(refusal) => cx.done(*refusal),
        }
    }

    fn put(
        mut caller: Caller,
        mcp_session: McpSession,
        tries: u8,
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        let now = cx.env.now.unix;
        mcp_session.end_in(&mut caller.session.outline, now);
        let expires = caller.session.expires(now);
        let guard = Guard::Version(caller.version);
        let put = caller
            .session
            .put(guard, expires, &cx.env.server.keys, cx.entropy);
        let awaiting = Asked::Put(cx.store(put));
        Progress::Pending(Streamable::Ending(Box::new(Self {
            caller,
            mcp_session,
            tries,
            awaiting,
        })))
    }

    pub(super) fn handle(mut self, event: Event, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let Event::Stored(answered) = event else {
            return Progress::Pending(Streamable::Ending(Box::new(self)));
        };
        match self.awaiting {
            Asked::Put(awaiting) => match awaiting.take(answered) {
                None => {
                    self.awaiting = Asked::Put(awaiting);
                    Progress::Pending(Streamable::Ending(Box::new(self)))
                }
                Some(answer) => {
                    Self::written(self.caller, self.mcp_session, self.tries, answer, cx)
                }
            },
            Asked::Get(awaiting) => match awaiting.take(answered) {
                None => {
                    self.awaiting = Asked::Get(awaiting);
                    Progress::Pending(Streamable::Ending(Box::new(self)))
                }
                Some(answer) => Self::read(self.caller, self.mcp_session, self.tries, answer, cx),
            },
        }
    }

    fn written(
        caller: Caller,
        mcp_session: McpSession,
        tries: u8,
        answer: <Store as Ask>::Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        match answer {
            Ok(_) => {
                cx.to_hub(ToHub(ToHubKind::EndMcpSession {
                    mcp_session: mcp_session.id,
                    principal: caller.principal_id,
                }));
                cx.done(response::empty(StatusCode::NO_CONTENT))
            }
            Err(StoreFault::Conflict) if tries < TRIES => {
                let get = Store::Get(caller.session.id.key());
                let awaiting = Asked::Get(cx.store(get));
                Progress::Pending(Streamable::Ending(Box::new(Self {
                    caller,
                    mcp_session,
                    tries: tries + 1,
                    awaiting,
                })))
            }
            Err(_) => unavailable(cx),
        }
    }

    fn read(
        mut caller: Caller,
        mcp_session: McpSession,
        tries: u8,
        answer: <Store as Ask>::Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        let Ok(stored) = answer else {
            return unavailable(cx);
        };
        let keys = &cx.env.server.keys;
        let opened = stored.and_then(|stored| caller.session.open_again(&stored, keys));
        let Some((session, version)) = opened else {
            // It was revoked meanwhile.
            return cx.done(bearer::session_over(Route::Mcp, cx.env));
        };
        if !mcp_session.lives_in(&session.outline) {
            return cx.done(response::empty(StatusCode::NO_CONTENT));
        }
        caller.session = session;
        caller.version = version;
        Self::put(caller, mcp_session, tries, cx)
    }
}

fn unavailable(cx: &mut Cx<'_>) -> Progress<Streamable> {
    cx.log(LogEventId::McpSessionNotEnded);
    cx.done(response::unavailable())
}
