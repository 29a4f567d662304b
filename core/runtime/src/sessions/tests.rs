//! Sessions whose lists do not open, or are gone.

use entra_mcp_core::{
    ask::{Guard, Record},
    keys::MasterKey,
};

use super::*;

const NAMES: [&str; 2] = ["AAAAAAAAAAAAAAAAAAAAAA", "AQEBAQEBAQEBAQEBAQEBAQ"];

fn put(store: &RecordStore, key: &str, now: UnixTime) {
    let record = Record {
        bytes: bytes::Bytes::from_static(b"sealed by another key"),
        expires: UnixTime(now.0 + 1000),
    };
    let put = Store::Put(Key(key.to_owned()), record, Guard::Absent);
    store.answer(put, now).unwrap();
}

/// A4: in a store of its own, with two sessions on a list that no key opens.
pub(crate) fn sessions_of_a_list_that_does_not_open_are_told_of_and_ended(
    store: &RecordStore,
    now: UnixTime,
) {
    put(store, "user/alice", now);
    let records = NAMES.map(|name| format!("{SESSIONS}{name}"));
    records.iter().for_each(|record| put(store, record, now));
    let keys = Keyring::new(MasterKey::new([3; 32]), Vec::new());
    let sessions = Sessions {
        store,
        keys: &keys,
        tenant: "contoso.com",
        now,
    };
    let perform = |ends, user: Option<&str>| {
        let filter = Filter {
            user: user.map(str::to_owned),
            ..Filter::default()
        };
        let mut told = 0;
        let reply = sessions.perform(&Request { ends, filter }, |_| told += 1);
        let count = reply.sessions.len();
        (count, reply.unlisted, reply.is_partial(), told)
    };
    assert_eq!(perform(false, None), (2, 2, true, 0));
    // They may be Alice's: nothing is ended, and that is said.
    assert_eq!(perform(true, Some("alice")), (0, 2, true, 0));
    assert_eq!(perform(true, None), (2, 0, false, 2));
    let left = store.keys(SESSIONS).unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(perform(true, None), (0, 0, false, 0));
    assert_eq!(perform(false, None), (0, 0, false, 0));
}
