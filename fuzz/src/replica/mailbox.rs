//! The hub's messages on their way to exchanges: one mailbox for each, read in its order when the
//! exchange's task or thread gets its turn, as in the runtimes. However long that takes, few messages
//! may be in it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use entra_mcp_core::{event::Event, exchange::ExchangeId, hub::FromHub, limits};

use crate::{
    checks::Failure,
    ids::{ExchangeRef, Process},
    world::{SimEvent, State},
};

/// The mailboxes of a process.
pub(super) type Mailboxes = BTreeMap<ExchangeId, Mailbox>;

/// What waits for one exchange.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    messages: VecDeque<FromHub>,
}

/// The most messages that may wait for one exchange: one for each request of a batch that is cancelled, one
/// for each request of the server that is answered, one for each update of a task, and a few more.
const UNREAD: usize = limits::BATCH + limits::INPUT_REQUESTS + limits::TASK_UPDATES;

/// How long an exchange may wait for its turn while messages for it arrive.
const TURN: Duration = Duration::from_millis(20);

impl State {
    /// From now on the hub's messages for an exchange are kept for it.
    pub(super) fn open_mailbox(&mut self, process: Process, id: ExchangeId) {
        if let Some(mailboxes) = self.mailboxes(process) {
            mailboxes.entry(id).or_default();
        }
    }

    fn mailboxes(&mut self, process: Process) -> Option<&mut Mailboxes> {
        let running = self.process(process)?.running.as_mut()?;
        Some(&mut running.mailboxes)
    }

    /// The hub has a message for an exchange.
    pub(super) fn post(&mut self, process: Process, id: ExchangeId, message: FromHub) {
        let mailbox = self.mailboxes(process);
        let Some(mailbox) = mailbox.and_then(|mailboxes| mailboxes.get_mut(&id)) else {
            return;
        };
        mailbox.messages.push_back(message);
        let unread = mailbox.messages.len();
        if unread == 1 {
            self.schedule_turn(process, id);
        }
        if unread > UNREAD {
            let who = ExchangeRef::new(process, id);
            let what = format!("{unread} messages wait for {who}");
            self.fail(Failure::new("few messages of the hub wait", what));
        }
    }

    fn schedule_turn(&mut self, process: Process, id: ExchangeId) {
        let turn = self.choice.between(Duration::ZERO, TURN);
        let at = self.moment.after(turn);
        self.schedule(at, SimEvent::MailboxTurn(process, id));
    }

    /// An exchange reads what has arrived. One that writes to a peer that does not read gets no turn.
    pub(crate) fn read_mailbox(&mut self, process: Process, id: ExchangeId) {
        if self.is_stalled(process, id) {
            let at = self.moment.after(Duration::from_secs(1));
            self.schedule(at, SimEvent::MailboxTurn(process, id));
            return;
        }
        if self.is_busy(process, id) {
            return self.schedule_turn(process, id);
        }
        let message = self.next_message(process, id);
        let is_last = !self.has_message(process, id);
        if let Some(message) = message {
            self.deliver(process, id, Event::FromHub(message));
        }
        if !is_last {
            self.schedule_turn(process, id);
        }
    }

    /// Whether something waits to be read by an exchange that may read.
    pub(super) fn has_message(&mut self, process: Process, id: ExchangeId) -> bool {
        let mailbox = self.mailboxes(process).and_then(|all| all.get(&id));
        mailbox.is_some_and(|mailbox| !mailbox.messages.is_empty()) && !self.is_stalled(process, id)
    }

    /// What an exchange reads next, if it may read.
    pub(super) fn next_message(&mut self, process: Process, id: ExchangeId) -> Option<FromHub> {
        if self.is_stalled(process, id) {
            return None;
        }
        let mailbox = self.mailboxes(process)?.get_mut(&id)?;
        mailbox.messages.pop_front()
    }

    /// Whether the peer of an exchange reads no more.
    fn is_stalled(&mut self, process: Process, id: ExchangeId) -> bool {
        let conn = self
            .process(process)
            .and_then(|replica| replica.running.as_ref()?.exchanges.get(&id)?.conn);
        let conn = conn.and_then(|conn| self.net.get(conn));
        conn.is_some_and(|conn| conn.stalled && !conn.over)
    }
}
