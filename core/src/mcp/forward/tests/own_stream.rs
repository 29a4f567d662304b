//! A backend asks on the stream of its session while a client has a call in flight and has opened no stream.

use ::http::Method;

use super::*;
use crate::event::Event;

fn listening_world() -> World {
    let mut world = world();
    world.pulls.has_streams = true;
    world
}

/// The call opens the stream of the backend first.
fn opens_stream(world: &mut World, session: &str) -> Sent {
    let sent = world.pulled();
    assert_eq!(sent.pull.method, Method::GET);
    assert_eq!(sent.header("mcp-session-id"), Some(session));
    assert!(sent.header("entra-mcp-assertion").is_some());
    assert!(world.pulls.is_empty(), "the call waits for it");
    sent
}

fn called(world: &mut World) -> Sent {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "tools/call");
    sent
}

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;

// R5
#[test]
fn question_on_the_stream_of_the_session_reaches_the_call_in_flight() {
    let mut world = listening_world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let stream = opens_stream(&mut world, "theirs");
    world.head(&stream, 200, &STREAM);
    let sent = called(&mut world);
    world.head(&sent, 200, &STREAM);
    // What is about no call is not the call's.
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    world.piece(&stream, &(event(changed) + &event(QUESTION)));
    let asked = streamed(&world, id);
    let [asked] = asked.as_slice() else {
        panic!("it is asked one thing, not {asked:?}");
    };
    assert_eq!(asked["method"], "roots/list");
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": []}}).to_string();
    let others = begin(&mut world, "bob", "bobs");
    send(&mut world, "bob", &others, &answer);
    assert!(world.pulls.is_empty(), "only who was asked can answer");
    send(&mut world, "alice", &session, &answer);
    let told = world.pulled();
    let expected = json!({"jsonrpc": "2.0", "id": 1, "result": {"roots": []}});
    assert_eq!(told.json(), expected);
    assert_eq!(told.header("mcp-session-id"), Some("theirs"));
    world.answers(told, 202, "");
    // With the call the stream ends.
    let closed = world.cancelled;
    let answer = event(&result(&sent, r#"{"content":[]}"#));
    world.piece(&sent, &answer);
    assert_eq!(streamed(&world, id).pop().unwrap()["id"], "mine");
    assert!(world.is_over(id) && world.cancelled >= closed + 2);
}

#[test]
fn question_before_the_call_is_sent_is_answered_at_once() {
    let mut world = listening_world();
    let session = begin(&mut world, "alice", "theirs");
    send(&mut world, "alice", &session, CALL);
    let stream = opens_stream(&mut world, "theirs");
    world.head(&stream, 200, &STREAM);
    let _sent = called(&mut world);
    world.piece(
        &stream,
        &event(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#),
    );
    assert_eq!(world.pulled().json()["result"], json!({}));
}

#[test]
fn call_goes_out_where_the_backend_has_no_stream_and_the_next_does_not_look_again() {
    let mut world = listening_world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let stream = opens_stream(&mut world, "theirs");
    world.answers(stream, 405, "");
    let sent = called(&mut world);
    let answer = result(&sent, r#"{"content":[]}"#);
    world.answers(sent, 200, &answer);
    assert!(world.is_over(id));
    send(&mut world, "alice", &session, CALL);
    called(&mut world);
}

#[test]
fn call_waits_a_second_for_the_stream_and_no_longer() {
    let mut world = listening_world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let stream = opens_stream(&mut world, "theirs");
    world.wait(1);
    let sent = called(&mut world);
    world.head(&stream, 200, &STREAM);
    world.piece(&stream, &event(QUESTION));
    assert_eq!(streamed(&world, id).remove(0)["method"], "roots/list");
    assert!(!world.is_over(id));
    drop(sent);
}

#[test]
fn call_opens_no_stream_for_who_has_one_or_can_be_asked_nothing() {
    let mut world = listening_world();
    let session = begin(&mut world, "alice", "theirs");
    let headers = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "GET", "/mcp", &headers, "");
    world.begin(request);
    assert_eq!(world.pulled().pull.method, Method::GET);
    send(&mut world, "alice", &session, CALL);
    called(&mut world);
    let body = initialize_with("2025-11-25", &json!({}));
    let request = world.request("bob", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    opens(&mut world, "for bob");
    let response = world.sent(id).response.as_ref().unwrap();
    let session = testing::header(response, "mcp-session-id").to_owned();
    send(&mut world, "bob", &session, CALL);
    called(&mut world);
}

#[test]
fn stream_of_the_client_takes_the_place_of_that_of_the_call() {
    let mut world = listening_world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let _stream = opens_stream(&mut world, "theirs");
    let closed = world.cancelled;
    let headers = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "GET", "/mcp", &headers, "");
    let clients = world.begin(request);
    assert_eq!(world.cancelled, closed + 1, "the call's is closed");
    let mut sent = [world.pulled(), world.pulled()];
    sent.sort_by_key(|sent| sent.pull.method == Method::POST);
    let [stream, call] = sent;
    assert_eq!(stream.pull.method, Method::GET);
    assert_eq!(call.json()["method"], "tools/call");
    world.head(&stream, 200, &STREAM);
    world.piece(&stream, &event(QUESTION));
    assert_eq!(streamed(&world, clients).len(), 1);
    world.handle(id, Event::Disconnected);
}

// R22
#[test]
fn question_on_the_stream_of_the_session_is_asked_of_a_client_of_2026_07_28() {
    let mut world = listening_world();
    let body = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}"#;
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "echo"),
    ];
    let request = world.request("alice", "POST", "/mcp", &headers, body);
    let id = world.begin(request);
    let sent = world.pulled();
    world.answers(sent, 404, "");
    opens(&mut world, "theirs");
    let stream = opens_stream(&mut world, "theirs");
    world.head(&stream, 200, &STREAM);
    let sent = called(&mut world);
    world.head(&sent, 200, &STREAM);
    world.piece(&stream, &event(QUESTION));
    let result = &body_of(&world, id)["result"];
    assert_eq!(result["resultType"], "input_required", "{result}");
    assert_eq!(result["inputRequests"]["1"]["method"], "roots/list");
    // While the call waits for that, nothing else can be asked.
    world.piece(&stream, &event(&QUESTION.replace(":1,", ":2,")));
    let told = world.pulled().json();
    assert_eq!(
        (&told["id"], &told["error"]["code"]),
        (&json!(2), &json!(-32601))
    );
}
