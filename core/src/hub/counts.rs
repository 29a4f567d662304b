//! How many each owner has of something.

use crate::id::Owner;
use std::collections::BTreeMap;

/// How many each owner has; nothing is kept of owners who have none.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<Owner, usize>);

impl Counts {
    /// How many this owner has.
    pub(super) fn of(&self, owner: Owner) -> usize {
        self.0.get(&owner).copied().unwrap_or_default()
    }

    /// The most that one owner has.
    pub(super) fn most(&self) -> usize {
        self.0.values().max().copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, owner: Owner) {
        *self.0.entry(owner).or_default() += 1;
    }

    pub(super) fn remove(&mut self, owner: Owner) {
        if let Some(count) = self.0.get_mut(&owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&owner);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
