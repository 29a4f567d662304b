//! What was got at one endpoint is tried at another, by the same user with the same client.

use super::*;
use crate::mcp::testing::Sent as Answered;

fn status(world: &World, id: ExchangeId) -> u16 {
    let Answered { response, head, .. } = world.sent(id);
    let of_head = head.as_ref().map(::http::Response::status);
    let status = response.as_ref().map(Response::status).or(of_head);
    status.expect("it is answered").as_u16()
}

// R26, R5
#[test]
fn session_of_one_endpoint_is_unknown_at_another() {
    let mut world = several();
    let orders = begin_at(&mut world, ("alice", ORDERS), "of orders");
    let docs = begin_at(&mut world, ("alice", DOCS), "of docs");
    for (path, session) in [(DOCS, &orders), (ORDERS, &docs)] {
        let id = send_at(&mut world, ("alice", path), session, CALL);
        assert_eq!(status(&world, id), 404);
        for method in ["GET", "DELETE"] {
            let fields = [("mcp-session-id", session.as_str())];
            let id = world.begin(request_at(&world, ("alice", path), method, &fields, ""));
            assert_eq!(status(&world, id), 404, "{method}");
        }
    }
    assert!(world.pulls.is_empty());
    // They are good where they belong.
    send_at(&mut world, ("alice", DOCS), &docs, CALL);
    assert_eq!(world.pulled().header("mcp-session-id"), Some("of docs"));
}

// R26, I4
#[test]
fn stream_of_one_endpoint_is_resumed_at_no_other() {
    let mut world = several();
    let orders = begin_at(&mut world, ("alice", ORDERS), "of orders");
    let docs = begin_at(&mut world, ("alice", DOCS), "of docs");
    let id = send_at(&mut world, ("alice", ORDERS), &orders, CALL);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"secret of orders"}}"#;
    world.piece(&sent, &event(progress));
    let body = world.sent(id).body.clone();
    let last = body.lines().find_map(|line| line.strip_prefix("id: "));
    let last = last.expect("events have ids").to_owned();
    for session in [&docs, &orders] {
        let fields = [
            ("mcp-session-id", session.as_str()),
            ("last-event-id", last.as_str()),
        ];
        let id = world.begin(request_at(&world, ("alice", DOCS), "GET", &fields, ""));
        let answered = world.sent(id);
        assert!(!answered.body.contains("secret"), "{}", answered.body);
        assert_ne!(status(&world, id), 200);
    }
}

// R26, R5
#[test]
fn answer_to_the_question_of_one_backend_reaches_no_other() {
    let mut world = several();
    let orders = begin_at(&mut world, ("alice", ORDERS), "of orders");
    let docs = begin_at(&mut world, ("alice", DOCS), "of docs");
    let id = send_at(&mut world, ("alice", ORDERS), &orders, CALL);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    let question =
        r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"Sure?"}}"#;
    world.piece(&sent, &event(question));
    let asked = streamed(&world, id).pop().expect("the client is asked");
    assert_eq!(asked["method"], "elicitation/create");
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}});
    let answer = answer.to_string();
    let elsewhere = send_at(&mut world, ("alice", DOCS), &docs, &answer);
    assert_eq!(status(&world, elsewhere), 202);
    assert!(world.pulls.is_empty(), "nobody is told");
    send_at(&mut world, ("alice", ORDERS), &orders, &answer);
    let told = world.pulled();
    assert_eq!(told.pull.backend.authority(), "127.0.0.1:8001");
    assert_eq!(told.json()["id"], json!(7));
}

/// A request of 2026-07-28 at this path.
fn ask_at(world: &mut World, path: &str, more: Value) -> ExchangeId {
    let mut body = rpc_of_2026(more);
    body["id"] = json!(5);
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "ask"),
    ];
    let body = body.to_string();
    world.begin(request_at(world, ("alice", path), "POST", &headers, &body))
}

fn rpc_of_2026(more: Value) -> Value {
    let mut params = json!({
        "name": "ask",
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        },
    });
    let members = params.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    json!({"jsonrpc": "2.0", "method": "tools/call", "params": params})
}

// R26, R22
#[test]
fn parked_call_of_one_backend_is_answered_at_no_other_endpoint() {
    let mut world = several();
    let id = ask_at(&mut world, ORDERS, json!({}));
    let sent = world.pulled();
    world.answers(sent, 404, "");
    opens(&mut world, "theirs");
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    let question =
        r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"Sure?"}}"#;
    world.piece(&sent, &event(question));
    let state = body_of(&world, id)["result"]["requestState"].clone();
    assert!(state.is_string());
    let answers = json!({"inputResponses": {"1": {"action": "accept"}}, "requestState": state});
    let elsewhere = ask_at(&mut world, DOCS, answers.clone());
    let body = body_of(&world, elsewhere).to_string();
    assert!(
        body.contains("call anew") || body.contains("Call again"),
        "{body}"
    );
    assert!(world.pulls.is_empty(), "no backend is told");
    // It is still good where it was asked.
    ask_at(&mut world, ORDERS, answers);
    let told = world.pulled();
    assert_eq!(told.json()["id"], "q");
    assert_eq!(told.pull.backend.authority(), "127.0.0.1:8001");
}

// R26, I7
#[test]
fn sign_in_that_is_revoked_ends_calls_at_each_endpoint() {
    let mut world = several();
    let orders = begin_at(&mut world, ("alice", ORDERS), "of orders");
    let id = send_at(&mut world, ("alice", ORDERS), &orders, CALL);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    let (session, _) = world.session_at("alice", ORDERS);
    world.end_this_session(session.id);
    assert!(world.is_over(id));
}

// R26
#[test]
fn calls_at_one_endpoint_take_no_places_at_another() {
    let mut world = several();
    let orders = begin_at(&mut world, ("alice", ORDERS), "of orders");
    let docs = begin_at(&mut world, ("alice", DOCS), "of docs");
    let call = |number: usize| {
        let params = json!({"name": "echo", "arguments": {}});
        let number = i64::try_from(number).unwrap();
        rpc(number, "tools/call", &params)
    };
    let mut full = None;
    for number in 0..=crate::limits::CALLS_PER_PRINCIPAL {
        full = Some(send_at(
            &mut world,
            ("alice", ORDERS),
            &orders,
            &call(number),
        ));
    }
    let refused = body_of(&world, full.unwrap());
    assert_eq!(refused["result"]["isError"], true, "{refused}");
    while let Some(sent) = world.next_pulled() {
        assert_eq!(sent.pull.backend.authority(), "127.0.0.1:8001");
    }
    send_at(&mut world, ("alice", DOCS), &docs, &call(1));
    assert_eq!(world.pulled().pull.backend.authority(), "127.0.0.1:8002");
}

// R26
#[test]
fn change_of_the_own_tools_is_told_on_no_stream_of_a_backend() {
    let mut world = several();
    world.server.server.config.with_own_tools = true;
    world.server.name_endpoints();
    let docs = begin_at(&mut world, ("alice", DOCS), "of docs");
    let body = initialize_with("2025-11-25", &json!({}));
    let own = world.send(request_at(&world, ("alice", OWN_TOOLS), "POST", &[], &body));
    let own = header(&own, "mcp-session-id").to_owned();
    let streams = [(DOCS, docs), (OWN_TOOLS, own)].map(|(path, session)| {
        let fields = [("mcp-session-id", session.as_str())];
        world.begin(request_at(&world, ("alice", path), "GET", &fields, ""))
    });
    world.changes(crate::catalog::ChangeNotification::Tools);
    let [of_docs, of_own] = streams.map(|id| world.sent(id).body.contains("list_changed"));
    assert!(of_own && !of_docs);
}
