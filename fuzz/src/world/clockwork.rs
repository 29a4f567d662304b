//! What will happen, and when.

use bytes::Bytes;
use entra_mcp_core::{
    ask::{AskId, Fetch, Store, Ticket},
    event::Event,
    exchange::ExchangeId,
    time::Instant,
};

use super::state::{State, TaskId};
use crate::{
    clock::Moment,
    net::{ConnId, Piece},
    options::Fault,
};

/// A process of a replica: a restarted replica is another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) replica: usize,
    pub(crate) generation: u32,
}

/// Something in the queue.
pub(crate) enum Happening {
    /// A request reaches where it was sent.
    Arrive(ConnId, http::Request<Bytes>),
    /// A piece of an answer reaches the peer.
    Reach(ConnId, Piece),
    /// The server notices that the peer has left.
    Left(ConnId),
    /// A connection breaks.
    Cut(ConnId),
    /// An event for an exchange.
    Tell(Process, ExchangeId, Event),
    /// A wait of an exchange is over.
    Tick(Process, ExchangeId, Instant),
    /// An outbound request reaches Entra or Graph.
    Upstream(Process, ExchangeId, Ticket<Fetch>, Box<Fetch>),
    /// A question reaches the store.
    Ask(Process, ExchangeId, Ticket<Store>, Store),
    /// A call that the runtime performs goes on.
    Perform(Process, ExchangeId, AskId),
    /// A call that the runtime performs must be over by now.
    Overdue(Process, ExchangeId, AskId),
    /// An actor's sleep is over.
    Wake(TaskId),
}

impl State {
    /// Puts something into the queue.
    pub(crate) fn schedule(&mut self, at: Moment, happening: Happening) {
        let at = at.max(self.moment);
        self.sequence += 1;
        self.queue.insert((at, self.sequence), happening);
    }

    /// Wakes the actor that is running now at a moment.
    pub(crate) fn wake_at(&mut self, at: Moment) {
        let task = self.current;
        self.schedule(at, Happening::Wake(task));
    }

    /// Lets the next thing happen; `false` if there is none.
    pub(crate) fn advance(&mut self) -> bool {
        let Some(((at, _), happening)) = self.queue.pop_first() else {
            return false;
        };
        self.moment = at;
        if self.strikes(Fault::Killed) {
            let count = self.replicas.len() as u64;
            let index = usize::try_from(self.choice.below(count)).expect("an index");
            self.kill(index);
            self.start(index);
        }
        match happening {
            Happening::Arrive(conn, request) => self.arrive(conn, request),
            Happening::Reach(conn, piece) => self.reach(conn, piece),
            Happening::Left(conn) => self.left(conn),
            Happening::Cut(conn) => self.cut(conn),
            Happening::Tell(process, id, event) => self.tell(process, id, event),
            Happening::Tick(process, id, until) => self.tick(process, id, until),
            Happening::Upstream(process, id, ticket, fetch) => {
                self.upstream(process, id, ticket, *fetch);
            }
            Happening::Ask(process, id, ticket, store) => self.ask(process, id, ticket, store),
            Happening::Perform(process, id, ask) => self.call_goes_on(process, id, ask),
            Happening::Overdue(process, id, ask) => self.call_is_overdue(process, id, ask),
            Happening::Wake(task) => {
                self.woken.insert(task);
            }
        }
        true
    }
}
