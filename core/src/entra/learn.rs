//! The errand that fetches Entra's metadata and signing keys.

use crate::{
    event::Event,
    exchange::{Cx, Next},
};

/// The states.
#[derive(Debug)]
pub(crate) enum Learn {}

impl Learn {
    /// Begins.
    pub(crate) fn start(_cx: &mut Cx<'_>) -> Next<Self> {
        Next::Done
    }

    /// The next state after an event.
    pub(crate) fn handle(self, _event: Event, _cx: &mut Cx<'_>) -> Next<Self> {
        match self {}
    }
}
