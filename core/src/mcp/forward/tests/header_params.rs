//! Arguments that headers repeat (2026-07-28).

use std::time::Duration;

use super::*;

const TOOLS: &str = r#"{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"query","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]}"#;
const DONE: &str = r#"{"resultType":"complete","content":[]}"#;

/// A call by a client of 2026-07-28, with this header, if it sends one.
fn call(world: &mut World, header: Option<&str>) -> ExchangeId {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": "query", "arguments": {"region": "caf\u{e9}"}, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params});
    let mut headers = vec![
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "query"),
    ];
    headers.extend(header.map(|header| ("mcp-param-region", header)));
    let request = world.request("alice", "POST", "/mcp", &headers, &body.to_string());
    world.begin(request)
}

/// The backend is asked what its tools are.
fn lists(world: &mut World) {
    lists_with(world, TOOLS);
}

fn lists_with(world: &mut World, tools: &str) {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "tools/list", "{}", sent.text());
    assert_eq!(sent.header("mcp-param-region"), None);
    let page = result(&sent, tools);
    world.answers(sent, 200, &page);
}

/// The call reaches the backend with this header.
fn is_called(world: &mut World, header: Option<&str>) -> Sent {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "tools/call", "{}", sent.text());
    assert_eq!(sent.header("mcp-param-region"), header);
    sent
}

// R2
#[test]
fn header_of_a_client_is_held_against_the_body_and_written_anew() {
    let mut world = world();
    let id = call(&mut world, Some("=?base64?Y2Fmw6k=?="));
    is_discovered(&mut world);
    lists(&mut world);
    let sent = is_called(&mut world, Some("=?base64?Y2Fmw6k=?="));
    let done = result(&sent, DONE);
    world.answers(sent, 200, &done);
    assert_eq!(body_of(&world, id)["result"]["resultType"], "complete");
    for wrong in ["us", "=?base64?!!?="] {
        let id = call(&mut world, Some(wrong));
        lists(&mut world);
        assert!(world.pulls.is_empty(), "the backend is not called");
        let response = world.sent(id).response.as_ref().unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(testing::json(response)["error"]["code"], -32020);
    }
    // Who sends none is called for without: the backend says whether it is missing.
    call(&mut world, None);
    is_called(&mut world, None);
}

/// The call of a client with a session.
const QUERY: &str = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"query","arguments":{"region":"eu"}}}"#;

/// A session of ours, whose backend is of 2026-07-28.
fn session_of_stateless_backend(world: &mut World) -> String {
    let body = initialize_with("2025-11-25", &json!({}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    world.answers(sent, 404, "");
    is_discovered(world);
    let response = world.sent(id).response.as_ref().unwrap();
    testing::header(response, "mcp-session-id").to_owned()
}

/// The backend refuses a call, with this header, for a header that it misses.
fn refuses(world: &mut World, session: &str, header: Option<&str>) -> ExchangeId {
    let id = send(world, "alice", session, QUERY);
    let sent = is_called(world, header);
    let error = json!({"code": -32020, "message": "a header differs from the body"});
    let refusal = json!({"jsonrpc": "2.0", "id": sent.json()["id"], "error": error});
    world.answers(sent, 400, &refusal.to_string());
    id
}

// R2
#[test]
fn headers_that_a_client_with_a_session_cannot_know_of_are_written_for_it() {
    let mut world = world();
    let session = session_of_stateless_backend(&mut world);
    let id = refuses(&mut world, &session, None);
    lists(&mut world);
    let sent = is_called(&mut world, Some("eu"));
    let done = result(&sent, DONE);
    world.answers(sent, 200, &done);
    assert_eq!(body_of(&world, id)["result"], json!({"content": []}));
    // A backend that refuses it all the same has the last word.
    let id = send(&mut world, "alice", &session, QUERY);
    for header in [None, Some("eu")] {
        let sent = is_called(&mut world, header);
        let error = json!({"code": -32020, "message": "still not"});
        let refusal = json!({"jsonrpc": "2.0", "id": sent.json()["id"], "error": error});
        world.answers(sent, 400, &refusal.to_string());
        if header.is_none() {
            lists(&mut world);
        }
    }
    assert_eq!(body_of(&world, id)["error"]["code"], -32020);
}

/// What a backend with a list that may be kept for a minute says its tool wants repeated in this header.
fn lists_for_a_minute(world: &mut World, header: &str) {
    let tools = TOOLS.replace("Region", header);
    lists_with(world, &tools.replace(r#""ttlMs":0"#, r#""ttlMs":60000"#));
}

// R2
#[test]
fn tool_is_not_looked_at_again_while_its_list_may_be_kept() {
    let mut world = world();
    call(&mut world, Some("=?base64?Y2Fmw6k=?="));
    is_discovered(&mut world);
    lists_for_a_minute(&mut world, "Region");
    let sent = is_called(&mut world, Some("=?base64?Y2Fmw6k=?="));
    let done = result(&sent, DONE);
    world.answers(sent, 200, &done);
    let id = call(&mut world, Some("=?base64?Y2Fmw6k=?="));
    let sent = is_called(&mut world, Some("=?base64?Y2Fmw6k=?="));
    let done = result(&sent, DONE);
    world.answers(sent, 200, &done);
    assert_eq!(body_of(&world, id)["result"]["resultType"], "complete");
    // What was kept refuses nobody: the backend may have changed its mind.
    let id = call(&mut world, Some("us"));
    lists_for_a_minute(&mut world, "Region");
    let response = world.sent(id).response.as_ref().unwrap();
    assert_eq!(testing::json(response)["error"]["code"], -32020);
    let later = Duration::from_secs(60);
    world.server.now.instant = world.server.now.instant.after(later);
    call(&mut world, Some("us"));
    lists(&mut world);
}

// R2: for clients that cannot know of headers, a call is one request again once the tool was looked at.
#[test]
fn headers_that_were_kept_too_long_are_looked_at_again() {
    let mut world = world();
    let session = session_of_stateless_backend(&mut world);
    refuses(&mut world, &session, None);
    lists_for_a_minute(&mut world, "Region");
    is_called(&mut world, Some("eu"));
    // The next call has the header at once. The backend has changed it since.
    let id = refuses(&mut world, &session, Some("eu"));
    lists_for_a_minute(&mut world, "Zone");
    let sent = world.pulled();
    assert_eq!(sent.header("mcp-param-zone"), Some("eu"));
    assert_eq!(sent.header("mcp-param-region"), None);
    let done = result(&sent, DONE);
    world.answers(sent, 200, &done);
    assert_eq!(body_of(&world, id)["result"], json!({"content": []}));
    // A session that is opened again knows nothing of what was kept in the one before.
    let id = send(&mut world, "alice", &session, QUERY);
    let sent = world.pulled();
    assert_eq!(sent.header("mcp-param-zone"), Some("eu"));
    world.answers(sent, 404, "");
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "initialize");
    world.answers(sent, 404, "");
    is_discovered(&mut world);
    is_called(&mut world, None);
    assert!(world.sent(id).response.is_none());
}
