//! How long codes, session tokens and sessions last: as is set (threats C3, E12).

use std::time::Duration;

use crate::{
    config::Lifetimes,
    oauth::testing::{SignedIn, error, text},
    testing,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Alice, where this is set from now on.
fn set(alice: &mut SignedIn, change: impl FnOnce(&mut Lifetimes)) {
    change(&mut alice.world.server.server.config.lifetimes);
}

#[test]
fn session_token_lasts_as_long_as_is_set() {
    for lifetime in [300 * SECOND, 24 * HOUR] {
        let mut alice = SignedIn::new();
        set(&mut alice, |of| of.session_token = lifetime);
        let tokens = alice.redeem();
        assert_eq!(tokens["expires_in"], lifetime.as_secs());
        alice.later(lifetime - SECOND);
        assert!(alice.works(&tokens));
        alice.later(SECOND);
        assert!(!alice.works(&tokens));
    }
}

// An operator who makes it shorter means those, too.
#[test]
fn session_token_of_before_lasts_no_longer_than_is_set_now() {
    let mut alice = SignedIn::new();
    set(&mut alice, |of| of.session_token = 24 * HOUR);
    let tokens = alice.redeem();
    set(&mut alice, |of| of.session_token = HOUR);
    alice.later(HOUR - SECOND);
    assert!(alice.works(&tokens));
    alice.later(SECOND);
    assert!(!alice.works(&tokens) && alice.is_alive());
}

#[test]
fn code_lasts_as_long_as_is_set() {
    for (lifetime, after, expected) in [(10, 9, 200), (10, 10, 400), (600, 599, 200)] {
        let mut alice = SignedIn::lasting(SECOND * lifetime);
        alice.later(SECOND * after);
        assert_eq!(alice.token(&[]).status(), expected, "{after} of {lifetime}");
    }
}

#[test]
fn session_lasts_as_long_as_is_set_without_a_refresh() {
    let mut alice = SignedIn::new();
    set(&mut alice, |of| of.session_idle = 2 * HOUR);
    let tokens = alice.redeem();
    let refresh_token = text(&tokens, "refresh_token");
    let session = alice.session_of(refresh_token);
    let now = alice.world.server.now.unix;
    let stored = &alice.world.store[&session.id.key().0];
    assert_eq!(stored.record.expires, now.after(2 * HOUR));
}

#[test]
fn session_ends_as_is_set_however_often_it_is_refreshed() {
    let mut alice = SignedIn::new();
    set(&mut alice, |of| of.session_absolute = 90 * HOUR);
    let mut tokens = alice.redeem();
    let created = alice.session_of(text(&tokens, "refresh_token")).created;
    for _ in 0..80 {
        alice.later(HOUR);
        let response = alice.refresh(text(&tokens, "refresh_token"), &[]);
        assert_eq!(response.status(), 200, "{}", testing::text(&response));
        tokens = testing::json(&response);
    }
    let end = created.after(90 * HOUR);
    alice.later(end.until(alice.world.server.now.unix) - 1800 * SECOND);
    let last = testing::json(&alice.refresh(text(&tokens, "refresh_token"), &[]));
    assert_eq!(last["expires_in"], 1800);
    // It was made shorter, and the store still has it.
    set(&mut alice, |of| of.session_absolute = 80 * HOUR);
    let refused = alice.refresh(text(&last, "refresh_token"), &[]);
    assert_eq!(error(&refused), "invalid_grant");
    assert!(!alice.is_alive());
}
