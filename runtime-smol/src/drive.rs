//! The driver: one loop that performs what an exchange wants, inside the task of its connection.
//!
//! Fetches and the store are asked concurrently and answered in any order; while the exchange waits,
//! so does its task: for an answer, for the hub, for the peer to leave, or until it is time.
//!
//! What goes on without its peer or after the answer (a message of HTTP+SSE that was accepted first and
//! is worked on then) is finished by a task of its own: [`crate::work::DetachOnDrop`].

use std::{
    ops::ControlFlow,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    ask::{ClientAssertion, Fetch, Store, Ticket},
    catalog::EffectResult,
    event::Event,
    exchange::{Job, Output},
    log_event::{Field, LogEvent, LogEventId},
    time,
};
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::{
    ActiveExchange, DriveJobs, RequestOrigin, RequestPermit, Shared, SharedOffer, TokenHolder, sign,
};
use http::Response;
use smol::unblock;

use crate::{
    Runtime,
    backend::BackendAsks,
    inbound::{Admitted, ResponseWriter, Service},
    invoke::{BoxedHandler, Calls},
    mailbox::{self, Mailbox, MailboxSender},
    outbound::OpenBodies,
    own_route::own_route,
    pending_asks::PendingAsks,
    work::{Detached, Work, turn},
};

/// The MCP server and authorization server, as a service of the inbound side.
#[derive(Debug)]
pub(crate) struct ExchangeService {
    runtime: Arc<Runtime>,
}

impl ExchangeService {
    /// Serves with this runtime.
    pub(crate) fn new(runtime: Arc<Runtime>) -> Self {
        Self { runtime }
    }
}

impl Service for ExchangeService {
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
        let serve = move |body: Bytes, writer, permit: RequestPermit| -> Box<dyn Work> {
            let admission = permit.count(admission, &body);
            let exchange = ActiveExchange::of_request(&runtime, admission, body);
            Box::new(ExchangeDriver::new(runtime, exchange, writer, Some(permit)))
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
    writer: ResponseWriter,
    asks: PendingAsks,
    calls: Calls,
    backends: BackendAsks,
    open: OpenBodies,
    mailbox: Option<Mailbox>,
    /// Whether the exchange was told that its peer is gone: once is enough.
    disconnect_sent: bool,
    /// When the exchange wants to go on, if it waits.
    deadline: Option<std::time::Instant>,
    /// Those of the request, until the exchange is over.
    _permit: Option<RequestPermit>,
}

impl ExchangeDriver {
    fn new(
        runtime: Arc<Runtime>,
        exchange: ActiveExchange<Runtime>,
        writer: ResponseWriter,
        permit: Option<RequestPermit>,
    ) -> Self {
        Self {
            runtime,
            exchange,
            writer,
            asks: PendingAsks::default(),
            calls: Calls::default(),
            backends: BackendAsks::default(),
            open: OpenBodies::default(),
            mailbox: None,
            disconnect_sent: false,
            deadline: None,
            _permit: permit,
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Respond(response) => self.writer.respond(response),
            Action::Open(head) => self.writer.open(head),
            Action::Write(bytes) => self.writer.write(bytes),
            Action::Close => self.writer.close(),
            Action::Fetch(ticket, fetch) => self.fetch(ticket, *fetch),
            Action::Assert(ticket, assertion) => self.assert(ticket, assertion),
            Action::Store(ticket, ask) => self.store(ticket, ask),
            Action::Invoke(ticket, perform) => {
                self.calls.start(ticket, *perform, self.exchange.handlers());
            }
            Action::Resume(id, result) => {
                let body = match &result {
                    EffectResult::GraphStream(_, ask) => self.open.take(*ask),
                    _ => None,
                };
                self.calls.resume(id, result, body);
            }
            Action::Sign(ticket, wanted) => {
                let (id, signed) = (ticket.id(), sign(&wanted));
                self.asks.answered(id, ticket.answer(signed));
            }
            backend @ (Action::Pull(..)
            | Action::Spawn(..)
            | Action::More(_)
            | Action::Feed(..)
            | Action::End(..)) => self.backends.perform(backend, &self.runtime),
            Action::Cancel(id) => {
                self.asks.cancel(id);
                self.calls.cancel(id);
                self.backends.cancel(id);
            }
            Action::ToHub(message) => {
                let mailbox = &mut self.mailbox;
                self.exchange.send_to_hub(message, || {
                    let (sender, receiver) = mailbox::mailbox();
                    *mailbox = Some(receiver);
                    sender
                });
            }
            Action::Publish(message) => self.runtime.publish(message),
            Action::Log(event) => entra_mcp_runtime::log(&event),
            other => {
                let bug = LogEvent::new(LogEventId::RuntimeUnknownAction);
                entra_mcp_runtime::log(&bug.with(Field::Action, format!("{other:?}")));
            }
        }
    }

    fn fetch(&mut self, ticket: Ticket<Fetch>, fetch: Fetch) {
        let runtime = Arc::clone(&self.runtime);
        let id = ticket.id();
        let Some(kept_open) = fetch.kept_open else {
            return self
                .asks
                .hold(id, async move { ticket.answer(runtime.fetch(fetch).await) });
        };
        let open = self.open.clone();
        self.asks.hold(id, async move {
            ticket.answer(
                runtime
                    .fetch_open(fetch, kept_open)
                    .await
                    .map(|(response, body)| {
                        if let Some(body) = body {
                            open.keep(id, body);
                        }
                        response
                    }),
            )
        });
    }

    fn assert(&mut self, ticket: Ticket<ClientAssertion>, assertion: ClientAssertion) {
        let assertions = Arc::clone(&self.runtime.shared.client_assertions);
        let now = self.exchange.now().unix;
        self.asks.push(ticket.id(), async move {
            // Reads a file and signs: too long for the thread of others.
            ticket.answer(unblock(move || assertions.answer(&assertion, now)).await)
        });
    }

    fn store(&mut self, ticket: Ticket<Store>, ask: Store) {
        let store = Arc::clone(&self.runtime.shared.store);
        let now = self.exchange.now().unix;
        let id = ticket.id();
        if store.answers_at_once(&ask) {
            // Going to another thread and back costs ten times as much.
            let answer = store.answer(ask, now);
            self.asks.answered(id, ticket.answer(answer));
        } else {
            self.asks.push(id, async move {
                ticket.answer(unblock(move || store.answer(ask, now)).await)
            });
        }
    }

    /// A step of the loop: performs an action or hands in an event, until the exchange is over.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<ControlFlow<()>> {
        ready!(self.writer.poll_ready(cx));
        match self.exchange.poll() {
            Output::Do(action) => self.perform(action),
            Output::Wait(until) => {
                let event = ready!(self.poll_event(cx, until));
                if !self.exchange.handle(event) {
                    return Poll::Ready(ControlFlow::Break(()));
                }
            }
            Output::Done(_) => {
                self.writer.close();
                return Poll::Ready(ControlFlow::Break(()));
            }
        }
        Poll::Ready(ControlFlow::Continue(()))
    }

    /// What happens next: an ask is answered, the hub has a message, a call goes on, the peer leaves, or it is time.
    fn poll_event(&mut self, cx: &mut Context<'_>, until: time::Instant) -> Poll<Event> {
        if let Poll::Ready(event) = self.asks.poll(cx) {
            return Poll::Ready(event);
        }
        // It may be that the session has ended: nobody is sent its tokens after that.
        if let Some(mailbox) = &self.mailbox
            // Its other end is dropped after the exchange.
            && let Poll::Ready(Some(message)) = mailbox.poll_next(cx)
        {
            return Poll::Ready(Event::FromHub(message));
        }
        if self.asks.begin()
            && let Poll::Ready(event) = self.asks.poll(cx)
        {
            return Poll::Ready(event);
        }
        if let Poll::Ready(event) = self.calls.poll(cx, &self.runtime.executor) {
            self.exchange.read_clock();
            return Poll::Ready(event);
        }
        if !self.disconnect_sent && self.writer.poll_disconnected(cx).is_ready() {
            self.disconnect_sent = true;
            return Poll::Ready(Event::Disconnected);
        }
        if until <= self.exchange.now().instant {
            return Poll::Ready(Event::Tick);
        }
        // After all else: a backend may always have more to say.
        if let Poll::Ready(event) = self.backends.poll(cx) {
            return Poll::Ready(event);
        }
        let deadlines = self.backends.deadline().into_iter();
        self.deadline = deadlines.chain([self.runtime.shared.clock.at(until)]).min();
        Poll::Pending
    }
}

impl Work for ExchangeDriver {
    fn poll(&mut self, cx: &mut Context<'_>, now: time::Now) -> Poll<()> {
        self.deadline = None;
        self.exchange.at(now);
        turn(cx, |cx| self.poll_step(cx))
    }

    fn deadline(&self) -> Option<std::time::Instant> {
        self.deadline
    }
}

impl DriveJobs for Runtime {
    type Mailbox = MailboxSender;
    type Handler = BoxedHandler;

    fn offer(&self) -> &SharedOffer<BoxedHandler> {
        &self.offer
    }

    fn shared(&self) -> &Shared<MailboxSender> {
        &self.shared
    }

    fn publish(self: &Arc<Self>, message: Bytes) {
        let store = Arc::clone(&self.shared.store);
        unblock(move || store.publish(&message)).detach();
    }

    fn spawn_job(self: &Arc<Self>, job: Job) {
        let (runtime, exchange) = (Arc::clone(self), ActiveExchange::of_job(self, job));
        let driver = ExchangeDriver::new(runtime, exchange, ResponseWriter::null(), None);
        self.executor.spawn(Detached::new(Box::new(driver)));
    }
}
