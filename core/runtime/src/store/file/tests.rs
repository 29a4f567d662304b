mod failures;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use entra_mcp_core::{
    ask::{Guard, Key, Record, Stored},
    keys::MasterKey,
};

use super::{testing::Place, *};
use crate::{
    key,
    unix::testing::{mode, set_mode},
};

const NOW: UnixTime = UnixTime(1_000);
const LATER: UnixTime = UnixTime(2_000);

fn key(name: &str) -> Key {
    Key(name.to_owned())
}

fn put_until(store: &FileStore, name: &str, text: &str, expires: UnixTime, guard: Guard) -> bool {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let record = Record { bytes, expires };
    match store.answer(Store::Put(key(name), record, guard), NOW) {
        Ok(None) => true,
        Err(StoreFault::Conflict) => false,
        other => panic!("{other:?}"),
    }
}

fn put(store: &FileStore, name: &str, text: &str, guard: Guard) -> bool {
    put_until(store, name, text, LATER, guard)
}

fn get(store: &FileStore, name: &str, now: UnixTime) -> Option<Stored> {
    store.answer(Store::Get(key(name)), now).unwrap()
}

fn text(stored: Option<Stored>) -> Option<String> {
    stored.map(|stored| String::from_utf8(stored.record.bytes.to_vec()).unwrap())
}

#[test]
fn version_is_never_reused_after_deletion_or_restart() {
    let place = Place::new();
    let store = place.store();
    put(&store, "a", "one", Guard::Any);
    let first = get(&store, "a", NOW).unwrap().version;
    store.answer(Store::Delete(key("a")), NOW).unwrap();
    drop(store);
    let store = place.store();
    assert!(put(&store, "a", "two", Guard::Absent));
    assert!(!put(&store, "a", "three", Guard::Version(first)));
}

#[test]
fn expired_record_is_absent_to_a_guard() {
    let place = Place::new();
    let store = place.store();
    put_until(&store, "a", "old", NOW, Guard::Any);
    assert!(put(&store, "a", "new", Guard::Absent));
    store.purge_expired(NOW);
    assert_eq!(text(get(&store, "a", NOW)).as_deref(), Some("new"));
}

// M16
#[test]
fn purge_deletes_expired_records_only() {
    let place = Place::new();
    let store = place.store();
    for number in 0..3 {
        put_until(&store, &format!("old {number}"), "old", NOW, Guard::Any);
    }
    put(&store, "new", "new", Guard::Any);
    store.purge_expired(NOW);
    assert_eq!(
        store
            .with(|database| table::purge_expired(database, NOW))
            .unwrap(),
        0
    );
    // Asked as of long ago: only what is deleted for good is missing.
    assert_eq!(get(&store, "old 0", UnixTime(0)), None);
    assert_eq!(text(get(&store, "new", NOW)).as_deref(), Some("new"));
}

// Q4
#[test]
fn record_is_found_after_a_restart() {
    let place = Place::new();
    put(&place.store(), "a", "one", Guard::Any);
    assert_eq!(text(get(&place.store(), "a", NOW)).as_deref(), Some("one"));
}

#[test]
fn data_folder_in_use_is_an_error() {
    let place = Place::new();
    let _first = place.store();
    let error = FileStore::open(&place.folder()).unwrap_err();
    assert!(matches!(error, DataDirError::InUse { .. }), "{error}");
}

// G3
#[test]
fn data_folder_is_accessible_to_its_owner_only() {
    let place = Place::new();
    let (folder, store) = (place.folder(), place.store());
    key::ring(&[], &folder, &store).unwrap();
    assert_eq!(mode(&place.0), 0o700);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&place.0).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files.push(path.file_name().unwrap().to_owned());
    }
    files.sort();
    assert_eq!(files, ["master.key", "sessions.redb"]);
}

#[test]
fn generated_key_survives_a_restart() {
    let place = Place::new();
    let mac = || {
        let keys = key::ring(&[], &place.folder(), &place.store()).unwrap();
        keys.mac(Purpose::SessionToken, b"message")
    };
    assert_eq!(mac(), mac());
}

// Q7, F15
#[test]
fn lost_key_file_is_an_error_at_the_start() {
    let place = Place::new();
    key::ring(&[], &place.folder(), &place.store()).unwrap();
    std::fs::remove_file(place.0.join("master.key")).unwrap();
    let error = key::ring(&[], &place.folder(), &place.store()).unwrap_err();
    assert!(matches!(error, DataDirError::KeyMissing { .. }), "{error}");
    assert!(!place.0.join("master.key").exists());
}

// Q7, F15
#[test]
fn store_opens_with_a_known_key_beside_a_new_one() {
    let place = Place::new();
    let (folder, store) = (place.folder(), place.store());
    let [old, new] = [1, 2].map(|byte| MasterKey::new([byte; 32]));
    assert!(key::ring(std::slice::from_ref(&old), &folder, &store).is_ok());
    let error = key::ring(std::slice::from_ref(&new), &folder, &store).unwrap_err();
    let is_of_configured = matches!(error, DataDirError::WrongKey { key_file: None, .. });
    assert!(is_of_configured, "{error}");
    assert!(key::ring(&[new.clone(), old.clone()], &folder, &store).is_ok());
    assert!(key::ring(&[new], &folder, &store).is_ok());
    assert!(key::ring(&[old], &folder, &store).is_err());
}

// G3
#[test]
fn key_file_readable_by_others_is_an_error() {
    let place = Place::new();
    key::ring(&[], &place.folder(), &place.store()).unwrap();
    let path = place.0.join("master.key");
    set_mode(&path, 0o644);
    let error = key::ring(&[], &place.folder(), &place.store()).unwrap_err();
    assert!(matches!(&error, DataDirError::KeyOpenToOthers { path: open } if *open == path));
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn unusable_data_folder_is_an_error() {
    let place = Place::new();
    std::fs::write(&place.0, "a file").unwrap();
    let error = DataDir::open(&place.0).unwrap_err();
    assert!(matches!(&error, DataDirError::Unusable { path, .. } if *path == place.0));
    assert!(error.to_string().contains("--data-dir"), "{error}");
    std::fs::remove_file(&place.0).unwrap();
}

// Q4
#[test]
fn acknowledged_write_survives_a_kill() {
    let (place, other) = (Place::new(), Place::new());
    let store = place.store();
    put(&store, "a", "one", Guard::Any);
    // The file as it is on the disk now, with the database neither closed nor flushed.
    let folder = other.folder();
    std::fs::copy(store.path(), folder.file(FILE)).unwrap();
    let copy = FileStore::open(&folder).unwrap();
    assert_eq!(text(get(&copy, "a", NOW)).as_deref(), Some("one"));
}

// Q4: however many sessions there are, the next start does not read them all.
#[test]
fn store_that_was_killed_opens_without_a_repair() {
    let (place, other) = (Place::new(), Place::new());
    let store = place.store();
    let kill_and_open = || {
        let file = other.folder().file(FILE);
        std::fs::copy(store.path(), &file).unwrap();
        let repaired = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&repaired);
        Database::builder()
            .set_repair_callback(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
            })
            .open(file)
            .unwrap();
        assert_eq!(repaired.load(Ordering::Relaxed), 0);
    };
    kill_and_open();
    put(&store, "a", "one", Guard::Any);
    kill_and_open();
    put_until(&store, "b", "old", NOW, Guard::Any);
    store.purge_expired(NOW);
    kill_and_open();
    key::ring(&[], &place.folder(), &store).unwrap();
    kill_and_open();
}

// M16, F7: also where it is found in memory.
#[test]
fn record_that_was_just_read_is_gone_once_it_expires() {
    let place = Place::new();
    let store = place.store();
    put(&store, "a", "one", Guard::Any);
    for _ in 0..2 {
        assert!(get(&store, "a", NOW).is_some());
        assert_eq!(get(&store, "a", LATER), None);
    }
    store.purge_expired(LATER);
    assert_eq!(get(&store, "a", NOW), None, "it is not in memory either");
}

#[test]
fn keys_of_one_beginning_are_found_and_no_others() {
    let place = Place::new();
    let store = place.store();
    for name in ["session/x", "user/b", "user/a", "users", "zzz", "user.x"] {
        put(&store, name, "one", Guard::Any);
    }
    assert_eq!(store.keys("user/"), Ok(vec![key("user/a"), key("user/b")]));
    assert_eq!(store.keys("none/"), Ok(Vec::new()));
}

#[test]
fn sessions_of_a_list_that_does_not_open_are_told_of_and_ended() {
    let place = Place::new();
    let store = crate::store::RecordStore::File(Box::new(place.store()));
    crate::sessions::tests::sessions_of_a_list_that_does_not_open_are_told_of_and_ended(
        &store, NOW,
    );
}
