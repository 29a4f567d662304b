//! The store of one machine: an embedded database in one file of the data folder, which keeps every
//! session when the process is killed.
//!
//! `Take` and guarded `Put` are each one write transaction, and there is one writer at a time: so a
//! code is redeemed once however many threads try (threat Q5). What is written is on the disk
//! before it is answered. What is inside the records is sealed; the store sees bytes.

mod table;
#[cfg(test)]
mod tests;

use std::{
    fs::OpenOptions,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt},
    path::{Path, PathBuf},
};

use entra_mcp_core::{
    ask::{Ask, Store, StoreFault},
    keys::{Keyring, Purpose},
    log_event::{Field, LogEvent, LogEventId},
    time::UnixTime,
};
use redb::{Database, DatabaseError, backends::FileBackend};

use self::table::Failure;
use crate::{data_dir::DataDir, data_dir_error::DataDirError, log::log};

/// The file in the data folder.
const FILE: &str = "sessions.redb";

/// What the key check mark is a MAC of.
const MARK: &[u8] = b"entra-mcp sessions";

/// Memory for pages that were read: an open session is one look-up, so little is enough.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The store in a file.
#[derive(Debug)]
pub struct FileStore {
    database: Database,
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
                    .set_cache_size(CACHE_BYTES)
                    .create_with_backend(file)
            })
            .map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => DataDirError::InUse {
                    sessions: path.clone(),
                },
                other => cannot(other.into()),
            })?;
        table::prepare(&database).map_err(|error| cannot(error.into()))?;
        Ok(Self { database, path })
    }

    /// Its file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Answers an ask. It may wait for the disk.
    pub fn answer(&self, ask: Store, now: UnixTime) -> <Store as Ask>::Answer {
        let answer = match ask {
            Store::Get(key) => table::get(&self.database, &key, now),
            Store::Take(key) => table::take(&self.database, &key, now),
            Store::Put(key, record, guard) => {
                table::put(&self.database, &key, &record, guard, now).map(|()| None)
            }
            Store::Delete(key) => table::delete(&self.database, &key).map(|()| None),
        };
        answer.map_err(|failure| match failure {
            Failure::Conflict => StoreFault::Conflict,
            Failure::Database(error) => {
                log(&LogEvent::new(LogEventId::StoreFailed).with(Field::Error, error.to_string()));
                StoreFault::Unavailable
            }
        })
    }

    /// Deletes what has expired (threat M16). Call it every few minutes.
    pub fn purge_expired(&self, now: UnixTime) {
        match table::purge_expired(&self.database, now) {
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
