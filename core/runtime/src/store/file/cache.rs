//! Records that were just read or written: a look-up of one of them needs no B-tree.
//!
//! The cache is coherent because this process alone writes the file: every change of a record is told to the cache
//! before its writer is answered. Records stay in it as they are stored, sealed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entra_mcp_core::{
    ask::{Key, Stored},
    time::UnixTime,
};

/// What an entry costs besides its key and its bytes, at most.
const ENTRY_BYTES: usize = 192;

/// Records by key, bounded by their bytes.
#[derive(Debug)]
pub(super) struct Cache {
    entries: Mutex<Entries>,
    capacity: usize,
}

/// Two halves: what is used moves into the new one; when that is full, the old one is dropped and the new one
/// becomes the old one. So what was not used for a while goes, and no order has to be kept.
#[derive(Debug, Default)]
struct Entries {
    new: HashMap<Key, Stored>,
    new_bytes: usize,
    old: HashMap<Key, Stored>,
    /// How often records were changed.
    changes: u64,
}

/// What a look-up found.
pub(super) enum Found {
    /// The record as it is.
    Stored(Stored),
    /// Not this one. What is read from the file meanwhile is kept if nothing was changed since.
    Missing(Reading),
}

/// When a reading of the file began: as of which change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading(u64);

impl Cache {
    /// An empty cache of so many bytes.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: Mutex::default(),
            capacity,
        }
    }

    /// The record, if it is here; expired or not.
    pub(super) fn get(&self, key: &Key) -> Found {
        let mut entries = self.lock();
        if let Some(stored) = entries.new.get(key) {
            return Found::Stored(stored.clone());
        }
        match entries.old.remove(key) {
            Some(stored) => {
                self.keep(&mut entries, key, stored.clone());
                Found::Stored(stored)
            }
            None => Found::Missing(Reading(entries.changes)),
        }
    }

    /// Keeps what was read from the file, unless it may have been changed since.
    pub(super) fn read(&self, key: &Key, stored: &Stored, began: Reading) {
        let mut entries = self.lock();
        if entries.changes == began.0 {
            self.keep(&mut entries, key, stored.clone());
        }
    }

    /// What the file holds under these keys now; nothing, if that is not known or the record is gone.
    pub(super) fn changed(&self, changes: impl Iterator<Item = (Key, Option<Stored>)>) {
        let mut entries = self.lock();
        for (key, stored) in changes {
            entries.changes += 1;
            entries.forget(&key);
            if let Some(stored) = stored {
                self.keep(&mut entries, &key, stored);
            }
        }
    }

    /// Drops all: what the file holds is not known.
    pub(super) fn clear(&self) {
        let mut entries = self.lock();
        let changes = entries.changes + 1;
        *entries = Entries {
            changes,
            ..Entries::default()
        };
    }

    /// Drops what has expired, once the file has lost it.
    pub(super) fn purge(&self, now: UnixTime) {
        let mut entries = self.lock();
        entries.changes += 1;
        entries.old.retain(|_, stored| now < stored.record.expires);
        entries.new.retain(|_, stored| now < stored.record.expires);
        let sizes = entries.new.iter().map(|(key, stored)| size(key, stored));
        entries.new_bytes = sizes.sum();
    }

    fn keep(&self, entries: &mut Entries, key: &Key, stored: Stored) {
        let size = size(key, &stored);
        let half = self.capacity / 2;
        if size > half {
            return;
        }
        if entries.new_bytes + size > half {
            entries.old = std::mem::take(&mut entries.new);
            entries.new_bytes = 0;
        }
        entries.new_bytes += size;
        if let Some(before) = entries.new.insert(key.clone(), stored) {
            entries.new_bytes -= self::size(key, &before);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Nobody panics while it is held.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn forget(&mut self, key: &Key) {
        if let Some(stored) = self.new.remove(key) {
            self.new_bytes -= size(key, &stored);
        }
        self.old.remove(key);
    }
}

fn size(key: &Key, stored: &Stored) -> usize {
    ENTRY_BYTES + key.0.len() + stored.record.bytes.len()
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::ask::{Record, Version};

    use super::*;

    fn key(number: usize) -> Key {
        Key(format!("session/{number}"))
    }

    fn stored(version: u64, bytes: usize) -> Stored {
        let record = Record {
            bytes: vec![7; bytes].into(),
            expires: UnixTime(1_000 + version),
        };
        let version = Version(version);
        Stored { record, version }
    }

    fn version(cache: &Cache, key: &Key) -> Option<u64> {
        match cache.get(key) {
            Found::Stored(stored) => Some(stored.version.0),
            Found::Missing(_) => None,
        }
    }

    fn reading(cache: &Cache, key: &Key) -> Reading {
        match cache.get(key) {
            Found::Stored(_) => panic!("it is not there"),
            Found::Missing(reading) => reading,
        }
    }

    #[test]
    fn record_read_before_a_change_is_not_kept_after_it() {
        let cache = Cache::new(1 << 20);
        let began = reading(&cache, &key(1));
        cache.changed([(key(1), Some(stored(2, 10)))].into_iter());
        cache.read(&key(1), &stored(1, 10), began);
        assert_eq!(version(&cache, &key(1)), Some(2));
        cache.changed([(key(1), None)].into_iter());
        cache.read(&key(1), &stored(1, 10), began);
        assert_eq!(version(&cache, &key(1)), None);
        let began = reading(&cache, &key(1));
        cache.read(&key(1), &stored(3, 10), began);
        assert_eq!(version(&cache, &key(1)), Some(3));
    }

    #[test]
    fn cache_is_bounded_and_keeps_what_is_used() {
        let cache = Cache::new(64 * 1024);
        for number in 0..10_000 {
            cache.changed([(key(number), Some(stored(1, 800)))].into_iter());
            assert_eq!(version(&cache, &key(0)), Some(1), "it is used all the time");
        }
        let entries = cache.lock();
        let all = entries.new.iter().chain(&entries.old);
        let bytes: usize = all.map(|(key, stored)| size(key, stored)).sum();
        assert!(bytes <= 64 * 1024, "{bytes}");
        assert!(entries.new.len() + entries.old.len() > 20);
        drop(entries);
        cache.changed([(key(1), Some(stored(1, 40_000)))].into_iter());
        assert_eq!(version(&cache, &key(1)), None, "it would fill half of it");
    }

    #[test]
    fn expired_record_leaves_with_the_purge() {
        let cache = Cache::new(1 << 20);
        cache.changed((1..=4).map(|number| (key(number), Some(stored(number as u64, 10)))));
        cache.purge(UnixTime(1_003));
        let there = (1..=4).map(|number| version(&cache, &key(number)).is_some());
        assert!(there.eq([false, false, false, true]));
        let entries = cache.lock();
        assert_eq!(entries.new_bytes, size(&key(4), &stored(4, 10)));
    }
}
