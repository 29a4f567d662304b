//! The tables of the store and the transactions on them.

use bytes::Bytes;
use entra_mcp_core::{
    ask::{Guard, Key, Record, Stored, Version},
    time::UnixTime,
};
use redb::{
    Database, Error, ReadableDatabase as _, ReadableTable, Table, TableDefinition, WriteTransaction,
};

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

/// Why a transaction did nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The guard did not hold.
    Conflict,
    /// The database said no.
    Database(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

/// Makes the tables.
pub(super) fn prepare(database: &Database) -> Result<(), Error> {
    let write = database.begin_write()?;
    write.open_table(RECORDS)?;
    write.open_table(EXPIRIES)?;
    write.open_table(COUNTERS)?;
    write.open_table(MARKS)?;
    Ok(write.commit()?)
}

/// The record, unless it has expired.
pub(super) fn get(
    database: &Database,
    key: &Key,
    now: UnixTime,
) -> Result<Option<Stored>, Failure> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    Ok(read(&records, &key.0)?.filter(|stored| now < stored.record.expires))
}

/// The record, unless it has expired; it is gone afterwards.
pub(super) fn take(
    database: &Database,
    key: &Key,
    now: UnixTime,
) -> Result<Option<Stored>, Failure> {
    let taken = remove(database, key)?;
    Ok(taken.filter(|stored| now < stored.record.expires))
}

/// Deletes the record.
pub(super) fn delete(database: &Database, key: &Key) -> Result<(), Failure> {
    remove(database, key).map(drop)
}

fn remove(database: &Database, key: &Key) -> Result<Option<Stored>, Failure> {
    let write = database.begin_write()?;
    let Some(removed) = read(&write.open_table(RECORDS)?, &key.0)? else {
        // Nothing was changed: no need to wait for the disk.
        write.abort()?;
        return Ok(None);
    };
    write.open_table(RECORDS)?.remove(key.0.as_str())?;
    unlist(&write, key, removed.record.expires)?;
    write.commit()?;
    Ok(Some(removed))
}

/// Writes the record if the guard holds.
pub(super) fn put(
    database: &Database,
    key: &Key,
    record: &Record,
    guard: Guard,
    now: UnixTime,
) -> Result<(), Failure> {
    let write = database.begin_write()?;
    let before = read(&write.open_table(RECORDS)?, &key.0)?;
    let alive = before
        .as_ref()
        .filter(|stored| now < stored.record.expires)
        .map(|stored| stored.version);
    let holds = match guard {
        Guard::Any => true,
        Guard::Absent => alive.is_none(),
        Guard::Version(version) => alive == Some(version),
    };
    if !holds {
        write.abort()?;
        return Err(Failure::Conflict);
    }
    let version = next_version(&mut write.open_table(COUNTERS)?)?;
    let row = (version, record.expires.0, &record.bytes[..]);
    write.open_table(RECORDS)?.insert(key.0.as_str(), row)?;
    if let Some(before) = before {
        unlist(&write, key, before.record.expires)?;
    }
    write
        .open_table(EXPIRIES)?
        .insert((record.expires.0, key.0.as_str()), ())?;
    write.commit()?;
    Ok(())
}

/// Deletes what expired, a batch in a transaction; how many records it were.
pub(super) fn purge_expired(database: &Database, now: UnixTime) -> Result<usize, Error> {
    let mut purged = 0;
    loop {
        let expired = expired(database, now)?;
        if expired.is_empty() {
            return Ok(purged);
        }
        let write = database.begin_write()?;
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
    let write = database.begin_write()?;
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

fn unlist(write: &WriteTransaction, key: &Key, expires: UnixTime) -> Result<(), Failure> {
    let mut expiries = write.open_table(EXPIRIES)?;
    expiries.remove((expires.0, key.0.as_str()))?;
    Ok(())
}

fn next_version(counters: &mut Table<'_, &str, u64>) -> Result<u64, redb::StorageError> {
    let last = counters.get(LAST_VERSION)?.map_or(0, |last| last.value());
    let version = last.saturating_add(1);
    counters.insert(LAST_VERSION, version)?;
    Ok(version)
}
