//! Exchanges that get no turn because the peers that they write to do not read.

use std::collections::{BTreeMap, VecDeque};

use super::World;
use crate::{event::Event, exchange::ExchangeId, hub::FromHub};

/// What the hub has for exchanges that get no turn.
pub(super) type Stalled = BTreeMap<ExchangeId, VecDeque<FromHub>>;

impl World {
    /// The peer of an exchange reads no more.
    pub(crate) fn stall(&mut self, id: ExchangeId) {
        self.stalled.entry(id).or_default();
    }

    /// How many messages of the hub wait for an exchange that gets no turn.
    pub(crate) fn unread(&self, id: ExchangeId) -> usize {
        self.stalled.get(&id).map_or(0, VecDeque::len)
    }

    /// The exchange gets a turn: it takes the oldest message.
    pub(crate) fn read_one(&mut self, id: ExchangeId) {
        let unread = self.stalled.get_mut(&id).and_then(VecDeque::pop_front);
        let message = unread.expect("the hub has something for it");
        self.handle(id, Event::FromHub(message));
    }

    /// The peer reads on.
    pub(crate) fn read_all(&mut self, id: ExchangeId) {
        for message in self.stalled.remove(&id).into_iter().flatten() {
            self.handle(id, Event::FromHub(message));
        }
    }

    pub(super) fn deliver(&mut self, id: ExchangeId, message: FromHub) {
        match self.stalled.get_mut(&id) {
            Some(unread) => unread.push_back(message),
            None => self.hand(id, Event::FromHub(message)),
        }
    }
}
