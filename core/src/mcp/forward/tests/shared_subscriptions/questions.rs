//! What a backend asks on a stream that a listen hears is for a call of the same client.

use super::*;

const CALL: &str = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}"#;
const QUESTION: &str = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;

fn call(world: &mut World) -> ExchangeId {
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "echo"),
    ];
    let request = world.request("alice", "POST", "/mcp", &headers, CALL);
    world.begin(request)
}

// R22
#[test]
fn question_on_a_stream_that_a_listen_hears_is_asked_of_the_call_in_flight() {
    let mut world = world();
    let (one, stream) = first(&mut world);
    let id = call(&mut world);
    let sent = world.pulled();
    assert_eq!(
        sent.json()["method"],
        "tools/call",
        "no other stream is opened"
    );
    world.head(&sent, 200, &STREAM);
    world.piece(&stream, &event(QUESTION));
    let result = &body_of(&world, id)["result"];
    assert_eq!(result["inputRequests"]["1"]["method"], "roots/list");
    assert_eq!(told(&world, one, "one"), [HONOURED]);
}

#[test]
fn question_without_a_call_is_refused_and_ping_answered() {
    let mut world = world();
    let (one, stream) = first(&mut world);
    world.piece(&stream, &event(QUESTION));
    let refused = world.pulled();
    assert_eq!(refused.json()["error"]["code"], -32601);
    world.answers(refused, 202, "");
    world.piece(&stream, &event(&QUESTION.replace("roots/list", "ping")));
    assert_eq!(world.pulled().json()["result"], json!({}));
    assert_eq!(told(&world, one, "one"), [HONOURED]);
}

#[test]
fn listen_takes_the_place_of_the_stream_of_a_call_whose_questions_it_hears() {
    let mut world = world();
    let id = call(&mut world);
    has_sessions(&mut world, "theirs");
    let of_call = is_heard(&mut world, "theirs");
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "tools/call");
    world.head(&sent, 200, &STREAM);
    let closed = world.cancelled;
    listen(
        &mut world,
        "alice",
        "one",
        &json!({"toolsListChanged": true}),
    );
    assert_eq!(world.cancelled, closed + 1);
    drop(of_call);
    let stream = is_heard(&mut world, "theirs");
    world.piece(&stream, &event(QUESTION));
    let result = &body_of(&world, id)["result"];
    assert_eq!(result["inputRequests"]["1"]["method"], "roots/list");
}
