//! The asks of which a state may still hold the [`Awaiting`].

use std::sync::Arc;

use crate::{
    few::Few,
    ticket::{Ask, AskId, Awaiting},
};

/// Asks, each with what its [`Awaiting`] has too, if that was not dropped.
#[derive(Debug, Default)]
pub(super) struct LiveAsks(Few<(AskId, Arc<()>)>);

impl LiveAsks {
    /// What a state holds while it waits for the answer to this ask.
    pub(super) fn awaiting<A: Ask>(&mut self, id: AskId) -> Awaiting<A> {
        // In the place of one that nobody waits for, if there is one: most asks come one after the other.
        let place = self.0.iter_mut().find(|(_, held)| !is_held(held));
        let held = match place {
            Some((ask, held)) => {
                *ask = id;
                Arc::clone(held)
            }
            None => {
                let held = Arc::new(());
                self.0.push((id, Arc::clone(&held)));
                held
            }
        };
        Awaiting::new(id, held)
    }

    /// Whether the answer to an ask is still waited for.
    pub(super) fn is_awaited(&self, ask: AskId) -> bool {
        let mut asks = self.0.iter();
        asks.any(|(id, held)| *id == ask && is_held(held))
    }
}

fn is_held(held: &Arc<()>) -> bool {
    Arc::strong_count(held) > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Store;

    #[test]
    fn ask_is_awaited_until_what_awaits_it_is_dropped() {
        let mut live = LiveAsks::default();
        let first = live.awaiting::<Store>(AskId(0));
        let second = live.awaiting::<Store>(AskId(1));
        assert!(live.is_awaited(AskId(0)) && live.is_awaited(AskId(1)));
        drop(first);
        assert!(!live.is_awaited(AskId(0)) && live.is_awaited(AskId(1)));
        let third = live.awaiting::<Store>(AskId(2));
        let awaited = |live: &LiveAsks| [0, 1, 2].map(|id| live.is_awaited(AskId(id)));
        assert_eq!(awaited(&live), [false, true, true]);
        assert_eq!(
            live.0.iter().count(),
            2,
            "the place of the first is used again"
        );
        drop(second);
        assert_eq!(awaited(&live), [false, false, true]);
        drop(third);
        assert_eq!(awaited(&live), [false; 3]);
    }
}
