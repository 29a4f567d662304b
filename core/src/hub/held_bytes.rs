//! How many bytes of answers that are not whole yet are held of backends, by whom and in all (threat R9).

use std::collections::{BTreeMap, VecDeque};

use super::{
    HubOutput,
    asks::{HoldBackendBytes, Waiter},
};
use crate::{
    endpoint::Endpoint,
    id::ExchangeId,
    ticket::{AskId, Ticket},
};

/// A message about bytes that the sender holds of one answer: that to this ask of its own.
#[derive(Debug)]
pub(crate) enum HeldBytesMessage {
    /// It wants to hold so many of the backend of this endpoint, of this many in all of that.
    Hold {
        ticket: Ticket<HoldBackendBytes>,
        answer: AskId,
        endpoint: Endpoint,
        bytes: usize,
        most: usize,
    },
    /// It holds none that are counted.
    Release(AskId),
}

/// What is held of each answer.
#[derive(Debug, Default)]
pub(super) struct HeldBytes {
    of: BTreeMap<(ExchangeId, AskId), (Endpoint, usize)>,
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
            HeldBytesMessage::Hold {
                ticket,
                answer,
                endpoint,
                bytes,
                most,
            } => {
                let own = self.of.get(&(from, answer)).map_or(0, |(_, own)| *own);
                let all = self.all.entry(endpoint).or_default();
                let held = (*all - own).saturating_add(bytes);
                let fits = held <= most;
                if fits {
                    self.of.insert((from, answer), (endpoint, bytes));
                    *all = held;
                }
                out.push_back(Waiter::new(from, ticket).answer(fits));
            }
            HeldBytesMessage::Release(answer) => self.release((from, answer)),
        }
    }

    fn release(&mut self, answer: (ExchangeId, AskId)) {
        if let Some((endpoint, own)) = self.of.remove(&answer)
            && let Some(all) = self.all.get_mut(&endpoint)
        {
            *all -= own;
        }
    }

    /// An exchange has ended.
    pub(super) fn forget(&mut self, id: ExchangeId) {
        let own = (id, AskId(0))..=(id, AskId(u64::MAX));
        while let Some((answer, _)) = self.of.range(own.clone()).next() {
            let answer = *answer;
            self.release(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{FromHub, FromHubKind, HubAnswer};

    // R9: a call that listens has two answers open.
    #[test]
    fn answers_of_one_exchange_are_counted_each() {
        let (mut held, mut out) = (HeldBytes::default(), VecDeque::new());
        let mut hold = |held: &mut HeldBytes, answer, bytes| {
            let message = HeldBytesMessage::Hold {
                ticket: Ticket::new(AskId(9)),
                answer: AskId(answer),
                endpoint: Endpoint::MAIN,
                bytes,
                most: 100,
            };
            held.handle(ExchangeId(1), message, &mut out);
            match out.pop_front() {
                Some(HubOutput::Deliver(
                    _,
                    FromHub(FromHubKind::Answer(HubAnswer::HoldBackendBytes(answered))),
                )) => answered.answer,
                other => panic!("it is answered, not {other:?}"),
            }
        };
        assert!(hold(&mut held, 1, 60) && hold(&mut held, 2, 40));
        assert!(!hold(&mut held, 2, 41), "the other holds the rest");
        held.handle(
            ExchangeId(1),
            HeldBytesMessage::Release(AskId(2)),
            &mut VecDeque::new(),
        );
        assert!(!hold(&mut held, 2, 41) && hold(&mut held, 2, 40));
        held.forget(ExchangeId(1));
        assert!(held.of.is_empty() && hold(&mut held, 3, 100));
    }
}
