//! Keys that are changed, with the process killed between any two steps.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use entra_mcp_core::{
    ask::{Guard, Key, Record, Store},
    entropy::{Entropy, Seed},
    keys::{KeyNumber, Keyring, Purpose},
};

use super::*;
use crate::{
    command_line::{self, Command},
    data_dir_error::DataDirError,
    unix::testing::mode,
};

const NOW: UnixTime = UnixTime(1_800_000_000);
const LIST: &str = "user/a";
/// The name of the session on it.
const SESSION: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// A folder that goes away with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("entra-mcp-keys-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn config(&self) -> Config {
        self.config_with(&[])
    }

    fn config_with(&self, variables: &[(&str, &str)]) -> Config {
        let folder = self.0.display().to_string();
        let given = [
            ("AZURE_TENANT_ID", "9122040d-6c67-4c5b-b112-36a304b66dad"),
            ("AZURE_CLIENT_ID", "00001111-aaaa-2222-bbbb-3333cccc4444"),
            ("AZURE_CLIENT_SECRET", "abc8Q~the-value-of-a-secret"),
            ("ENTRA_MCP_DATA_DIR", folder.as_str()),
        ];
        let given = given.iter().chain(variables);
        let given = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: BTreeMap<_, _> = given.collect();
        match command_line::parse("entra-mcp-test", &[], &variables, &[]) {
            Ok(Command::Run(config)) => *config,
            other => panic!("{other:?}"),
        }
    }

    fn folder(&self) -> DataDir {
        DataDir::open(&self.0).unwrap()
    }

    /// The store and its keys, as a server that starts has them.
    fn start(&self) -> Result<(RecordStore, Keyring), DataDirError> {
        let folder = self.folder();
        let store = FileStore::open(&folder)?;
        let keys = key::ring(&[], &folder, &store)?;
        Ok((RecordStore::File(Box::new(store)), keys))
    }

    /// A user has a list of sessions, sealed under the newest key.
    fn write_list(&self) {
        let (store, keys) = self.start().unwrap();
        let mut entropy = Entropy::new(&Seed::new([7; 32]));
        let text = format!("[\"{SESSION}\"]");
        let list = keys.seal(
            Purpose::UserSessions,
            LIST.as_bytes(),
            b"",
            text.as_bytes(),
            &mut entropy,
        );
        self.put(&store, LIST, list);
        self.put(&store, &format!("session/{SESSION}"), vec![1]);
    }

    fn put(&self, store: &RecordStore, key: &str, bytes: Vec<u8>) {
        let record = Record {
            bytes: bytes.into(),
            expires: UnixTime(NOW.0 + 1000),
        };
        let put = Store::Put(Key(key.to_owned()), record, Guard::Any);
        store.answer(put, NOW).unwrap();
    }

    /// Which of the keys opens the list.
    fn opener(&self) -> Option<KeyNumber> {
        let (store, keys) = self.start().unwrap();
        let key = Key(LIST.to_owned());
        let stored = store.answer(Store::Get(key.clone()), NOW).unwrap().unwrap();
        entra_mcp_core::operator::key_of(&key, &stored, &keys)
    }

    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.join("master.key")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn status(place: &Place) -> String {
    let (store, keys) = place.start().unwrap();
    told(&KeyStatus::of(&store, &keys, NOW)).unwrap()
}

// F15
#[test]
fn rotated_key_seals_and_the_former_one_opens_until_it_is_dropped() {
    let place = Place::new();
    place.write_list();
    let before = place.lines();
    let said = rotate(&place.config()).unwrap();
    assert!(said.contains("the former one still opens"), "{said}");
    let after = place.lines();
    assert_eq!((after.len(), &after[1]), (2, &before[0]));
    assert_eq!(mode(&place.0.join("master.key")), 0o600);
    assert_eq!(place.opener(), Some(KeyNumber(1)));
    let said = status(&place);
    assert!(
        said.contains(
            "key 2, which still opens\n  sessions                  0\n  lists of users' sessions  1"
        ),
        "{said}"
    );

    // Once its session has ended, nobody needs it.
    let (store, keys) = place.start().unwrap();
    let end = Store::Delete(Key(format!("session/{SESSION}")));
    store.answer(end, NOW).unwrap();
    let ended = told(&KeyStatus::of(&store, &keys, NOW)).unwrap();
    assert!(ended.contains("No session needs a former key"), "{ended}");
    place.put(&store, &format!("session/{SESSION}"), vec![1]);
    drop((store, keys));

    let error = drop_old(false, &place.config(), NOW).unwrap_err();
    assert!(error.to_string().contains("--sign-out"), "{error}");
    assert_eq!(place.lines(), after, "nothing was changed");
    place.write_list();
    assert_eq!(place.opener(), Some(KeyNumber::NEWEST));
    let said = drop_old(false, &place.config(), NOW).unwrap();
    assert!(said.contains("No session needed them"), "{said}");
    assert_eq!(place.lines(), after[..1]);
    assert_eq!(place.opener(), Some(KeyNumber::NEWEST));
    assert!(status(&place).starts_with("1 master key:"));
}

// F15, Q7: at each moment what is there opens.
#[test]
fn change_that_was_killed_between_its_steps_leaves_keys_that_open() {
    let place = Place::new();
    place.write_list();
    // Before the new file has its name.
    std::fs::write(place.0.join(".master.key.1"), "half a k").unwrap();
    assert_eq!(place.opener(), Some(KeyNumber::NEWEST));
    // Before the sessions remember the new key.
    KeyFile::of(&place.folder()).add_new().unwrap();
    assert_eq!(place.opener(), Some(KeyNumber(1)));
    // Twice, because nobody knew whether it was done.
    KeyFile::of(&place.folder()).add_new().unwrap();
    rotate(&place.config()).unwrap();
    assert_eq!(place.opener(), Some(KeyNumber(3)));
    assert!(matches!(
        rotate(&place.config()),
        Err(StartError::DataDir(DataDirError::TooManyKeys { .. }))
    ));
    drop_old(true, &place.config(), NOW).unwrap();
    assert_eq!(place.opener(), None);
    let said = status(&place);
    assert!(said.contains("opened by none of them"), "{said}");
    // What opened it is back, from a backup.
    rotate(&place.config()).unwrap();
}

#[test]
fn keys_in_use_or_of_the_configuration_are_not_changed() {
    let place = Place::new();
    let serving = place.start().unwrap();
    for refused in [
        rotate(&place.config()),
        drop_old(true, &place.config(), NOW),
    ] {
        let in_use = matches!(
            refused,
            Err(StartError::DataDir(DataDirError::InUse { .. }))
        );
        assert!(in_use, "{refused:?}");
    }
    assert_eq!(place.lines().len(), 1);
    drop(serving);
    let key = "5+Y8MmxfpTpk9Hqb+Zx5X/ITAMIDnz7FR25Uy+1LgTA=";
    let configured = place.config_with(&[("ENTRA_MCP_KEY", key)]);
    let error = rotate(&configured).unwrap_err();
    assert!(error.to_string().contains("in front"), "{error}");
    assert!(drop_old(true, &configured, NOW).is_err());
}

#[test]
fn command_about_keys_is_taken_out_of_the_arguments() {
    let taken = |arguments: &[&str]| {
        let mut given = Given {
            command: Vec::new(),
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            variables: BTreeMap::new(),
        };
        let taken = take(&mut given);
        if taken.as_ref().is_ok_and(Option::is_some) {
            assert_eq!(given.arguments, ["--data-dir", "x"]);
        }
        taken
    };
    for (arguments, expected) in [
        (
            &["key", "status", "--data-dir", "x"][..],
            KeyCommand::Status,
        ),
        (&["key", "rotate", "--data-dir", "x"], KeyCommand::Rotate),
        (
            &["key", "drop-old", "--data-dir", "x"],
            KeyCommand::DropOld { signs_out: false },
        ),
        (
            &["key", "drop-old", "--data-dir", "x", "--sign-out"],
            KeyCommand::DropOld { signs_out: true },
        ),
    ] {
        assert_eq!(taken(arguments).unwrap(), Some(expected), "{arguments:?}");
    }
    assert!(taken(&["key"]).is_err() && taken(&["key", "drop"]).is_err());
    assert!(taken(&["--data-dir", "x"]).unwrap().is_none());
}

// F15: a script that drops a key goes by the status.
#[test]
fn status_that_is_not_the_whole_is_an_error_and_does_not_say_that_a_key_can_go() {
    let none = serde_json::json!({"count": 0, "until": 0, "lists": 0});
    let status = serde_json::json!({"keys": [none, none], "unopened": none, "tasks": none, "is_incomplete": true});
    let status: KeyStatus = serde_json::from_value(status).unwrap();
    let error = told(&status).unwrap_err().to_string();
    assert!(
        error.contains("+scan") && !error.contains("drop-old"),
        "{error}"
    );
}
