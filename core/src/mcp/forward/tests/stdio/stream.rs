//! What a process says for no request, and the stream of its client.

use super::*;

fn listen(world: &mut World, session: &str) -> ExchangeId {
    let headers = [("mcp-session-id", session)];
    let request = world.request("alice", "GET", "/mcp", &headers, "");
    world.begin(request)
}

fn changed() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
}

#[test]
fn what_a_process_says_for_no_request_reaches_the_stream_of_its_client() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    // Without a stream there is nobody to hear it.
    world.writes(0, changed());
    let stream = listen(&mut world, &session);
    let call = send(&mut world, "alice", &session, CALL);
    let sent = world.reads(0);
    world.writes(0, changed());
    assert_eq!(streamed(&world, stream).len(), 1);
    // A question is for the call, as long as there is one.
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"});
    world.writes(0, &question);
    assert_eq!(streamed(&world, call).len(), 1);
    world.writes(0, answer(&sent, &json!({"content": []})));
    world.reads(0);
    world.writes(0, &question);
    let asked = streamed(&world, stream).remove(1);
    let answered = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": []}});
    send(&mut world, "alice", &session, &answered.to_string());
    assert_eq!(world.reads(0), answer(&question, &json!({"roots": []})));
    // Whoever has left is asked nothing, and has answered nothing.
    world.writes(0, &question);
    world.handle(stream, crate::event::Event::Disconnected);
    assert_eq!(world.reads(0)["error"]["code"], -32601);
    assert!(world.may_write(0) && world.has_read_all(0));
}

#[test]
fn stream_keeps_no_process_and_hears_the_next_one() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let stream = listen(&mut world, &session);
    world.wait(61);
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
    world.exits(0, Ok(ChildExit::Code(0)));
    world.wait(60);
    assert_eq!(world.processes.len(), 1, "none is begun to be listened to");
    send(&mut world, "alice", &session, CALL);
    opens(&mut world, 1);
    world.writes(1, changed());
    assert_eq!(streamed(&world, stream).len(), 1);
}
