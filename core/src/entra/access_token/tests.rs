//! Entra's tokens are renewed behind the client's back; threats D10, D11, D14.

mod allowed_users;
mod on_demand;

use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    ask::{FetchFault, Guard},
    entra::testing::{Signer, claims},
    limits,
    mcp::testing::{GRAPH_TOKEN, World, initialize, profile, rpc},
    oauth::testing::{SignedIn, text},
    testing::{entropy, json as body, session_of},
};

/// Alice's stored token has so long to live.
fn with_token_for(left: Duration) -> World {
    let mut world = World::new();
    let lifetime = Duration::from_secs(3000);
    let now = &mut world.server.now;
    let passed = lifetime.checked_sub(left).unwrap();
    now.unix = now.unix.after(passed);
    now.instant = now.instant.after(passed);
    world
}

fn call(world: &mut World) -> Response<Bytes> {
    let params = json!({"name": "getUserDetails", "arguments": {}});
    let id = world.initialize("alice", "2025-11-25");
    let named = [("mcp-session-id", id.as_str())];
    world.post("alice", &named, rpc(1, "tools/call", &params))
}

/// Calls, and gives the token that Graph was shown.
fn token_shown(world: &mut World) -> String {
    world.graph_responds(200, &profile("alice"));
    let response = call(world);
    assert_eq!(body(&response)["result"]["isError"], false);
    let asked = world.asked.last().unwrap();
    let bearer = asked.headers()["authorization"].to_str().unwrap();
    bearer.strip_prefix("Bearer ").unwrap().to_owned()
}

fn is_alive(world: &World) -> bool {
    let (session, _) = session_of("alice", "a client");
    world.store.contains_key(&session.id.key().0)
}

#[test]
fn fresh_access_token_is_used_without_renewal() {
    let mut world = with_token_for(limits::ACCESS_TOKEN_RENEWAL + Duration::from_secs(1));
    assert_eq!(token_shown(&mut world), format!("{GRAPH_TOKEN} of alice"));
    assert!(world.redeemed.is_empty());
}

// With explicit scopes of one resource, and without `resource`.
#[test]
fn access_token_about_to_expire_is_renewed_and_stored() {
    let mut world = with_token_for(limits::ACCESS_TOKEN_RENEWAL);
    let renewed = format!("renewed {GRAPH_TOKEN}");
    assert_eq!(token_shown(&mut world), renewed);
    let form = String::from_utf8(world.redeemed[0].body().to_vec()).unwrap();
    assert!(form.contains("refresh_token=entra+refresh+token+of+alice"));
    assert!(form.contains("https%3A%2F%2Fgraph.example%2FUser.Read"));
    assert!(!form.contains("resource"));
    assert_eq!(token_shown(&mut world), renewed);
    assert_eq!(world.redeemed.len(), 1, "the new one is stored");
    let keys = &world.server.server.keys;
    let stored = world.session("alice").entra_tokens(keys).unwrap();
    let next = stored.refresh_token.unwrap();
    assert_eq!(next.expose(), "the next entra refresh token");
}

// D6, D10: who lost a role in Entra loses it here with the next renewal.
#[test]
fn roles_and_groups_follow_the_last_renewal() {
    let renewed = |changes: Value| {
        let mut world = with_token_for(Duration::ZERO);
        let mut own = json!({"oid": "alice", "roles": ["Reports.Read"], "nonce": null});
        for (name, value) in changes.as_object().unwrap() {
            own[name] = value.clone();
        }
        let id_token = Signer::known().jwt(&claims(&world.server, own));
        let tokens = json!({"access_token": "new", "expires_in": 3599, "id_token": id_token});
        world.entra_responds(200, &tokens);
        world.conflicts = 1;
        assert_eq!(token_shown(&mut world), "new");
        (world.session("alice").user.profile.clone(), world)
    };
    let (profile, mut world) = renewed(json!({}));
    assert_eq!(profile.name.as_deref(), Some("Alice"));
    assert!(profile.roles.iter().eq(["Reports.Read"]));
    // An answer without an ID token changes nothing; one without roles takes them away.
    world.server.now.unix = world.server.now.unix.after(Duration::from_secs(3599));
    token_shown(&mut world);
    assert_eq!(world.session("alice").user.profile, profile);
    let own = json!({"oid": "alice", "nonce": null});
    let id_token = Signer::known().jwt(&claims(&world.server, own));
    let tokens = json!({"access_token": "newer", "expires_in": 3599, "id_token": id_token});
    world.entra_responds(200, &tokens);
    world.server.now.unix = world.server.now.unix.after(Duration::from_secs(3599));
    token_shown(&mut world);
    assert!(world.session("alice").user.profile.roles.is_empty());
    // A token for another audience changes nothing.
    let (profile, _) = renewed(json!({"aud": "another"}));
    assert!(profile.roles.is_empty() && profile.name.is_none());
}

/// Tokens of Entra's with an ID token of Alice, changed.
fn tokens_with(world: &World, changes: &Value) -> Value {
    let mut own = json!({"oid": "alice", "nonce": null});
    for (name, value) in changes.as_object().unwrap() {
        own[name] = value.clone();
    }
    let id_token = Signer::known().jwt(&claims(&world.server, own));
    json!({"access_token": "new", "expires_in": 3599, "id_token": id_token})
}

// D6; OpenID Connect Core section 12.2
#[test]
fn renewed_id_token_of_another_user_ends_the_session() {
    let others = [
        json!({"oid": "bob"}),
        json!({"tid": "33333333-3333-3333-3333-333333333333"}),
        json!({"sub": "another subject"}),
    ];
    for changes in others {
        let mut world = with_token_for(Duration::ZERO);
        let mut session = world.session("alice");
        let sub = claims(&world.server, json!({}))["sub"].clone();
        session.user.sub = Some(sub.as_str().unwrap().to_owned());
        let expires = session.expires(world.server.now.unix, &crate::config::Lifetimes::default());
        let keys = world.server.server.keys.clone();
        world
            .ask(session.put(Guard::Any, expires, &keys, &mut entropy(7)))
            .unwrap();
        let stream = world.request("alice", "GET", "/sse", &[], "");
        let stream = world.begin(stream);
        world.entra_responds(200, &tokens_with(&world, &changes));
        assert_eq!(call(&mut world).status(), 401, "{changes}");
        assert!(!is_alive(&world) && world.is_over(stream));
        assert!(world.asked.is_empty(), "Graph is not asked for them");
        let logged = format!("{:?}", world.logged);
        assert!(logged.contains("id_token.another_user"), "{logged}");
        assert!(logged.contains("session.ended"), "{logged}");
    }
}

// D10
#[test]
fn renewal_refused_for_good_is_401_and_ends_the_session() {
    for error in ["invalid_grant", "interaction_required"] {
        let mut world = with_token_for(Duration::ZERO);
        let stream = world.request("alice", "GET", "/sse", &[], "");
        let stream = world.begin(stream);
        world.entra_responds(400, &json!({"error": error, "error_codes": [50173]}));
        let response = call(&mut world);
        assert!(world.is_over(stream), "its streams are closed");
        assert_eq!(response.status(), 401, "never a 200 with an error text");
        assert!(!is_alive(&world));
        assert!(world.asked.is_empty());
    }
}

// D14
#[test]
fn renewal_that_fails_for_now_ends_no_session() {
    let unreachable = |world: &mut World| world.entra.push_back(Err(FetchFault::Unreachable));
    let busy = |world: &mut World| world.entra_responds(503, &json!({}));
    let misconfigured =
        |world: &mut World| world.entra_responds(401, &json!({"error": "invalid_client"}));
    for trouble in [unreachable, busy, misconfigured] as [fn(&mut World); 3] {
        let mut world = with_token_for(Duration::ZERO);
        trouble(&mut world);
        let response = call(&mut world);
        assert_eq!(body(&response)["result"]["isError"], true);
        assert!(is_alive(&world));
        assert_eq!(token_shown(&mut world), format!("renewed {GRAPH_TOKEN}"));
    }
}

// Another exchange wrote the session meanwhile.
#[test]
fn renewed_token_is_stored_after_a_conflict() {
    let mut world = with_token_for(Duration::ZERO);
    world.conflicts = 2;
    assert_eq!(token_shown(&mut world), format!("renewed {GRAPH_TOKEN}"));
    assert_eq!(token_shown(&mut world), format!("renewed {GRAPH_TOKEN}"));
    assert_eq!(world.redeemed.len(), 1);
}

// Q3: otherwise they are renewed at every call until the clock has caught up.
#[test]
fn renewed_token_is_stored_over_one_dated_ahead_of_the_clock() {
    let mut world = with_token_for(Duration::from_secs(3000));
    world.server.now.unix.0 -= 24 * 3600;
    world.conflicts = 1;
    assert_eq!(token_shown(&mut world), format!("renewed {GRAPH_TOKEN}"));
    assert_eq!(token_shown(&mut world), format!("renewed {GRAPH_TOKEN}"));
    assert_eq!(world.redeemed.len(), 1);
}

// Q4: a server that was just started knows nothing of Entra yet.
#[test]
fn renewal_after_a_restart_waits_for_entras_metadata() {
    let mut world = with_token_for(Duration::ZERO);
    world.forget_entra();
    let response = call(&mut world);
    assert_eq!(body(&response)["result"]["isError"], true);
    assert!(is_alive(&world), "Entra cannot be reached: nothing changes");
    let now = &mut world.server.now;
    now.instant = now.instant.after(limits::KEYS_RETRY);
    world.publishes(&Signer::known().jwks());
    assert_eq!(token_shown(&mut world), format!("renewed {GRAPH_TOKEN}"));

    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(3000));
    alice.world.forget_entra();
    let refresh_token = text(&tokens, "refresh_token");
    assert_eq!(alice.refresh(refresh_token, &[]).status(), 503);
    assert!(alice.is_alive());
    alice.later(limits::KEYS_RETRY);
    alice.world.publishes(&Signer::known().jwks());
    assert_eq!(alice.refresh(refresh_token, &[]).status(), 200);
}

// Q4, by HTTP+SSE: the message waits for the hub, and so does the renewal.
#[test]
fn http_sse_message_after_a_restart_waits_for_entras_metadata() {
    let mut world = with_token_for(Duration::ZERO);
    let stream = world.request("alice", "GET", "/sse", &[], "");
    let stream = world.begin(stream);
    let body = world.sent(stream).body.clone();
    let endpoint = body.lines().find_map(|line| line.strip_prefix("data: "));
    let endpoint = endpoint.expect("the endpoint is sent").to_owned();
    let path = endpoint.replace("http://localhost:3001", "");
    let post = |world: &mut World, message: &str| {
        let request = world.request("alice", "POST", &path, &[], message);
        assert_eq!(world.send(request).status(), 202);
    };
    post(&mut world, &initialize("2024-11-05"));
    world.forget_entra();
    world.publishes(&Signer::known().jwks());
    world.graph_responds(200, &profile("alice"));
    let params = json!({"name": "getUserDetails", "arguments": {}});
    post(&mut world, &rpc(7, "tools/call", &params));
    let events = world.sent(stream).body.clone();
    let mut data = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let answer: Value = serde_json::from_str(data.next_back().unwrap()).unwrap();
    assert_eq!(answer["id"], 7, "{events}");
    assert_eq!(answer["result"]["isError"], false);
}

// Without `offline_access` there is nothing to renew with.
#[test]
fn session_without_refresh_token_ends_with_its_access_token() {
    let mut world = with_token_for(Duration::ZERO);
    let keys = world.server.server.keys.clone();
    let mut session = world.session("alice");
    let mut tokens = session.entra_tokens(&keys).unwrap();
    tokens.refresh_token = None;
    session.set_entra_tokens(&tokens, &keys, &mut entropy(1));
    let expires = session.expires(world.server.now.unix, &crate::config::Lifetimes::default());
    let put = session.put(Guard::Any, expires, &keys, &mut entropy(2));
    world.ask(put).unwrap();
    assert_eq!(call(&mut world).status(), 401);
    assert!(!is_alive(&world) && world.redeemed.is_empty());
}

// D11: a client that only refreshed would be refused for ever.
#[test]
fn renewed_token_refused_by_graph_ends_the_session() {
    let mut world = World::new();
    let refusal = json!({"error": {"code": "InvalidAuthenticationToken"}});
    world.graph_responds(401, &refusal);
    world.graph_responds(401, &refusal);
    assert_eq!(call(&mut world).status(), 401);
    assert_eq!(world.asked.len(), 2, "it is not tried for ever");
    assert!(!is_alive(&world));
}
