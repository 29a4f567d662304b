//! The database in its file, which is closed and opened again once it has failed: after an error of the disk, which may
//! pass, it would refuse everything until then (`redb::Error::PreviousIo`).

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use entra_mcp_core::log_event::{LogEvent, LogEventId};
use redb::{Database, Error, StorageBackend, backends::FileBackend};

use super::table;
use crate::{
    log::log,
    unix::{files, owner},
};

/// Memory for pages of the file: sessions in use are in the cache of records, so little is enough.
const PAGE_CACHE_BYTES: usize = 4 * 1024 * 1024;

/// How soon a database that failed is opened again after the last time.
const REOPENED_EVERY: Duration = Duration::from_secs(1);

/// How many times longer than that took: to open it after a failure may read all of it, and others wait meanwhile.
const REOPENED_AFTER_TIMES: u32 = 4;

/// Opens the database of a file.
pub(super) type Opener = fn(&Path, IfAbsent) -> Result<Database, Error>;

/// What happens if there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfAbsent {
    /// It is made.
    Make,
    /// It is an error: a disk that has gone is not replaced by an empty store.
    Fail,
}

/// A database that outlives errors of its disk.
#[derive(Debug)]
pub(super) struct ReopenedDatabase {
    path: PathBuf,
    open: Opener,
    /// `None` if it could not be opened again.
    database: RwLock<Option<Database>>,
    /// Whether an operation failed, or panicked, since it was opened.
    has_failed: AtomicBool,
    /// Until when it is not opened again.
    rests_until: Mutex<Option<Instant>>,
}

/// Notes that an operation failed, also if it panicked.
struct Attempt<'a>(Option<&'a AtomicBool>);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(has_failed) = self.0 {
            has_failed.store(true, Ordering::Release);
        }
    }
}

impl ReopenedDatabase {
    /// Opens the database, or makes it.
    pub(super) fn open(path: PathBuf, open: Opener) -> Result<Self, Error> {
        let database = open(&path, IfAbsent::Make)?;
        Ok(Self {
            path,
            open,
            database: RwLock::new(Some(database)),
            has_failed: AtomicBool::new(false),
            rests_until: Mutex::default(),
        })
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether what is done next begins with opening it again.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Does something with the database. If what was done before has failed, it is opened again, and `reopened` is
    /// called before anybody else sees it.
    pub(super) fn with<T>(
        &self,
        operation: impl FnOnce(&Database) -> Result<T, Error>,
        reopened: impl FnOnce(),
    ) -> Result<T, Error> {
        if self.has_failed() {
            self.reopen(reopened)?;
        }
        let database = self.read();
        let database = database.as_ref().ok_or(Error::DatabaseClosed)?;
        let mut attempt = Attempt(Some(&self.has_failed));
        let done = operation(database)?;
        attempt.0 = None;
        Ok(done)
    }

    /// Forgets when it was opened last.
    #[cfg(test)]
    pub(super) fn may_reopen_now(&self) {
        *self.rests_until.lock().unwrap() = None;
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Database>> {
        // Whoever panics while opening it leaves none.
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn reopen(&self, reopened: impl FnOnce()) -> Result<(), Error> {
        let rests_until = self.rests_until.lock();
        let mut rests_until = rests_until.unwrap_or_else(PoisonError::into_inner);
        if !self.has_failed() {
            // Somebody else has done it.
            return Ok(());
        }
        let begun = Instant::now();
        if rests_until.is_some_and(|until| begun < until) {
            return Err(Error::PreviousIo);
        }
        let database = self.database.write();
        let mut database = database.unwrap_or_else(PoisonError::into_inner);
        // It locks the file.
        *database = None;
        let opened = (self.open)(&self.path, IfAbsent::Fail);
        let rest = REOPENED_EVERY.max(begun.elapsed() * REOPENED_AFTER_TIMES);
        *rests_until = Some(Instant::now() + rest);
        *database = Some(opened?);
        reopened();
        self.has_failed.store(false, Ordering::Release);
        log(&LogEvent::new(LogEventId::StoreReopened));
        Ok(())
    }
}

/// Opens the file, readable by the owner only.
pub(super) fn open_file(path: &Path, if_absent: IfAbsent) -> Result<Database, Error> {
    open_with(path, if_absent, |file| file)
}

/// The same, with something between the database and its file.
pub(super) fn open_with<B: StorageBackend>(
    path: &Path,
    if_absent: IfAbsent,
    wrap: impl FnOnce(FileBackend) -> B,
) -> Result<Database, Error> {
    let mut options = OpenOptions::new();
    files::owner_only(options.read(true).write(true));
    let file = match if_absent {
        IfAbsent::Make => owner::open_or_make(&mut options, path),
        IfAbsent::Fail => options.open(path),
    };
    let file = file.map_err(Error::Io)?;
    files::keep_from_others(&file).map_err(Error::Io)?;
    let database = Database::builder()
        .set_cache_size(PAGE_CACHE_BYTES)
        .create_with_backend(wrap(FileBackend::new(file)?))?;
    table::prepare(&database)?;
    Ok(database)
}
