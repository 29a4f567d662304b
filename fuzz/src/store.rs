//! The store that all replicas share: in memory, with versions, guards and expiry, as
//! `core/src/ask.rs` says any store must have them.

use std::collections::BTreeMap;

use entra_mcp_core::{
    ask::{Guard, Key, Record, Store, StoreFault, Stored, Version},
    time::UnixTime,
};

/// Records by key.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: BTreeMap<Key, Stored>,
    writes: u64,
}

impl MemoryStore {
    /// Performs one operation, at once.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Conflict`] if the guard of a `Put` does not hold.
    pub fn perform(&mut self, store: Store, now: UnixTime) -> Result<Option<Stored>, StoreFault> {
        self.records.retain(|_, stored| stored.record.expires > now);
        match store {
            Store::Get(key) => Ok(self.records.get(&key).cloned()),
            Store::Take(key) => Ok(self.records.remove(&key)),
            Store::Put(key, record, guard) => self.put(key, record, guard),
            Store::Delete(key) => {
                self.records.remove(&key);
                Ok(None)
            }
        }
    }

    fn put(
        &mut self,
        key: Key,
        record: Record,
        guard: Guard,
    ) -> Result<Option<Stored>, StoreFault> {
        let found = self.records.get(&key).map(|stored| stored.version);
        let holds = match guard {
            Guard::Any => true,
            Guard::Absent => found.is_none(),
            Guard::Version(version) => found == Some(version),
        };
        if !holds {
            return Err(StoreFault::Conflict);
        }
        self.writes += 1;
        let version = Version(self.writes);
        self.records.insert(key, Stored { record, version });
        Ok(None)
    }

    /// Every record, expired ones too.
    pub fn records(&self) -> impl Iterator<Item = (&Key, &Record)> {
        self.records
            .iter()
            .map(|(key, stored)| (key, &stored.record))
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Loses everything, as a store that was replaced by an empty one.
    pub fn wipe(&mut self) {
        self.records.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &mut MemoryStore, guard: Guard, now: u64) -> Result<Option<Stored>, StoreFault> {
        let record = Record {
            bytes: vec![1].into(),
            expires: UnixTime(now + 10),
        };
        store.perform(
            Store::Put(Key("a".to_owned()), record, guard),
            UnixTime(now),
        )
    }

    #[test]
    fn failed_guard_is_a_conflict() {
        let mut store = MemoryStore::default();
        assert_eq!(put(&mut store, Guard::Absent, 0), Ok(None));
        assert_eq!(put(&mut store, Guard::Absent, 0), Err(StoreFault::Conflict));
        let get = Store::Get(Key("a".to_owned()));
        let version = store.perform(get, UnixTime(0)).unwrap().unwrap().version;
        assert_eq!(put(&mut store, Guard::Version(version), 0), Ok(None));
        assert_eq!(
            put(&mut store, Guard::Version(version), 0),
            Err(StoreFault::Conflict)
        );
        assert_eq!(
            put(&mut store, Guard::Absent, 10),
            Ok(None),
            "an expired record is as if deleted"
        );
    }
}
