//! What every store does, whatever keeps the records: the same tests against the file, Redis, and the store of the
//! simulated world, so that what the world shows is true of the others.

use std::{
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use entra_mcp_core::ask::{Guard, Key, Record, StoreFault, Stored};
use entra_mcp_fuzz::store::MemoryStore;

use super::*;

/// A store under test, which is the only one of its place.
pub(super) trait Subject: Sync {
    fn answer(&self, ask: Store, now: UnixTime) -> <Store as Ask>::Answer;
}

impl Subject for FileStore {
    fn answer(&self, ask: Store, now: UnixTime) -> <Store as Ask>::Answer {
        Self::answer(self, ask, now)
    }
}

#[cfg(feature = "redis")]
impl Subject for RedisStore {
    fn answer(&self, ask: Store, now: UnixTime) -> <Store as Ask>::Answer {
        Self::answer(self, ask, now)
    }
}

impl Subject for Mutex<MemoryStore> {
    fn answer(&self, ask: Store, now: UnixTime) -> <Store as Ask>::Answer {
        self.lock().unwrap().perform(ask, now)
    }
}

/// The time: Redis expires records by its own clock.
pub(super) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime(since.as_secs())
}

/// When records of these tests expire.
fn later(now: UnixTime) -> UnixTime {
    UnixTime(now.0 + 1000)
}

pub(super) fn key(name: &str) -> Key {
    Key(name.to_owned())
}

fn put_until(store: &impl Subject, name: &str, text: &str, times: [u64; 2], guard: Guard) -> bool {
    let [now, expires] = times.map(UnixTime);
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let record = Record { bytes, expires };
    match store.answer(Store::Put(key(name), record, guard), now) {
        Ok(None) => true,
        Err(StoreFault::Conflict) => false,
        other => panic!("{other:?}"),
    }
}

pub(super) fn put(store: &impl Subject, name: &str, text: &str, guard: Guard) -> bool {
    let now = now();
    put_until(store, name, text, [now.0, later(now).0], guard)
}

fn get_at(store: &impl Subject, name: &str, now: UnixTime) -> Option<Stored> {
    store.answer(Store::Get(key(name)), now).unwrap()
}

pub(super) fn get(store: &impl Subject, name: &str) -> Option<Stored> {
    get_at(store, name, now())
}

pub(super) fn text(stored: Option<Stored>) -> Option<String> {
    stored.map(|stored| String::from_utf8(stored.record.bytes.to_vec()).unwrap())
}

fn record_is_found_until_it_expires(store: &impl Subject) {
    let now = now();
    let expires = later(now);
    assert_eq!(get(store, "a"), None);
    assert!(put_until(store, "a", "one", [now.0, expires.0], Guard::Any));
    let found = get(store, "a").unwrap();
    assert_eq!(found.record.expires, expires);
    assert_eq!(text(Some(found)).as_deref(), Some("one"));
    assert!(get_at(store, "a", UnixTime(expires.0 - 1)).is_some());
    assert_eq!(get_at(store, "a", expires), None);
    assert_eq!(store.answer(Store::Take(key("a")), expires), Ok(None));
}

fn record_deleted_or_taken_is_gone(store: &impl Subject) {
    put(store, "a", "one", Guard::Any);
    put(store, "b", "two", Guard::Any);
    let now = now();
    assert_eq!(store.answer(Store::Delete(key("a")), now), Ok(None));
    assert_eq!(store.answer(Store::Delete(key("a")), now), Ok(None));
    assert_eq!(get(store, "a"), None);
    let taken = store.answer(Store::Take(key("b")), now).unwrap();
    assert_eq!(text(taken).as_deref(), Some("two"));
    assert_eq!(store.answer(Store::Take(key("b")), now), Ok(None));
}

fn record_of_any_bytes_is_read_as_it_was_written(store: &impl Subject) {
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(70_000).collect();
    for bytes in [Vec::new(), vec![0], bytes] {
        let now = now();
        let record = Record {
            bytes: bytes.into(),
            expires: later(now),
        };
        let written = Store::Put(key("a"), record.clone(), Guard::Any);
        assert_eq!(store.answer(written, now), Ok(None));
        assert_eq!(get(store, "a").map(|stored| stored.record), Some(record));
    }
}

fn guard_that_fails_writes_nothing(store: &impl Subject) {
    assert!(put(store, "a", "one", Guard::Absent));
    assert!(!put(store, "a", "two", Guard::Absent));
    let first = get(store, "a").unwrap().version;
    assert!(put(store, "a", "three", Guard::Version(first)));
    assert!(!put(store, "a", "four", Guard::Version(first)));
    assert!(!put(store, "b", "five", Guard::Version(first)));
    assert_eq!(text(get(store, "a")).as_deref(), Some("three"));
    assert!(get(store, "a").unwrap().version > first);
}

fn version_is_never_reused_after_deletion(store: &impl Subject) {
    put(store, "a", "one", Guard::Any);
    let first = get(store, "a").unwrap().version;
    store.answer(Store::Delete(key("a")), now()).unwrap();
    assert!(put(store, "a", "two", Guard::Absent));
    assert!(!put(store, "a", "three", Guard::Version(first)));
    put(store, "b", "other", Guard::Any);
    let other = get(store, "b").unwrap().version;
    assert!(
        !put(store, "a", "four", Guard::Version(other)),
        "nor one of another record"
    );
}

fn expired_record_is_absent_to_a_guard(store: &impl Subject) {
    let now = now();
    let soon = UnixTime(now.0 + 500);
    put_until(store, "past", "old", [now.0, now.0], Guard::Any);
    assert!(put(store, "past", "new", Guard::Absent));
    // Also to a replica whose clock is ahead.
    put_until(store, "a", "old", [now.0, soon.0], Guard::Any);
    let old = get(store, "a").unwrap().version;
    let late = [soon.0, later(now).0];
    assert!(!put_until(store, "a", "new", late, Guard::Version(old)));
    assert!(put_until(store, "a", "new", late, Guard::Absent));
    assert_eq!(text(get(store, "a")).as_deref(), Some("new"));
}

/// What each of twenty threads gets that do the same at once.
fn by_twenty_threads<T: Send>(act: impl Fn(u32) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = (0..20)
            .map(|number| scope.spawn(move || act(number)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    })
}

// Q5, E3
fn record_taken_by_twenty_threads_goes_to_one(store: &impl Subject) {
    for round in 0..3 {
        put(store, "code", &round.to_string(), Guard::Any);
        let taken = by_twenty_threads(|_| store.answer(Store::Take(key("code")), now()).unwrap());
        assert_eq!(taken.iter().flatten().count(), 1);
    }
}

fn version_overwritten_by_twenty_threads_is_written_once(store: &impl Subject) {
    put(store, "session", "0", Guard::Any);
    let read = get(store, "session").unwrap().version;
    let written = by_twenty_threads(|number| {
        put(store, "session", &number.to_string(), Guard::Version(read))
    });
    assert_eq!(written.iter().filter(|written| **written).count(), 1);
}

// Q5, E3: with each other, and with what is read meanwhile.
fn writes_of_many_threads_are_each_found_by_the_next_look_up(store: &impl Subject) {
    by_twenty_threads(|thread| {
        let name = format!("session/{thread}");
        for number in 0..20 {
            let written = number.to_string();
            let before = get(store, &name).map(|stored| stored.version);
            let guard = before.map_or(Guard::Absent, Guard::Version);
            assert!(put(store, &name, &written, guard));
            assert_eq!(text(get(store, &name)), Some(written));
            if number % 5 == 0 {
                store.answer(Store::Delete(key(&name)), now()).unwrap();
                assert_eq!(get(store, &name), None);
            }
        }
    });
}

macro_rules! suite {
    ($($name:ident,)*) => {
        mod file {
            $(#[test] fn $name() {
                let place = crate::store::file::testing::Place::new();
                super::$name(&place.store());
            })*
        }

        mod memory {
            $(#[test] fn $name() {
                super::$name(&super::Mutex::new(super::MemoryStore::default()));
            })*
        }

        #[cfg(feature = "redis")]
        mod redis {
            $(#[test] fn $name() {
                let server = crate::store::redis::testing::RedisProcess::start();
                super::$name(&server.store());
            })*
        }
    };
}

suite! {
    record_is_found_until_it_expires,
    record_deleted_or_taken_is_gone,
    record_of_any_bytes_is_read_as_it_was_written,
    guard_that_fails_writes_nothing,
    version_is_never_reused_after_deletion,
    expired_record_is_absent_to_a_guard,
    record_taken_by_twenty_threads_goes_to_one,
    version_overwritten_by_twenty_threads_is_written_once,
    writes_of_many_threads_are_each_found_by_the_next_look_up,
}
