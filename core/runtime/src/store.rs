//! The store of one machine: an embedded database in one file of the data folder, which keeps every
//! session when the process is killed.
//!
//! There is one writer at a time, and writes are done one after the other: so a code is redeemed once however many
//! threads try (threat Q5). Those that come together share a transaction ([`writes`]). What is written is on the disk
//! before it is answered. What is inside the records is sealed; the store sees bytes.
//!
//! What was just read or written is kept in memory ([`cache`]), for which it matters that no other process writes the
//! file: the database locks it. A store that several machines share must ask it at every look-up, or be told of
//! every change before its writer is answered; else a session that was ended lives on elsewhere.

mod cache;
mod table;
#[cfg(test)]
mod tests;
mod writes;

use std::{
    fs::OpenOptions,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt},
    path::{Path, PathBuf},
};

use entra_mcp_core::{
    ask::{Ask, Key, Store, StoreFault},
    keys::{Keyring, Purpose},
    log_event::{Field, LogEvent, LogEventId},
    time::UnixTime,
};
use redb::{Database, DatabaseError, backends::FileBackend};

use self::{
    cache::{Cache, Found},
    writes::{Write, Writes},
};
use crate::{data_dir::DataDir, data_dir_error::DataDirError, log::log};

/// The file in the data folder.
const FILE: &str = "sessions.redb";

/// What the key check mark is a MAC of.
const MARK: &[u8] = b"entra-mcp sessions";

/// Memory for pages of the file: sessions in use are in the cache of records, so little is enough.
const PAGE_CACHE_BYTES: usize = 4 * 1024 * 1024;

/// Memory for records that were just read or written: some thousand sessions.
const RECORD_CACHE_BYTES: usize = 4 * 1024 * 1024;

/// The store in a file.
#[derive(Debug)]
pub struct FileStore {
    database: Database,
    cache: Cache,
    writes: Writes,
    path: PathBuf,
}

impl FileStore {
    /// Opens the store of the data folder, or makes it, readable by the owner only.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub(crate) fn open(folder: &DataDir) -> Result<Self, DataDirError> {
        let path = folder.file(FILE);
        let cannot = |error| DataDirError::SessionsUnusable {
            sessions: path.clone(),
            error,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| cannot(error.into()))?;
        file.set_permissions(PermissionsExt::from_mode(0o600))
            .map_err(|error| cannot(error.into()))?;
        let database = FileBackend::new(file)
            .and_then(|file| {
                Database::builder()
                    .set_cache_size(PAGE_CACHE_BYTES)
                    .create_with_backend(file)
            })
            .map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => DataDirError::InUse {
                    sessions: path.clone(),
                },
                other => cannot(other.into()),
            })?;
        table::prepare(&database).map_err(|error| cannot(error.into()))?;
        Ok(Self {
            database,
            cache: Cache::new(RECORD_CACHE_BYTES),
            writes: Writes::default(),
            path,
        })
    }

    /// Its file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Answers an ask. It may wait for the disk, but for a `Get` of what was just read or written.
    pub fn answer(&self, ask: Store, now: UnixTime) -> <Store as Ask>::Answer {
        match ask {
            Store::Get(key) => self.get(&key, now),
            ask @ (Store::Take(_) | Store::Put(..) | Store::Delete(_)) => {
                self.writes
                    .write(ask, now, |writes| self.write_together(writes))
            }
        }
    }

    fn get(&self, key: &Key, now: UnixTime) -> <Store as Ask>::Answer {
        let reading = match self.cache.get(key) {
            Found::Stored(stored) => {
                return Ok(Some(stored).filter(|stored| now < stored.record.expires));
            }
            Found::Missing(reading) => reading,
        };
        let found = table::get(&self.database, key, now).map_err(|error| failed(&error))?;
        if let Some(stored) = &found {
            self.cache.read(key, stored, reading);
        }
        Ok(found)
    }

    /// Does these writes in one transaction and answers each.
    fn write_together(&self, writes: Vec<Write>) {
        let asks = writes.iter().map(|write| (&write.ask, write.now));
        match table::write(&self.database, asks) {
            Ok((answers, changes)) => {
                self.cache.changed(changes.into_iter());
                for (write, answer) in writes.into_iter().zip(answers) {
                    write.answer(answer);
                }
            }
            Err(error) => {
                let fault = failed(&error);
                // Whether the disk has any of it is not known.
                let keys = writes.iter().map(|write| write.ask.key());
                self.cache.changed(keys.map(|key| (key.clone(), None)));
                for write in writes {
                    write.answer(Err(fault));
                }
            }
        }
    }

    /// Deletes what has expired (threat M16). Call it every few minutes.
    pub fn purge_expired(&self, now: UnixTime) {
        let purged = table::purge_expired(&self.database, now);
        self.cache.purge(now);
        match purged {
            Ok(0) => {}
            Ok(purged) => {
                log(&LogEvent::new(LogEventId::StorePurged).with(Field::Count, purged.to_string()));
            }
            Err(error) => {
                log(&LogEvent::new(LogEventId::StoreNotPurged)
                    .with(Field::Error, error.to_string()));
            }
        }
    }

    /// Whether the store was ever used with a key.
    pub(crate) fn is_marked(&self) -> Result<bool, DataDirError> {
        let mark = table::mark(&self.database).map_err(|error| self.unreadable(error))?;
        Ok(mark.is_some())
    }

    /// Whether one of these keys is the one that the store was used with last; a new store takes
    /// any. From then on it is the first key that is remembered.
    pub(crate) fn fits(&self, keys: &Keyring) -> Result<bool, DataDirError> {
        let mark = table::mark(&self.database).map_err(|error| self.unreadable(error))?;
        let newest = keys.mac(Purpose::StoreCheck, MARK);
        match mark {
            Some(mark) if mark == newest => return Ok(true),
            Some(mark) if !keys.verify(Purpose::StoreCheck, MARK, &mark) => return Ok(false),
            _ => {}
        }
        table::set_mark(&self.database, &newest).map_err(|error| self.unreadable(error))?;
        Ok(true)
    }

    fn unreadable(&self, error: redb::Error) -> DataDirError {
        DataDirError::SessionsUnreadable {
            sessions: self.path.clone(),
            error: error.into(),
        }
    }
}

fn failed(error: &redb::Error) -> StoreFault {
    log(&LogEvent::new(LogEventId::StoreFailed).with(Field::Error, error.to_string()));
    StoreFault::Unavailable
}
