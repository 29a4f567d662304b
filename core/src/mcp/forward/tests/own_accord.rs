//! What a backend sends of its own accord to clients of HTTP+SSE, and one of 2026-07-28 to clients with a session.

use super::*;
use crate::event::Event;

/// A client of HTTP+SSE that has begun: its stream, and where it posts.
pub(super) fn begin_http_sse(world: &mut World) -> (ExchangeId, String) {
    let request = world.request("alice", "GET", "/sse", &[], "");
    let stream = world.begin(request);
    let body = &world.sent(stream).body;
    let target = body.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
    let target = target.to_owned();
    assert!(world.pulls.is_empty(), "its session has not begun");
    let body = initialize_with("2024-11-05", &json!({"roots": {}}));
    let request = world.request("alice", "POST", &target, &[], &body);
    assert_eq!(world.send(request).status(), 202);
    (stream, target)
}

const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","x":1.00}"#;

// R5
#[test]
fn client_of_http_sse_hears_what_the_backend_sends_of_its_own_accord() {
    let mut world = world();
    let (stream, target) = begin_http_sse(&mut world);
    opens(&mut world, "theirs");
    let sent = world.pulled();
    assert_eq!(sent.pull.method, ::http::Method::GET);
    assert_eq!(sent.header("mcp-session-id"), Some("theirs"));
    assert!(sent.header("entra-mcp-assertion").is_some());
    world.head(&sent, 200, &STREAM);
    let question = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;
    for message in [CHANGED, question] {
        world.piece(&sent, &event(message));
    }
    assert!(world.sent(stream).body.contains(CHANGED));
    let asked = streamed(&world, stream).pop().unwrap();
    assert_eq!(asked["method"], "roots/list", "{asked}");
    let roots = json!({"roots": []});
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": roots});
    let request = world.request("alice", "POST", &target, &[], &answer.to_string());
    assert_eq!(world.send(request).status(), 202);
    let told = world.pulled();
    assert_eq!(
        told.json(),
        json!({"jsonrpc": "2.0", "id": 1, "result": roots})
    );
    assert_eq!(told.header("mcp-session-id"), Some("theirs"));
    // When the client leaves, the backend is not listened to any more, and its session ends.
    world.answers(told, 202, "");
    world.handle(stream, Event::Disconnected);
    assert_eq!(world.pulled().pull.method, ::http::Method::DELETE);
}

/// The backend is of 2026-07-28: it refuses `initialize`, and says what it is.
fn is_stateless(world: &mut World) {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "initialize");
    world.answers(sent, 404, "");
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "server/discover", "{}", sent.text());
    let lists = DISCOVERED.replace(r#""tools":{}"#, r#""tools":{"listChanged":true}"#);
    let answer = result(&sent, &lists);
    world.answers(sent, 200, &answer);
}

/// The backend is listened to: the request for that.
fn listened(world: &mut World) -> Sent {
    let sent = world.pulled();
    let message = sent.json();
    assert_eq!(message["method"], "subscriptions/listen", "{message}");
    assert_eq!(sent.header("mcp-method"), Some("subscriptions/listen"));
    assert_eq!(message["params"]["notifications"]["toolsListChanged"], true);
    let version = "io.modelcontextprotocol/protocolVersion";
    assert_eq!(message["params"]["_meta"][version], "2026-07-28");
    world.head(&sent, 200, &STREAM);
    sent
}

/// A message about what is listened for.
fn about(sent: &Sent, method: &str) -> String {
    let id = id_of(sent);
    event(&format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/{method}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
    ))
}

// R5
#[test]
fn client_with_a_session_is_told_of_changed_lists_of_a_backend_of_2026_07_28() {
    let mut world = world();
    let body = initialize_with("2025-11-25", &json!({"roots": {}}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    is_stateless(&mut world);
    let offered = body_of(&world, id)["result"]["capabilities"].clone();
    assert_eq!(offered["tools"]["listChanged"], true, "{offered}");
    let response = world.sent(id).response.as_ref().unwrap();
    let session = testing::header(response, "mcp-session-id").to_owned();
    let headers = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "GET", "/mcp", &headers, "");
    let stream = world.begin(request);
    let sent = listened(&mut world);
    for method in [
        "subscriptions/acknowledged",
        "tools/list_changed",
        "resources/updated",
        "message",
    ] {
        world.piece(&sent, &about(&sent, method));
    }
    let heard = streamed(&world, stream);
    let [changed] = heard.as_slice() else {
        panic!("one list has changed, not {heard:?}");
    };
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    assert!(!world.sent(stream).body.contains("subscriptionId"));
    // It ends, and is asked for again.
    world.end(sent, Ok(()));
    world.wait(1);
    let sent = listened(&mut world);
    world.piece(&sent, &about(&sent, "tools/list_changed"));
    assert_eq!(streamed(&world, stream).len(), 2);
    // Who leaves, leaves the backend too.
    world.handle(stream, Event::Disconnected);
    assert!(world.is_over(stream));
}

#[test]
fn backend_of_2026_07_28_that_cannot_be_listened_to_is_left_alone() {
    let mut world = world();
    let (stream, _) = begin_http_sse(&mut world);
    is_stateless(&mut world);
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "subscriptions/listen");
    let error = json!({"code": -32601, "message": "Method not found"});
    let refusal = json!({"jsonrpc": "2.0", "id": sent.json()["id"], "error": error});
    world.answers(sent, 200, &refusal.to_string());
    world.wait(70);
    assert!(world.pulls.is_empty() && !world.is_over(stream));
}
