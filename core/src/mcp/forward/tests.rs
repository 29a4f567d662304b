mod backend_stream;
mod eras;
mod faults;
mod floods;
mod header_params;
mod identity;
mod limits;
mod messages;
mod own_accord;
mod own_stream;
mod policy;
mod polling;
mod recorded;
mod rounds;
mod sessions;
mod several;
mod shared_subscriptions;
mod start;
mod stdio;
mod subscriptions;
mod table;

use serde_json::{Value, json};

use crate::{
    backend::gateway_of_tests,
    config::BackendIdentity,
    id::ExchangeId,
    log_event::LogEventId,
    mcp::testing::{World, backend::Sent, initialize_with},
    testing,
};

/// What the backend says of itself.
const RESULT: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"tasks":{}}, "serverInfo":{"name":"orders","version":"1.0"},"x":1.00}"#;
const PASSED: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}}, "serverInfo":{"name":"orders","version":"1.0"},"x":1.00}"#;

fn world() -> World {
    let mut world = World::new();
    world.has_backend(gateway_of_tests(BackendIdentity::ASSERTION));
    world
}

/// The id that a request has at the backend, as it is written.
fn id_of(sent: &Sent) -> String {
    sent.json()["id"].to_string()
}

/// The backend answers a request of that id with this result, as JSON.
fn result(sent: &Sent, result: &str) -> String {
    let id = id_of(sent);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
}

/// An event of a stream.
fn event(message: &str) -> String {
    format!("event: message\ndata: {message}\n\n")
}

const STREAM: [(&str, &str); 1] = [("content-type", "text/event-stream")];

/// The backend opens the session for which it was sent `initialize`.
fn opens(world: &mut World, session: &str) {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "initialize", "{}", sent.text());
    let answer = result(&sent, RESULT);
    let headers = [
        ("content-type", "application/json"),
        ("mcp-session-id", session),
    ];
    world.answers_with(sent, 200, &headers, &answer);
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "notifications/initialized");
    assert_eq!(sent.header("mcp-session-id"), Some(session));
    world.answers(sent, 202, "");
}

/// What a backend of 2026-07-28 says of itself.
const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"public"}"#;

/// The backend says that it is of 2026-07-28.
fn is_discovered(world: &mut World) {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "server/discover", "{}", sent.text());
    assert_eq!(sent.header("mcp-protocol-version"), Some("2026-07-28"));
    let answer = result(&sent, DISCOVERED);
    world.answers(sent, 200, &answer);
}

/// Somebody's client begins a session; ours and that of the backend.
fn begin(world: &mut World, user: &str, session: &str) -> String {
    let capabilities = json!({"elicitation": {}, "roots": {"listChanged": true}});
    let body = initialize_with("2025-11-25", &capabilities);
    let request = world.request(user, "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    opens(world, session);
    let response = world.sent(id).response.as_ref().expect("it is answered");
    assert_eq!(response.status(), 200);
    testing::header(response, "mcp-session-id").to_owned()
}

/// Sends a message within a session.
fn send(world: &mut World, user: &str, session: &str, body: &str) -> ExchangeId {
    let request = world.request(user, "POST", "/mcp", &[("mcp-session-id", session)], body);
    world.begin(request)
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{"name":"echo","_meta":{"progressToken":"token"},"arguments":{"n":1.00,"text":"\u00e9"}}}"#;

/// The JSON of a response that is whole.
fn body_of(world: &World, id: ExchangeId) -> Value {
    let response = world.sent(id).response.as_ref();
    testing::json(response.expect("it is answered"))
}

/// The messages of a stream.
fn streamed(world: &World, id: ExchangeId) -> Vec<Value> {
    let lines = world.sent(id).body.lines();
    let data = lines.filter_map(|line| line.strip_prefix("data: "));
    let data = data.filter(|data| data.starts_with('{'));
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// The log has this outcome for the one call that there was since it was looked at last, and no other line about calls.
fn is_told_once(world: &mut World, outcome: &str) {
    let lines = logged(world, LogEventId::GatewayCalled);
    let outcome = format!("outcome=\"{outcome}\"");
    let [line] = lines.as_slice() else {
        panic!("one line about the call, not {lines:?}");
    };
    assert!(line.contains(&outcome), "{line}");
    assert!(line.contains("backend=") && line.contains("subject="));
    assert!(line.contains("milliseconds=") && line.contains("bytes="));
    assert!(logged(world, LogEventId::ToolCalled).is_empty());
    world.logged.clear();
}

fn logged(world: &World, id: LogEventId) -> Vec<String> {
    let lines = world.logged.iter().filter(|line| line.id() == id);
    lines.map(ToString::to_string).collect()
}
