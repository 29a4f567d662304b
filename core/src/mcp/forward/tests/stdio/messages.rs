//! What passes between clients and processes.

use super::*;

// R5, R15
#[test]
fn session_is_a_process_that_is_told_of_its_user_by_its_environment() {
    let mut world = world();
    begin(&mut world, "alice", 0);
    let child = &world.process(0).child;
    assert_eq!(
        (child.program.as_str(), &child.arguments[..]),
        ("orders", &["serve".to_owned()][..])
    );
    let environment = child.environment.iter();
    let environment: Vec<_> = environment
        .map(|(name, value)| format!("{name}={}", value.expose()))
        .collect();
    let oid = environment
        .iter()
        .find(|one| one.starts_with("ENTRA_MCP_USER_OID="));
    assert!(oid.unwrap().len() > "ENTRA_MCP_USER_OID=".len());
    let names: Vec<_> = environment
        .iter()
        .map(|one| one.split('=').next().unwrap())
        .collect();
    assert!(names.contains(&"PATH") && names.contains(&"ORDERS_KEY"));
    assert!(
        names.iter().all(
            |name| ["PATH", "ORDERS_KEY"].contains(name) || name.starts_with("ENTRA_MCP_USER_")
        )
    );
    let started = logged(&world, LogEventId::GatewayProcessStarted);
    assert!(
        started[0].contains("orders serve") && started[0].contains("4711"),
        "{started:?}"
    );
}

// R5
#[test]
fn call_passes_with_ids_of_the_gateway_and_all_other_bytes() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let id = send(
        &mut world,
        "alice",
        &session,
        &CALL.replace(",\"method\"", ",\n \"method\""),
    );
    let sent = world.reads(0);
    assert_ne!(sent["id"], json!("mine"));
    assert_eq!(sent["params"]["_meta"]["progressToken"], sent["id"]);
    assert_eq!(sent["params"]["arguments"]["text"], "\u{e9}");
    let progress = json!({"progressToken": sent["id"], "progress": 1});
    let progress =
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress});
    world.writes(0, progress);
    let line = json!({"level": "info", "data": "half"});
    world.writes(
        0,
        json!({"jsonrpc": "2.0", "method": "notifications/message", "params": line}),
    );
    world.writes(
        0,
        format!(
            r#"{{"result":{{"content":[], "n":1.00}},"jsonrpc":"2.0","id":{}}}"#,
            sent["id"]
        ),
    );
    let [progress, line, result] = &streamed(&world, id)[..] else {
        panic!("three messages, not {}", world.sent(id).body);
    };
    assert_eq!(progress["params"]["progressToken"], "token");
    assert_eq!(line["params"]["data"], "half");
    assert_eq!(result["id"], "mine");
    assert!(world.sent(id).body.contains(r#""content":[], "n":1.00"#));
    assert_eq!(logged(&world, LogEventId::GatewayCalled).len(), 1);
}

// R5
#[test]
fn answers_reach_their_calls_in_whatever_order_they_come() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let ids = [(); 2].map(|()| send(&mut world, "alice", &session, CALL));
    let sent = [(); 2].map(|()| world.reads(0));
    assert_ne!(sent[0]["id"], sent[1]["id"]);
    world.writes(0, answer(&sent[1], &json!({"content": [], "n": 1})));
    world.writes(0, answer(&sent[0], &json!({"content": [], "n": 0})));
    // One that was given already, and one to nothing that was asked.
    world.writes(0, answer(&sent[0], &json!({})));
    world.writes(0, json!({"jsonrpc": "2.0", "id": 99, "result": {}}));
    for (number, id) in ids.into_iter().enumerate() {
        assert_eq!(body_of(&world, id)["result"]["n"], json!(number));
    }
    assert!(world.may_write(0));
}

// R5
#[test]
fn users_have_processes_of_their_own() {
    let mut world = world();
    let alices = begin(&mut world, "alice", 0);
    let bobs = begin(&mut world, "bob", 1);
    send(&mut world, "bob", &bobs, CALL);
    assert!(world.has_read_all(0));
    assert_eq!(world.reads(1)["method"], "tools/call");
    let id = send(&mut world, "bob", &alices, CALL);
    assert_eq!(world.sent(id).response.as_ref().unwrap().status(), 404);
    assert!(world.has_read_all(0) && world.has_read_all(1));
}

#[test]
fn question_reaches_the_client_of_the_call_and_its_answer_the_process() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.reads(0);
    let params =
        json!({"message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}});
    world.writes(
        0,
        json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": params}),
    );
    let question = streamed(&world, id).pop().unwrap();
    assert_eq!(question["params"]["message"], "Sure?");
    let text = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}});
    send(&mut world, "alice", &session, &text.to_string());
    let told = world.reads(0);
    assert_eq!(
        (&told["id"], &told["result"]["action"]),
        (&json!(1), &json!("decline"))
    );
    world.writes(0, answer(&sent, &json!({"content": []})));
    assert_eq!(streamed(&world, id).pop().unwrap()["id"], "mine");
}

#[test]
fn question_that_nobody_can_be_asked_is_answered_at_once() {
    let mut world = world();
    begin(&mut world, "alice", 0);
    world.writes(
        0,
        json!({"jsonrpc": "2.0", "id": 0, "method": "roots/list"}),
    );
    let told = world.reads(0);
    assert_eq!(
        (&told["id"], &told["error"]["code"]),
        (&json!(0), &json!(-32601))
    );
    world.writes(0, json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}));
    assert_eq!(
        world.reads(0),
        json!({"jsonrpc": "2.0", "id": "p", "result": {}})
    );
    world.writes(
        0,
        json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
    );
    assert!(world.has_read_all(0) && world.may_write(0));
}

#[test]
fn question_of_a_call_that_is_over_is_answered_with_an_error() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    send(&mut world, "alice", &session, CALL);
    let sent = world.reads(0);
    let params = json!({"message": "Sure?"});
    world.writes(
        0,
        json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": params}),
    );
    world.writes(0, answer(&sent, &json!({"content": []})));
    let told = world.reads(0);
    assert!(told["id"] == 1 && told["error"]["code"] == -32601, "{told}");
}

#[test]
fn cancelled_call_is_cancelled_at_the_process_and_its_late_answer_dropped() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.reads(0);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "mine"}});
    send(&mut world, "alice", &session, &cancel.to_string());
    assert!(world.is_over(id));
    let told = world.reads(0);
    assert_eq!(
        (&told["method"], &told["params"]["requestId"]),
        (&json!("notifications/cancelled"), &sent["id"])
    );
    assert!(world.has_read_all(0), "it is told once");
    world.writes(0, answer(&sent, &json!({"content": []})));
    assert!(world.may_write(0) && world.pulls.is_empty());
}

#[test]
fn requests_of_2026_07_28_share_a_process_without_a_session() {
    let mut world = world();
    let body = r#"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    for is_first in [true, false] {
        let request = world.request("alice", "POST", "/mcp", &headers, body);
        let id = world.begin(request);
        if is_first {
            world.starts(0);
            let sent = world.reads(0);
            assert_eq!(sent["method"], "server/discover");
            let discovered: Value = serde_json::from_str(DISCOVERED).unwrap();
            world.writes(0, answer(&sent, &discovered));
        }
        let sent = world.reads(0);
        assert_eq!(sent["method"], "tools/list");
        world.writes(
            0,
            answer(&sent, &json!({"tools": [], "resultType": "complete"})),
        );
        assert_eq!(body_of(&world, id)["result"]["tools"], json!([]));
    }
    let request = world.request("bob", "POST", "/mcp", &headers, body);
    world.begin(request);
    assert_eq!(world.processes.len(), 2);
}

// R2, R3
#[test]
fn process_is_told_who_calls_with_each_request_and_by_nobody_else() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let meta = json!({"entra-mcp/assertion": "forged", "progressToken": 1});
    let params = json!({"name": "echo", "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let id = send(&mut world, "alice", &session, &body.to_string());
    let sent = world.reads(0);
    let assertion = sent["params"]["_meta"]["entra-mcp/assertion"]
        .as_str()
        .unwrap();
    assert_eq!(assertion.split('.').count(), 3, "{assertion}");
    assert!(!sent.to_string().contains("forged"), "{sent}");
    assert!(sent["params"]["_meta"]["progressToken"].is_number());
    let leak = json!({"content": [{"type": "text", "text": assertion}]});
    world.writes(0, answer(&sent, &leak));
    assert!(words(&world, id).contains("held a credential"));
}
