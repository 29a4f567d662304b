//! The rounds of a backend of 2026-07-28 with a client of the same revision.

use super::*;

const ASKS: &str = r#"{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"Sure?","n":1.00}}},"requestState":"theirs \u00e9"}"#;

/// A call of somebody's client, with these parameters besides what each has.
fn call(world: &mut World, user: &str, number: u64, more: Value) -> ExchangeId {
    let mut params = json!({"name": "ask", "arguments": {"n": number}});
    let members = params.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    });
    members.insert("_meta".to_owned(), meta);
    let body = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params});
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "ask"),
    ];
    let request = world.request(user, "POST", "/mcp", &headers, &body.to_string());
    world.begin(request)
}

/// Alice's call, and the state with which the backend has asked her something.
fn asked(world: &mut World, asks: &str) -> (Value, String) {
    let id = call(world, "alice", 1, json!({}));
    is_discovered(world);
    let sent = world.pulled();
    let asks = result(&sent, asks);
    world.answers(sent, 200, &asks);
    let body = &world.sent(id).response.as_ref().unwrap();
    (testing::json(body)["result"].clone(), testing::text(body))
}

fn with_state(state: &Value) -> Value {
    json!({"requestState": state, "inputResponses": {"q": {"action": "accept"}}})
}

// R30
#[test]
fn state_of_a_backend_is_good_for_its_user_and_its_call_only() {
    let mut world = world();
    let (round, text) = asked(&mut world, ASKS);
    assert!(text.contains(r#"{"message":"Sure?","n":1.00}"#), "{text}");
    assert!(!text.contains("theirs"), "{text}");
    let state = &round["requestState"];
    let changed = json!(format!("A{}", state.as_str().unwrap()));
    for (user, number, state) in [
        ("bob", 1, state),
        ("alice", 2, state),
        ("alice", 1, &changed),
        ("alice", 1, &json!("theirs \u{e9}")),
        ("alice", 1, &json!(7)),
    ] {
        let id = call(&mut world, user, number, with_state(state));
        let error = body_of(&world, id)["error"].clone();
        assert_eq!(error["code"], -32602, "{user} {number} {state}: {error}");
        assert!(world.pulls.is_empty() && world.is_over(id));
    }
    // It is the backend's to say whether that is so twice.
    for _ in 0..2 {
        let id = call(&mut world, "alice", 1, with_state(state));
        let sent = world.pulled();
        let params = sent.json()["params"].clone();
        assert_eq!(params["requestState"], "theirs \u{e9}", "{params}");
        assert_eq!(params["inputResponses"]["q"]["action"], "accept");
        let done = result(&sent, r#"{"resultType":"complete","content":[]}"#);
        world.answers(sent, 200, &done);
        assert_eq!(body_of(&world, id)["result"]["resultType"], "complete");
    }
}

// R30
#[test]
fn state_of_a_backend_ends() {
    let mut world = world();
    let (round, _) = asked(&mut world, ASKS);
    world.server.now.unix = world
        .server
        .now
        .unix
        .after(crate::limits::REQUEST_STATE_LIFETIME);
    let later = crate::limits::CLOCK_LEEWAY * 2;
    world.server.now.unix = world.server.now.unix.after(later);
    let id = call(&mut world, "alice", 1, with_state(&round["requestState"]));
    assert_eq!(body_of(&world, id)["error"]["code"], -32602);
}

#[test]
fn round_without_a_state_passes_as_it_is() {
    let mut world = world();
    let asks = ASKS.replace(r#","requestState":"theirs \u00e9""#, "");
    let (_, text) = asked(&mut world, &asks);
    assert!(text.contains(&asks), "{text}");
    let responses = json!({"inputResponses": {"q": {"action": "accept"}}});
    call(&mut world, "alice", 1, responses);
    let params = world.pulled().json()["params"].clone();
    assert!(params.get("requestState").is_none(), "{params}");
    assert_eq!(params["inputResponses"]["q"]["action"], "accept");
}
