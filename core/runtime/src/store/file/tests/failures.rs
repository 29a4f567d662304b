//! A disk that fails for a while.

use std::{
    io::{Error as IoError, ErrorKind},
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::AtomicBool,
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

use super::*;
use crate::store::file::database::{self, IfAbsent};

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
    let get_a = Store::Get(key("a"));
    assert!(store.answers_at_once(&get_a));
    put_on_full_disk(&store, "a");
    assert!(!store.answers_at_once(&get_a), "it is opened again first");
    put_on_full_disk(&store, "b");
    DISK.is_full.store(false, Ordering::Relaxed);
    store.database.may_reopen_now();
    assert_eq!(text(get(&store, "a", NOW)).as_deref(), Some("one"));
    assert!(store.answers_at_once(&get_a));
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
    // A file with room: one that grows is synced before anything is written.
    for number in 0..8 {
        assert!(put(&store, "b", &number.to_string(), Guard::Any));
    }
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

/// What may be stored under a key, as far as the answers say.
struct Model(Vec<Option<String>>);

impl Model {
    fn may_be(&mut self, written: Option<String>, answer: &<Store as Ask>::Answer) {
        match answer {
            Ok(_) => self.0 = vec![written],
            // It is on the disk, or it is not.
            Err(_) => self.0.push(written),
        }
    }

    fn is(&mut self, found: Option<String>) {
        assert!(self.0.contains(&found), "{found:?} of {:?}", self.0);
        // From now on it is this.
        self.0 = vec![found];
    }
}

// Q4, Q5
#[test]
fn records_are_as_they_were_answered_while_the_disk_is_full_now_and_then() {
    static DISK: Disk = Disk::new();
    let place = Place::new();
    let store = FileStore::open_with(&place.folder(), |path, if_absent| {
        database::open_with(path, if_absent, |file| File(file, &DISK))
    });
    let store = &store.unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            scope.spawn(move || {
                let name = format!("session/{thread}");
                let mut model = Model(vec![None]);
                for number in 0..300_u32 {
                    match (number + thread) % 7 {
                        0 | 3 | 5 => {
                            let record = Record {
                                bytes: number.to_string().into(),
                                expires: LATER,
                            };
                            let put = Store::Put(key(&name), record, Guard::Any);
                            model.may_be(Some(number.to_string()), &store.answer(put, NOW));
                        }
                        1 => model.may_be(None, &store.answer(Store::Delete(key(&name)), NOW)),
                        _ => {
                            if let Ok(found) = store.answer(Store::Get(key(&name)), NOW) {
                                model.is(text(found));
                            }
                        }
                    }
                    // One thread also plays the disk.
                    if thread == 0 && number % 10 == 0 {
                        DISK.is_full.store(number % 20 == 0, Ordering::Relaxed);
                        store.database.may_reopen_now();
                    }
                }
            });
        }
    });
}
