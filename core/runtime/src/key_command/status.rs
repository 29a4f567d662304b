//! How many records need each master key.

use entra_mcp_core::{
    ask::{Key, Store, StoreFault, Stored},
    keys::{KeyNumber, Keyring},
    operator::{self, LISTS, SESSIONS, TASKS},
    time::UnixTime,
};
use serde::{Deserialize, Serialize};

use crate::store::RecordStore;

/// How many records need each master key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyStatus {
    /// For each key, the newest first.
    pub(super) keys: Vec<Needs>,
    /// What none of them opens.
    pub(super) unopened: Needs,
    /// Tasks of tools, of which the keys alone do not tell.
    pub(super) tasks: Needs,
    /// Not everything could be read.
    is_incomplete: bool,
}

/// Records that need one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Needs {
    /// Sessions, or tasks.
    pub(super) count: u64,
    /// When the last one of these ends unless it is used.
    pub(super) until: u64,
    /// Lists of a user's sessions.
    pub(super) lists: u64,
}

impl KeyStatus {
    pub(crate) fn of(store: &RecordStore, keys: &Keyring, now: UnixTime) -> Self {
        let mut status = Self {
            keys: keys.numbers().map(|_| Needs::default()).collect(),
            ..Self::default()
        };
        let counted = status.count(store, keys, now);
        status.is_incomplete = counted.is_err();
        status
    }

    fn count(
        &mut self,
        store: &RecordStore,
        keys: &Keyring,
        now: UnixTime,
    ) -> Result<(), StoreFault> {
        for kind in [SESSIONS, LISTS, TASKS] {
            for key in store.keys(kind)? {
                let Some(stored) = store.answer(Store::Get(key.clone()), now)? else {
                    continue;
                };
                // A list of sessions that have all ended is needed by nobody.
                if kind != LISTS || names_a_session(store, &key, &stored, keys, now)? {
                    self.add(kind, &key, &stored, keys);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, kind: &str, key: &Key, stored: &Stored, keys: &Keyring) {
        let needs = match operator::key_of(key, stored, keys) {
            _ if kind == TASKS => &mut self.tasks,
            Some(KeyNumber(number)) => match self.keys.get_mut(number) {
                Some(needs) => needs,
                None => &mut self.unopened,
            },
            None => &mut self.unopened,
        };
        if kind == LISTS {
            needs.lists += 1;
        } else {
            needs.count += 1;
            needs.until = needs.until.max(stored.record.expires.0);
        }
    }

    /// Whether something could not be read.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// How many sessions and lists need a former key.
    pub(super) fn left_behind(&self) -> u64 {
        let former = self.keys.iter().skip(1);
        former.map(|needs| needs.count + needs.lists).sum()
    }
}

/// Whether a session on this list is still there.
fn names_a_session(
    store: &RecordStore,
    key: &Key,
    stored: &Stored,
    keys: &Keyring,
    now: UnixTime,
) -> Result<bool, StoreFault> {
    for entry in operator::listed(key, stored.clone(), keys) {
        if store.answer(Store::Get(entry.record()), now)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
