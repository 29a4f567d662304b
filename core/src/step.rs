//! How a step asks, answers, tells and waits.

use std::collections::VecDeque;

use ::http::HeaderMap;
use bytes::Bytes;

use crate::{
    action::Action,
    ask::{Ask, AskId, Awaiting, Fetch, Invoke, Store, Ticket},
    catalog::EffectResult,
    entropy::Entropy,
    env::Env,
    hub::ToHub,
    log_event::{Level, LogEvent},
    planted::Planted,
    time::Instant,
};

/// What a step leaves: the next state, or nothing more to do.
#[derive(Debug)]
pub(crate) enum Next<S> {
    /// Wait for the next event in this state.
    Go(S),
    /// The exchange is over.
    Done,
}

impl<S> Next<S> {
    /// The same, as the state of something larger.
    pub(crate) fn map<T>(self, wrap: impl FnOnce(S) -> T) -> Next<T> {
        match self {
            Self::Go(state) => Next::Go(wrap(state)),
            Self::Done => Next::Done,
        }
    }
}

/// What a step sees and may do.
#[derive(Debug)]
pub(crate) struct Cx<'a> {
    /// What may be looked at.
    pub(crate) env: Env<'a>,
    /// What is random.
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) out: &'a mut Outbox,
}

impl Cx<'_> {
    /// Makes an outbound request.
    pub(crate) fn fetch(&mut self, fetch: Fetch) -> Awaiting<Fetch> {
        let id = self.out.next_ask();
        self.out.push(Action::Fetch(Ticket::new(id), fetch));
        Awaiting::new(id)
    }

    /// Asks the store.
    pub(crate) fn store(&mut self, store: Store) -> Awaiting<Store> {
        let id = self.out.next_ask();
        self.out.push(Action::Store(Ticket::new(id), store));
        Awaiting::new(id)
    }

    /// Has the runtime perform a call of its own.
    pub(crate) fn invoke(&mut self, invoke: Invoke) -> Awaiting<Invoke> {
        let id = self.out.next_ask();
        self.out
            .push(Action::Invoke(Ticket::new(id), Box::new(invoke)));
        Awaiting::new(id)
    }

    /// Tells such a call that its oldest open effect was granted.
    pub(crate) fn resume(&mut self, call: &Awaiting<Invoke>, granted: EffectResult) {
        self.out.push(Action::Resume(call.id(), granted));
    }

    /// The answer to an ask matters no more.
    pub(crate) fn cancel<A: Ask>(&mut self, ask: &Awaiting<A>) {
        self.out.push(Action::Cancel(ask.id()));
    }

    /// Answers the request, whole.
    pub(crate) fn respond(&mut self, response: ::http::Response<Bytes>) {
        if self.env.server.has(Planted::AnsweredTwice) {
            self.out.push(Action::Respond(response.clone()));
        }
        self.out.respond(response);
    }

    /// Answers the request and ends the exchange.
    pub(crate) fn done<S>(&mut self, response: ::http::Response<Bytes>) -> Next<S> {
        self.respond(response);
        Next::Done
    }

    /// Begins a streamed answer.
    pub(crate) fn open(&mut self, mut head: ::http::Response<()>) {
        self.out.dress(head.headers_mut());
        self.out.push(Action::Open(head));
    }

    /// Sends a piece of a streamed answer.
    pub(crate) fn write(&mut self, bytes: Bytes) {
        self.out.push(Action::Write(bytes));
    }

    /// The headers that the answer of this exchange gets, whatever it is.
    pub(crate) fn standing(&mut self) -> &mut HeaderMap {
        &mut self.out.standing
    }

    /// Ends a streamed answer.
    pub(crate) fn close(&mut self) {
        self.out.push(Action::Close);
    }

    /// Tells the hub.
    pub(crate) fn to_hub(&mut self, message: ToHub) {
        self.out.push(Action::ToHub(message));
    }

    /// Writes to the log.
    pub(crate) fn log(&mut self, audit: LogEvent) {
        self.out.push(Action::Log(audit));
    }

    /// Writes a sentence to the log.
    pub(crate) fn note(&mut self, level: Level, event: &'static str) {
        self.log(LogEvent::new(level, event));
    }

    /// When to be woken, or for an exchange that is no stream, when its time is up.
    pub(crate) fn wait_until(&mut self, instant: Instant) {
        self.out.wake = instant;
    }
}

/// The actions that were not polled yet, and what else an exchange keeps besides its state.
#[derive(Debug)]
pub(crate) struct Outbox {
    actions: VecDeque<Action>,
    asked: u64,
    wake: Instant,
    responded: bool,
    /// Headers that the answer gets, whatever it is.
    standing: HeaderMap,
}

impl Outbox {
    pub(crate) fn new(wake: Instant) -> Self {
        Self {
            actions: VecDeque::new(),
            asked: 0,
            wake,
            responded: false,
            standing: HeaderMap::new(),
        }
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// Answers the request, whole.
    pub(crate) fn respond(&mut self, mut response: ::http::Response<Bytes>) {
        self.dress(response.headers_mut());
        self.push(Action::Respond(response));
    }

    fn dress(&mut self, headers: &mut HeaderMap) {
        debug_assert!(!self.responded, "an exchange answers once");
        self.responded = true;
        for (name, value) in &self.standing {
            headers.insert(name, value.clone());
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    pub(crate) fn responded(&self) -> bool {
        self.responded
    }

    pub(crate) fn wake(&self) -> Instant {
        self.wake
    }

    fn next_ask(&mut self) -> AskId {
        let id = AskId(self.asked);
        self.asked = self.asked.saturating_add(1);
        id
    }
}
