//! How many bytes of answers that are not whole yet are held of backends, by whom and in all (threat R9).

use std::collections::{BTreeMap, VecDeque};

use super::{
    HubOutput,
    asks::{HoldBackendBytes, Waiter},
};
use crate::{endpoint::Endpoint, id::ExchangeId, ticket::Ticket};

/// A message about bytes that the sender holds.
#[derive(Debug)]
pub(crate) enum HeldBytesMessage {
    /// It wants to hold so many of the backend of this endpoint, of this many in all of that.
    Hold(Ticket<HoldBackendBytes>, Endpoint, usize, usize),
    /// It holds none that are counted.
    Release,
}

/// What each exchange may hold.
#[derive(Debug, Default)]
pub(super) struct HeldBytes {
    of: BTreeMap<ExchangeId, (Endpoint, usize)>,
    /// How many all hold of each backend: one that fills its share leaves the others theirs (threat R26).
    all: BTreeMap<Endpoint, usize>,
}

impl HeldBytes {
    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: HeldBytesMessage,
        out: &mut VecDeque<HubOutput>,
    ) {
        match message {
            HeldBytesMessage::Hold(ticket, endpoint, bytes, most) => {
                let own = self.of.get(&from).map_or(0, |(_, own)| *own);
                let all = self.all.entry(endpoint).or_default();
                let held = (*all - own).saturating_add(bytes);
                let fits = held <= most;
                if fits {
                    self.of.insert(from, (endpoint, bytes));
                    *all = held;
                }
                out.push_back(Waiter::new(from, ticket).answer(fits));
            }
            HeldBytesMessage::Release => self.forget(from),
        }
    }

    pub(super) fn forget(&mut self, id: ExchangeId) {
        if let Some((endpoint, own)) = self.of.remove(&id)
            && let Some(all) = self.all.get_mut(&endpoint)
        {
            *all -= own;
        }
    }
}
