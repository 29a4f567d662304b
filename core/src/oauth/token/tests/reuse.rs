//! A refresh token that was replaced: clients lose answers, and their processes use one token all at once (threat E6).

use std::time::Duration;

use serde_json::json;

use crate::{
    limits::{REFRESH_REUSE, REFRESH_UNUSED},
    log_event::LogEventId,
    oauth::testing::{SignedIn, error, text},
    testing,
};

const SECOND: Duration = Duration::from_secs(1);

/// What a refresh gives.
fn refreshed(alice: &mut SignedIn, refresh_token: &str) -> String {
    let response = alice.refresh(refresh_token, &[]);
    assert_eq!(response.status(), 200, "{}", testing::text(&response));
    let tokens = testing::json(&response);
    assert!(alice.works(&tokens));
    text(&tokens, "refresh_token").to_owned()
}

fn redeemed(alice: &mut SignedIn) -> String {
    text(&alice.redeem(), "refresh_token").to_owned()
}

fn is_refused(alice: &mut SignedIn, refresh_token: &str) {
    assert_eq!(error(&alice.refresh(refresh_token, &[])), "invalid_grant");
}

fn is_replay_logged(alice: &SignedIn) -> bool {
    let mut logged = alice.world.logged.iter();
    logged.any(|line| line.id() == LogEventId::RefreshTokenReplayed)
}

// A client that lost the answer.
#[test]
fn refresh_token_whose_successor_is_unused_gets_it_for_an_hour() {
    let mut alice = SignedIn::new();
    let first = redeemed(&mut alice);
    let second = refreshed(&mut alice, &first);
    alice.later(REFRESH_UNUSED - SECOND);
    assert_eq!(refreshed(&mut alice, &first), second);
    assert_eq!(refreshed(&mut alice, &first), second);
    alice.later(SECOND);
    is_refused(&mut alice, &first);
    assert!(alice.is_alive(), "nobody has used the second one");
    assert!(!is_replay_logged(&alice));
    refreshed(&mut alice, &second);
}

// Processes of one client, each with the token that it has read at some time.
#[test]
fn refresh_token_of_any_generation_in_its_time_gets_the_one_that_is_good() {
    let mut alice = SignedIn::new();
    let first = redeemed(&mut alice);
    let second = refreshed(&mut alice, &first);
    let third = refreshed(&mut alice, &second);
    let fourth = refreshed(&mut alice, &third);
    alice.later(REFRESH_REUSE - SECOND);
    for earlier in [&first, &second, &third, &first] {
        assert_eq!(refreshed(&mut alice, earlier), fourth);
    }
    refreshed(&mut alice, &fourth);
}

// A process that slept: its token was replaced hours ago, and another process refreshes just now.
#[test]
fn refresh_token_gets_the_one_that_is_good_once_its_successor_is_used_however_late() {
    let mut alice = SignedIn::new();
    let first = redeemed(&mut alice);
    let second = refreshed(&mut alice, &first);
    alice.later(5 * REFRESH_UNUSED);
    is_refused(&mut alice, &first);
    let third = refreshed(&mut alice, &second);
    alice.later(REFRESH_REUSE - SECOND);
    assert_eq!(refreshed(&mut alice, &first), third);
}

// RFC 9700 section 4.14.2
#[test]
fn refresh_token_whose_successor_was_used_long_ago_ends_the_session() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let second = testing::json(&alice.refresh(text(&first, "refresh_token"), &[]));
    let third = testing::json(&alice.refresh(text(&second, "refresh_token"), &[]));
    alice.later(REFRESH_REUSE);
    is_refused(&mut alice, text(&first, "refresh_token"));
    assert!(!alice.works(&third) && !alice.is_alive());
    is_refused(&mut alice, text(&third, "refresh_token"));
    assert!(is_replay_logged(&alice));
}

#[test]
fn refresh_token_that_is_forgotten_ends_the_session() {
    let mut alice = SignedIn::new();
    let first = redeemed(&mut alice);
    let mut last = first.clone();
    for _ in 0..4 {
        alice.later(2 * REFRESH_UNUSED);
        last = refreshed(&mut alice, &last);
    }
    is_refused(&mut alice, &first);
    assert!(!alice.is_alive() && is_replay_logged(&alice));
}

#[test]
fn refresh_token_is_good_until_its_successor_is_used_where_no_more_is_set() {
    let mut alice = SignedIn::new();
    alice.world.server.server.config.lifetimes.refresh_reuse = Duration::ZERO;
    let first = redeemed(&mut alice);
    let second = refreshed(&mut alice, &first);
    assert_eq!(refreshed(&mut alice, &first), second);
    refreshed(&mut alice, &second);
    is_refused(&mut alice, &first);
    assert!(!alice.is_alive());
}

#[test]
fn refresh_token_is_good_for_as_long_as_is_set_though_its_session_token_is_over() {
    let mut alice = SignedIn::new();
    let longest = *crate::limits::REFRESH_REUSE_BOUNDS.end();
    alice.world.server.server.config.lifetimes.refresh_reuse = longest;
    let first = redeemed(&mut alice);
    let second = refreshed(&mut alice, &first);
    alice.later(2 * REFRESH_UNUSED);
    let third = refreshed(&mut alice, &second);
    alice.later(longest - SECOND);
    assert_eq!(refreshed(&mut alice, &first), third);
    alice.later(SECOND);
    is_refused(&mut alice, &first);
}

// D10: each repetition gives a session token, so that Entra must have been asked lately.
#[test]
fn repeated_refresh_asks_entra_unless_it_was_asked_just_now() {
    let mut alice = SignedIn::new();
    let first = redeemed(&mut alice);
    alice.later(60 * SECOND);
    let second = refreshed(&mut alice, &first);
    assert_eq!(alice.world.redeemed.len(), 1);
    alice.later(29 * SECOND);
    assert_eq!(refreshed(&mut alice, &first), second);
    assert_eq!(alice.world.redeemed.len(), 1);
    alice.later(SECOND);
    assert_eq!(refreshed(&mut alice, &first), second);
    assert_eq!(alice.world.redeemed.len(), 2);
    assert_eq!(refreshed(&mut alice, &first), second);
    assert_eq!(alice.world.redeemed.len(), 2);
    alice.later(60 * SECOND);
    let refusal = json!({"error": "invalid_grant", "error_codes": [50057]});
    alice.world.entra_responds(400, &refusal);
    is_refused(&mut alice, &first);
    assert!(!alice.is_alive(), "the user is disabled");
}

#[test]
fn repeated_refresh_of_another_client_gets_nothing() {
    let mut alice = SignedIn::new();
    let first = redeemed(&mut alice);
    refreshed(&mut alice, &first);
    let other = testing::client_id(&alice.world.server, &["https://other.example/cb"]);
    let own = std::mem::replace(&mut alice.client, other);
    is_refused(&mut alice, &first);
    alice.client = own;
    assert!(alice.is_alive());
    let wider = alice.refresh(&first, &[("scope", "mail.send")]);
    assert_eq!(error(&wider), "invalid_scope");
}
