//! What a thief gets (the table of that name in the threat catalogue; threat G3).

mod parts;

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::{
    keys::MasterKey,
    limits,
    mcp::testing::GRAPH_TOKEN,
    oauth::{
        opaque_token,
        testing::{SignedIn, error, text},
    },
    session::{
        record::Hash,
        token::{self, Granted},
    },
    testing::{entropy, json, session_of},
};

/// Alice's record, as it is now: a thief's copy of it.
fn copied(alice: &SignedIn) -> (SessionId, Stored) {
    let (session, _) = session_of("alice", &alice.client);
    let stored = &alice.world.store[&session.id.key().0];
    (session.id, stored.clone())
}

fn server(alice: &SignedIn) -> &Server {
    &alice.world.server.server
}

/// What the master key opens of a copy, outline and locks, and what it does not.
fn parts_of(alice: &SignedIn, copy: &(SessionId, Stored)) -> (Outline, Vec<u8>, Vec<u8>) {
    let (id, stored) = copy;
    let sealed = SealedSession::read(*id, stored, &server(alice).keys).unwrap();
    let parts = sealed.parts;
    assert_eq!(parts.format, Format::Present);
    let body = [parts.body, &parts.entra].concat();
    (sealed.outline, parts.locks.into_owned(), body)
}

/// Whether a copy opens with the master key and this share.
fn opens(alice: &SignedIn, copy: &(SessionId, Stored), share: &Share) -> bool {
    let (id, stored) = copy;
    let opened = Session::open(*id, stored, share, server(alice));
    opened.is_some_and(|(session, _)| {
        let tokens = session.entra_tokens(&server(alice).keys).unwrap();
        tokens.access_token.expose().contains(GRAPH_TOKEN)
    })
}

fn share_of_code(alice: &SignedIn) -> Share {
    let code = opaque_token::read_code(&alice.code, &server(alice).keys);
    code.unwrap().share()
}

/// The share of the refresh token, which is that of the session token beside it.
fn share_of(alice: &SignedIn, tokens: &Value) -> Share {
    let keys = &server(alice).keys;
    let token = opaque_token::read_refresh_token(text(tokens, "refresh_token"), keys).unwrap();
    let issued = alice.world.server.now.unix;
    let verified = token::verify(text(tokens, "access_token"), server(alice), issued);
    assert_eq!(verified.unwrap().share, token.share());
    token.share()
}

fn refreshed(alice: &mut SignedIn, tokens: &Value) -> Value {
    let response = alice.refresh(text(tokens, "refresh_token"), &[]);
    assert_eq!(response.status(), 200);
    json(&response)
}

#[test]
fn stolen_record_opens_nothing_without_the_master_key() {
    let mut alice = SignedIn::new();
    alice.redeem();
    let (id, stored) = copied(&alice);
    let others = Keyring::new(MasterKey::new([43; 32]), Vec::new());
    assert!(SealedSession::read(id, &stored, &others).is_none());
    let bytes = String::from_utf8_lossy(&stored.record.bytes).into_owned();
    for plaintext in ["alice", "user.read", "localhost", GRAPH_TOKEN] {
        assert!(!bytes.contains(plaintext), "{plaintext}");
    }
}

#[test]
fn stolen_store_shows_only_random_names_sizes_and_ends_of_records() {
    let mut alice = SignedIn::new();
    alice.redeem();
    assert!(!alice.world.store.is_empty());
    for (key, stored) in &alice.world.store {
        let name = key.strip_prefix("session/").unwrap();
        assert!(SessionId::parse(name).is_some(), "16 bytes: {name}");
        let left = stored.record.expires.until(alice.world.server.now.unix);
        assert!(left <= limits::SESSION_IDLE);
    }
}

#[test]
fn master_key_alone_opens_the_outline_and_nothing_else() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let (id, stored) = copied(&alice);
    let keys = &server(&alice).keys;
    let (outline, locks, body) = parts_of(&alice, &(id, stored.clone()));
    let Outline {
        client,
        subject,
        spent_code,
        ended_mcp_sessions: _,
        mcp_settings: _,
    } = outline;
    assert_eq!(client, Hash::of(alice.client.as_bytes()));
    assert!(!subject.is_empty() && spent_code.is_some());
    let opened = [&locks[..], format!("{spent_code:?}").as_bytes()].concat();
    let opened = String::from_utf8_lossy(&opened).into_owned();
    for secret in [text(&tokens, "refresh_token"), &alice.code, GRAPH_TOKEN] {
        assert!(!opened.contains(secret), "{secret}");
    }
    for share in [Share::new([0; 16]), Share::of(id.bytes())] {
        assert!(!opens(&alice, &(id, stored.clone()), &share));
    }
    for purpose in [
        Purpose::SessionOutline,
        Purpose::SessionShare,
        Purpose::EntraTokens,
    ] {
        assert!(
            keys.open(purpose, &context(VERSION, id), b"", &body)
                .is_none()
        );
        assert!(keys.open(purpose, id.bytes(), b"", &body).is_none());
        let (locks, []) = locks.as_chunks::<LOCK_BYTES>() else {
            panic!("each lock is of one length");
        };
        assert!(!locks.is_empty());
        for lock in locks {
            assert!(
                keys.open(purpose, &context(VERSION, id), b"", lock)
                    .is_none()
            );
        }
    }
}

#[test]
fn session_token_made_with_the_master_key_is_401() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let (id, stored) = copied(&alice);
    // The thief knows everything of the session but its shares.
    let (session, _) =
        Session::open(id, &stored, &share_of(&alice, &tokens), server(&alice)).unwrap();
    for share in [Share::new([7; 16]), share_of_code(&alice)] {
        let env = alice.world.server.env();
        let (made, _) = token::issue(
            &session,
            &Granted::whole(&session),
            &share,
            env,
            &mut entropy(7),
        );
        let made = serde_json::json!({"access_token": made.expose()});
        assert!(!alice.works(&made));
        let logged = format!("{:?}", alice.world.logged);
        assert!(logged.contains("session.not_opened"), "{logged}");
    }
    assert!(alice.works(&tokens) && alice.is_alive());
}

#[test]
fn code_opens_its_session_until_it_is_redeemed_and_never_after() {
    let mut alice = SignedIn::new();
    let (before, share) = (copied(&alice), share_of_code(&alice));
    assert!(opens(&alice, &before, &share));
    let tokens = alice.redeem();
    assert!(!opens(&alice, &copied(&alice), &share));
    // What the code opened before helps neither against the record of today nor against its tasks.
    let key = |copy: &(SessionId, Stored), share| {
        let (session, _) = Session::open(copy.0, &copy.1, share, server(&alice)).unwrap();
        session.key
    };
    let (old, new) = (
        key(&before, &share),
        key(&copied(&alice), &share_of(&alice, &tokens)),
    );
    assert!(old != new);
    assert!(!opens(&alice, &before, &share_of(&alice, &tokens)));
}

#[test]
fn spent_code_without_its_verifier_does_nothing() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let guessed = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX";
    let answer = alice.token(&[("code_verifier", guessed)]);
    assert_eq!(error(&answer), "invalid_grant");
    assert!(alice.is_alive() && alice.works(&tokens));
    alice.later(limits::SPENT_CODE_MEMORY);
    assert_eq!(error(&alice.token(&[])), "invalid_grant");
    assert!(alice.is_alive() && alice.works(&tokens), "it is forgotten");
}

#[test]
fn share_changes_with_the_refresh_token_and_the_one_before_lasts_as_long_as_either_may_be_used() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let second = refreshed(&mut alice, &first);
    let (old, new) = (share_of(&alice, &first), share_of(&alice, &second));
    assert!(old != new);
    for share in [&old, &new] {
        assert!(opens(&alice, &copied(&alice), share));
    }
    alice.later(limits::SESSION_TOKEN_LIFETIME - Duration::from_secs(1));
    assert!(alice.works(&first) && alice.works(&second));
    let third = refreshed(&mut alice, &second);
    assert!(alice.works(&first), "it has a second left");
    alice.later(limits::REFRESH_REUSE);
    let fourth = refreshed(&mut alice, &third);
    assert!(
        !opens(&alice, &copied(&alice), &old),
        "with the key and the folder"
    );
    assert!(opens(&alice, &copied(&alice), &share_of(&alice, &fourth)));
    assert_eq!(
        error(&alice.refresh(text(&first, "refresh_token"), &[])),
        "invalid_grant"
    );
    assert!(!alice.is_alive(), "it was used again");
}

// Q3: otherwise it would open the record for a day longer.
#[test]
fn share_of_before_opens_nothing_once_the_clock_was_set_back_and_the_client_has_refreshed() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let old = share_of(&alice, &first);
    let second = refreshed(&mut alice, &first);
    alice.world.server.now.unix.0 -= 24 * 3600;
    let third = refreshed(&mut alice, &second);
    assert!(!opens(&alice, &copied(&alice), &old));
    assert!(opens(&alice, &copied(&alice), &share_of(&alice, &third)));
}

#[test]
fn session_token_with_key_and_folder_gives_no_refresh_token() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let second = refreshed(&mut alice, &first);
    let (id, stored) = copied(&alice);
    let share = share_of(&alice, &first);
    let (session, _) = Session::open(id, &stored, &share, server(&alice)).unwrap();
    let everything = String::from_utf8_lossy(&session.to_bytes()).into_owned();
    for tokens in [&first, &second] {
        assert!(!everything.contains(text(tokens, "refresh_token")));
    }
    // The successor waits for who holds the refresh token before it.
    let [previous] = session.refresh.unwrap().earlier.try_into().unwrap();
    let sealed = previous.successor;
    let keys = &server(&alice).keys;
    let by_share = keys.open(Purpose::RefreshToken, id.bytes(), share.expose(), &sealed);
    assert!(by_share.is_none());
    let token = opaque_token::read_refresh_token(text(&first, "refresh_token"), keys).unwrap();
    let successor = token.open_successor(&sealed, keys).unwrap();
    assert_eq!(successor.text.expose(), text(&second, "refresh_token"));
}

#[test]
fn backup_opens_with_the_tokens_of_its_time_and_no_later_ones() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let backup = copied(&alice);
    let second = refreshed(&mut alice, &first);
    assert!(opens(&alice, &backup, &share_of(&alice, &first)));
    assert!(!opens(&alice, &backup, &share_of(&alice, &second)));
    assert!(!opens(&alice, &backup, &share_of_code(&alice)));
}

#[test]
fn backup_put_back_into_service_serves_the_tokens_of_its_time() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let (id, stored) = copied(&alice);
    let second = refreshed(&mut alice, &first);
    alice.world.store.insert(id.key().0, stored);
    assert!(alice.works(&first) && !alice.works(&second));
    refreshed(&mut alice, &first);
}

#[test]
fn session_token_made_with_the_master_key_ends_its_session() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let (session, _) = session_of("alice", &alice.client);
    let env = alice.world.server.env();
    let no_share = Share::new([7; 16]);
    let granted = Granted::whole(&session);
    let (made, _) = token::issue(&session, &granted, &no_share, env, &mut entropy(7));
    let client = alice.client.clone();
    let form = [("client_id", client.as_str()), ("token", made.expose())];
    assert_eq!(alice.post("/revoke", &form).status(), 200);
    assert!(!alice.is_alive() && !alice.works(&tokens));
}

#[test]
fn client_that_refreshes_all_the_time_keeps_its_newest_session_tokens() {
    let mut alice = SignedIn::new();
    let mut all = vec![alice.redeem()];
    for _ in 0..limits::SESSION_SHARES {
        let next = refreshed(&mut alice, all.last().unwrap());
        all.push(next);
    }
    let works: Vec<bool> = all.iter().map(|tokens| alice.works(tokens)).collect();
    assert!(
        !works[0] && works[1..].iter().all(|works| *works),
        "{works:?}"
    );
    assert_eq!(works.len(), limits::SESSION_SHARES + 1);
}

#[test]
fn record_that_cannot_be_read_is_401_and_ends_nothing_else() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let (id, stored) = copied(&alice);
    let whole = stored.record.bytes.clone();
    for bytes in [
        Vec::new(),
        vec![0; 3],
        vec![255; 64],
        whole[..whole.len() / 2].to_vec(),
        [&[3][..], &whole[1..]].concat(),
        [&[1][..], &whole[1..]].concat(),
        [&[0][..], &whole[1..]].concat(),
    ] {
        let damaged = alice.world.store.get_mut(&id.key().0).unwrap();
        damaged.record.bytes = bytes.into();
        assert!(!alice.works(&tokens));
        let refused = alice.refresh(text(&tokens, "refresh_token"), &[]);
        assert_eq!(refused.status(), 400);
        alice.world.store.insert(id.key().0, stored.clone());
    }
    assert!(alice.works(&tokens));
}

// G3: a session is never served with tokens of Entra that were not stored with it.
#[test]
fn record_whose_entra_tokens_were_exchanged_does_not_open() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let (id, before) = copied(&alice);
    alice.later(Duration::from_secs(600));
    let second = refreshed(&mut alice, &first);
    let (_, now) = copied(&alice);
    let share = share_of(&alice, &second);
    assert!(opens(&alice, &(id, now.clone()), &share));
    let entra = |stored: &Stored| {
        let sealed = SealedSession::read(id, stored, &server(&alice).keys).unwrap();
        sealed.parts.entra.to_vec()
    };
    let (old, new) = (entra(&before), entra(&now));
    assert!(old != new);
    let own = now.record.bytes.strip_suffix(&new[..]).unwrap();
    for other in [&old[..], b""] {
        let mut stored = now.clone();
        stored.record.bytes = [own, other].concat().into();
        assert!(Session::open(id, &stored, &share, server(&alice)).is_none());
    }
}

// O3
#[test]
fn sealed_session_is_printed_by_its_id_alone() {
    let mut alice = SignedIn::new();
    alice.redeem();
    let (id, stored) = copied(&alice);
    let sealed = SealedSession::read(id, &stored, &server(&alice).keys).unwrap();
    assert_eq!(format!("{sealed:?}"), format!("SealedSession({id:?})"));
}
