//! What comes of a request to a backend, on the way from who reads it to its exchange.

use bytes::Bytes;
use entra_mcp_core::{
    ask::{AskId, Pull, PullFault, Ticket},
    event::Event,
};
use http::Response;

/// What comes of a request to a backend: a head, pieces, and an end.
#[derive(Debug)]
pub enum PullMessage {
    /// The head of the answer.
    Head(Response<()>),
    /// A piece of its body.
    Piece(Bytes),
    /// There is no more.
    Ended(Result<(), PullFault>),
}

/// The requests of one exchange to backends, each with its ticket and what a runtime keeps of it.
#[derive(Debug)]
pub struct Pulls<R>(Vec<(Ticket<Pull>, R)>);

impl<R> Default for Pulls<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R> Pulls<R> {
    /// Takes one more.
    pub fn push(&mut self, ticket: Ticket<Pull>, running: R) {
        self.0.push((ticket, running));
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the runtime keeps of the request of this ask.
    pub fn find(&mut self, id: AskId) -> Option<&mut R> {
        let mut pulls = self.0.iter_mut();
        pulls
            .find(|(ticket, _)| ticket.id() == id)
            .map(|(_, running)| running)
    }

    /// What the runtime keeps of each.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.0.iter().map(|(_, running)| running)
    }

    /// One matters no more.
    pub fn cancel(&mut self, id: AskId) {
        self.0.retain(|(ticket, _)| ticket.id() != id);
    }

    /// The first that something came of, as the exchange gets it. Then it is the turn of the others.
    pub fn next(&mut self, mut next: impl FnMut(&mut R) -> Option<PullMessage>) -> Option<Event> {
        let mut pulls = self.0.iter_mut().enumerate();
        let (place, message) =
            pulls.find_map(|(place, (_, running))| Some((place, next(running)?)))?;
        let (ticket, running) = self.0.remove(place);
        let event = event(&ticket, message);
        Some(match event {
            Ok(event) => {
                self.0.push((ticket, running));
                event
            }
            Err(answer) => ticket.answer(answer),
        })
    }

    /// What came of the request of this ask, as the exchange gets it; nothing, if it matters no more.
    pub fn event(&mut self, id: AskId, message: PullMessage) -> Option<Event> {
        let place = self.0.iter().position(|(ticket, _)| ticket.id() == id)?;
        let (ticket, _) = self.0.get(place)?;
        match event(ticket, message) {
            Ok(event) => Some(event),
            Err(answer) => Some(self.0.swap_remove(place).0.answer(answer)),
        }
    }
}

/// What came of a request, or the answer to it.
fn event(ticket: &Ticket<Pull>, message: PullMessage) -> Result<Event, Result<(), PullFault>> {
    match message {
        PullMessage::Head(head) => Ok(ticket.head(head)),
        PullMessage::Piece(piece) => Ok(ticket.piece(piece)),
        PullMessage::Ended(answer) => Err(answer),
    }
}
