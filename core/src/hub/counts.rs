//! How many each owner has of something.

use crate::id::PrincipalId;
use std::collections::BTreeMap;

/// How many each owner has; owners who have none have no entry.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<PrincipalId, usize>);

impl Counts {
    /// How many this owner has.
    pub(super) fn of(&self, principal: PrincipalId) -> usize {
        self.0.get(&principal).copied().unwrap_or_default()
    }

    /// The most that one owner has.
    pub(super) fn most(&self) -> usize {
        self.0.values().max().copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, principal: PrincipalId) {
        *self.0.entry(principal).or_default() += 1;
    }

    pub(super) fn remove(&mut self, principal: PrincipalId) {
        if let Some(count) = self.0.get_mut(&principal) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&principal);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
