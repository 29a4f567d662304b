//! Pauses of an exchange that has nothing to wait for but the time.

use crate::{
    ticket::{Answered, Ask, Ticket},
    time::Instant,
};

/// To go on a little later. The exchange answers it by itself, at the tick for which it asks the runtime.
#[derive(Debug)]
pub(crate) enum Pause {}

impl Ask for Pause {
    type Answer = ();
    type Event = Answered<Self>;

    fn answered(answered: Answered<Self>) -> Answered<Self> {
        answered
    }
}

/// The pauses that are not over, each with its end.
#[derive(Debug, Default)]
pub(crate) struct Pauses(Vec<(Instant, Ticket<Pause>)>);

impl Pauses {
    pub(crate) fn add(&mut self, end: Instant, ticket: Ticket<Pause>) {
        self.0.push((end, ticket));
    }

    /// When the first one ends.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.0.iter().map(|(end, _)| *end).min()
    }

    /// One that is over now.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Answered<Pause>> {
        let place = self.0.iter().position(|(end, _)| *end <= now)?;
        let (_, ticket) = self.0.swap_remove(place);
        Some(ticket.answer(()))
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
