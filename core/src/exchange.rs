//! The machine: one HTTP request and its answer, or one job of the server's own.
//!
//! The contract of a runtime, in five lines:
//!
//! 1. After [`Admission::begin`] and after every [`Exchange::handle`], call [`Exchange::poll`] until it
//!    says `Wait` or `Done`; do each action in the order given.
//! 2. Answer every ticket once, whenever you like; report `Tick` when a wait is over and `Gone` when
//!    the peer is.
//! 3. Time never goes back; [`crate::time::Now`] is read once for each event.
//! 4. One thread at a time owns an exchange; it never needs a lock. The hub is all that is behind one.
//! 5. Nothing else: the core does not call you, spawn, sleep, log to a file or look at the
//!    environment.

mod rate_limited;
mod readiness;
mod state;

use bytes::Bytes;

use self::state::State;
use crate::{
    action::Action,
    admit::Admission,
    config::{ClientAddress, Endpoint},
    entropy::{Entropy, Seed},
    env::Env,
    event::{Event, Input},
    http::response,
    limits,
    request_id::RequestId,
    step::{Cx, Outbox, Progress},
    time::Instant,
};
pub use crate::{hub::Job, id::ExchangeId};

/// What a runtime is to do next.
#[derive(Debug)]
#[must_use]
pub enum Output {
    /// Do this, then poll again.
    Do(Action),
    /// Nothing until an event comes; hand in [`Event::Tick`] at this instant.
    Wait(Instant),
    /// The exchange is over.
    Done(Outcome),
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was for; a refusal is an answer too.
    Answered,
    /// The peer left before there was an answer.
    Abandoned,
    /// Its time ran out.
    TimedOut,
}

/// A runtime did not keep the contract. Never caused by what a peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// An event was handed in before `poll` had said `Wait` or `Done`.
    NotDrained,
    /// An event was handed in after `Done`.
    Finished,
}

impl std::fmt::Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotDrained => "an event was handed in before the actions were polled",
            Self::Finished => "an event was handed in after the exchange was done",
        })
    }
}

impl std::error::Error for Misuse {}

/// One request and its answer, or one job: owned by one task or thread.
#[derive(Debug)]
pub struct Exchange {
    id: ExchangeId,
    state: Option<State>,
    outbox: Outbox,
    entropy: Entropy,
    outcome: Option<Outcome>,
    is_gone: bool,
    /// Which MCP endpoint it is about.
    endpoint: Endpoint,
}

impl Admission {
    /// Begins the exchange of the request, whose body has been read.
    #[must_use]
    pub fn begin(self, id: ExchangeId, seed: &Seed, body: Bytes, env: Env<'_>) -> Exchange {
        let admitted = self.into_admitted();
        let (request_id, client) = (admitted.request_id.clone(), admitted.client);
        let env = env.at(admitted.endpoint);
        Exchange::begin(id, Entropy::new(seed), request_id, client, env, |cx| {
            State::of_request(*admitted, body, cx)
        })
    }
}

impl Exchange {
    /// Begins a job: the same machine, started by the server itself.
    #[must_use]
    pub fn job(id: ExchangeId, seed: &Seed, job: Job, env: Env<'_>) -> Self {
        let entropy = Entropy::new(seed);
        let request_id = RequestId::own(entropy.number_aside());
        let env = env.at(job.endpoint());
        Self::begin(id, entropy, request_id, None, env, |cx| {
            State::of_job(job, cx)
        })
    }

    fn begin(
        id: ExchangeId,
        mut entropy: Entropy,
        request_id: RequestId,
        client: Option<ClientAddress>,
        env: Env<'_>,
        start: impl FnOnce(&mut Cx<'_>) -> Progress<State>,
    ) -> Self {
        let until = env.now.instant.after(limits::EXCHANGE_TIMEOUT);
        let mut outbox = Outbox::new(until, request_id);
        outbox.begin(env.now.instant);
        if env.server.config.audit_log.is_some() {
            outbox.audit(client, env.now.instant);
        }
        let next = start(&mut Cx {
            env,
            entropy: &mut entropy,
            out: &mut outbox,
        });
        let mut exchange = Self {
            id,
            state: None,
            outbox,
            entropy,
            outcome: None,
            is_gone: false,
            endpoint: env.endpoint,
        };
        exchange.step(next);
        exchange
    }

    /// Returns the number that the runtime gave it.
    #[must_use]
    pub fn id(&self) -> ExchangeId {
        self.id
    }

    /// Tells the exchange what happened.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if the contract was broken; the exchange is then as it was.
    pub fn handle(&mut self, event: Event, env: Env<'_>) -> Result<(), Misuse> {
        let env = env.at(self.endpoint);
        if !self.outbox.is_empty() {
            return Err(Misuse::NotDrained);
        }
        let only_writes = self.outcome.is_some() && self.outbox.is_writing();
        let input = event.into_input();
        if let Input::Answer(answer) = &input {
            self.outbox.settle(answer);
        }
        if only_writes {
            if env.now.instant >= self.outbox.wake() {
                self.outbox.abandon_writes();
            }
            return Ok(());
        }
        let Some(state) = self.end_pauses(env) else {
            return Err(Misuse::Finished);
        };
        let Some(state) = state else {
            self.end(env);
            return Ok(());
        };
        // The one place where answers are dropped that nobody waits for any more.
        if matches!(&input, Input::Answer(answer) if self.outbox.is_stale(answer)) {
            self.state = Some(state);
            return Ok(());
        }
        self.advance(state, input, env);
        if self.outcome.is_some() {
            self.end(env);
        }
        Ok(())
    }

    /// Goes on after the pauses that are over. The state that it comes to, none if that was the end of the exchange;
    /// nothing if it was over before.
    fn end_pauses(&mut self, env: Env<'_>) -> Option<Option<State>> {
        let mut state = self.state.take()?;
        while let Some(answer) = self.outbox.take_pause(env.now.instant) {
            self.advance(state, Input::Answer(answer), env);
            match self.state.take() {
                Some(next) => state = next,
                None => return Some(None),
            }
        }
        Some(Some(state))
    }

    /// What is left to do is to wait for the store.
    fn end(&mut self, env: Env<'_>) {
        self.outbox
            .wait_for_writes(env.now.instant.after(limits::STORE_TIMEOUT));
    }

    fn advance(&mut self, state: State, input: Input, env: Env<'_>) {
        let is_gone = matches!(input, Input::Disconnected);
        self.is_gone |= is_gone;
        let overdue = env.now.instant >= self.outbox.wake();
        if is_gone && state.cancels_on_disconnect() {
            self.outcome = Some(Outcome::Abandoned);
            return;
        }
        if matches!(input, Input::Tick) && !state.wants_ticks() {
            if overdue {
                self.time_out();
            } else {
                self.state = Some(state);
            }
            return;
        }
        let mut cx = Cx {
            env,
            entropy: &mut self.entropy,
            out: &mut self.outbox,
        };
        let next = state.handle(input, &mut cx);
        self.step(next);
        if is_gone && self.outcome.is_some() && !self.outbox.responded() {
            self.outcome = Some(Outcome::Abandoned);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output {
        if let Some(action) = self.outbox.pop() {
            return Output::Do(action);
        }
        match self.outcome {
            // What was asked of the store in the last step, or before the peer left or the time was up, is
            // not lost with the exchange.
            Some(outcome) if !self.outbox.is_writing() => Output::Done(outcome),
            _ => {
                self.outbox.release();
                Output::Wait(self.outbox.next_tick())
            }
        }
    }

    fn step(&mut self, next: Progress<State>) {
        match next {
            Progress::Pending(state) => self.state = Some(state),
            Progress::Ready(()) if self.is_gone && !self.outbox.responded() => {
                self.outcome = Some(Outcome::Abandoned);
            }
            Progress::Ready(()) => self.outcome = Some(Outcome::Answered),
        }
    }

    fn time_out(&mut self) {
        if !self.outbox.responded() {
            self.outbox.respond(response::gateway_timeout());
        }
        self.outcome = Some(Outcome::TimedOut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ask::{Guard, Store, Stored, Ticket, Version},
        session::record::Hash,
        testing::{Sent, TestServer, client_id, entropy, session_of, session_token},
        time::UnixTime,
    };

    #[test]
    fn disconnect_before_response_abandons_exchange() {
        let server = TestServer::dev();
        let bearer = format!("Bearer {}", session_token(&server));
        let request = server
            .request("GET", "/sse")
            .header("authorization", bearer);
        let mut sent = server.send(request.body(Bytes::new()).unwrap());
        sent.handle(Event::Disconnected, server.env());
        let mut exchange = sent.exchange.unwrap();
        assert!(matches!(exchange.poll(), Output::Done(Outcome::Abandoned)));
        assert!(sent.response.is_none());
    }

    fn store_ticket(actions: &mut Vec<Action>) -> Ticket<Store> {
        match actions.pop() {
            Some(Action::Store(ticket, _)) => ticket,
            other => panic!("the store is asked, not {other:?}"),
        }
    }

    /// A revocation whose delete is under way, and the ticket of the delete.
    fn revoking(server: &TestServer) -> (Sent, Ticket<Store>) {
        let id = client_id(server, &["https://client.example/cb"]);
        let (mut session, _) = session_of("alice", "a client");
        session.outline.client = Hash::of(id.as_bytes());
        let body = format!("client_id={id}&token={}", session_token(server));
        let request = server
            .request("POST", "/revoke")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body));
        let mut sent = server.send(request.unwrap());
        let keys = &server.server.keys;
        let put = session.put(
            Guard::Absent,
            UnixTime(1_900_000_000),
            keys,
            &mut entropy(3),
        );
        let Store::Put(_, record, _) = put else {
            panic!("a session is put");
        };
        let stored = Stored {
            record,
            version: Version(1),
        };
        let get = store_ticket(&mut sent.actions);
        sent.handle(get.answer(Ok(Some(stored))), server.env());
        let delete = store_ticket(&mut sent.actions);
        (sent, delete)
    }

    // D11: also when the time is up, or the peer has left.
    #[test]
    fn write_under_way_keeps_the_exchange_until_it_is_answered() {
        for event in [Event::Tick, Event::Disconnected] {
            let mut server = TestServer::dev();
            let (mut sent, delete) = revoking(&server);
            server.now.instant = server.now.instant.after(limits::EXCHANGE_TIMEOUT);
            sent.handle(event, server.env());
            let exchange = sent.exchange.as_mut().unwrap();
            assert!(matches!(exchange.poll(), Output::Wait(_)));
            sent.handle(delete.answer(Ok(None)), server.env());
            assert!(matches!(sent.exchange.unwrap().poll(), Output::Done(_)));
        }
    }

    #[test]
    fn write_that_is_never_answered_is_given_up() {
        let mut server = TestServer::dev();
        let (mut sent, _delete) = revoking(&server);
        server.now.instant = server.now.instant.after(limits::EXCHANGE_TIMEOUT);
        sent.handle(Event::Tick, server.env());
        server.now.instant = server.now.instant.after(limits::STORE_TIMEOUT);
        sent.handle(Event::Tick, server.env());
        assert!(matches!(
            sent.exchange.unwrap().poll(),
            Output::Done(Outcome::TimedOut)
        ));
    }
}
