//! Who uses the sessions of backends, and the end of those that nobody has used for long: the next who needs one opens it again, as it was.

use std::collections::{BTreeMap, BTreeSet};

use super::{BackendOwner, BackendSessions, State};
use crate::{id::ExchangeId, time::Instant};

/// Who uses which.
#[derive(Debug, Default)]
pub(super) struct Users {
    of: BTreeMap<ExchangeId, Vec<BackendOwner>>,
    /// The hub's clock.
    now: Instant,
    /// When it is looked again which have not been used.
    due: Instant,
}

impl BackendSessions {
    /// An exchange uses this one until it ends: a session is used as long as a call or a stream is.
    pub(crate) fn used_by(&mut self, user: ExchangeId, owner: BackendOwner) {
        let used = self.users.of.entry(user).or_default();
        if !used.contains(&owner) {
            used.push(owner);
        }
    }

    /// Whether another exchange than this one uses this one now.
    pub(super) fn is_used_by_others(&self, user: ExchangeId, owner: BackendOwner) -> bool {
        let mut users = self.users.of.iter();
        users.any(|(other, used)| *other != user && used.contains(&owner))
    }

    /// An exchange has ended.
    pub(super) fn left_by(&mut self, user: ExchangeId) {
        for owner in self.users.of.remove(&user).into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(&owner) {
                entry.used = entry.used.max(self.users.now);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn users_are_forgotten(&self) -> bool {
        self.users.of.is_empty()
    }

    /// It is this late: those that nobody has used for long are over.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.users.now = now;
        if now < self.users.due {
            return;
        }
        let used: BTreeSet<BackendOwner> = self.users.of.values().flatten().copied().collect();
        let mut due = None;
        let mut idle = Vec::new();
        for (owner, entry) in &mut self.entries {
            let State::Open(session) = &entry.state else {
                continue;
            };
            let Some(longest) = session.idle.filter(|_| session.id.is_some()) else {
                continue;
            };
            if used.contains(owner) {
                entry.used = now;
            }
            let until = entry.used.after(longest);
            match until <= now {
                true => idle.push(*owner),
                false => due = Some(due.map_or(until, |due: Instant| due.min(until))),
            }
        }
        for owner in idle {
            self.rest(owner);
        }
        self.users.due = due.unwrap_or(Instant(u64::MAX));
    }

    /// One was opened, which may be the first to be over.
    pub(super) fn look_again(&mut self, at: Instant) {
        self.users.due = self.users.due.min(at);
    }

    /// The backend is told that this one is over. What was set within it is set again in the next.
    pub(super) fn rest(&mut self, owner: BackendOwner) {
        let Some(entry) = self.entries.get_mut(&owner) else {
            return;
        };
        if let State::Open(session) = &entry.state {
            let session = session.clone();
            entry.state = State::Resting;
            let given_up = entry.given_up.take();
            self.over(&session);
            if let Some(given_up) = given_up {
                self.over(&given_up);
            }
        }
    }
}
