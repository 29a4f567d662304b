//! How a step asks, answers, sends and waits.

mod announce;
mod audit;
mod backends;
mod live_asks;
mod response_headers;

use std::{collections::VecDeque, time::Duration};

use ::http::{HeaderMap, header};
use bytes::Bytes;

use self::{audit::Audit, live_asks::LiveAsks, response_headers::ResponseHeaders};

use crate::{
    action::Action,
    ask::{Ask, AskId, Awaiting, ClientAssertion, Fetch, Invoke, Sign, Store, Ticket},
    catalog::EffectResult,
    entropy::Entropy,
    env::Env,
    event::Answer,
    hub::{HubAsk, ToHub, ToHubKind},
    log_event::{Field, LogEvent},
    opened_session::OpenedSession,
    pause::{Pause, Pauses},
    planted::Planted,
    replicas::ReplicaMessage,
    request_id::RequestId,
    time::Instant,
};

/// What a step leaves: a state that waits for the next event, or what it was for.
///
/// `T` is what a machine inside another results in. An exchange itself results in nothing: when it is
/// ready, it is over.
#[derive(Debug)]
#[must_use]
pub(crate) enum Progress<S, T = ()> {
    /// This state waits for the next event.
    Pending(S),
    /// There is nothing more to wait for.
    Ready(T),
}

impl<S, T> Progress<S, T> {
    /// Makes the state that waits a part of a larger one.
    pub(crate) fn map_pending<P>(self, wrap: impl FnOnce(S) -> P) -> Progress<P, T> {
        match self {
            Self::Pending(state) => Progress::Pending(wrap(state)),
            Self::Ready(result) => Progress::Ready(result),
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
        let (ticket, awaiting) = self.out.ask();
        self.out.push(Action::Fetch(ticket, Box::new(fetch)));
        awaiting
    }

    /// Has the runtime make a client assertion.
    pub(crate) fn assert(&mut self, assertion: ClientAssertion) -> Awaiting<ClientAssertion> {
        let (ticket, awaiting) = self.out.ask();
        self.out.push(Action::Assert(ticket, assertion));
        awaiting
    }

    /// Has the runtime make a key or a signature.
    pub(crate) fn sign(&mut self, sign: Sign) -> Awaiting<Sign> {
        let (ticket, awaiting) = self.out.ask();
        self.out.push(Action::Sign(ticket, sign));
        awaiting
    }

    /// Asks the store.
    pub(crate) fn store(&mut self, store: Store) -> Awaiting<Store> {
        let (ticket, awaiting) = self.out.ask();
        if store.writes() && !self.env.server.has(Planted::WritesNotAwaited) {
            self.out.writes.push(ticket.id());
        }
        self.out.push(Action::Store(ticket, store));
        awaiting
    }

    /// Goes on after this.
    pub(crate) fn pause(&mut self, duration: Duration) -> Awaiting<Pause> {
        let (ticket, awaiting) = self.out.ask();
        let end = self.env.now.instant.after(duration);
        self.out.pauses.add(end, ticket);
        awaiting
    }

    /// Has the runtime perform a call of its own.
    pub(crate) fn invoke(&mut self, invoke: Invoke) -> Awaiting<Invoke> {
        let (ticket, awaiting) = self.out.ask();
        self.out.push(Action::Invoke(ticket, Box::new(invoke)));
        awaiting
    }

    /// Tells such a call that its oldest open effect was granted.
    pub(crate) fn resume(&mut self, call: &Awaiting<Invoke>, granted: EffectResult) {
        self.out.push(Action::Resume(call.id(), granted));
    }

    /// The answer to an ask matters no more.
    pub(crate) fn cancel<A: Ask>(&mut self, ask: &Awaiting<A>) {
        self.cancel_ask(ask.id());
    }

    pub(crate) fn cancel_ask(&mut self, ask: AskId) {
        self.out.writes.retain(|write| *write != ask);
        self.out.push(Action::Cancel(ask));
    }

    /// Answers the request, whole.
    pub(crate) fn respond(&mut self, response: ::http::Response<Bytes>) {
        if self.env.server.has(Planted::AnsweredTwice) {
            self.out.push(Action::Respond(response.clone()));
        }
        self.out.respond(response);
    }

    /// Answers the request and ends the exchange.
    pub(crate) fn done<S>(&mut self, response: ::http::Response<Bytes>) -> Progress<S> {
        self.respond(response);
        Progress::Ready(())
    }

    /// Begins a streamed answer.
    pub(crate) fn open(&mut self, mut head: ::http::Response<()>) {
        self.out.apply_response_headers(head.headers_mut());
        self.out.push(Action::Open(head));
    }

    /// Sends a piece of a streamed answer.
    pub(crate) fn write(&mut self, bytes: Bytes) {
        self.out.push(Action::Write(bytes));
    }

    /// The headers that the answer of this exchange gets, whatever it is.
    pub(crate) fn response_headers(&mut self) -> &mut ResponseHeaders {
        &mut self.out.response_headers
    }

    /// Ends a streamed answer.
    pub(crate) fn close(&mut self) {
        self.out.push(Action::Close);
    }

    /// Asks the hub, with a message that holds the ticket.
    pub(crate) fn ask_hub<A: HubAsk>(
        &mut self,
        message: impl FnOnce(Ticket<A>) -> ToHubKind,
    ) -> Awaiting<A> {
        let (ticket, awaiting) = self.out.ask();
        self.to_hub(ToHub(message(ticket)));
        awaiting
    }

    /// Sends the hub a message.
    #[expect(clippy::wrong_self_convention, reason = "to the hub, not into one")]
    pub(crate) fn to_hub(&mut self, message: ToHub) {
        self.out.push(Action::ToHub(message));
    }

    /// Sends a message to the hub, and to those of the other replicas.
    #[expect(clippy::wrong_self_convention, reason = "to the hubs, not into them")]
    pub(crate) fn to_every_hub(&mut self, message: ReplicaMessage) {
        let sealed = message.seal(self.env.server, self.env.now.unix, self.entropy);
        self.to_hub(message.into_hub());
        if let Some(sealed) = sealed {
            self.out.push(Action::Publish(sealed));
        }
    }

    /// Sends a message to the hubs of the other replicas only.
    #[expect(clippy::wrong_self_convention, reason = "to the hubs, not into them")]
    pub(crate) fn to_other_hubs(&mut self, message: &ReplicaMessage) {
        let sealed = message.seal(self.env.server, self.env.now.unix, self.entropy);
        if let Some(sealed) = sealed {
            self.out.push(Action::Publish(sealed));
        }
    }

    /// Has the runtime keep a session that was opened, for later requests.
    pub(crate) fn remember(&mut self, opened: OpenedSession) {
        self.out.push(Action::Remember(opened));
    }

    /// Writes to the log, and so to the audit log if that tells of it.
    pub(crate) fn log(&mut self, event: impl Into<LogEvent>) {
        let event = event.into();
        let event = self
            .out
            .request_id
            .with_text(|id| event.with(Field::RequestId, id));
        let event = match &self.out.audit {
            Some(audit) if event.id().audit_outcome().is_some() => {
                event.audited(audit.at(self.env.now.instant))
            }
            _ => event,
        };
        self.out.push(Action::Log(event));
    }

    /// Returns the id that lines of this exchange carry, and error pages.
    pub(crate) fn request_id(&self) -> String {
        self.out.request_id.to_text()
    }

    /// Returns how many milliseconds ago the exchange began.
    pub(crate) fn milliseconds(&self) -> u64 {
        self.env.now.instant.0.saturating_sub(self.out.began.0)
    }

    /// Returns the same as it is kept.
    pub(crate) fn request(&self) -> &RequestId {
        &self.out.request_id
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
    /// The asks of which a state may still hold the [`Awaiting`].
    live: LiveAsks,
    /// The writes that the store has not answered yet.
    writes: Vec<AskId>,
    wake: Instant,
    pauses: Pauses,
    responded: bool,
    /// Headers that the answer gets, whatever it is.
    response_headers: ResponseHeaders,
    request_id: RequestId,
    /// When it began.
    began: Instant,
    /// What the audit log says besides, if there is one.
    audit: Option<Box<Audit>>,
}

impl Outbox {
    pub(crate) fn new(wake: Instant, request_id: RequestId) -> Self {
        Self {
            actions: VecDeque::new(),
            asked: 0,
            live: LiveAsks::default(),
            writes: Vec::new(),
            wake,
            pauses: Pauses::default(),
            responded: false,
            response_headers: ResponseHeaders::default(),
            request_id,
            began: Instant(0),
            audit: None,
        }
    }

    /// It begins now.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.began = now;
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// Answers the request, whole.
    pub(crate) fn respond(&mut self, mut response: ::http::Response<Bytes>) {
        self.apply_response_headers(response.headers_mut());
        self.push(Action::Respond(response));
    }

    fn apply_response_headers(&mut self, headers: &mut HeaderMap) {
        debug_assert!(!self.responded, "an exchange answers once");
        self.responded = true;
        self.request_id.name_in(headers);
        for (name, value) in std::mem::take(&mut self.response_headers) {
            // Cookies are set one by one; of the others there is one.
            if name == header::SET_COOKIE {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Gives back the memory of actions that were polled, if the response has begun: what waits then mostly waits for
    /// long.
    pub(crate) fn release(&mut self) {
        if self.responded && self.actions.is_empty() {
            self.actions = VecDeque::new();
        }
    }

    pub(crate) fn responded(&self) -> bool {
        self.responded
    }

    /// When to be woken for the state; for one that is no stream, when its time is up.
    pub(crate) fn wake(&self) -> Instant {
        self.wake
    }

    /// When to be woken, for a pause also.
    pub(crate) fn next_tick(&self) -> Instant {
        let pause = self.pauses.next_end();
        pause.map_or(self.wake, |pause| pause.min(self.wake))
    }

    /// A pause that is over and that somebody waits for.
    pub(crate) fn take_pause(&mut self, now: Instant) -> Option<Answer> {
        loop {
            let answer = Answer::Paused(self.pauses.take(now)?);
            if !self.is_stale(&answer) {
                return Some(answer);
            }
        }
    }

    fn ask<A: Ask>(&mut self) -> (Ticket<A>, Awaiting<A>) {
        let id = AskId(self.asked);
        self.asked = self.asked.saturating_add(1);
        (Ticket::new(id), self.live.awaiting(id))
    }

    /// Whether the store has not answered a write yet.
    pub(crate) fn is_writing(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Notes that a write was answered, if this is the answer to one.
    pub(crate) fn settle(&mut self, answer: &Answer) {
        self.writes.retain(|write| *write != answer.ask());
    }

    /// Waits for writes until then, when nothing else is left to do.
    pub(crate) fn wait_for_writes(&mut self, until: Instant) {
        self.pauses.clear();
        if self.is_writing() {
            self.wake = until;
        }
    }

    /// Waits for them no more.
    pub(crate) fn abandon_writes(&mut self) {
        self.writes.clear();
    }

    /// Whether an answer is that to an ask which no state waits for any more.
    pub(crate) fn is_stale(&self, answer: &Answer) -> bool {
        !self.live.is_awaited(answer.ask())
    }
}

#[cfg(test)]
mod tests;
