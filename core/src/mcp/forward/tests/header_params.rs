//! Arguments that headers repeat (2026-07-28).

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
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "tools/list", "{}", sent.text());
    assert_eq!(sent.header("mcp-param-region"), None);
    let page = result(&sent, TOOLS);
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

// R2
#[test]
fn headers_that_a_client_with_a_session_cannot_know_of_are_written_for_it() {
    let mut world = world();
    let body = initialize_with("2025-11-25", &json!({}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    world.answers(sent, 404, "");
    is_discovered(&mut world);
    let response = world.sent(id).response.as_ref().unwrap();
    let session = testing::header(response, "mcp-session-id").to_owned();
    let params = json!({"name": "query", "arguments": {"region": "eu"}});
    let body = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params});
    let id = send(&mut world, "alice", &session, &body.to_string());
    for is_last in [false, true] {
        let header = is_last.then_some("eu");
        let sent = is_called(&mut world, header);
        if is_last {
            let done = result(&sent, DONE);
            world.answers(sent, 200, &done);
            continue;
        }
        let error = json!({"code": -32020, "message": "missing Mcp-Param-Region"});
        let refusal = json!({"jsonrpc": "2.0", "id": sent.json()["id"], "error": error});
        world.answers(sent, 400, &refusal.to_string());
        lists(&mut world);
    }
    assert_eq!(body_of(&world, id)["result"], json!({"content": []}));
    // A backend that refuses it all the same has the last word.
    let id = send(&mut world, "alice", &session, &body.to_string());
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
