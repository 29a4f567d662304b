//! What one exchange asks of backends: requests, and processes that speak by lines. Threads serve them, and what comes
//! of it arrives in the exchange's mailbox.

use entra_mcp_core::{action::Action, ask::AskId, event::Event};
use entra_mcp_runtime::{ChildSaid, Children, PullMessage, Pulls};

use super::RunningPull;
use crate::{Runtime, mailbox::Mailbox};

/// What one exchange asks of backends. To drop it closes the connections and kills the processes.
#[derive(Default)]
pub(crate) struct BackendAsks {
    pulls: Pulls<RunningPull>,
    children: Children,
    /// How many things came of them, one after the other, without a look at anything else.
    in_a_row: u32,
}

/// What came of an ask.
#[derive(Debug)]
pub(crate) enum BackendMessage {
    /// Of a request.
    Pull(PullMessage),
    /// Of a process.
    Child(ChildSaid),
}

/// How many of them an exchange is handed before it is looked whether its peer is still there and whether it is time.
const IN_A_ROW: u32 = 16;

impl BackendAsks {
    /// Does what concerns backends, and nothing else.
    pub(crate) fn perform(&mut self, action: Action, runtime: &Runtime, mailbox: &Mailbox) {
        let mailbox = || mailbox.clone();
        match action {
            Action::Pull(ticket, pull) => {
                let (mailbox, id) = (mailbox(), ticket.id());
                let say = move |message| mailbox.backend(id, BackendMessage::Pull(message));
                let running = RunningPull::start(&runtime.backends, *pull, say);
                self.pulls.push(ticket, running);
            }
            Action::Spawn(ticket, child) => {
                let mailbox = mailbox();
                let say = move |id, said| mailbox.backend(id, BackendMessage::Child(said));
                let processes = &runtime.processes;
                self.children.start(processes, ticket, *child, say);
            }
            Action::More(id) => match self.pulls.find(id) {
                Some(pull) => pull.more(),
                None => self.children.more(id),
            },
            Action::Feed(id, bytes) => self.children.feed(id, bytes),
            Action::End(id, end) => self.children.end(id, end),
            _ => {}
        }
    }

    /// One matters no more.
    pub(crate) fn cancel(&mut self, id: AskId) {
        self.pulls.cancel(id);
        self.children.cancel(id);
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.pulls.is_empty() && self.children.is_empty()
    }

    /// What came of one of them, as the exchange gets it; nothing, if it matters no more.
    pub(crate) fn event(&mut self, id: AskId, message: BackendMessage) -> Option<Event> {
        self.in_a_row += 1;
        match message {
            BackendMessage::Pull(message) => self.pulls.event(id, message),
            BackendMessage::Child(said) => self.children.event(id, said),
        }
    }

    /// Whether it is time to look at something else: a backend may always have more to say.
    pub(crate) fn has_had_its_turn(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }

    /// Something else was looked at.
    pub(crate) fn begin_turn(&mut self) {
        self.in_a_row = 0;
    }
}
