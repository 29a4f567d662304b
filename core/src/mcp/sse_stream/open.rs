//! A stream that is open: keep-alives, messages of the hub, and its end.

use bytes::Bytes;

use super::{Stream, close};
use crate::{
    admit::caller::Caller,
    event::Event,
    hub::{EndReason, FromHub, FromHubKind, StreamOutput, ToHub, ToHubKind},
    mcp::{
        server_messages,
        session::McpSession,
        session_monitor::{Due, SessionMonitor, SessionState},
        sse,
        v2026_07_28::subscriptions::{self, Subscription},
    },
    step::{Cx, Progress},
};

/// The stream is open.
#[derive(Debug)]
pub(crate) struct Open {
    caller: Box<Caller>,
    mcp_session: Option<McpSession>,
    monitor: SessionMonitor,
    /// The request that this stream answers: `subscriptions/listen`.
    subscription: Option<Subscription>,
}

impl Open {
    pub(super) fn start(
        caller: Box<Caller>,
        mcp_session: Option<McpSession>,
        subscription: Option<Subscription>,
        cx: &mut Cx<'_>,
    ) -> Progress<Stream> {
        let monitor = SessionMonitor::new(&caller, cx);
        cx.to_hub(ToHub(ToHubKind::ReadStream));
        Self {
            caller,
            mcp_session,
            monitor,
            subscription,
        }
        .stay(cx)
    }

    fn stay(self, cx: &mut Cx<'_>) -> Progress<Stream> {
        cx.wait_until(self.monitor.wake());
        Progress::Pending(Stream::Open(Box::new(self)))
    }

    pub(super) fn handle(mut self, event: Event, cx: &mut Cx<'_>) -> Progress<Stream> {
        match event {
            Event::FromHub(FromHub(FromHubKind::Stream(next))) => return self.send(next, cx),
            Event::Disconnected => return close(cx),
            Event::Tick => match self.monitor.tick(&self.caller, cx) {
                Due::Nothing => {}
                Due::KeepAlive => cx.write(Bytes::from_static(sse::KEEP_ALIVE)),
                Due::TokenExpired => return self.finish(cx),
            },
            Event::Stored(answered) if self.monitor.waits_for(&answered) => {
                let session = self.mcp_session.as_ref();
                match self.monitor.found(answered, &self.caller, session, cx) {
                    SessionState::Alive => {}
                    SessionState::Revoked => return self.end(EndReason::SessionRevoked, cx),
                    SessionState::McpSessionEnded => {
                        return self.end(EndReason::McpSessionEnded, cx);
                    }
                }
            }
            _ => {}
        }
        self.stay(cx)
    }

    /// Sends what comes next, and asks for more.
    fn send(mut self, next: StreamOutput, cx: &mut Cx<'_>) -> Progress<Stream> {
        if let Some(expires) = next.token_expires {
            self.monitor.renew_token(expires, cx);
        }
        for event in next.events {
            cx.write(event);
        }
        let id = self.subscription.as_ref().map(|one| &one.id);
        for change in &next.changes {
            let json = server_messages::changed(change, id);
            cx.write(sse::event("message", &json));
        }
        if let Some(reason) = next.end {
            return self.end(reason, cx);
        }
        cx.to_hub(ToHub(ToHubKind::ReadStream));
        self.stay(cx)
    }

    fn end(self, reason: EndReason, cx: &mut Cx<'_>) -> Progress<Stream> {
        match reason {
            // Whoever has no session any more is told nothing more; a response that was resumed is complete, or
            // goes on elsewhere, or is lost, which the client finds out when it comes back.
            EndReason::SessionRevoked
            | EndReason::McpSessionEnded
            | EndReason::Complete
            | EndReason::TakenOver
            | EndReason::ReplayDropped => close(cx),
            EndReason::ShuttingDown => self.finish(cx),
        }
    }

    /// The server ends it: a `subscriptions/listen` is answered at last.
    fn finish(self, cx: &mut Cx<'_>) -> Progress<Stream> {
        if let Some(subscription) = &self.subscription {
            let json = subscriptions::listen_result(&subscription.id, &cx.env.server.catalog);
            cx.write(sse::event("message", &json));
        }
        close(cx)
    }
}
