//! Records in memory, for tests: they are gone with the server.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use entra_mcp_core::{
    ask::{Guard, Key, Record, Store, StoreFault, Stored, Version},
    time::UnixTime,
};

use super::CustomStore;

/// Records in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    records: BTreeMap<Key, Stored>,
    last: u64,
}

impl Records {
    fn get(&self, key: &Key, now: UnixTime) -> Option<Stored> {
        let found = self.records.get(key).cloned();
        found.filter(|stored| stored.record.expires > now)
    }

    fn put(
        &mut self,
        key: Key,
        record: Record,
        guard: Guard,
        now: UnixTime,
    ) -> Result<(), StoreFault> {
        let present = self.get(&key, now).map(|stored| stored.version);
        let holds = match guard {
            Guard::Any => true,
            Guard::Absent => present.is_none(),
            Guard::Version(version) => present == Some(version),
        };
        if !holds {
            return Err(StoreFault::Conflict);
        }
        self.last += 1;
        let version = Version(self.last);
        self.records.insert(key, Stored { record, version });
        Ok(())
    }
}

impl CustomStore for MemoryStore {
    fn answer(&self, ask: Store, now: UnixTime) -> Result<Option<Stored>, StoreFault> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match ask {
            Store::Get(key) => Ok(records.get(&key, now)),
            Store::Take(key) => {
                let found = records.get(&key, now);
                records.records.remove(&key);
                Ok(found)
            }
            Store::Put(key, record, guard) => {
                records.put(key, record, guard, now)?;
                Ok(None)
            }
            Store::Delete(key) => {
                records.records.remove(&key);
                Ok(None)
            }
        }
    }

    fn keys(&self, prefix: &str) -> Result<Vec<Key>, StoreFault> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = records.records.keys();
        Ok(keys
            .filter(|key| key.0.starts_with(prefix))
            .cloned()
            .collect())
    }

    fn purge_expired(&self, now: UnixTime) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records
            .records
            .retain(|_, stored| stored.record.expires > now);
    }
}
