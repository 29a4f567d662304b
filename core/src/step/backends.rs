//! How a step speaks with backends: requests whose answers are read piece by piece, and processes.

use bytes::Bytes;

use super::Cx;
use crate::{
    action::Action,
    ask::{Ask, Awaiting, Child, ChildEnd, Pull},
};

/// An ask of which each part has to be let come.
pub(crate) trait Credited: Ask {}

impl Credited for Pull {}
impl Credited for Child {}

impl Cx<'_> {
    /// Sends a request to a backend.
    pub(crate) fn pull(&mut self, pull: Pull) -> Awaiting<Pull> {
        let (ticket, awaiting) = self.out.ask();
        self.out.push(Action::Pull(ticket, Box::new(pull)));
        awaiting
    }

    /// Runs a process.
    pub(crate) fn spawn(&mut self, child: Child) -> Awaiting<Child> {
        let (ticket, awaiting) = self.out.ask();
        self.out.push(Action::Spawn(ticket, Box::new(child)));
        awaiting
    }

    /// Lets one more piece, or line, come.
    pub(crate) fn more<A: Credited>(&mut self, ask: &Awaiting<A>) {
        self.out.push(Action::More(ask.id()));
    }

    /// Writes to the input of a process.
    pub(crate) fn feed(&mut self, child: &Awaiting<Child>, bytes: Bytes) {
        self.out.push(Action::Feed(child.id(), bytes));
    }

    /// Ends a process.
    pub(crate) fn end_child(&mut self, child: &Awaiting<Child>, end: ChildEnd) {
        self.out.push(Action::End(child.id(), end));
    }
}
