//! How long a process lives, and how many there are.

use super::*;

/// The session of a user ends by its client's wish.
fn delete(world: &mut World, user: &str, session: &str) {
    let headers = [("mcp-session-id", session)];
    let request = world.request(user, "DELETE", "/mcp", &headers, "");
    assert_eq!(world.send(request).status(), 204);
}

// R16
#[test]
fn process_ends_with_its_session_by_itself_or_else_by_force() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    delete(&mut world, "alice", &session);
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
    world.wait(4);
    assert_eq!(world.process(0).ends.len(), 1);
    world.wait(1);
    assert_eq!(world.process(0).ends[1..], [ChildEnd::Terminate]);
    world.wait(2);
    assert_eq!(world.process(0).ends[2..], [ChildEnd::Kill]);
    world.exits(0, Ok(ChildExit::Signal(9)));
    assert_eq!(logged(&world, LogEventId::GatewayProcessEnded).len(), 1);
    assert!(logged(&world, LogEventId::GatewayProcessFailed).is_empty());
}

#[test]
fn process_of_a_session_that_was_revoked_ends() {
    let mut world = world();
    begin(&mut world, "alice", 0);
    begin(&mut world, "bob", 1);
    world.end_session("alice");
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
    assert!(world.process(1).ends.is_empty());
}

#[test]
fn process_without_anything_to_do_ends_and_the_next_call_has_another() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    world.wait(30);
    send(&mut world, "alice", &session, CALL);
    let sent = world.reads(0);
    world.wait(70);
    assert!(world.process(0).ends.is_empty(), "it has something to do");
    world.writes(0, answer(&sent, &json!({"content": []})));
    world.wait(59);
    assert!(world.process(0).ends.is_empty());
    world.wait(1);
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
    let id = send(&mut world, "alice", &session, CALL);
    opens(&mut world, 1);
    let sent = world.reads(1);
    world.writes(1, answer(&sent, &json!({"content": []})));
    assert!(world.is_over(id));
}

// While it shuts down a server waits for what is under way, but not for who has nothing to do.
#[test]
fn process_ends_when_the_server_shuts_down_and_it_has_nothing_to_do() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    begin(&mut world, "bob", 1);
    send(&mut world, "alice", &session, CALL);
    let sent = world.reads(0);
    world.shut_down();
    world.wait(1);
    assert_eq!(world.process(1).ends, [ChildEnd::CloseInput]);
    assert!(world.process(0).ends.is_empty(), "it has something to do");
    world.writes(0, answer(&sent, &json!({"content": []})));
    world.wait(1);
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
    // A server that is drained still serves.
    begin(&mut world, "bob", 2);
    world.wait(1);
    assert_eq!(world.process(2).ends, [ChildEnd::CloseInput]);
}

#[test]
fn process_that_closes_a_stream_is_ended() {
    let mut world = world();
    let session = begin(&mut world, "alice", 0);
    let id = send(&mut world, "alice", &session, CALL);
    world.closes_output(0);
    assert!(words(&world, id).contains("may have done its work"));
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
}

#[test]
fn process_of_a_session_that_is_not_opened_ends() {
    let mut world = world();
    let id = initialize(&mut world, "alice");
    world.starts(0);
    // Neither by `initialize` nor by `server/discover`.
    for (method, message) in [("initialize", "no"), ("server/discover", "unknown")] {
        let sent = world.reads(0);
        assert_eq!(sent["method"], method);
        let error = json!({"code": -32602, "message": message});
        world.writes(
            0,
            json!({"jsonrpc": "2.0", "id": sent["id"], "error": error}),
        );
    }
    assert_eq!(refused(&world, id).1, "no");
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
}

// M5
#[test]
fn process_that_has_had_nothing_to_do_for_longest_makes_room_and_else_there_is_none() {
    let mut world = world();
    let sessions = [0, 1, 2].map(|number| begin(&mut world, "alice", number));
    send(&mut world, "alice", &sessions[0], CALL);
    send(&mut world, "alice", &sessions[2], CALL);
    begin(&mut world, "bob", 3);
    assert_eq!(world.process(1).ends, [ChildEnd::CloseInput]);
    // All that are left have something to do, but his own.
    let request = initialize_with("2025-11-25", &json!({}));
    let request = world.request("bob", "POST", "/mcp", &[], &request);
    world.begin(request);
    assert_eq!(world.process(3).ends, [ChildEnd::CloseInput]);
    assert_eq!(world.processes.len(), 5);
    let id = initialize(&mut world, "bob");
    let (status, words, after) = refused(&world, id);
    assert_eq!((status, after.as_deref()), (503, Some("30")));
    assert!(words.contains("busy"), "{words}");
    assert_eq!(world.processes.len(), 5);
}
