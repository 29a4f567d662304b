//! What will happen, and when.

use bytes::Bytes;
use entra_mcp_core::{
    ask::{AskId, Fetch, Pull, Store, Ticket},
    event::Event,
    exchange::ExchangeId,
    time::Instant,
};

use super::state::State;
use crate::{
    backend::{Key, Said, Says},
    clock::SimInstant,
    ids::{ConnId, Process, TaskId},
    net::Piece,
    options::Fault,
};

/// Something in the queue.
pub(crate) enum SimEvent {
    /// A request reaches where it was sent.
    Arrive(ConnId, http::Request<Bytes>),
    /// A piece of an answer reaches the peer.
    Reach(ConnId, Piece),
    /// The server notices that the peer has left.
    PeerClosed(ConnId),
    /// A connection breaks.
    Reset(ConnId),
    /// An event for an exchange.
    Deliver(Process, ExchangeId, Event),
    /// An exchange gets its turn to read its mailbox.
    MailboxTurn(Process, ExchangeId),
    /// An exchange goes on amid its step, or sees what happened meanwhile.
    StepGoesOn(Process, ExchangeId),
    /// A wait of an exchange is over.
    Tick(Process, ExchangeId, Instant),
    /// An outbound request reaches Entra or Graph.
    FetchArrives(Process, ExchangeId, Ticket<Fetch>, Box<Fetch>),
    /// A request reaches the store.
    StoreArrives(Process, ExchangeId, Ticket<Store>, Store),
    /// A message of another replica arrives.
    MessageArrives(Process, Bytes),
    /// A replica tells the others what it has counted.
    TellRates(Process),
    /// A call that the runtime performs goes on.
    CallStep(Process, ExchangeId, AskId),
    /// A call that the runtime performs must be over by now.
    CallDeadline(Process, ExchangeId, AskId),
    /// A request reaches the backend.
    PullArrives(Key, Box<Pull>),
    /// The backend begins to answer: as a stream, or whole.
    BackendAnswers(Key, Box<Says>, bool),
    /// It says something.
    BackendSays(Key, Box<Said>),
    /// Something that it has said is heard.
    BackendIsHeard(Key),
    /// It ends before it has said all.
    BackendBreaksOff(Key, Box<Said>),
    /// A process reads a line.
    ProcessReads(Key, Bytes),
    /// A process must be over by now.
    ProcessOverdue(Key),
    /// An actor's sleep is over.
    Wake(TaskId),
}

impl State {
    /// Puts something into the queue.
    pub(crate) fn schedule(&mut self, at: SimInstant, event: SimEvent) {
        let at = at.max(self.moment);
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    /// Wakes the actor that is running now at a moment.
    pub(crate) fn wake_at(&mut self, at: SimInstant) {
        let task = self.current;
        self.schedule(at, SimEvent::Wake(task));
    }

    /// Lets the next thing happen; `false` if there is none.
    pub(crate) fn advance(&mut self) -> bool {
        let Some(((at, _), event)) = self.queue.pop_first() else {
            return false;
        };
        self.moment = at;
        if self.injects(Fault::Killed) {
            let count = self.replicas.len() as u64;
            let index = usize::try_from(self.choice.below(count)).expect("an index");
            self.kill(index);
            self.start(index);
        }
        match event {
            SimEvent::Arrive(conn, request) => self.arrive(conn, request),
            SimEvent::Reach(conn, piece) => self.reach(conn, piece),
            SimEvent::PeerClosed(conn) => self.left(conn),
            SimEvent::Reset(conn) => self.cut(conn),
            SimEvent::Deliver(process, id, event) => self.deliver(process, id, event),
            SimEvent::MailboxTurn(process, id) => self.read_mailbox(process, id),
            SimEvent::StepGoesOn(process, id) => self.step_goes_on(process, id),
            SimEvent::Tick(process, id, until) => self.tick(process, id, until),
            SimEvent::FetchArrives(process, id, ticket, fetch) => {
                self.upstream(process, id, ticket, *fetch);
            }
            SimEvent::StoreArrives(process, id, ticket, store) => {
                self.ask(process, id, ticket, store)
            }
            SimEvent::MessageArrives(process, message) => self.message_arrives(process, &message),
            SimEvent::TellRates(process) => self.tell_rates(process),
            SimEvent::CallStep(process, id, ask) => self.call_goes_on(process, id, ask),
            SimEvent::CallDeadline(process, id, ask) => self.call_is_overdue(process, id, ask),
            SimEvent::PullArrives(key, pull) => self.pull_arrives(key, &pull),
            SimEvent::BackendAnswers(key, says, is_whole) => {
                self.backend_answers(key, &says, is_whole);
            }
            SimEvent::BackendSays(key, said) => self.backend_says(key, *said),
            SimEvent::BackendIsHeard(key) => self.backend_is_heard(key),
            SimEvent::BackendBreaksOff(key, end) => self.backend_breaks_off(key, *end),
            SimEvent::ProcessReads(key, line) => self.process_reads(key, &line),
            SimEvent::ProcessOverdue(key) => self.process_is_overdue(key),
            SimEvent::Wake(task) => {
                self.woken.insert(task);
            }
        }
        true
    }
}
