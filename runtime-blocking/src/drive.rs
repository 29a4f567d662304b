//! The driver: one loop that performs what an exchange wants, on the thread of its connection.
//!
//! Fetches and the store are asked here, one after the other, when the exchange has nothing else
//! to do; an answer that was polled goes out before. Calls run on threads of their own. While it
//! waits, the thread is parked on the exchange's mailbox and now and then looks whether the peer is
//! still there.
//!
//! An exchange that goes on after its response (a message of HTTP+SSE is accepted first and worked on
//! then) moves to a thread of its own, so that the connection can take its next request. How many of a
//! session there may be is seen to before a request begins: [`entra_mcp_runtime::Remainder`].

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    admit::{admit, log_event_of},
    ask::{Fetch, Store, Ticket},
    event::Event,
    exchange::{Job, Output},
    log_event::{Field, LogEvent, LogEventId},
    time::Instant,
};
use entra_mcp_runtime::{ActiveExchange, DriveJobs, Remainder, RequestPermit, SessionKey, Shared};
use http::{Response, request::Parts};

use crate::{
    Runtime,
    inbound::{Admitted, NullWriter, ResponseWriter, Service},
    invoke::Calls,
    mailbox::{Mailbox, MailboxMessage},
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

#[expect(clippy::borrowed_box, reason = "it is what admit returns")]
fn log_refusal(refusal: &Box<Response<Bytes>>) {
    if let Some(event) = log_event_of(refusal) {
        entra_mcp_runtime::log(event);
    }
}

impl Service for McpService {
    fn admit(&self, head: Parts) -> Result<Admitted, Box<Response<Bytes>>> {
        let runtime = Arc::clone(&self.runtime);
        let admission = admit(head, &runtime.shared.server, runtime.shared.clock.now())
            .inspect_err(log_refusal)?;
        let body_limit = admission.body_limit();
        let session = admission.session().map(SessionKey::from);
        let serve = move |body, permit: RequestPermit, writer: &mut dyn ResponseWriter| {
            let admission = admission.of_client(permit.client());
            let exchange = ActiveExchange::of_request(&runtime, admission, body);
            let driver = ExchangeDriver::new(&runtime, exchange);
            if let Some(rest) = driver.drive(writer) {
                rest.detach(permit.remainder());
            }
        };
        Ok(Admitted {
            body_limit,
            session,
            serve: Box::new(serve),
        })
    }
}

/// An exchange that is being driven.
struct ExchangeDriver {
    runtime: Arc<Runtime>,
    exchange: ActiveExchange<Runtime>,
    asks: VecDeque<PendingAsk>,
    calls: Calls,
    mailbox: Mailbox,
    /// Whether the exchange was told that its peer is gone: once is enough.
    disconnect_sent: bool,
}

/// Something that the exchange wants to know.
enum PendingAsk {
    Fetch(Ticket<Fetch>, Box<Fetch>),
    Store(Ticket<Store>, Store),
}

impl ExchangeDriver {
    fn new(runtime: &Arc<Runtime>, exchange: ActiveExchange<Runtime>) -> Self {
        Self {
            runtime: Arc::clone(runtime),
            exchange,
            asks: VecDeque::new(),
            calls: Calls::default(),
            mailbox: Mailbox::default(),
            disconnect_sent: false,
        }
    }

    /// The loop: performs actions and hands in events until the exchange is over (`None`), or has
    /// answered and goes on without its peer.
    fn drive(mut self, writer: &mut dyn ResponseWriter) -> Option<Self> {
        loop {
            match self.exchange.poll() {
                Output::Do(action) => self.perform(action, writer),
                Output::Wait(_) if writer.is_complete() => return Some(self),
                Output::Wait(until) => {
                    let event = self.next_event(until, writer);
                    if !self.exchange.handle(event) {
                        return None;
                    }
                }
                Output::Done(_) => return None,
            }
        }
    }

    fn perform(&mut self, action: Action, writer: &mut dyn ResponseWriter) {
        match action {
            Action::Respond(response) => writer.respond(response),
            Action::Open(head) => writer.open(head),
            Action::Write(bytes) => writer.write(&bytes),
            Action::Close => writer.close(),
            Action::Fetch(ticket, fetch) => {
                self.asks
                    .push_back(PendingAsk::Fetch(ticket, Box::new(fetch)));
            }
            Action::Store(ticket, ask) => self.asks.push_back(PendingAsk::Store(ticket, ask)),
            Action::Invoke(ticket, perform) => {
                let (pool, mailbox) = (&self.runtime.pool, &self.mailbox);
                self.calls.start(ticket, *perform, pool, mailbox);
            }
            Action::Resume(id, result) => self.calls.resume(id, result),
            Action::Cancel(id) => {
                self.asks.retain(|ask| ask.id() != id);
                self.calls.cancel(id);
            }
            Action::ToHub(message) => {
                let mailbox = &self.mailbox;
                self.exchange.send_to_hub(message, || mailbox.clone());
            }
            Action::Log(event) => entra_mcp_runtime::log(&event),
            other => {
                let bug = LogEvent::new(LogEventId::RuntimeUnknownAction);
                entra_mcp_runtime::log(&bug.with(Field::Action, format!("{other:?}")));
            }
        }
    }

    /// What happens next: the peer leaves, an ask is answered, the hub has a message, a call goes on, or
    /// it is time.
    fn next_event(&mut self, until: Instant, writer: &mut dyn ResponseWriter) -> Event {
        loop {
            let ending = self.runtime.is_closing() && writer.is_streaming();
            if !self.disconnect_sent && (ending || writer.is_disconnected()) {
                return self.gone();
            }
            if let Some(ask) = self.asks.pop_front() {
                return ask.answer(&self.runtime);
            }
            let left = self.runtime.shared.clock.until(until);
            match self.mailbox.wait(left.min(DISCONNECT_POLL_INTERVAL)) {
                MailboxMessage::Message(message) => return Event::FromHub(message),
                MailboxMessage::Called(number, message) => {
                    if let Some(event) = self.calls.handle(number, message) {
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

    fn gone(&mut self) -> Event {
        self.disconnect_sent = true;
        Event::Disconnected
    }

    /// Goes on without a peer, on a thread of its own unless it is a stranger's.
    fn detach(self, mut remainder: Remainder) {
        match remainder.begin() {
            true => self.drive_on_a_thread("detached", Some(remainder)),
            false => drop(self.drive(&mut NullWriter)),
        }
    }

    /// Drives without a peer on a new thread; on this one if there is no other to be had.
    fn drive_on_a_thread(self, name: &str, remainder: Option<Remainder>) {
        // If the thread cannot be started, the exchange must not be lost with its closure.
        let run = Arc::new(Mutex::new(Some(self)));
        let moved = Arc::clone(&run);
        let finish = |run: &Mutex<Option<Self>>| {
            let run = run.lock().unwrap_or_else(PoisonError::into_inner).take();
            run.map(|run| run.drive(&mut NullWriter))
        };
        let started = crate::spawn(name, move || {
            let _counted = remainder;
            finish(&moved);
        });
        if started.is_err() {
            finish(&run);
        }
    }
}

impl Drop for ExchangeDriver {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

impl PendingAsk {
    fn id(&self) -> entra_mcp_core::ask::AskId {
        match self {
            Self::Fetch(ticket, _) => ticket.id(),
            Self::Store(ticket, _) => ticket.id(),
        }
    }

    fn answer(self, runtime: &Runtime) -> Event {
        match self {
            Self::Fetch(ticket, fetch) => ticket.answer(runtime.outbound.fetch(*fetch)),
            Self::Store(ticket, ask) => {
                let now = runtime.shared.clock.now().unix;
                ticket.answer(runtime.shared.store.answer(ask, now))
            }
        }
    }
}

impl DriveJobs for Runtime {
    type Mailbox = Mailbox;

    fn shared(&self) -> &Shared<Mailbox> {
        &self.shared
    }

    fn spawn_job(self: &Arc<Self>, job: Job) {
        let driver = ExchangeDriver::new(self, ActiveExchange::of_job(self, job));
        driver.drive_on_a_thread("job", None);
    }
}
