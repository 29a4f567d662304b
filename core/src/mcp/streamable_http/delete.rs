//! DELETE /mcp: the client ends its MCP session.
//!
//! The end is written into the session record, guarded by its version, so that it holds on every
//! replica and after a restart; a conflict is read again and decided again.

use ::http::StatusCode;

use super::Streamable;
use crate::{
    admit::{bearer, caller::Caller},
    ask::{Stored, Version},
    event::Answer,
    http::response,
    log_event::LogEventId,
    mcp::{
        headers::McpHeaders,
        session::{McpSession, named_session, only_post, too_many_ended},
    },
    replicas::ReplicaMessage,
    route::Route,
    session::{
        ended_mcp_sessions::TooManyEnded,
        record::Session,
        update::{Attempt, Update, Updated},
    },
    step::{Cx, Progress},
};

/// The end of an MCP session is written.
#[derive(Debug)]
pub(crate) struct Ending {
    session: Box<Session>,
    mcp_session: McpSession,
    update: Update,
}

impl Ending {
    pub(super) fn start(
        headers: &McpHeaders,
        caller: Caller,
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        if let Some(refusal) = only_post(headers) {
            return cx.done(refusal);
        }
        match named_session(headers, &caller, cx) {
            Ok(mcp_session) => {
                let session = Box::new(caller.whole_session(cx.env.server));
                let read = (caller.version, Attempt::default());
                Self::write(session, mcp_session, read, cx)
            }
            Err(refusal) => cx.done(*refusal),
        }
    }

    fn write(
        mut session: Box<Session>,
        mcp_session: McpSession,
        (version, attempt): (Version, Attempt),
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        let outline = &mut session.outline;
        if let Err(TooManyEnded) = mcp_session.end_in(outline, cx.env.now.unix) {
            cx.log(LogEventId::McpSessionsEndedTooMany);
            return cx.done(too_many_ended());
        }
        let update = Update::write(&session, version, attempt, cx);
        Self::pending(session, mcp_session, update)
    }

    fn pending(
        session: Box<Session>,
        mcp_session: McpSession,
        update: Update,
    ) -> Progress<Streamable> {
        Progress::Pending(Streamable::Ending(Box::new(Self {
            session,
            mcp_session,
            update,
        })))
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let Self {
            session,
            mcp_session,
            update,
        } = self;
        match update.handle(answer, cx) {
            Progress::Pending(update) => Self::pending(session, mcp_session, update),
            Progress::Ready(Ok(Updated::Written(()))) => {
                cx.to_every_hub(ReplicaMessage::EndMcpSession {
                    mcp_session: mcp_session.id,
                    principal: mcp_session.principal,
                });
                cx.done(response::empty(StatusCode::NO_CONTENT))
            }
            Progress::Ready(Ok(Updated::Read(stored, attempt))) => {
                Self::reread(&session, mcp_session, (stored, attempt), cx)
            }
            Progress::Ready(Err(_)) => {
                cx.log(LogEventId::McpSessionNotEnded);
                cx.done(response::unavailable())
            }
        }
    }

    /// The session as somebody else has written it meanwhile.
    fn reread(
        session: &Session,
        mcp_session: McpSession,
        (stored, attempt): (Option<Stored>, Attempt),
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        let keys = &cx.env.server.keys;
        let opened = stored.and_then(|stored| session.open_again(&stored, keys));
        let Some((session, version)) = opened else {
            // It was revoked meanwhile.
            return cx.done(bearer::session_over(Route::Mcp, cx.env));
        };
        if !mcp_session.lives_in(&session.outline) {
            return cx.done(response::empty(StatusCode::NO_CONTENT));
        }
        Self::write(Box::new(session), mcp_session, (version, attempt), cx)
    }
}
