//! Sessions that live while the master key is changed (threat F15).

use std::time::Duration;

use crate::{
    ask::Key,
    config::{ClientEntry, SecretHash},
    keys::KeyNumber,
    oauth::testing::{CHALLENGE, SignedIn, error, text},
    operator,
    secret::Secret,
    session::user_sessions::{self, ListedSession, UserSessions},
    testing,
};

const SECRET: &str = "5f1d7a5e1c9b4d0e8f2a6b3c7d9e0f1a";

/// Alice has a session of a client that the operator has registered, on the list of her sessions.
fn signed_in() -> (SignedIn, String) {
    let entry = ClientEntry {
        position: 1,
        id: "copilot-studio".to_owned(),
        secrets: vec![SecretHash::of(&Secret::new(SECRET.to_owned()))],
        ..ClientEntry::default()
    };
    let mut alice = SignedIn::with_preregistered(entry, Some(CHALLENGE));
    let response = alice.token(&[("client_secret", SECRET)]);
    let refresh_token = text(&testing::json(&response), "refresh_token").to_owned();
    let session = alice.session_of(&refresh_token);
    let own = session.id.key();
    alice.world.store.retain(|key, _| *key == own.0);
    let (id, about) = (session.id, None);
    let listed = alice.world.run_step(
        |cx| UserSessions::make_room(&session.user, ListedSession { id, about }, cx),
        UserSessions::handle,
    );
    listed.unwrap();
    (alice, refresh_token)
}

fn refresh(alice: &mut SignedIn, refresh_token: &str) -> Result<String, String> {
    let response = alice.refresh(refresh_token, &[("client_secret", SECRET)]);
    match response.status().as_u16() {
        200 => Ok(text(&testing::json(&response), "refresh_token").to_owned()),
        _ => Err(error(&response)),
    }
}

/// Which key each record of sessions and lists needs.
fn needed(alice: &SignedIn) -> Vec<Option<KeyNumber>> {
    let records = alice.world.store.iter();
    let keys = &alice.world.server.server.keys;
    records
        .filter(|(key, _)| key.starts_with("session/") || key.starts_with("user/"))
        .filter(|(_, stored)| !stored.record.bytes.is_empty())
        .map(|(key, stored)| operator::key_of(&Key(key.clone()), stored, keys))
        .collect()
}

const NEWEST: Option<KeyNumber> = Some(KeyNumber::NEWEST);
const FORMER: Option<KeyNumber> = Some(KeyNumber(1));

#[test]
fn session_that_was_refreshed_since_the_key_was_changed_needs_the_former_one_no_more() {
    for later in [10, 3000] {
        let (mut alice, first) = signed_in();
        alice.world.server.change_key();
        assert_eq!(needed(&alice), [FORMER, FORMER]);
        alice.later(Duration::from_secs(later));
        let second = refresh(&mut alice, &first).unwrap();
        assert_eq!(needed(&alice), [NEWEST, NEWEST], "after {later} seconds");
        // The answer was lost: the first one is repeated.
        assert_eq!(refresh(&mut alice, &first).unwrap(), second);
        assert_eq!(needed(&alice), [NEWEST, NEWEST]);

        alice.world.server.drop_former_key();
        let session = alice.session_of(&second);
        let keys = &alice.world.server.server.keys;
        assert!(
            session.entra_tokens(keys).is_some(),
            "after {later} seconds"
        );
        let list = user_sessions::key(&session.user, keys);
        let listed = user_sessions::listed_under(&list, &alice.world.store[&list.0], keys);
        assert_eq!(listed.len(), 1);
        refresh(&mut alice, &second).unwrap();
    }
}

// What is written between refreshes seals nothing anew that the client holds.
#[test]
fn session_that_was_written_but_not_refreshed_still_needs_the_former_key() {
    let (mut alice, first) = signed_in();
    alice.world.server.change_key();
    let session = alice.session_of(&first);
    let keys = alice.world.server.server.keys.clone();
    let expires = alice.world.store[&session.id.key().0].record.expires;
    let guard = crate::ask::Guard::Any;
    let put = session.put(guard, expires, &keys, &mut testing::entropy(8));
    alice.world.ask(put).unwrap();
    assert_eq!(needed(&alice), [FORMER, FORMER]);

    alice.world.server.drop_former_key();
    assert_eq!(needed(&alice), [None, None]);
    assert_eq!(refresh(&mut alice, &first).unwrap_err(), "invalid_grant");
}

// Q4: the session stays of the former key until the list is moved, so that it is tried again.
#[test]
fn refresh_while_the_store_is_away_changes_nothing() {
    let (mut alice, first) = signed_in();
    alice.world.server.change_key();
    alice.world.store_is_down = true;
    let fault = refresh(&mut alice, &first).unwrap_err();
    assert_eq!(fault, "temporarily_unavailable");
    alice.world.store_is_down = false;
    assert_eq!(needed(&alice), [FORMER, FORMER]);
    refresh(&mut alice, &first).unwrap();
    assert_eq!(needed(&alice), [NEWEST, NEWEST]);
}
