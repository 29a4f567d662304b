//! Replicas that refresh the tokens of one session at once (threats D14, Q5).

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    exchange::ExchangeId,
    limits,
    mcp::testing::{GRAPH_TOKEN, World, profile, rpc},
    oauth::testing::{SignedIn, error, text},
    testing::{self, json as body},
};

/// A client that has refreshed its tokens a while ago, and its refresh token.
fn signed_in(is_shared: bool) -> (SignedIn, String) {
    let mut alice = SignedIn::new();
    if is_shared {
        alice.world.share_store();
    }
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(60));
    (alice, text(&tokens, "refresh_token").to_owned())
}

/// The tokens that a refresh was answered with.
fn tokens(alice: &SignedIn, id: ExchangeId) -> Option<Value> {
    let response = alice.world.sent(id).response.as_ref()?;
    assert_eq!(response.status(), 200, "{}", testing::text(response));
    Some(body(response))
}

fn has_lease(world: &World) -> bool {
    world
        .store
        .keys()
        .any(|key| key.starts_with("refresh-lease/"))
}

#[test]
fn replicas_that_refresh_one_session_at_once_ask_entra_once() {
    for is_shared in [true, false] {
        let (mut alice, token) = signed_in(is_shared);
        alice.world.entra_is_slow = true;
        let first = alice.begin_refresh(&token);
        alice.world.go_to_another_replica();
        let second = alice.begin_refresh(&token);
        assert_eq!(alice.world.asking.len(), if is_shared { 1 } else { 2 });
        alice.world.wait(5);
        assert!(tokens(&alice, first).is_none() && tokens(&alice, second).is_none());
        while !alice.world.asking.is_empty() {
            alice.world.answer_one();
        }
        alice.world.wait(1);
        let [first, second] = [first, second].map(|id| tokens(&alice, id).expect("an answer"));
        assert_eq!(first["refresh_token"], second["refresh_token"]);
        assert!(!has_lease(&alice.world), "it is given back");
    }
}

#[test]
fn replica_goes_on_when_the_one_that_asks_entra_has_died() {
    let (mut alice, token) = signed_in(true);
    alice.world.entra_is_slow = true;
    alice.begin_refresh(&token);
    alice.world.go_to_another_replica();
    let second = alice.begin_refresh(&token);
    let lease = limits::REFRESH_LEASE.as_secs();
    alice.world.wait(lease - 1);
    assert_eq!(alice.world.asking.len(), 1, "that of the dead one");
    alice.world.wait(2);
    assert_eq!(alice.world.asking.len(), 2);
    alice.world.asking.pop_front();
    alice.world.answer_one();
    assert!(tokens(&alice, second).is_some());
}

// By its own clock, or by that of the store: whichever is sooner.
#[test]
fn lease_that_the_store_has_ended_is_taken_over() {
    let (mut alice, token) = signed_in(true);
    alice.world.entra_is_slow = true;
    alice.begin_refresh(&token);
    alice.world.go_to_another_replica();
    let second = alice.begin_refresh(&token);
    alice
        .world
        .store
        .retain(|key, _| !key.starts_with("refresh-lease/"));
    alice.world.wait(1);
    assert_eq!(alice.world.asking.len(), 2);
    assert!(has_lease(&alice.world));
    alice.world.asking.pop_front();
    alice.world.answer_one();
    assert!(tokens(&alice, second).is_some());
    assert!(!has_lease(&alice.world));
}

#[test]
fn refresh_that_entra_does_not_answer_gives_the_lease_back() {
    let (mut alice, token) = signed_in(true);
    alice.world.entra_responds(503, &json!({}));
    let refused = alice.refresh(&token, &[]);
    assert_eq!(error(&refused), "temporarily_unavailable");
    assert!(!has_lease(&alice.world));
    assert_eq!(alice.refresh(&token, &[]).status(), 200, "at once");
    assert!(!has_lease(&alice.world));
}

#[test]
fn session_that_entra_ended_leaves_no_lease() {
    let (mut alice, token) = signed_in(true);
    let gone = json!({"error": "invalid_grant", "error_codes": [700_082]});
    alice.world.entra_responds(400, &gone);
    assert_eq!(error(&alice.refresh(&token, &[])), "invalid_grant");
    assert!(!alice.is_alive() && !has_lease(&alice.world));
}

#[test]
fn refresh_waits_for_nobody_while_the_store_is_away() {
    let (mut alice, token) = signed_in(true);
    alice.world.entra_is_slow = true;
    alice.begin_refresh(&token);
    alice.world.go_to_another_replica();
    let second = alice.begin_refresh(&token);
    alice.world.store_is_down = true;
    alice.world.wait(1);
    let response = alice.world.sent(second).response.as_ref().unwrap();
    assert_eq!(error(response), "temporarily_unavailable");
}

fn call(world: &mut World, mcp_session: &str) -> ExchangeId {
    let params = json!({"name": "getUserDetails", "arguments": {}});
    let fields = [("mcp-session-id", mcp_session)];
    let message = rpc(1, "tools/call", &params);
    let request = world.request("alice", "POST", "/mcp", &fields, &message);
    world.begin(request)
}

#[test]
fn calls_on_two_replicas_that_need_a_new_token_ask_entra_once() {
    for is_shared in [true, false] {
        let mut world = World::new();
        let now = &mut world.server.now;
        now.unix = now.unix.after(Duration::from_secs(2900));
        let mcp_session = world.initialize("alice", "2025-11-25");
        if is_shared {
            world.share_store();
        }
        world.entra_is_slow = true;
        let first = call(&mut world, &mcp_session);
        world.go_to_another_replica();
        let second = call(&mut world, &mcp_session);
        assert_eq!(world.asking.len(), if is_shared { 1 } else { 2 });
        world.entra_is_slow = false;
        for _ in 0..2 {
            world.graph_responds(200, &profile("alice"));
        }
        while !world.asking.is_empty() {
            world.answer_one();
        }
        world.wait(1);
        for id in [first, second] {
            assert!(world.sent(id).response.is_some(), "{is_shared}");
        }
        let renewed = format!("Bearer renewed {GRAPH_TOKEN}");
        for asked in &world.asked {
            assert_eq!(asked.headers()["authorization"], renewed.as_str());
        }
        assert_eq!(world.asked.len(), 2);
        assert!(!has_lease(&world));
    }
}
