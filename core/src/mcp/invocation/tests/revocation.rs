//! Calls whose session is revoked, and calls for which there is no room.

use super::{http_sse, *};
use crate::{event::Event, limits};

const ENDED: &str = "The sign-in has ended. Please sign in again.";

/// A client whose calls wait for the runtime or for its user.
fn client(world: &mut World, revision: &'static str) -> Client {
    Client::new(world, revision, json!({"elicitation": {}}))
}

// I7: also without a stream, where the 401 says that the user must sign in.
#[test]
fn call_of_a_revoked_session_ends_at_once() {
    for revision in OLD[1..].iter().copied().chain([NEW]) {
        let mut world = world();
        let client = client(&mut world, revision);
        let id = client.begin(&mut world, "tools/call", json!({"name": "native"}));
        let (_, ticket, _) = world.calls.pop_front().unwrap();
        world.end_session("alice");
        assert!(world.is_over(id), "{revision}");
        let response = world.sent(id).response.as_ref().unwrap();
        assert_eq!(response.status(), 401, "{revision}");
        assert_eq!(world.cancelled, 1);
        world.handle(id, ticket.effect(Effect::graph("me")));
        assert!(world.asked.is_empty(), "Graph is asked no more");
    }
}

// I7
#[test]
fn call_of_a_revoked_session_answers_its_stream_with_an_error() {
    for revision in OLD[1..].iter().copied().chain([NEW]) {
        let mut world = world();
        let client = client(&mut world, revision);
        let params = json!({"name": "slow", "arguments": {"whom": "Alice"},
            "_meta": {"progressToken": 1}});
        let id = client.begin(&mut world, "tools/call", params);
        world.end_session("alice");
        assert!(world.is_over(id) && world.sent(id).closed, "{revision}");
        let last = messages(&world, id).pop().unwrap();
        assert_eq!(last["id"], 1, "{revision}");
        assert_eq!(last["error"]["message"], ENDED, "{revision}");
    }
}

// I7: the client has left, and the session of its user is revoked before it is back.
#[test]
fn detached_call_of_a_revoked_session_ends_at_once() {
    let mut world = world();
    let client = client(&mut world, "2025-11-25");
    let id = client.begin(&mut world, "tools/call", json!({"name": "page"}));
    world.handle(id, Event::Disconnected);
    assert!(!world.is_over(id));
    world.end_session("alice");
    assert!(world.is_over(id));
}

// I7, and the client need not ask its user any more.
#[test]
fn input_request_of_a_revoked_session_is_cancelled() {
    let mut world = world();
    let client = client(&mut world, "2025-11-25");
    let id = client.begin(&mut world, "tools/call", json!({"name": "page"}));
    world.end_session("alice");
    let sent = messages(&world, id);
    assert_eq!(sent[1]["method"], "notifications/cancelled");
    assert_eq!(sent[1]["params"]["requestId"], sent[0]["id"]);
    assert_eq!(sent[2]["error"]["message"], ENDED);
}

// I7: what was answered before is not lost.
#[test]
fn batch_of_a_revoked_session_has_an_error_for_what_was_not_answered() {
    let mut world = world();
    let client = client(&mut world, "2025-03-26");
    let session = client.session.unwrap();
    let call = |id: u64, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    let slow = json!({"name": "slow", "arguments": {"whom": "Alice"},
        "_meta": {"progressToken": 1}});
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        call(2, slow.clone()),
        call(3, slow),
    ]);
    let fields = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "POST", "/mcp", &fields, &batch.to_string());
    let id = world.begin(request);
    world.end_session("alice");
    let sent = messages(&world, id);
    let responses: Vec<_> = sent.iter().filter(|one| one.get("id").is_some()).collect();
    assert!(responses[0].get("result").is_some());
    assert_eq!(
        (
            responses[1]["id"].clone(),
            &responses[1]["error"]["message"]
        ),
        (json!(2), &json!(ENDED))
    );
    assert_eq!(
        (
            responses[2]["id"].clone(),
            &responses[2]["error"]["message"]
        ),
        (json!(3), &json!(ENDED))
    );
}

// I7: the error comes before the stream ends, and another session's stream stays.
#[test]
fn http_sse_calls_of_a_revoked_session_end_before_their_stream() {
    let mut world = world();
    let (stream, target) = http_sse::open(&mut world, "alice");
    let (others, _) = http_sse::open(&mut world, "bob");
    let first = http_sse::call(&mut world, &target, json!({"name": "native"}));
    let second = http_sse::call(&mut world, &target, json!({"name": "native"}));
    world.end_session("alice");
    let said = http_sse::sent_events(&world, stream);
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|one| one["error"]["message"] == ENDED));
    assert!(world.is_over(first) && world.is_over(second) && world.is_over(stream));
    assert!(!world.is_over(others));
    assert_eq!(world.cancelled, 2);
}

// I7: whoever finds out ends the others too, also on a replica that did not revoke it.
#[test]
fn call_that_finds_its_session_revoked_ends_the_others() {
    let mut world = world();
    let client = client(&mut world, "2025-11-25");
    let first = client.begin(&mut world, "tools/call", json!({"name": "native"}));
    world.wait(5);
    let second = client.begin(&mut world, "tools/call", json!({"name": "native"}));
    world.revoke("alice");
    world.wait(10);
    assert!(world.is_over(first) && world.is_over(second));
}

// M5: a call that nobody could answer or cancel does not begin.
#[test]
fn call_over_the_limit_is_refused_before_it_begins() {
    for revision in ["2025-11-25", NEW] {
        let mut world = world();
        let client = client(&mut world, revision);
        let native = || json!({"name": "native"});
        let first = client.begin(&mut world, "tools/call", native());
        for _ in 1..limits::CALLS_PER_PRINCIPAL {
            client.begin(&mut world, "tools/call", native());
        }
        let refused = client.ask(&mut world, "tools/call", native());
        let message = refused["message"].as_str().unwrap();
        assert!(message.starts_with("Too many calls: 64"), "{message}");
        assert_eq!(world.calls.len(), limits::CALLS_PER_PRINCIPAL);
        let slow = json!({"whom": "Alice"});
        let refused = client.call(&mut world, "slow", json!({"arguments": slow}));
        assert_eq!(refused["code"], -32603, "it would have to wait");
        // What need not wait is answered, and so are others.
        client.call(&mut world, "change", json!({}));
        let bob = Client::of("bob", &mut world, revision, json!({}));
        bob.begin(&mut world, "tools/call", native());
        assert_eq!(world.calls.len(), limits::CALLS_PER_PRINCIPAL + 1);
        world.handle(first, Event::Disconnected);
        client.begin(&mut world, "tools/call", native());
        assert_eq!(world.calls.len(), limits::CALLS_PER_PRINCIPAL + 2);
    }
}

// M5: a setting is not lost because another session has one.
#[test]
fn session_setting_over_the_limit_is_refused_and_the_first_stays() {
    let mut world = world();
    let debug = || json!({"level": "debug"});
    let first = client(&mut world, "2025-11-25");
    assert_eq!(
        first.ask(&mut world, "logging/setLevel", debug()),
        json!({})
    );
    for _ in 1..limits::MCP_SESSION_SETTINGS {
        let client = client(&mut world, "2025-11-25");
        client.ask(&mut world, "logging/setLevel", debug());
    }
    let last = client(&mut world, "2025-11-25");
    for (method, params) in [
        ("logging/setLevel", debug()),
        ("resources/subscribe", json!({"uri": "a://static"})),
    ] {
        let refused = last.ask(&mut world, method, params);
        let message = refused["message"].as_str().unwrap();
        assert!(message.starts_with("Too many sessions: 64"), "{message}");
    }
    let params = json!({"name": "slow", "arguments": {"whom": "Alice"}});
    let id = first.begin(&mut world, "tools/call", params);
    assert_eq!(messages(&world, id)[0]["params"]["level"], "debug");
}
