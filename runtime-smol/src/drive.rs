//! The driver: one loop that performs what an exchange wants, inside the task of its connection.
//!
//! Fetches and the store are asked concurrently and answered in any order; while the exchange waits,
//! so does its task: for an answer, for the hub, for the peer to leave, or until it is time.
//!
//! What goes on after the answer or without its peer (a stream, a message of HTTP+SSE that was
//! accepted first and is worked on then) is finished by a task of its own:
//! [`crate::executor::DetachOnDrop`].

use std::{future::Future, pin::Pin, sync::Arc, task::Poll};

use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    admit::{admit, log_event_of},
    ask::{AskId, Fetch, Store, Ticket},
    event::Event,
    exchange::{Job, Output},
    log_event::{Field, LogEvent, LogEventId},
    time::Instant,
};
use entra_mcp_runtime::{ActiveExchange, DriveJobs, SessionKey, Shared};
use http::{Response, request::Parts};
use smol::{
    Timer,
    future::{self, FutureExt as _},
    unblock,
};

use crate::{
    Runtime,
    executor::Work,
    inbound::{Admitted, ResponseWriter, Service},
    invoke::Calls,
    mailbox::{self, Mailbox, MailboxSender},
};

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
        let serve = move |body, client, writer| -> Work {
            Box::pin(async move {
                let admission = admission.of_client(client);
                let exchange = ActiveExchange::of_request(&runtime, admission, body);
                ExchangeDriver::new(&runtime, exchange).drive(writer).await
            })
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
    asks: PendingAsks,
    calls: Calls,
    mailbox: Option<Mailbox>,
    /// Whether the exchange was told that its peer is gone: once is enough.
    disconnect_sent: bool,
}

impl ExchangeDriver {
    fn new(runtime: &Arc<Runtime>, exchange: ActiveExchange<Runtime>) -> Self {
        Self {
            runtime: Arc::clone(runtime),
            exchange,
            asks: PendingAsks::default(),
            calls: Calls::default(),
            mailbox: None,
            disconnect_sent: false,
        }
    }

    /// The loop: performs actions and hands in events until the exchange is over.
    async fn drive(mut self, mut writer: ResponseWriter) {
        loop {
            match self.exchange.poll() {
                Output::Do(action) => self.perform(action, &mut writer).await,
                Output::Wait(until) => {
                    let event = self.next_event(until, &writer).await;
                    if !self.exchange.handle(event) {
                        return;
                    }
                }
                Output::Done(_) => return writer.close().await,
            }
        }
    }

    async fn perform(&mut self, action: Action, writer: &mut ResponseWriter) {
        match action {
            Action::Respond(response) => writer.respond(response).await,
            Action::Open(head) => writer.open(head).await,
            Action::Write(bytes) => writer.write(bytes).await,
            Action::Close => writer.close().await,
            Action::Fetch(ticket, fetch) => self.fetch(ticket, fetch),
            Action::Store(ticket, ask) => self.store(ticket, ask),
            Action::Invoke(ticket, perform) => {
                let Runtime {
                    handlers, executor, ..
                } = &*self.runtime;
                self.calls.start(ticket, *perform, handlers, executor);
            }
            Action::Resume(id, result) => self.calls.resume(id, result),
            Action::Cancel(id) => {
                self.asks.cancel(id);
                self.calls.cancel(id);
            }
            Action::ToHub(message) => {
                let mailbox = &mut self.mailbox;
                self.exchange.send_to_hub(message, || {
                    let (sender, receiver) = mailbox::mailbox();
                    *mailbox = Some(receiver);
                    sender
                });
            }
            Action::Log(event) => entra_mcp_runtime::log(&event),
            other => {
                let bug = LogEvent::new(LogEventId::RuntimeUnknownAction);
                entra_mcp_runtime::log(&bug.with(Field::Action, format!("{other:?}")));
            }
        }
    }

    fn fetch(&mut self, ticket: Ticket<Fetch>, fetch: Fetch) {
        let runtime = Arc::clone(&self.runtime);
        self.asks.push(ticket.id(), async move {
            ticket.answer(runtime.outbound.fetch(fetch).await)
        });
    }

    fn store(&mut self, ticket: Ticket<Store>, ask: Store) {
        let runtime = Arc::clone(&self.runtime);
        let now = runtime.shared.clock.now().unix;
        self.asks.push(ticket.id(), async move {
            let store = Arc::clone(&runtime.shared.store);
            ticket.answer(match ask {
                // A page or two of a mapped cache, and no lock that a writer holds: going to
                // another thread and back costs ten times as much.
                Store::Get(_) => store.answer(ask, now),
                // Waits for the disk.
                _ => unblock(move || store.answer(ask, now)).await,
            })
        });
    }

    /// What happens next: an ask is answered, a call goes on, the hub has a message, the peer leaves, or it is time.
    async fn next_event(&mut self, until: Instant, writer: &ResponseWriter) -> Event {
        let (mailbox, disconnect_sent) = (&self.mailbox, self.disconnect_sent);
        let left = self.runtime.shared.clock.until(until);
        let answered = self.asks.next();
        let called = self.calls.next();
        let from_hub = async {
            match mailbox {
                // Its other end is dropped after the exchange.
                Some(mailbox) => match mailbox.recv().await {
                    Ok(message) => Event::FromHub(message),
                    Err(_) => future::pending().await,
                },
                None => future::pending().await,
            }
        };
        let gone = async {
            match disconnect_sent {
                false => writer.gone().await,
                true => future::pending().await,
            }
            Event::Disconnected
        };
        let tick = async {
            Timer::after(left).await;
            Event::Tick
        };
        let event = answered.or(called).or(from_hub).or(gone).or(tick).await;
        self.disconnect_sent |= matches!(event, Event::Disconnected);
        event
    }
}

/// What was asked and not yet answered. Dropping an ask stops it.
#[derive(Default)]
struct PendingAsks(Vec<(AskId, PendingAsk)>);

/// The answer to an ask, on its way.
type PendingAsk = Pin<Box<dyn Future<Output = Event> + Send>>;

impl PendingAsks {
    fn push(&mut self, id: AskId, ask: impl Future<Output = Event> + Send + 'static) {
        self.0.push((id, Box::pin(ask)));
    }

    fn cancel(&mut self, id: AskId) {
        self.0.retain(|(asked, _)| *asked != id);
    }

    /// The first answer that comes; never, if nothing was asked.
    async fn next(&mut self) -> Event {
        future::poll_fn(|cx| {
            for place in 0..self.0.len() {
                let answer = self.0.get_mut(place).map(|(_, ask)| ask.as_mut().poll(cx));
                if let Some(Poll::Ready(event)) = answer {
                    drop(self.0.remove(place));
                    return Poll::Ready(event);
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl DriveJobs for Runtime {
    type Mailbox = MailboxSender;

    fn shared(&self) -> &Shared<MailboxSender> {
        &self.shared
    }

    fn spawn_job(self: &Arc<Self>, job: Job) {
        let driver = ExchangeDriver::new(self, ActiveExchange::of_job(self, job));
        self.executor.spawn(driver.drive(ResponseWriter::null()));
    }
}
