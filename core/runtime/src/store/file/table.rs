//! The tables of the store and the transactions on them.

use bytes::Bytes;
use entra_mcp_core::{
    ask::{Guard, Key, Record, Store, StoreFault, Stored, Version},
    time::UnixTime,
};
use redb::{
    Database, Error, ReadableDatabase as _, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use super::writes::Answer;

/// Version, expiry and sealed bytes of a record.
type Row<'a> = (u64, u64, &'a [u8]);

const RECORDS: TableDefinition<'_, &str, Row<'static>> = TableDefinition::new("records");
/// The same records by when they expire, so that sweeping reads no more than it deletes.
const EXPIRIES: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("expiries");
/// The number of the last `Put`. It counts on for all keys alike: a record that was deleted and
/// written anew never has a version that somebody still holds of the old one.
const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");
const MARKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("marks");

const LAST_VERSION: &str = "version";
const KEY_MARK: &str = "key";

/// How many records one transaction deletes: others wait for it.
const PURGE_BATCH: usize = 500;

/// Begins a transaction that leaves a file which opens at once, also when this process is killed. That takes a second
/// wait for the disk; without it, the next start reads all of the file: seconds, for 100,000 sessions.
fn begin_write(database: &Database) -> Result<WriteTransaction, Error> {
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    Ok(write)
}

/// Makes the tables.
pub(super) fn prepare(database: &Database) -> Result<(), Error> {
    let write = begin_write(database)?;
    write.open_table(RECORDS)?;
    write.open_table(EXPIRIES)?;
    write.open_table(COUNTERS)?;
    write.open_table(MARKS)?;
    Ok(write.commit()?)
}

/// The record, unless it has expired.
pub(super) fn get(database: &Database, key: &Key, now: UnixTime) -> Result<Option<Stored>, Error> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    Ok(read(&records, &key.0)?.filter(|stored| now < stored.record.expires))
}

/// The keys that begin like this.
pub(super) fn keys(database: &Database, prefix: &str) -> Result<Vec<Key>, Error> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    let mut keys = Vec::new();
    for entry in records.range(prefix..)? {
        let (key, _) = entry?;
        if !key.value().starts_with(prefix) {
            break;
        }
        keys.push(Key(key.value().to_owned()));
    }
    Ok(keys)
}

/// A change of a record: what is there from now on.
pub(super) type Change = (Key, Option<Stored>);

/// Does several writes in one transaction, in their order, and waits once for the disk. A write whose guard does not
/// hold changes nothing, and the others are not concerned. Returns their answers, and what has changed.
pub(super) fn write<'a>(
    database: &Database,
    asks: impl Iterator<Item = (&'a Store, UnixTime)>,
) -> Result<(Vec<Answer>, Vec<Change>), Error> {
    let write = begin_write(database)?;
    let (mut answers, mut changes) = (Vec::new(), Vec::new());
    {
        let mut tables = Tables {
            records: write.open_table(RECORDS)?,
            expiries: write.open_table(EXPIRIES)?,
            counters: write.open_table(COUNTERS)?,
        };
        for (ask, now) in asks {
            answers.push(tables.write(ask, now, &mut changes)?);
        }
    }
    match changes.is_empty() {
        // No need to wait for the disk.
        true => write.abort()?,
        false => write.commit()?,
    }
    Ok((answers, changes))
}

struct Tables<'t> {
    records: Table<'t, &'static str, Row<'static>>,
    expiries: Table<'t, (u64, &'static str), ()>,
    counters: Table<'t, &'static str, u64>,
}

impl Tables<'_> {
    fn write(
        &mut self,
        ask: &Store,
        now: UnixTime,
        changes: &mut Vec<Change>,
    ) -> Result<Answer, Error> {
        let alive = |stored: &Stored| now < stored.record.expires;
        match ask {
            Store::Get(key) => Ok(Ok(read(&self.records, &key.0)?.filter(alive))),
            Store::Take(key) => Ok(Ok(self.remove(key, changes)?.filter(alive))),
            Store::Delete(key) => {
                self.remove(key, changes)?;
                Ok(Ok(None))
            }
            Store::Put(key, record, guard) => {
                let before = read(&self.records, &key.0)?;
                let version = before.as_ref().filter(|stored| alive(stored));
                let version = version.map(|stored| stored.version);
                let holds = match guard {
                    Guard::Any => true,
                    Guard::Absent => version.is_none(),
                    Guard::Version(expected) => version == Some(*expected),
                };
                if !holds {
                    return Ok(Err(StoreFault::Conflict));
                }
                if let Some(before) = before {
                    self.unlist(key, before.record.expires)?;
                }
                let version = self.insert(key, record)?;
                let record = record.clone();
                changes.push((key.clone(), Some(Stored { record, version })));
                Ok(Ok(None))
            }
        }
    }

    fn insert(&mut self, key: &Key, record: &Record) -> Result<Version, Error> {
        let last = self.counters.get(LAST_VERSION)?.map(|last| last.value());
        let version = last.unwrap_or_default().saturating_add(1);
        self.counters.insert(LAST_VERSION, version)?;
        let row = (version, record.expires.0, &record.bytes[..]);
        self.records.insert(key.0.as_str(), row)?;
        let listed = (record.expires.0, key.0.as_str());
        self.expiries.insert(listed, ())?;
        Ok(Version(version))
    }

    fn remove(&mut self, key: &Key, changes: &mut Vec<Change>) -> Result<Option<Stored>, Error> {
        let Some(removed) = read(&self.records, &key.0)? else {
            return Ok(None);
        };
        self.records.remove(key.0.as_str())?;
        self.unlist(key, removed.record.expires)?;
        changes.push((key.clone(), None));
        Ok(Some(removed))
    }

    fn unlist(&mut self, key: &Key, expires: UnixTime) -> Result<(), Error> {
        self.expiries.remove((expires.0, key.0.as_str()))?;
        Ok(())
    }
}

/// Deletes what expired, a batch in a transaction; how many records it were.
pub(super) fn purge_expired(database: &Database, now: UnixTime) -> Result<usize, Error> {
    let mut purged = 0;
    loop {
        let expired = expired(database, now)?;
        if expired.is_empty() {
            return Ok(purged);
        }
        let write = begin_write(database)?;
        for (expires, key) in &expired {
            let listed = write
                .open_table(EXPIRIES)?
                .remove((*expires, key.as_str()))?
                .is_some();
            // Between reading and writing it may have been written anew, to last longer.
            if listed {
                write.open_table(RECORDS)?.remove(key.as_str())?;
                purged += 1;
            }
        }
        write.commit()?;
    }
}

fn expired(database: &Database, now: UnixTime) -> Result<Vec<(u64, String)>, Error> {
    let expiries = database.begin_read()?.open_table(EXPIRIES)?;
    let until = (now.0.saturating_add(1), "");
    let mut expired = Vec::new();
    for entry in expiries.range(..until)?.take(PURGE_BATCH) {
        let (name, _) = entry?;
        let (expires, key) = name.value();
        expired.push((expires, key.to_owned()));
    }
    Ok(expired)
}

/// The mark of the key that the store was used with.
pub(super) fn mark(database: &Database) -> Result<Option<Vec<u8>>, Error> {
    let marks = database.begin_read()?.open_table(MARKS)?;
    Ok(marks.get(KEY_MARK)?.map(|mark| mark.value().to_vec()))
}

/// Remembers the mark of a key.
pub(super) fn set_mark(database: &Database, mark: &[u8]) -> Result<(), Error> {
    let write = begin_write(database)?;
    write.open_table(MARKS)?.insert(KEY_MARK, mark)?;
    Ok(write.commit()?)
}

fn read(
    records: &impl ReadableTable<&'static str, Row<'static>>,
    key: &str,
) -> Result<Option<Stored>, redb::StorageError> {
    Ok(records.get(key)?.map(|row| {
        let (version, expires, bytes) = row.value();
        Stored {
            record: Record {
                bytes: Bytes::copy_from_slice(bytes),
                expires: UnixTime(expires),
            },
            version: Version(version),
        }
    }))
}
