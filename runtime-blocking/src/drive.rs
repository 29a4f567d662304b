//! The driver: one loop that performs what an exchange wants, on the thread of its connection.
//!
//! Fetches and the store are asked here, one after the other, when the exchange has nothing else
//! to do; an answer that was polled goes out before. A call that is all the exchange waits for runs here, too
//! ([`crate::hand_over`]), others on other threads. While it waits, the thread is parked on the exchange's mailbox
//! and now and then looks whether the peer is still there.
//!
//! An exchange that waits for something after its response (a message of HTTP+SSE is accepted first and worked
//! on then) moves to another thread, so that the connection can take its next request. How many of a
//! session there may be is seen to before a request begins: [`entra_mcp_runtime::Remainder`].

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    catalog::EffectResult,
    event::Event,
    exchange::{Job, Output},
    log_event::{Field, LogEvent, LogEventId},
    time::Instant,
};
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::{
    ActiveExchange, DriveJobs, Remainder, RequestOrigin, RequestPermit, Shared, SharedOffer,
    TokenHolder,
};
use http::Response;

use crate::{
    Runtime,
    backend::BackendAsks,
    inbound::{Admitted, NullWriter, ResponseWriter, Service},
    invoke::{BoxedHandler, Calls},
    mailbox::{Mailbox, MailboxMessage},
    outbound::OpenBodies,
    own_route::own_route,
    pending_ask::PendingAsk,
    work::{ActiveRequest, Step, Work},
};

/// How often a waiting thread looks whether its peer is still there.
const DISCONNECT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The MCP server and authorization server, as a service of the inbound side.
#[derive(Debug)]
pub(crate) struct McpService {
    runtime: Arc<Runtime>,
}

impl McpService {
    /// Serves with this runtime.
    pub(crate) fn new(runtime: Arc<Runtime>) -> Self {
        Self { runtime }
    }
}

impl Service for McpService {
    fn admit(
        &self,
        mut head: RequestHead,
        origin: RequestOrigin,
    ) -> Result<Admitted, Box<Response<Bytes>>> {
        let runtime = Arc::clone(&self.runtime);
        let server = &runtime.shared.server;
        if let Some(route) = runtime.routes.admit(&mut head, server, &origin)? {
            return Ok(own_route(route, head));
        }
        let admission = runtime.shared.admit(head, origin)?;
        let body_limit = admission.body_limit();
        let holder = TokenHolder::of(&admission);
        let serve = move |body, permit: RequestPermit| -> Box<dyn Work> {
            let admission = permit.count(admission, &body);
            let exchange = ActiveExchange::of_request(&runtime, admission, body);
            Box::new(ExchangeDriver::new(runtime, exchange, Some(permit)))
        };
        Ok(Admitted {
            body_limit,
            holder,
            serve: Box::new(serve),
        })
    }
}

/// An exchange that is being driven.
struct ExchangeDriver {
    runtime: Arc<Runtime>,
    exchange: ActiveExchange<Runtime>,
    asks: VecDeque<PendingAsk>,
    open: OpenBodies,
    calls: Calls,
    backends: BackendAsks,
    mailbox: Mailbox,
    /// Whether it was moved to a new thread, to wait there.
    is_resting: bool,
    /// Whether the exchange was told that its peer is gone: once is enough.
    disconnect_sent: bool,
    /// Those of the request, while it has a peer.
    permit: Option<RequestPermit>,
    /// What counts it afterwards.
    _remainder: Option<Remainder>,
}

impl ExchangeDriver {
    fn new(
        runtime: Arc<Runtime>,
        exchange: ActiveExchange<Runtime>,
        permit: Option<RequestPermit>,
    ) -> Self {
        Self {
            runtime,
            exchange,
            asks: VecDeque::new(),
            open: OpenBodies::default(),
            calls: Calls::default(),
            backends: BackendAsks::default(),
            mailbox: Mailbox::default(),
            is_resting: false,
            disconnect_sent: false,
            permit,
            _remainder: None,
        }
    }

    fn perform(&mut self, action: Action, writer: &mut dyn ResponseWriter) {
        match action {
            Action::Respond(response) => writer.respond(response),
            Action::Open(head) => writer.open(head),
            Action::Write(bytes) => writer.write(&bytes),
            Action::Close => writer.close(),
            Action::Fetch(ticket, fetch) => {
                self.asks.push_back(PendingAsk::Fetch(ticket, fetch));
            }
            Action::Assert(ticket, assertion) => {
                self.asks.push_back(PendingAsk::Assert(ticket, assertion));
            }
            Action::Sign(ticket, wanted) => {
                self.asks.push_back(PendingAsk::Sign(ticket, wanted));
            }
            Action::Store(ticket, ask) => self.asks.push_back(PendingAsk::Store(ticket, ask)),
            Action::Invoke(ticket, perform) => {
                let handlers = (self.exchange.handlers(), &self.runtime.pool);
                self.calls.push(ticket, *perform, handlers, &self.mailbox);
            }
            Action::Resume(id, result) => {
                let body = match &result {
                    EffectResult::GraphStream(_, ask) => self.open.take(*ask),
                    _ => None,
                };
                self.calls.resume(id, result, body);
            }
            backend @ (Action::Pull(..)
            | Action::Spawn(..)
            | Action::More(_)
            | Action::Feed(..)
            | Action::End(..)) => {
                self.backends.perform(backend, &self.runtime, &self.mailbox);
            }
            Action::Cancel(id) => {
                self.asks.retain(|ask| ask.id() != id);
                self.calls.cancel(id);
                self.backends.cancel(id);
            }
            Action::ToHub(message) => {
                let mailbox = &self.mailbox;
                self.exchange.send_to_hub(message, || mailbox.clone());
            }
            Action::Publish(message) => self.runtime.publish(message),
            Action::Log(event) => entra_mcp_runtime::log(&event),
            other => {
                let bug = LogEvent::new(LogEventId::RuntimeUnknownAction);
                entra_mcp_runtime::log(&bug.with(Field::Action, format!("{other:?}")));
            }
        }
    }

    /// What is known without waiting for anything.
    fn ready_event(&mut self) -> Option<Event> {
        match self.asks.pop_front() {
            Some(PendingAsk::Store(ticket, ask))
                if self.runtime.shared.store.answers_at_once(&ask) =>
            {
                Some(PendingAsk::Store(ticket, ask).answer(&self.runtime, &mut self.open))
            }
            Some(ask) => {
                self.asks.push_front(ask);
                None
            }
            None if self.backends.has_had_its_turn() => None,
            None => loop {
                match self.mailbox.next_now() {
                    MailboxMessage::Message(message) => return Some(Event::FromHub(message)),
                    MailboxMessage::Called(number, message) => {
                        if let Some(event) = self.calls.handle(number, message) {
                            return Some(event);
                        }
                    }
                    MailboxMessage::Backend(id, message) => {
                        if let Some(event) = self.backends.event(id, message) {
                            return Some(event);
                        }
                    }
                    MailboxMessage::Nothing => return None,
                }
            },
        }
    }

    /// What is to be done instead of waiting on this thread.
    fn before_waiting(&mut self, until: Instant, writer: &dyn ResponseWriter) -> Option<Step> {
        let place = &self.runtime.place;
        match self.asks.is_empty() && self.backends.is_empty() {
            true => {
                if let Some(call) = self.calls.begin(&place.threads) {
                    return Some(Step::Perform(call, place.clone()));
                }
            }
            false => self.calls.begin_elsewhere(&place.threads),
        }
        if writer.is_complete() {
            return Some(Step::Detach);
        }
        let is_idle = self.asks.is_empty() && self.calls.is_empty() && self.backends.is_empty();
        let left = until.since(self.exchange.now().instant);
        let is_long = left >= DISCONNECT_POLL_INTERVAL;
        if is_idle && is_long && writer.is_streaming() && !self.is_resting {
            self.is_resting = true;
            return Some(Step::Rest(place.threads.clone()));
        }
        None
    }

    /// What happens next: the peer leaves, an ask is answered, the hub has a message, a call goes on, or
    /// it is time.
    fn next_event(&mut self, until: Instant, writer: &mut dyn ResponseWriter) -> Event {
        self.backends.begin_turn();
        loop {
            if !self.disconnect_sent && writer.is_disconnected() {
                return self.disconnected_event();
            }
            if let Some(ask) = self.asks.pop_front() {
                // It may be that the session has ended: nobody is sent its tokens after that.
                if ask.is_sent()
                    && let Some(message) = self.mailbox.next_of_hub()
                {
                    self.asks.push_front(ask);
                    return Event::FromHub(message);
                }
                return ask.answer(&self.runtime, &mut self.open);
            }
            // Most of what waits without having asked is a stream, and keeps no memory.
            self.asks = VecDeque::new();
            let left = self.runtime.shared.clock.until(until);
            if left.is_zero() && !self.backends.is_empty() {
                // A backend may always have more to say.
                return Event::Tick;
            }
            match self.mailbox.wait(left.min(DISCONNECT_POLL_INTERVAL)) {
                MailboxMessage::Message(message) => return Event::FromHub(message),
                MailboxMessage::Called(number, message) => {
                    if let Some(event) = self.calls.handle(number, message) {
                        return event;
                    }
                }
                MailboxMessage::Backend(id, message) => {
                    if let Some(event) = self.backends.event(id, message) {
                        return event;
                    }
                }
                MailboxMessage::Nothing if self.runtime.shared.clock.until(until).is_zero() => {
                    return Event::Tick;
                }
                MailboxMessage::Nothing => {}
            }
        }
    }

    fn disconnected_event(&mut self) -> Event {
        self.disconnect_sent = true;
        Event::Disconnected
    }

    /// Goes on without a peer on another thread; on this one if there is no other to be had.
    fn drive_elsewhere(self: Box<Self>) {
        let threads = self.runtime.place.threads.clone();
        // If there is no thread, the exchange must not be lost with its closure.
        let kept = Arc::new(Mutex::new(Some(self)));
        let moved = Arc::clone(&kept);
        let finish = |kept: &Mutex<Option<Box<Self>>>| {
            let work = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(work) = work {
                ActiveRequest::run(work, NullWriter);
            }
        };
        if threads.run(move || finish(&moved)).is_err() {
            finish(&kept);
        }
    }
}

impl Work for ExchangeDriver {
    /// The loop: performs actions and hands in events until the exchange is over.
    fn drive(&mut self, writer: &mut dyn ResponseWriter) -> Step {
        // It begins, or goes on after a call.
        self.exchange.read_clock();
        loop {
            match self.exchange.poll() {
                Output::Do(action) => self.perform(action, writer),
                Output::Wait(until) => {
                    let event = match self.ready_event() {
                        Some(event) => event,
                        None => match self.before_waiting(until, writer) {
                            Some(step) => return step,
                            None => {
                                let event = self.next_event(until, writer);
                                self.exchange.read_clock();
                                event
                            }
                        },
                    };
                    if !self.exchange.handle(event) {
                        return Step::Over;
                    }
                }
                Output::Done(_) => return Step::Over,
            }
        }
    }

    /// Elsewhere, unless it is a stranger's, whom nothing else bounds.
    fn detach(mut self: Box<Self>) {
        let mut remainder = self.permit.as_ref().map(RequestPermit::remainder);
        if remainder.as_mut().is_some_and(Remainder::begin) {
            self.permit = None;
            self._remainder = remainder;
            self.drive_elsewhere();
        } else {
            ActiveRequest::run(self, NullWriter);
        }
    }
}

impl Drop for ExchangeDriver {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

impl DriveJobs for Runtime {
    type Mailbox = Mailbox;
    type Handler = BoxedHandler;

    fn offer(&self) -> &SharedOffer<BoxedHandler> {
        &self.offer
    }

    fn shared(&self) -> &Shared<Mailbox> {
        &self.shared
    }

    fn publish(self: &Arc<Self>, message: Bytes) {
        let store = Arc::clone(&self.shared.store);
        let threads = &self.place.threads;
        // Without a thread it is lost, as it may be on its way.
        let _ = threads.run(move || store.publish(&message));
    }

    fn spawn_job(self: &Arc<Self>, job: Job) {
        let (runtime, exchange) = (Arc::clone(self), ActiveExchange::of_job(self, job));
        Box::new(ExchangeDriver::new(runtime, exchange, None)).drive_elsewhere();
    }
}
