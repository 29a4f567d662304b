//! Threats C15, I2 to I4, I7, K7, K8, K13, P1.

use ::http::{Response, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    catalog::{Call, Catalog, Effect, Handler, LogLevel, Step, Tool, ToolResult},
    event::Event,
    id::ExchangeId,
    mcp::testing::{World, initialize, profile, rpc},
    testing::header,
};

/// Opens a stream and gives it with the place to post to.
fn open(world: &mut World, user: &str) -> (ExchangeId, String) {
    let request = world.request(user, "GET", "/sse", &[], "");
    let id = world.begin(request);
    let body = &world.sent(id).body;
    let target = body.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
    (id, target.to_owned())
}

fn post(world: &mut World, user: &str, target: &str, body: &str) -> Response<Bytes> {
    let request = world.request(user, "POST", target, &[], body);
    world.send(request)
}

/// The messages that came on a stream.
fn messages(world: &World, id: ExchangeId) -> Vec<Value> {
    let events = world.sent(id).body.split("\n\n");
    let data = events.filter_map(|event| event.strip_prefix("event: message\ndata: "));
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn ping(id: i64) -> String {
    rpc(id, "ping", &json!({}))
}

#[test]
fn http_sse_client_initializes_lists_and_calls() {
    for revision in ["2024-11-05", "2025-11-25"] {
        let mut world = World::new();
        let (id, target) = open(&mut world, "alice");
        let response = post(&mut world, "alice", &target, &initialize(revision));
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.body(), "Accepted");
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        post(&mut world, "alice", &target, &initialized.to_string());
        post(
            &mut world,
            "alice",
            &target,
            &rpc(1, "tools/list", &json!({})),
        );
        world.graph_responds(200, &profile("alice"));
        let call = rpc(
            2,
            "tools/call",
            &json!({"name": "getUserDetails", "arguments": {}}),
        );
        post(&mut world, "alice", &target, &call);
        let messages = messages(&world, id);
        assert_eq!(messages.len(), 3);
        assert_eq!(messages[0]["result"]["protocolVersion"], revision);
        let tool = &messages[1]["result"]["tools"][0];
        let new = revision == "2025-11-25";
        assert_eq!(tool.get("outputSchema").is_some(), new);
        let result = &messages[2]["result"];
        assert_eq!(messages[2]["id"], 2);
        assert!(
            result["content"][0]["text"]
                .as_str()
                .unwrap()
                .contains("alice@contoso")
        );
        assert_eq!(result.get("structuredContent").is_some(), new);
    }
}

// I2, I4
#[test]
fn message_to_the_stream_of_another_user_is_not_found() {
    let mut world = World::new();
    let (alices, target) = open(&mut world, "alice");
    let (bobs, _) = open(&mut world, "bob");
    post(&mut world, "alice", &target, &initialize("2025-11-25"));
    let before = world.sent(alices).body.clone();
    let response = post(&mut world, "bob", &target, &ping(1));
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(world.sent(alices).body, before);
    assert!(messages(&world, bobs).is_empty());
}

// I2, I3, K13
#[test]
fn malformed_or_repeated_session_id_is_refused() {
    let mut world = World::new();
    let (_, target) = open(&mut world, "alice");
    let mcp_session = world.initialize("alice", "2025-11-25");
    let name = target.split_once('=').unwrap().1;
    for (target, status) in [
        ("/message".to_owned(), 400),
        ("/message?sessionId=".to_owned(), 400),
        ("/message?sessionid=x".to_owned(), 400),
        (format!("/message?sessionId={name}&sessionId={name}"), 400),
        (format!("/message?sessionId={name}A"), 404),
        (format!("/message?sessionId={}", "A".repeat(22)), 404),
        (format!("/message?sessionId={mcp_session}"), 404),
        ("/message?sessionId=null".to_owned(), 404),
    ] {
        let response = post(&mut world, "alice", &target, &ping(1));
        assert_eq!(response.status(), status, "{target}");
        let is_lost = response.body().starts_with(b"Session not found");
        assert_eq!(is_lost, status == 404, "{target}");
    }
    let response = world.post("alice", &[("mcp-session-id", name)], ping(1));
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

// I7
#[test]
fn message_to_a_closed_stream_is_not_found() {
    let mut world = World::new();
    let (id, target) = open(&mut world, "alice");
    world.handle(id, Event::Disconnected);
    let response = post(&mut world, "alice", &target, &ping(1));
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

// K13
#[test]
fn request_before_initialize_is_refused_unless_it_is_a_ping() {
    let mut world = World::new();
    let (id, target) = open(&mut world, "alice");
    post(&mut world, "alice", &target, &ping(1));
    post(
        &mut world,
        "alice",
        &target,
        &rpc(2, "tools/list", &json!({})),
    );
    let call = rpc(3, "tools/call", &json!({"name": "getUserDetails"}));
    post(&mut world, "alice", &target, &call);
    let messages = messages(&world, id);
    assert_eq!(messages[0]["result"], json!({}));
    assert_eq!(messages[1]["error"]["code"], -32600);
    assert_eq!(messages[2]["error"]["code"], -32600);
    assert!(world.asked.is_empty());
}

// K1, K7: a message that cannot be taken is refused by the answer to the POST
#[test]
fn invalid_message_is_refused_and_reaches_no_stream() {
    let mut world = World::new();
    let (id, target) = open(&mut world, "alice");
    post(&mut world, "alice", &target, &initialize("2025-11-25"));
    let batch = format!("[{}]", ping(1));
    for bad in ["{", "[]", "1", batch.as_str()] {
        let response = post(&mut world, "alice", &target, bad);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(header(&response, "content-type"), "application/json");
    }
    assert_eq!(messages(&world, id).len(), 1);
}

// K7
#[test]
fn http_sse_batch_is_answered_as_a_batch() {
    let mut world = World::new();
    let (id, target) = open(&mut world, "alice");
    post(&mut world, "alice", &target, &initialize("2025-03-26"));
    let batch = format!("[{},{}]", ping(1), ping(2));
    assert_eq!(post(&mut world, "alice", &target, &batch).status(), 202);
    assert_eq!(messages(&world, id)[1].as_array().unwrap().len(), 2);
}

// F11: no 200 with an error text for ever
#[test]
fn revoked_session_sends_an_error_on_its_stream_and_ends_it() {
    let mut world = World::new();
    let (id, target) = open(&mut world, "alice");
    post(&mut world, "alice", &target, &initialize("2025-11-25"));
    world.graph_responds(
        401,
        &json!({"error": {"code": "InvalidAuthenticationToken"}}),
    );
    world.graph_responds(
        401,
        &json!({"error": {"code": "InvalidAuthenticationToken"}}),
    );
    let call = rpc(2, "tools/call", &json!({"name": "getUserDetails"}));
    assert_eq!(post(&mut world, "alice", &target, &call).status(), 202);
    assert_eq!(messages(&world, id)[1]["id"], 2);
    assert!(messages(&world, id)[1]["error"]["code"].is_number());
    assert!(world.sent(id).closed && world.is_over(id));
}

// P1
#[test]
fn tool_beyond_the_scope_is_forbidden_before_the_message_is_accepted() {
    let mut world = World::new();
    let (_, target) = open(&mut world, "alice");
    post(&mut world, "alice", &target, &initialize("2025-11-25"));
    let token = world.sign_in("alice", "a client", "other");
    let call = rpc(2, "tools/call", &json!({"name": "getUserDetails"}));
    let mut request = world.request("alice", "POST", &target, &[], &call);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let response = world.send(request);
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(header(&response, "www-authenticate").contains("insufficient_scope"));
}

/// How many lines of the log the tool of the next tests writes.
const LINES: usize = 500;

fn chatty(call: &Call) -> Step<ToolResult> {
    if call.results().len() < LINES {
        return Step::effect(Effect::log(LogLevel::Warning, &"x".repeat(500)));
    }
    Step::done("said")
}

/// A world with a tool that says a lot, and a stream that a client has initialized.
fn chatty_world() -> (World, ExchangeId, String) {
    let tool = Tool::new("chatty", "Says a lot");
    let catalog = Catalog::builder().tool(tool, Handler::Step(chatty));
    let mut world = World::offering(catalog.list_changed().build().unwrap());
    let (id, target) = open(&mut world, "alice");
    post(&mut world, "alice", &target, &initialize("2025-11-25"));
    (world, id, target)
}

// M7
#[test]
fn call_that_says_more_than_its_stream_takes_waits_and_loses_nothing() {
    let (mut world, stream, target) = chatty_world();
    world.stall(stream);
    let call = rpc(2, "tools/call", &json!({"name": "chatty"}));
    let request = world.request("alice", "POST", &target, &[], &call);
    let call = world.begin(request);
    let request = world.request("alice", "POST", &target, &[], &ping(3));
    let ping = world.begin(request);
    assert!(!world.is_over(call), "the call waits");
    assert!(world.sent(ping).response.is_none(), "so does a message");
    assert!(world.unread(stream) <= 1);
    world.read_all(stream);
    assert!(world.is_over(call));
    assert_eq!(world.sent(ping).response.as_ref().unwrap().status(), 202);
    let messages = messages(&world, stream);
    assert_eq!(messages.len(), 1 + LINES + 2);
    let answered = messages.iter().filter_map(|one| one["id"].as_i64());
    assert_eq!(answered.collect::<Vec<_>>().len(), 3);
}

// M7
#[test]
fn call_whose_stream_closes_while_it_waits_for_room_ends() {
    let (mut world, stream, target) = chatty_world();
    world.stall(stream);
    let call = rpc(2, "tools/call", &json!({"name": "chatty"}));
    let request = world.request("alice", "POST", &target, &[], &call);
    let call = world.begin(request);
    assert!(!world.is_over(call));
    world.handle(stream, Event::Disconnected);
    assert!(world.is_over(call));
}
