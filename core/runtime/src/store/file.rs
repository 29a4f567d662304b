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
mod database;
mod table;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod writes;

use std::{
    convert::Infallible,
    path::Path,
    sync::{
        OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
};

use entra_mcp_core::{
    ask::{Ask, Key, Store, StoreFault},
    keys::{Keyring, Purpose},
    log_event::{Field, LogEvent, LogEventId},
    time::UnixTime,
};
use redb::{Database, Error};

use self::{
    cache::{Cache, Found},
    database::{Opener, ReopenedDatabase},
    writes::{Write, Writes},
};
use super::MARK;
use crate::{data_dir::DataDir, data_dir_error::DataDirError, log::log};

/// The file in the data folder.
const FILE: &str = "sessions.redb";

/// Memory for records that were just read or written: some thousand sessions.
const RECORD_CACHE_BYTES: usize = 4 * 1024 * 1024;

/// The store in a file.
#[derive(Debug)]
pub struct FileStore {
    database: ReopenedDatabase,
    cache: Cache,
    writes: Writes,
    /// The last to be dropped: by then the file is closed.
    open: OnceLock<Sender<Infallible>>,
}

impl FileStore {
    /// Opens the store of the data folder, or makes it, readable by the owner only.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub(crate) fn open(folder: &DataDir) -> Result<Self, DataDirError> {
        Self::open_with(folder, database::open_file)
    }

    fn open_with(folder: &DataDir, open: Opener) -> Result<Self, DataDirError> {
        let path = folder.file(FILE);
        let database = ReopenedDatabase::open(path.clone(), open).map_err(|error| match error {
            Error::DatabaseAlreadyOpen => DataDirError::InUse { sessions: path },
            other => DataDirError::SessionsUnusable {
                sessions: path,
                error: other.into(),
            },
        })?;
        Ok(Self {
            database,
            cache: Cache::new(RECORD_CACHE_BYTES),
            writes: Writes::default(),
            open: OnceLock::new(),
        })
    }

    /// Returns what ends when the file is closed. The first caller's is the right one.
    pub(crate) fn closed(&self) -> Receiver<Infallible> {
        let (open, closed) = channel();
        // Whoever comes later is not told.
        let _ = self.open.set(open);
        closed
    }

    /// Its file.
    pub(crate) fn path(&self) -> &Path {
        self.database.path()
    }

    /// Whether it answers without waiting: a `Get` costs a page or two of a mapped cache, and no lock that a writer
    /// holds. After the disk has failed the file is opened again first, which may read all of it.
    #[must_use]
    pub fn answers_at_once(&self, ask: &Store) -> bool {
        matches!(ask, Store::Get(_)) && !self.database.has_failed()
    }

    /// Answers an ask. It may wait for the disk, if it does not answer at once.
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
        let found = self
            .with(|database| table::get(database, key, now))
            .map_err(|error| failed(&error))?;
        if let Some(stored) = &found {
            self.cache.read(key, stored, reading);
        }
        Ok(found)
    }

    /// The keys that begin like this.
    pub(super) fn keys(&self, prefix: &str) -> Result<Vec<Key>, StoreFault> {
        self.with(|database| table::keys(database, prefix))
            .map_err(|error| failed(&error))
    }

    fn with<T>(&self, operation: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, Error> {
        // What a failed disk has of the last writes is not known.
        self.database.with(operation, || self.cache.clear())
    }

    /// Does these writes in one transaction and answers each.
    fn write_together(&self, writes: Vec<Write>) {
        let keys = writes.iter().map(|write| write.ask.key().clone());
        let uncertain = Uncertain(&self.cache, keys.collect());
        let written = self.with(|database| {
            table::write(database, writes.iter().map(|write| (&write.ask, write.now)))
        });
        match written {
            Ok((answers, changes)) => {
                uncertain.settle(changes);
                for (write, answer) in writes.into_iter().zip(answers) {
                    write.answer(answer);
                }
            }
            Err(error) => {
                drop(uncertain);
                let fault = failed(&error);
                for write in writes {
                    write.answer(Err(fault));
                }
            }
        }
    }

    /// Deletes what has expired (threat M16). Call it every few minutes.
    pub fn purge_expired(&self, now: UnixTime) {
        let purged = self.with(|database| table::purge_expired(database, now));
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
        let mark = self
            .with(table::mark)
            .map_err(|error| self.unreadable(error))?;
        Ok(mark.is_some())
    }

    /// Whether one of these keys is the one that the store was used with last; a new store takes
    /// any. From then on it is the first key that is remembered.
    pub(crate) fn fits(&self, keys: &Keyring) -> Result<bool, DataDirError> {
        let mark = self
            .with(table::mark)
            .map_err(|error| self.unreadable(error))?;
        let newest = keys.mac(Purpose::StoreCheck, MARK);
        match mark {
            Some(mark) if mark == newest => return Ok(true),
            Some(mark) if !keys.verify(Purpose::StoreCheck, MARK, &mark) => return Ok(false),
            _ => {}
        }
        self.with(|database| table::set_mark(database, &newest))
            .map_err(|error| self.unreadable(error))?;
        Ok(true)
    }

    fn unreadable(&self, error: Error) -> DataDirError {
        DataDirError::SessionsUnreadable {
            sessions: self.path().to_owned(),
            error: error.into(),
        }
    }
}

/// Records that are being written. Whether the disk has any of it is not known until the transaction is over; nor if it
/// fails, or panics.
struct Uncertain<'a>(&'a Cache, Vec<Key>);

impl Uncertain<'_> {
    /// This is what the disk has now.
    fn settle(mut self, changes: Vec<table::Change>) {
        self.1.clear();
        self.0.changed(changes.into_iter());
    }
}

impl Drop for Uncertain<'_> {
    fn drop(&mut self) {
        let keys = std::mem::take(&mut self.1);
        self.0.changed(keys.into_iter().map(|key| (key, None)));
    }
}

fn failed(error: &Error) -> StoreFault {
    log(&LogEvent::new(LogEventId::StoreFailed).with(Field::Error, error.to_string()));
    StoreFault::Unavailable
}
