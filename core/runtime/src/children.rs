//! The processes of one exchange.

use bytes::Bytes;
use entra_mcp_core::{
    ask::{AskId, Child, ChildEnd, Ticket},
    event::Event,
};

use crate::unix::child::{ChildSaid, Processes, RunningChild};

/// The processes of one exchange, each with its ticket. To drop one kills it.
#[derive(Debug, Default)]
pub struct Children(Vec<(Ticket<Child>, RunningChild)>);

impl Children {
    /// Runs one more. What it does is said together with its ask, and comes back by [`Children::event`].
    pub fn start(
        &mut self,
        processes: &Processes,
        ticket: Ticket<Child>,
        child: Child,
        say: impl Fn(AskId, ChildSaid) -> bool + Send + Sync + 'static,
    ) {
        let id = ticket.id();
        let running = RunningChild::start(processes, child, move |said| say(id, said));
        self.0.push((ticket, running));
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets one more line of this one come, if it is one of these.
    pub fn more(&self, id: AskId) {
        self.find(id, RunningChild::more);
    }

    /// Writes to the input of this one.
    pub fn feed(&self, id: AskId, bytes: Bytes) {
        self.find(id, |running| running.feed(bytes));
    }

    /// Ends this one.
    pub fn end(&self, id: AskId, end: ChildEnd) {
        self.find(id, |running| running.end(end));
    }

    /// This one matters no more.
    pub fn cancel(&mut self, id: AskId) {
        self.0.retain(|(ticket, _)| ticket.id() != id);
    }

    /// What one did, as the exchange gets it; nothing, if it matters no more.
    pub fn event(&mut self, id: AskId, said: ChildSaid) -> Option<Event> {
        let place = self.0.iter().position(|(ticket, _)| ticket.id() == id)?;
        let (ticket, running) = self.0.get(place)?;
        Some(match said {
            ChildSaid::Started(pid) => ticket.started(pid),
            ChildSaid::Line(line) => ticket.line(line),
            ChildSaid::TooLong => ticket.too_long(),
            ChildSaid::Complaint(text) => {
                running.complaint_taken();
                ticket.complaint(text)
            }
            ChildSaid::Fed => ticket.fed(),
            ChildSaid::InputClosed => ticket.input_closed(),
            ChildSaid::OutputClosed => ticket.output_closed(),
            ChildSaid::Ended(answer) => self.0.swap_remove(place).0.answer(answer),
        })
    }

    fn find(&self, id: AskId, then: impl FnOnce(&RunningChild)) {
        let found = self.0.iter().find(|(ticket, _)| ticket.id() == id);
        if let Some((_, running)) = found {
            then(running);
        }
    }
}
