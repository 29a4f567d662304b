//! The driver: one loop that performs what an exchange wants, inside the task of its connection.
//!
//! Fetches and the store are asked concurrently and answered in any order; while the exchange waits,
//! so does its task: for an answer, for the hub, for the peer to leave, or until it is time.
//!
//! What goes on after the answer or without its peer (a stream, a message of HTTP+SSE that was
//! accepted first and is worked on then) is finished by a task of its own:
//! [`crate::executor::Unfinished`].

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    admit::{Admission, admit},
    ask::{AskId, Fetch, Store, Ticket},
    event::Event,
    exchange::{Exchange, Job, Output},
    time::Instant,
};
use http::{Request, Response, request::Parts};
use smol::{
    Timer,
    future::{self, FutureExt as _},
    unblock,
};

use crate::{
    Runtime,
    executor::Work,
    hub::Mailbox,
    inbound::{Peer, Service},
    perform::Calls,
};

/// The MCP server and authorization server, as a service of the inbound side.
#[derive(Debug)]
pub(crate) struct Front {
    runtime: Arc<Runtime>,
}

impl Front {
    /// The front of a runtime.
    pub(crate) fn new(runtime: Arc<Runtime>) -> Self {
        Self { runtime }
    }
}

impl Service for Front {
    fn admit(&self, head: &Parts) -> Result<Admission, Box<Response<Bytes>>> {
        admit(head, &self.runtime.server, self.runtime.clock.now())
    }

    fn serve(&self, request: Request<Bytes>, peer: Peer) -> Work {
        let runtime = Arc::clone(&self.runtime);
        Box::pin(async move { Run::of_request(&runtime, request).drive(peer).await })
    }
}

/// An exchange that is being driven.
struct Run {
    runtime: Arc<Runtime>,
    exchange: Exchange,
    asks: Asks,
    calls: Calls,
    mailbox: Option<Mailbox>,
    /// Whether the hub knows of this exchange.
    is_enrolled: bool,
    /// Whether the exchange was told that its peer is gone: once is enough.
    told_gone: bool,
}

impl Run {
    fn of_request(runtime: &Arc<Runtime>, request: Request<Bytes>) -> Self {
        let (id, seed) = (runtime.next_exchange(), entra_mcp_runtime::seed());
        let known = runtime.hub.known();
        let env = runtime.env(&known, runtime.clock.now());
        Self::new(runtime, Exchange::new(id, &seed, request, env))
    }

    fn of_job(runtime: &Arc<Runtime>, job: Job) -> Self {
        let (id, seed) = (runtime.next_exchange(), entra_mcp_runtime::seed());
        let known = runtime.hub.known();
        let env = runtime.env(&known, runtime.clock.now());
        Self::new(runtime, Exchange::job(id, &seed, job, env))
    }

    fn new(runtime: &Arc<Runtime>, exchange: Exchange) -> Self {
        runtime.busy.fetch_add(1, Ordering::AcqRel);
        Self {
            runtime: Arc::clone(runtime),
            exchange,
            asks: Asks::default(),
            calls: Calls::default(),
            mailbox: None,
            is_enrolled: false,
            told_gone: false,
        }
    }

    /// The loop: performs actions and hands in events until the exchange is over.
    async fn drive(mut self, mut peer: Peer) {
        loop {
            match self.exchange.poll() {
                Output::Do(action) => self.perform(action, &mut peer).await,
                Output::Wait(until) => {
                    let event = self.next_event(until, &peer).await;
                    let known = self.runtime.hub.known();
                    let env = self.runtime.env(&known, self.runtime.clock.now());
                    if let Err(misuse) = self.exchange.handle(event, env) {
                        tracing::error!("a bug in the driver: {misuse}");
                        return;
                    }
                }
                Output::Done(_) => return peer.close().await,
            }
        }
    }

    async fn perform(&mut self, action: Action, peer: &mut Peer) {
        match action {
            Action::Respond(response) => peer.respond(response).await,
            Action::Open(head) => peer.open(head).await,
            Action::Write(bytes) => peer.write(bytes).await,
            Action::Close => peer.close().await,
            Action::Fetch(ticket, fetch) => self.fetch(ticket, fetch),
            Action::Store(ticket, ask) => self.store(ticket, ask),
            Action::Invoke(ticket, perform) => {
                let Runtime {
                    handlers, executor, ..
                } = &*self.runtime;
                self.calls.start(ticket, *perform, handlers, executor);
            }
            Action::Resume(id, granted) => self.calls.grant(id, granted),
            Action::Cancel(id) => {
                self.asks.cancel(id);
                self.calls.cancel(id);
            }
            Action::ToHub(message) => {
                let id = self.exchange.id();
                if !self.is_enrolled {
                    self.is_enrolled = true;
                    self.mailbox = Some(self.runtime.hub.enroll(id));
                }
                let now = self.runtime.clock.now();
                let jobs = self.runtime.hub.tell(id, message, now);
                start(&self.runtime, jobs);
            }
            Action::Log(audit) => entra_mcp_runtime::audit(&audit),
            other => tracing::error!("a bug: this runtime does not know {other:?}"),
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
        let now = runtime.clock.now().unix;
        self.asks.push(ticket.id(), async move {
            let store = Arc::clone(&runtime.store);
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
    async fn next_event(&mut self, until: Instant, peer: &Peer) -> Event {
        loop {
            let (mailbox, told_gone) = (&self.mailbox, self.told_gone);
            let left = self.runtime.clock.until(until);
            let answered = async { Some(self.asks.next().await) };
            let called = async { Some(self.calls.next().await) };
            let told = async {
                match mailbox {
                    Some(mailbox) => mailbox.recv().await.ok().map(Event::FromHub),
                    None => future::pending().await,
                }
            };
            let gone = async {
                match told_gone {
                    false => peer.gone().await,
                    true => future::pending().await,
                }
                Some(Event::Disconnected)
            };
            let tick = async {
                Timer::after(left).await;
                Some(Event::Tick)
            };
            match answered.or(called).or(told).or(gone).or(tick).await {
                Some(Event::Disconnected) => return self.gone(),
                Some(event) => return event,
                // The mailbox overflowed: there will be no more of it.
                None => self.mailbox = None,
            }
            if !self.told_gone {
                return self.gone();
            }
        }
    }

    fn gone(&mut self) -> Event {
        self.told_gone = true;
        Event::Disconnected
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.is_enrolled {
            let jobs = self.runtime.hub.forget(self.exchange.id());
            start(&self.runtime, jobs);
        }
        self.runtime.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What was asked and not yet answered. Dropping an ask stops it.
#[derive(Default)]
struct Asks(Vec<(AskId, Asked)>);

/// The answer to an ask, on its way.
type Asked = Pin<Box<dyn Future<Output = Event> + Send>>;

impl Asks {
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

/// Runs jobs, each as a task of its own: the hub starts few.
pub(crate) fn start(runtime: &Arc<Runtime>, jobs: Vec<Job>) {
    for job in jobs {
        let run = Run::of_job(runtime, job);
        runtime.executor.spawn(run.drive(Peer::nobody()));
    }
}
