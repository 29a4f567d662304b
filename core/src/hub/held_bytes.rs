//! How many bytes of answers that are not whole yet are held of backends, by whom and in all (threat R9).

use std::collections::{BTreeMap, VecDeque};

use super::{
    HubOutput,
    asks::{HoldBackendBytes, Waiter},
};
use crate::id::ExchangeId;

/// A message about bytes that the sender holds.
#[derive(Debug)]
pub(crate) enum HeldBytesMessage {
    /// It wants to hold so many, of this many in all.
    Hold(crate::ticket::Ticket<HoldBackendBytes>, usize, usize),
    /// It holds none that are counted.
    Release,
}

/// What each exchange may hold.
#[derive(Debug, Default)]
pub(super) struct HeldBytes {
    of: BTreeMap<ExchangeId, usize>,
    all: usize,
}

impl HeldBytes {
    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: HeldBytesMessage,
        out: &mut VecDeque<HubOutput>,
    ) {
        match message {
            HeldBytesMessage::Hold(ticket, bytes, most) => {
                let own = self.of.get(&from).copied().unwrap_or_default();
                let all = (self.all - own).saturating_add(bytes);
                let fits = all <= most;
                if fits {
                    self.of.insert(from, bytes);
                    self.all = all;
                }
                out.push_back(Waiter::new(from, ticket).answer(fits));
            }
            HeldBytesMessage::Release => self.forget(from),
        }
    }

    pub(super) fn forget(&mut self, id: ExchangeId) {
        self.all -= self.of.remove(&id).unwrap_or_default();
    }
}
