//! What passes, and where it goes.

use super::*;

#[test]
fn client_gets_what_the_backend_says_of_itself() {
    let mut world = world();
    let capabilities = json!({"elicitation": {}, "x-own": {"a": 1}});
    let body = initialize_with("2025-11-25", &capabilities);
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = &world.pulled();
    let sent_params = &sent.json()["params"];
    assert_eq!(
        *sent_params,
        serde_json::from_str::<Value>(&body).unwrap()["params"]
    );
    assert!(sent.header("entra-mcp-assertion").is_some());
    assert!(sent.header("mcp-session-id").is_none() && sent.header("authorization").is_none());
    let _ = (id, sent);
    let mut world = super::world();
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    opens(&mut world, "theirs");
    let response = world.sent(id).response.as_ref().unwrap();
    let text = std::str::from_utf8(response.body()).unwrap();
    assert!(text.ends_with(&format!("\"result\":{PASSED}}}")), "{text}");
    assert!(!testing::header(response, "mcp-session-id").contains("theirs"));
}

// R5: ids and tokens are ours towards the backend and the client's towards the client; all else is the same bytes.
#[test]
fn call_and_its_answer_pass_with_other_ids_and_the_same_bytes() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let own = id_of(&sent);
    let expected = CALL.replace("\"mine\"", &own).replace("\"token\"", &own);
    assert_eq!(sent.text(), expected);
    assert_eq!(sent.header("mcp-session-id"), Some("theirs"));
    assert_eq!(sent.header("mcp-protocol-version"), Some("2025-11-25"));
    let result = r#"{"content":[ {"type":"text","text":"\u00e9"} ],"n":1.00,"_meta":{"ui":1}}"#;
    let answer = format!(r#"{{"result":{result} ,"jsonrpc":"2.0","id":{own},"more":0}}"#);
    world.answers(sent, 200, &answer);
    let response = world.sent(id).response.as_ref().unwrap();
    let expected = format!(r#"{{"result":{result} ,"jsonrpc":"2.0","id":"mine","more":0}}"#);
    assert_eq!(response.body(), expected.as_bytes());
    assert!(world.is_over(id) && world.pulls.is_empty());
}

#[test]
fn two_calls_have_two_ids_at_the_backend() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let [one, two] = [(); 2].map(|()| {
        send(&mut world, "alice", &session, CALL);
        id_of(&world.pulled())
    });
    assert_ne!(one, two);
}

#[test]
fn progress_and_log_pass_before_the_answer_and_nothing_after_it() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let own = id_of(&sent);
    let progress = |token: &str| {
        event(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":0.50}}}}"#
        ))
    };
    world.head(&sent, 200, &STREAM);
    world.piece(&sent, &progress(&own));
    // Of another call, which this is not.
    world.piece(&sent, &progress("1"));
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"a":1.0}}}"#;
    world.piece(&sent, &event(log));
    world.piece(&sent, &(event(&result(&sent, "{}")) + &event(log)));
    world.end(sent, Ok(()));
    let body = &world.sent(id).body;
    assert!(
        body.contains(r#""progressToken":"token","progress":0.50"#),
        "{body}"
    );
    let messages = streamed(&world, id);
    let methods: Vec<_> = messages.iter().map(|one| one["method"].clone()).collect();
    assert_eq!(
        methods,
        ["notifications/progress", "notifications/message"]
            .map(Value::from)
            .into_iter()
            .chain([Value::Null])
            .collect::<Vec<_>>()
    );
    assert_eq!(
        messages[2],
        json!({"jsonrpc": "2.0", "id": "mine", "result": {}})
    );
    assert!(world.is_over(id));
}

// R5: the id is one that nobody guesses, and the answer counts once.
#[test]
fn question_reaches_the_client_and_its_answer_the_backend() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    let question =
        r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"Sure?"}}"#;
    world.piece(&sent, &event(question));
    let asked = streamed(&world, id).remove(0);
    assert_eq!(
        (&asked["method"], &asked["params"]["message"]),
        (&json!("elicitation/create"), &json!("Sure?"))
    );
    assert!(asked["id"].as_str().unwrap().len() > 20, "{asked}");
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}});
    // Nobody else's answer counts.
    let others = begin(&mut world, "bob", "bobs");
    send(&mut world, "bob", &others, &answer.to_string());
    assert!(world.pulls.is_empty());
    for _ in 0..2 {
        send(&mut world, "alice", &session, &answer.to_string());
    }
    let told = world.pulled();
    assert_eq!(
        told.json(),
        json!({"jsonrpc": "2.0", "id": 1, "result": {"action": "accept"}})
    );
    assert_eq!(told.header("mcp-session-id"), Some("theirs"));
    assert!(told.header("entra-mcp-assertion").is_some() && world.pulls.is_empty());
    world.answers(told, 202, "");
    world.piece(&sent, &event(&result(&sent, "{}")));
    assert!(world.is_over(id));
}

#[test]
fn question_that_cannot_be_asked_is_answered_at_once() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let headers = [("mcp-session-id", session.as_str())];
    let mut request = world.request("alice", "POST", "/mcp", &headers, CALL);
    request
        .headers_mut()
        .insert("accept", "application/json".parse().unwrap());
    world.begin(request);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    for (question, answer) in [
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#,
            json!(-32601),
        ),
        (r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#, Value::Null),
    ] {
        world.piece(&sent, &event(question));
        let told = world.pulled();
        assert_eq!(
            (&told.json()["id"], &told.json()["error"]["code"]),
            (&json!(7), &answer)
        );
    }
}

// R9: its client could not answer, and is not to take it for something that it is told.
#[test]
fn what_asks_without_an_id_reaches_no_client() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    for asked in [
        r#"{"jsonrpc":"2.0","id":null,"method":"sampling/createMessage","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","method":"elicitation/create","params":{"message":"a"}}"#,
        r#"{"jsonrpc":"2.0","method":"roots/list"}"#,
    ] {
        world.piece(&sent, &event(asked));
    }
    let done = event(&result(&sent, "{}"));
    world.piece(&sent, &done);
    assert!(world.is_over(id) && world.pulls.is_empty());
    let body = body_of(&world, id);
    assert_eq!(body, json!({"jsonrpc": "2.0", "id": "mine", "result": {}}));
}

#[test]
fn cancelled_call_is_cancelled_at_the_backend() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let before = world.cancelled;
    let cancel =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"mine"}}"#;
    send(&mut world, "alice", &session, cancel);
    assert!(world.is_over(id));
    assert_eq!(world.cancelled, before + 1, "the connection is closed");
    let told = world.pulled();
    assert_eq!(told.json()["method"], "notifications/cancelled");
    assert_eq!(told.json()["params"]["requestId"].to_string(), id_of(&sent));
    assert!(logged(&world, LogEventId::GatewayCalled)[0].contains("cancelled"));
}

// R10
#[test]
fn method_that_does_not_pass_is_unknown_and_ping_is_answered_here() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    for method in [
        "tasks/list",
        "tools/delete",
        "initialize/x",
        "server/discover",
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method});
        let id = send(&mut world, "alice", &session, &body.to_string());
        assert_eq!(body_of(&world, id)["error"]["code"], -32601, "{method}");
    }
    let id = send(
        &mut world,
        "alice",
        &session,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
    );
    assert_eq!(body_of(&world, id)["result"], json!({}));
    assert!(world.pulls.is_empty());
}

#[test]
fn call_is_one_line_of_the_log_without_its_arguments() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let answer = result(&sent, r#"{"content":[],"isError":true}"#);
    world.answers(sent, 200, &answer);
    let lines = logged(&world, LogEventId::GatewayCalled);
    let [line] = lines.as_slice() else {
        panic!("one line, not {lines:?}");
    };
    for part in [
        "tool=\"echo\"",
        "client=\"",
        "subject=",
        "milliseconds=",
        "outcome=\"failed\"",
        "backend=\"http://127.0.0.1:8000/mcp\"",
        "bytes=",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!line.contains('\u{e9}'), "{line}");
}

#[test]
fn call_for_which_there_is_no_room_is_a_line_of_the_log_too() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    for _ in 0..crate::limits::CALLS_PER_PRINCIPAL {
        send(&mut world, "alice", &session, CALL);
    }
    assert!(logged(&world, LogEventId::GatewayCalled).is_empty());
    let id = send(&mut world, "alice", &session, CALL);
    assert_eq!(body_of(&world, id)["result"]["isError"], true);
    let lines = logged(&world, LogEventId::GatewayCalled);
    assert!(
        lines.len() == 1 && lines[0].contains("refused"),
        "{lines:?}"
    );
}

#[test]
fn request_of_2026_07_28_passes_with_its_headers_and_without_a_session() {
    let mut world = world();
    let body = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"progressToken":"t"}}}"#;
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "echo"),
        ("entra-mcp-assertion", "forged"),
        ("x-forwarded-user", "admin"),
    ];
    let request = world.request("alice", "POST", "/mcp", &headers, body);
    let id = world.begin(request);
    is_discovered(&mut world);
    let sent = world.pulled();
    assert_eq!(sent.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(sent.header("mcp-method"), Some("tools/call"));
    assert_eq!(sent.header("mcp-name"), Some("echo"));
    assert!(sent.header("mcp-session-id").is_none());
    // R2: what a client says of itself in headers never arrives.
    assert_ne!(sent.header("entra-mcp-assertion"), Some("forged"));
    assert!(sent.header("x-forwarded-user").is_none());
    let answer = result(&sent, r#"{"resultType":"complete","content":[]}"#);
    world.answers(sent, 200, &answer);
    let expected =
        json!({"jsonrpc": "2.0", "id": 5, "result": {"resultType": "complete", "content": []}});
    assert_eq!(body_of(&world, id), expected);
}

// R2: whoever has fetched the keys can verify it, and it says who calls.
#[test]
fn assertion_is_verified_by_the_published_key() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let assertion = sent.header("entra-mcp-assertion").unwrap().to_owned();
    let request = ::http::Request::get("/jwks.json").header("host", "localhost:3001");
    let keys = testing::json(&world.send(request.body(bytes::Bytes::new()).unwrap()));
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let coordinate = |name: &str| decode(keys["keys"][0][name].as_str().unwrap());
    let point = [&[4][..], &coordinate("x"), &coordinate("y")].concat();
    let (input, signature) = assertion.rsplit_once('.').unwrap();
    let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED;
    let key = ring::signature::UnparsedPublicKey::new(algorithm, point);
    assert!(key.verify(input.as_bytes(), &decode(signature)).is_ok());
    let parts: Vec<Value> = input
        .split('.')
        .map(|part| serde_json::from_slice(&decode(part)).unwrap())
        .collect();
    assert_eq!(parts[0]["kid"], keys["keys"][0]["kid"]);
    assert_eq!(parts[1]["aud"], "http://127.0.0.1:8000/mcp");
    assert_eq!(parts[1]["oid"], world.session("alice").user.oid);
    assert_eq!(parts[1]["scope"], "user.read");
}

#[test]
fn assertion_is_signed_anew_after_half_a_minute() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let sent = |world: &mut World| {
        send(world, "alice", &session, CALL);
        let sent = world.pulled();
        sent.header("entra-mcp-assertion").unwrap().to_owned()
    };
    let first = sent(&mut world);
    assert_eq!(sent(&mut world), first);
    world.wait(31);
    assert_ne!(sent(&mut world), first);
}

// R5: a task would be known by an id of the backend's, and its result asked for by a method that does not pass.
#[test]
fn backend_is_not_told_that_a_call_may_become_a_task() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","task":{"ttl":60000},"arguments":{"task":1}}}"#;
    send(&mut world, "alice", &session, call);
    let sent = world.pulled();
    let expected = json!({"name": "echo", "arguments": {"task": 1}});
    assert_eq!(sent.json()["params"], expected);
    let body = r#"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{},"x":{}}}}}}"#;
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    let request = world.request("alice", "POST", "/mcp", &headers, body);
    world.begin(request);
    is_discovered(&mut world);
    let sent = world.pulled();
    let capabilities =
        &sent.json()["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    assert_eq!(*capabilities, json!({"extensions": {"x": {}}}));
}

#[test]
fn answer_that_the_user_has_thought_about_for_long_is_told_with_a_new_assertion() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let first = sent.header("entra-mcp-assertion").unwrap().to_owned();
    world.head(&sent, 200, &STREAM);
    let question = r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{}}"#;
    world.piece(&sent, &event(question));
    let asked = streamed(&world, id).remove(0);
    world.wait(150);
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}});
    send(&mut world, "alice", &session, &answer.to_string());
    let told = world.pulled();
    assert_eq!(told.json()["result"]["action"], "accept");
    assert_ne!(told.header("entra-mcp-assertion"), Some(&*first));
}
