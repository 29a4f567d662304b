//! The driver: one loop that performs what an exchange wants, on the thread of its connection.
//!
//! Fetches and the store are asked here, one after the other, when the exchange has nothing else
//! to do; an answer that was polled goes out before. Calls run on threads of their own. While it
//! waits, the thread is parked on the exchange's mailbox and now and then looks whether the peer is
//! still there.
//!
//! An exchange that goes on after its answer (a message of HTTP+SSE is accepted first and worked on
//! then) moves to a thread of its own, so that the connection can take its next request. There are
//! at most [`REMAINDERS`] of them; beyond that it is finished here, and the connection waits.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{
    action::Action,
    admit::{Admission, admit},
    ask::{Fetch, Store, Ticket},
    event::Event,
    exchange::{Exchange, Job, Output},
    time::Instant,
};
use http::{Request, Response, request::Parts};

use crate::{
    Runtime,
    hub::{Mail, Mailbox},
    inbound::{Nobody, Peer, Service},
    perform::Calls,
};

/// How many exchanges may go on after their answer.
const REMAINDERS: usize = 256;

/// How often a waiting thread looks whether its peer is still there.
const LOOK: Duration = Duration::from_secs(1);

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

    fn serve(&self, request: Request<Bytes>, peer: &mut dyn Peer) {
        let run = Run::of_request(&self.runtime, request);
        if let Some(rest) = run.drive(peer) {
            rest.finish_elsewhere();
        }
    }
}

/// An exchange that is being driven.
struct Run {
    runtime: Arc<Runtime>,
    exchange: Exchange,
    asks: VecDeque<Asked>,
    calls: Calls,
    mailbox: Mailbox,
    /// Whether the hub knows of this exchange.
    is_enrolled: bool,
    /// Whether the exchange was told that its peer is gone: once is enough.
    told_gone: bool,
}

/// Something that the exchange wants to know.
enum Asked {
    Fetch(Ticket<Fetch>, Box<Fetch>),
    Store(Ticket<Store>, Store),
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
            asks: VecDeque::new(),
            calls: Calls::default(),
            mailbox: Mailbox::new(),
            is_enrolled: false,
            told_gone: false,
        }
    }

    /// The loop: performs actions and hands in events until the exchange is over (`None`), or has
    /// answered and goes on without its peer.
    fn drive(mut self, peer: &mut dyn Peer) -> Option<Self> {
        loop {
            match self.exchange.poll() {
                Output::Do(action) => self.perform(action, peer),
                Output::Wait(_) if peer.is_served() => return Some(self),
                Output::Wait(until) => {
                    let event = self.next_event(until, peer);
                    let known = self.runtime.hub.known();
                    let env = self.runtime.env(&known, self.runtime.clock.now());
                    if let Err(misuse) = self.exchange.handle(event, env) {
                        tracing::error!("a bug in the driver: {misuse}");
                        return None;
                    }
                }
                Output::Done(_) => return None,
            }
        }
    }

    fn perform(&mut self, action: Action, peer: &mut dyn Peer) {
        match action {
            Action::Respond(response) => peer.respond(response),
            Action::Open(head) => peer.open(head),
            Action::Write(bytes) => peer.write(&bytes),
            Action::Close => peer.close(),
            Action::Fetch(ticket, fetch) => {
                self.asks.push_back(Asked::Fetch(ticket, Box::new(fetch)));
            }
            Action::Store(ticket, ask) => self.asks.push_back(Asked::Store(ticket, ask)),
            Action::Invoke(ticket, perform) => {
                let (stage, mailbox) = (&self.runtime.stage, &self.mailbox);
                self.calls.start(ticket, *perform, stage, mailbox);
            }
            Action::Resume(id, granted) => self.calls.grant(id, granted),
            Action::Cancel(id) => {
                self.asks.retain(|ask| ask.id() != id);
                self.calls.cancel(id);
            }
            Action::ToHub(message) => {
                let id = self.exchange.id();
                if !self.is_enrolled {
                    self.is_enrolled = true;
                    self.runtime.hub.enroll(id, &self.mailbox);
                }
                let now = self.runtime.clock.now();
                let jobs = self.runtime.hub.tell(id, message, now);
                start(&self.runtime, jobs);
            }
            Action::Log(audit) => entra_mcp_runtime::audit(&audit),
            other => tracing::error!("a bug: this runtime does not know {other:?}"),
        }
    }

    /// What happens next: the peer leaves, an ask is answered, the hub has a message, a call goes on, or
    /// it is time.
    fn next_event(&mut self, until: Instant, peer: &mut dyn Peer) -> Event {
        loop {
            let ending = self.runtime.is_closing() && peer.is_streaming();
            if !self.told_gone && (ending || peer.is_gone()) {
                return self.gone();
            }
            if let Some(ask) = self.asks.pop_front() {
                return ask.answer(&self.runtime);
            }
            let left = self.runtime.clock.until(until);
            match self.mailbox.wait(left.min(LOOK)) {
                Mail::Message(message) => return Event::FromHub(message),
                Mail::Called(number, message) => {
                    if let Some(event) = self.calls.handle(number, message) {
                        return event;
                    }
                }
                Mail::Nothing if self.runtime.clock.until(until).is_zero() => return Event::Tick,
                Mail::Nothing => {}
                Mail::Overflowed if self.told_gone => {}
                Mail::Overflowed => return self.gone(),
            }
        }
    }

    fn gone(&mut self) -> Event {
        self.told_gone = true;
        Event::Disconnected
    }

    /// Goes on without a peer, on a thread of its own if there may be one more.
    fn finish_elsewhere(self) {
        match Place::take(&self.runtime) {
            Some(place) => self.drive_elsewhere("remainder", Some(place)),
            None => drop(self.drive(&mut Nobody)),
        }
    }

    /// Drives without a peer on a new thread; on this one if there is no other to be had.
    fn drive_elsewhere(self, name: &str, place: Option<Place>) {
        // If the thread cannot be started, the exchange must not be lost with its closure.
        let run = Arc::new(Mutex::new(Some(self)));
        let moved = Arc::clone(&run);
        let finish = |run: &Mutex<Option<Self>>| {
            let run = run.lock().unwrap_or_else(PoisonError::into_inner).take();
            run.map(|run| run.drive(&mut Nobody))
        };
        let started = crate::spawn(name, move || {
            let _place = place;
            finish(&moved);
        });
        if started.is_err() {
            finish(&run);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.mailbox.close();
        if self.is_enrolled {
            let jobs = self.runtime.hub.forget(self.exchange.id());
            start(&self.runtime, jobs);
        }
        self.runtime.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Asked {
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
                let now = runtime.clock.now().unix;
                ticket.answer(runtime.store.answer(ask, now))
            }
        }
    }
}

/// Runs jobs, each on a thread of its own: the hub starts few.
pub(crate) fn start(runtime: &Arc<Runtime>, jobs: Vec<Job>) {
    for job in jobs {
        Run::of_job(runtime, job).drive_elsewhere("job", None);
    }
}

/// One of the places for exchanges that go on after their answer.
struct Place(Arc<Runtime>);

impl Place {
    fn take(runtime: &Arc<Runtime>) -> Option<Self> {
        let count: &AtomicUsize = &runtime.remainders;
        let place = Self(Arc::clone(runtime));
        (count.fetch_add(1, Ordering::AcqRel) < REMAINDERS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.remainders.fetch_sub(1, Ordering::AcqRel);
    }
}
