//! A stream that is open: keep-alives, messages of the hub, and its end.

use bytes::Bytes;

use super::{Stream, close};
use crate::{
    admit::caller::Caller,
    event::Event,
    hub::{FromHub, FromHubKind},
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
            Event::FromHub(FromHub(FromHubKind::Deliver(bytes))) => cx.write(bytes),
            Event::FromHub(FromHub(FromHubKind::Changed(change))) => {
                let id = self
                    .subscription
                    .as_ref()
                    .map(|subscription| &subscription.id);
                cx.write(sse::event(
                    "message",
                    &server_messages::changed(&change, id),
                ));
            }
            Event::FromHub(FromHub(FromHubKind::TokenRenewed(expires))) => {
                self.monitor.renew_token(expires, cx);
            }
            Event::FromHub(FromHub(FromHubKind::EndStream)) => return self.end(cx),
            Event::Disconnected => return close(cx),
            Event::Tick => match self.monitor.tick(&self.caller, cx) {
                Due::Nothing => {}
                Due::KeepAlive => cx.write(Bytes::from_static(sse::KEEP_ALIVE)),
                Due::TokenExpired => return self.end(cx),
            },
            Event::Stored(answered) if self.monitor.waits_for(&answered) => {
                let session = self.mcp_session.as_ref();
                match self.monitor.found(answered, &self.caller, session, cx) {
                    SessionState::Alive => {}
                    SessionState::Revoked | SessionState::McpSessionEnded => return self.end(cx),
                }
            }
            _ => {}
        }
        self.stay(cx)
    }

    /// The server ends it: a `subscriptions/listen` is answered at last.
    fn end(self, cx: &mut Cx<'_>) -> Progress<Stream> {
        if let Some(subscription) = &self.subscription {
            let json = subscriptions::listen_result(&subscription.id, &cx.env.server.catalog);
            cx.write(sse::event("message", &json));
        }
        close(cx)
    }
}
