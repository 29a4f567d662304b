//! A stream that is open: keep-alives, messages of the hub, and its end.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::{Content, Stream, close};
use crate::{
    admit::caller::Caller,
    ask::Awaiting,
    catalog::{Audience, ChangeNotification},
    event::{Answer, Input},
    hub::{ChangesMessage, EndReason, ReadStream, SubscriptionFilter, ToCall, ToHub, ToHubKind},
    limits,
    log_event::LogEventId,
    mcp::{
        backend_stream::{BackendStream, Heard},
        forward::may_know_resource,
        server_messages,
        session::McpSession,
        session_monitor::{Due, SHORTEST_WAIT, SessionMonitor, SessionState},
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
    /// What a backend sends of its own accord.
    backend: Option<Box<BackendStream>>,
    lists: Lists,
}

/// Which lists a caller may see something in. A stream tells of no change of another one (threats P1, P8).
#[derive(Clone, Copy, Debug)]
struct Lists {
    prompts: bool,
    resources: bool,
}

impl Lists {
    fn of(caller: &Caller, cx: &Cx<'_>) -> Self {
        let may_see = |audience: &Audience| caller.may_see(audience);
        Self {
            prompts: cx.env.catalog.has_prompts(may_see),
            resources: cx.env.catalog.has_resources(may_see),
        }
    }

    /// What can be seen in either: whoever could see something that is gone is told.
    fn or(self, other: Self) -> Self {
        Self {
            prompts: self.prompts || other.prompts,
            resources: self.resources || other.resources,
        }
    }

    fn concern(self, change: &ChangeNotification) -> bool {
        match change {
            ChangeNotification::Prompts => self.prompts,
            ChangeNotification::Resources => self.resources,
            // Everybody has a list of tools; and who subscribes to a resource may read it.
            ChangeNotification::Tools | ChangeNotification::Resource(_) => true,
        }
    }
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
        let (mut subscription, mut backend) = (None, None);
        match content {
            Content::Sse(id) => {
                cx.write(v2024_11_05::endpoint_event(id, cx.env));
                backend = BackendStream::of_http_sse(id, &caller, cx);
            }
            // Flushes the head through proxies that wait for a byte of the body.
            Content::Standalone => {
                cx.write(Bytes::from_static(sse::KEEP_ALIVE));
                let session = mcp_session.as_ref();
                backend = session.and_then(|one| BackendStream::of_session(one, &caller, cx));
            }
            Content::Resumed => cx.write(Bytes::from_static(sse::KEEP_ALIVE)),
            Content::Forwarded(id, message) => {
                cx.write(Bytes::from_static(sse::KEEP_ALIVE));
                subscription = Some(Subscription {
                    id: id.clone(),
                    filter: SubscriptionFilter::default(),
                });
                match BackendStream::of_request((id, message), &caller, cx) {
                    Progress::Pending(stream) => backend = Some(stream),
                    Progress::Ready(()) => return close(cx),
                }
            }
            Content::Subscription(request) => {
                let json = subscriptions::acknowledged(&request);
                cx.write(sse::event("message", &json));
                subscription = Some(request);
            }
        }
        Self {
            lists: Lists::of(&caller, cx),
            monitor: SessionMonitor::of_stream(&caller, cx),
            reading: cx.ask_hub(ToHubKind::ReadStream),
            caller,
            mcp_session,
            subscription,
            backend,
        }
        .wait(cx)
    }

    fn wait(self, cx: &mut Cx<'_>) -> Progress<Stream> {
        let monitored = self.monitor.wake();
        let rests = self.backend.as_ref().and_then(|backend| backend.wake());
        let wake = rests.map_or(monitored, |rests| rests.min(monitored));
        cx.wait_until(wake.max(cx.env.now.instant.after(SHORTEST_WAIT)));
        Progress::Pending(Stream::Open(Box::new(self)))
    }

    pub(super) fn handle(mut self, input: Input, cx: &mut Cx<'_>) -> Progress<Stream> {
        match input {
            Input::Answer(answer) => {
                let session = self.mcp_session.as_ref();
                match self.monitor.answered(answer, &self.caller, session, cx) {
                    ControlFlow::Break(SessionState::Alive) => {
                        if let Some(session) = self.monitor.renewed() {
                            self.caller.session = session;
                        }
                        self.wait(cx)
                    }
                    // Whoever has no session any more gets nothing more.
                    ControlFlow::Break(SessionState::Revoked | SessionState::McpSessionEnded) => {
                        self.leave(cx);
                        close(cx)
                    }
                    ControlFlow::Break(SessionState::Outgrown) => {
                        self.leave(cx);
                        come_back(self.subscription.as_ref(), cx)
                    }
                    ControlFlow::Break(SessionState::Unverified) => {
                        cx.log(LogEventId::SessionUnverified);
                        self.leave(cx);
                        come_back(self.subscription.as_ref(), cx)
                    }
                    ControlFlow::Continue(answer) if answer.ask() == self.reading.id() => {
                        self.send(answer, cx)
                    }
                    ControlFlow::Continue(answer) => {
                        self.listen(cx, |backend, caller, cx| backend.handle(answer, caller, cx))
                    }
                }
            }
            Input::Disconnected => {
                self.leave(cx);
                close(cx)
            }
            Input::Tick => match self.monitor.tick(&self.caller, cx) {
                Due::Nothing => self.listen(cx, BackendStream::tick),
                Due::KeepAlive => {
                    cx.write(Bytes::from_static(sse::KEEP_ALIVE));
                    if cx.env.server.has_replicas() {
                        let look = ToHubKind::Changes(ChangesMessage::Look);
                        cx.to_hub(ToHub(look));
                    }
                    self.listen(cx, BackendStream::tick)
                }
                Due::TokenExpired => {
                    self.leave(cx);
                    finish(self.subscription.as_ref(), cx)
                }
            },
            Input::Call(ToCall::ClientResponse(request, result)) => {
                if let Some(backend) = &mut self.backend {
                    backend.client_response(request, result, cx);
                }
                self.wait(cx)
            }
            Input::Call(ToCall::BackendAsks(message)) => {
                if let Some(backend) = &self.backend {
                    backend.refuse_question(&message, cx);
                }
                self.wait(cx)
            }
            // It is neither a call nor a task.
            Input::Call(_) | Input::Task(_) | Input::Process(_) | Input::ReplayTakenOver => {
                self.wait(cx)
            }
        }
    }

    /// Lets what listens to the backend go on.
    fn listen(
        mut self,
        cx: &mut Cx<'_>,
        step: impl FnOnce(Box<BackendStream>, &Caller, &mut Cx<'_>) -> Heard,
    ) -> Progress<Stream> {
        match self.backend.take().map(|one| step(one, &self.caller, cx)) {
            Some(Progress::Ready(())) => close(cx),
            Some(Progress::Pending(backend)) => {
                self.backend = Some(backend);
                self.wait(cx)
            }
            None => self.wait(cx),
        }
    }

    /// The backend is not listened to any more.
    fn leave(&mut self, cx: &mut Cx<'_>) {
        if let Some(backend) = self.backend.take() {
            backend.cancel(&self.caller, cx);
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
            mut backend,
            lists,
        } = self;
        let next = reading.into_answer(answer);
        if let Some(expires) = next.token_expires {
            monitor.renew_token(expires, cx);
        }
        for event in next.events {
            cx.write(event);
        }
        let id = subscription.as_ref().map(|one| &one.id);
        // Of what this server offers itself: a backend says by itself what has changed there (threat R26).
        let is_own = cx.env.gateway().is_none();
        let lists = lists.or(Lists::of(&caller, cx));
        // What `subscriptions/listen` was acknowledged is sent.
        if let (Some(filter), Some(id), Some(backend)) = (next.acknowledged, id, &mut backend)
            && backend.acknowledge()
        {
            let id = id.clone();
            let json = subscriptions::acknowledged(&Subscription { id, filter });
            cx.write(sse::event("message", &json));
        }
        let is_told = |change: &&ChangeNotification| match change {
            // The user may have lost the role for it since it was asked for (threat R7).
            ChangeNotification::Resource(uri) if !is_own => may_know_resource(uri, &caller, cx),
            _ => subscription.is_some() || (is_own && lists.concern(change)),
        };
        let told: Vec<_> = next.changes.iter().filter(is_told).collect();
        for change in told {
            let json = server_messages::changed(change, id);
            cx.write(sse::event("message", &json));
        }
        if let Some(reason) = next.end {
            if let Some(backend) = backend {
                backend.cancel(&caller, cx);
            }
            return end(reason, subscription.as_ref(), cx);
        }
        Self {
            caller,
            mcp_session,
            monitor,
            reading: cx.ask_hub(ToHubKind::ReadStream),
            subscription,
            backend,
            lists,
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
