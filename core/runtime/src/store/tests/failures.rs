//! A disk that fails for a while.

use std::{
    io::{Error as IoError, ErrorKind},
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::AtomicBool,
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

use super::*;
use crate::store::database::{self, IfAbsent};

/// Every state that a disk may be in, for one test.
#[derive(Debug)]
struct Disk {
    is_full: AtomicBool,
    /// What is written is on it, and then the writer panics.
    panics: AtomicBool,
}

impl Disk {
    const fn new() -> Self {
        Self {
            is_full: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        }
    }
}

#[derive(Debug)]
struct File(FileBackend, &'static Disk);

impl StorageBackend for File {
    fn len(&self) -> Result<u64, IoError> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), IoError> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), IoError> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), IoError> {
        self.0.sync_data()?;
        assert!(!self.1.panics.load(Ordering::Relaxed), "a bug");
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), IoError> {
        match self.1.is_full.load(Ordering::Relaxed) {
            true => Err(ErrorKind::StorageFull.into()),
            false => self.0.write(offset, data),
        }
    }

    fn close(&self) -> Result<(), IoError> {
        self.0.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}

fn put_on_full_disk(store: &FileStore, name: &str) {
    let record = Record {
        bytes: Bytes::from_static(b"lost"),
        expires: LATER,
    };
    let put = Store::Put(key(name), record, Guard::Any);
    assert_eq!(store.answer(put, NOW), Err(StoreFault::Unavailable));
}

// Q4
#[test]
fn store_whose_disk_was_full_works_again_once_there_is_room() {
    static DISK: Disk = Disk::new();
    let place = Place::new();
    let store = FileStore::open_with(&place.folder(), |path, if_absent| {
        database::open_with(path, if_absent, |file| File(file, &DISK))
    });
    let store = store.unwrap();
    assert!(put(&store, "a", "one", Guard::Absent));
    DISK.is_full.store(true, Ordering::Relaxed);
    put_on_full_disk(&store, "a");
    put_on_full_disk(&store, "b");
    DISK.is_full.store(false, Ordering::Relaxed);
    store.database.may_reopen_now();
    assert_eq!(text(get(&store, "a", NOW)).as_deref(), Some("one"));
    assert_eq!(get(&store, "b", NOW), None);
    assert!(put(&store, "b", "two", Guard::Absent));
    drop(store);
    assert_eq!(text(get(&place.store(), "b", NOW)).as_deref(), Some("two"));
}

// I7: whoever ended the session is not answered, and asks again; the record must not live on in memory.
#[test]
fn record_deleted_by_a_writer_that_panics_is_not_found_in_memory() {
    static DISK: Disk = Disk::new();
    let place = Place::new();
    let store = FileStore::open_with(&place.folder(), |path, if_absent| {
        database::open_with(path, if_absent, |file| File(file, &DISK))
    });
    let store = store.unwrap();
    assert!(put(&store, "a", "one", Guard::Absent));
    DISK.panics.store(true, Ordering::Relaxed);
    let delete = || store.answer(Store::Delete(key("a")), NOW);
    assert!(catch_unwind(AssertUnwindSafe(delete)).is_err());
    DISK.panics.store(false, Ordering::Relaxed);
    let in_memory = store.cache.get(&key("a"));
    assert!(matches!(in_memory, Found::Missing(_)));
    store.database.may_reopen_now();
    assert_eq!(store.answer(Store::Delete(key("a")), NOW), Ok(None));
    assert_eq!(get(&store, "a", NOW), None);
}

#[test]
fn file_that_has_gone_is_not_replaced_by_an_empty_one() {
    let place = Place::new();
    let path = place.folder().file(FILE);
    let opened = database::open_file(&path, IfAbsent::Fail);
    assert!(matches!(opened, Err(Error::Io(error)) if error.kind() == ErrorKind::NotFound));
}
