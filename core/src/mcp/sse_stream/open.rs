//! A stream that is open: keep-alives, messages of the hub, and its end.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::{Content, Stream, close};
use crate::{
    admit::caller::Caller,
    ask::Awaiting,
    event::{Answer, Input},
    hub::{EndReason, ReadStream, ToHubKind},
    limits,
    log_event::LogEventId,
    mcp::{
        server_messages,
        session::McpSession,
        session_monitor::{Due, SessionMonitor, SessionState},
        sse, v2024_11_05,
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
    /// What comes next.
    reading: Awaiting<ReadStream>,
    /// The request that this stream answers: `subscriptions/listen`.
    subscription: Option<Subscription>,
}

impl Open {
    /// Sends what a stream begins with.
    pub(super) fn start(
        caller: Box<Caller>,
        mcp_session: Option<McpSession>,
        content: Content,
        cx: &mut Cx<'_>,
    ) -> Progress<Stream> {
        cx.open(sse::head());
        let mut subscription = None;
        match content {
            Content::Sse(id) => {
                let base_path = cx.env.server.config.public_url.base_path();
                cx.write(v2024_11_05::endpoint_event(id, base_path));
            }
            // Flushes the head through proxies that wait for a byte of the body.
            Content::Standalone | Content::Resumed => cx.write(Bytes::from_static(sse::KEEP_ALIVE)),
            Content::Subscription(request) => {
                let json = subscriptions::acknowledged(&request);
                cx.write(sse::event("message", &json));
                subscription = Some(request);
            }
        }
        Self {
            monitor: SessionMonitor::new(&caller, cx),
            reading: cx.ask_hub(ToHubKind::ReadStream),
            caller,
            mcp_session,
            subscription,
        }
        .wait(cx)
    }

    fn wait(self, cx: &mut Cx<'_>) -> Progress<Stream> {
        cx.wait_until(self.monitor.wake());
        Progress::Pending(Stream::Open(Box::new(self)))
    }

    pub(super) fn handle(mut self, input: Input, cx: &mut Cx<'_>) -> Progress<Stream> {
        match input {
            Input::Answer(answer) => {
                let session = self.mcp_session.as_ref();
                match self.monitor.answered(answer, &self.caller, session, cx) {
                    ControlFlow::Break(SessionState::Alive) => self.wait(cx),
                    // Whoever has no session any more gets nothing more.
                    ControlFlow::Break(SessionState::Revoked | SessionState::McpSessionEnded) => {
                        close(cx)
                    }
                    ControlFlow::Break(SessionState::Unverified) => {
                        cx.log(LogEventId::SessionUnverified);
                        come_back(self.subscription.as_ref(), cx)
                    }
                    ControlFlow::Continue(answer) => self.send(answer, cx),
                }
            }
            Input::Disconnected => close(cx),
            Input::Tick => match self.monitor.tick(&self.caller, cx) {
                Due::Nothing => self.wait(cx),
                Due::KeepAlive => {
                    cx.write(Bytes::from_static(sse::KEEP_ALIVE));
                    self.wait(cx)
                }
                Due::TokenExpired => finish(self.subscription.as_ref(), cx),
            },
            // It is neither a call nor a task.
            Input::Call(_) | Input::Task(_) | Input::Process(_) | Input::ReplayTakenOver => {
                self.wait(cx)
            }
        }
    }

    /// Sends what comes next, and asks for more.
    fn send(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Stream> {
        let Self {
            caller,
            mcp_session,
            mut monitor,
            reading,
            subscription,
        } = self;
        let next = reading.into_answer(answer);
        if let Some(expires) = next.token_expires {
            monitor.renew_token(expires, cx);
        }
        for event in next.events {
            cx.write(event);
        }
        let id = subscription.as_ref().map(|one| &one.id);
        for change in &next.changes {
            let json = server_messages::changed(change, id);
            cx.write(sse::event("message", &json));
        }
        if let Some(reason) = next.end {
            return end(reason, subscription.as_ref(), cx);
        }
        Self {
            caller,
            mcp_session,
            monitor,
            reading: cx.ask_hub(ToHubKind::ReadStream),
            subscription,
        }
        .wait(cx)
    }
}

fn end(
    reason: EndReason,
    subscription: Option<&Subscription>,
    cx: &mut Cx<'_>,
) -> Progress<Stream> {
    match reason {
        // Whoever has no session any more gets nothing more; a response that was resumed is complete, or
        // goes on elsewhere, or is lost, which the client finds out when it comes back.
        EndReason::SessionRevoked
        | EndReason::McpSessionEnded
        | EndReason::Complete
        | EndReason::TakenOver
        | EndReason::ReplayDropped => close(cx),
        EndReason::ShuttingDown => come_back(subscription, cx),
    }
}

/// The client is told to come back, to a replica that can serve it.
fn come_back(subscription: Option<&Subscription>, cx: &mut Cx<'_>) -> Progress<Stream> {
    if subscription.is_none() {
        let milliseconds = come_back_after(cx);
        cx.write(sse::retry(milliseconds));
    }
    finish(subscription, cx)
}

/// When the client is to come back: each at another time.
fn come_back_after(cx: &mut Cx<'_>) -> u64 {
    let (least, most) = limits::COME_BACK.into_inner();
    let [a, b] = cx.entropy.bytes();
    least + u64::from(u16::from_be_bytes([a, b])) % (most - least + 1)
}

/// The server ends it: a `subscriptions/listen` is answered at last.
fn finish(subscription: Option<&Subscription>, cx: &mut Cx<'_>) -> Progress<Stream> {
    if let Some(subscription) = subscription {
        let json = subscriptions::listen_result(&subscription.id, cx.env.catalog);
        cx.write(sse::event("message", &json));
    }
    close(cx)
}
