//! Processes that several sessions have together.

use super::*;
use crate::config::BackendShare;

fn sharing(share: BackendShare) -> World {
    let mut world = World::new();
    let mut gateway = gateway_of_tests(BackendIdentity::ASSERTION);
    gateway.backend = Backend::Stdio(Arc::new(BackendCommand { share, ..command() }));
    world.has_backend(gateway);
    world
}

/// A session with a process that is initialized already; its name.
fn join(world: &mut World, user: &str) -> String {
    let id = initialize(world, user);
    let response = world.sent(id).response.as_ref().expect("it is answered");
    assert_eq!(response.status(), 200);
    testing::header(response, "mcp-session-id").to_owned()
}

/// The process answers what it was sent next, to whom that is due.
fn answers(world: &mut World, process: usize, text: &str) -> Value {
    let sent = world.reads(process);
    let content = json!({"content": [{"type": "text", "text": text}]});
    world.writes(process, answer(&sent, &content));
    sent
}

fn end(world: &mut World, user: &str, session: &str) {
    let request = world.request(user, "DELETE", "/mcp", &[("mcp-session-id", session)], "");
    world.send(request);
}

// R5
#[test]
fn process_of_a_user_is_initialized_once_and_is_not_another_users() {
    let mut world = sharing(BackendShare::User);
    let first = begin(&mut world, "alice", 0);
    let second = join(&mut world, "alice");
    assert!(world.has_read_all(0), "it is initialized once");
    for session in [&first, &second] {
        let id = send(&mut world, "alice", session, CALL);
        answers(&mut world, 0, "here");
        assert!(body_of(&world, id).to_string().contains("here"));
    }
    let bobs = begin(&mut world, "bob", 1);
    send(&mut world, "bob", &bobs, CALL);
    assert!(world.has_read_all(0));
    answers(&mut world, 1, "for bob");
}

// R16
#[test]
fn process_of_a_user_ends_with_their_last_session() {
    let mut world = sharing(BackendShare::User);
    let first = begin(&mut world, "alice", 0);
    let second = join(&mut world, "alice");
    end(&mut world, "alice", &first);
    let id = send(&mut world, "alice", &second, CALL);
    answers(&mut world, 0, "still here");
    assert!(body_of(&world, id).to_string().contains("still here"));
    end(&mut world, "alice", &second);
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
}

// R5
#[test]
fn process_of_all_users_asks_none_of_them_and_tells_each_what_is_theirs() {
    let mut world = sharing(BackendShare::All);
    let alices = begin(&mut world, "alice", 0);
    let bobs = join(&mut world, "bob");
    let of_alice = send(&mut world, "alice", &alices, CALL);
    let of_bob = send(&mut world, "bob", &bobs, CALL);
    let [to_alice, to_bob] = [(); 2].map(|()| world.reads(0));
    let assertion = |sent: &Value| sent["params"]["_meta"]["entra-mcp/assertion"].clone();
    assert_ne!(assertion(&to_alice), assertion(&to_bob));
    let asks = json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {}});
    world.writes(0, asks);
    assert!(world.reads(0).get("error").is_some());
    let said = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "of alice"}});
    world.writes(0, said);
    world.writes(0, answer(&to_bob, &json!({"content": []})));
    world.writes(0, answer(&to_alice, &json!({"content": []})));
    for id in [of_alice, of_bob] {
        assert!(world.is_over(id) && !world.sent(id).body.contains("of alice"));
    }
    // Who knows the name of a session has no part in it.
    let id = send(&mut world, "bob", &alices, CALL);
    assert_eq!(world.sent(id).response.as_ref().unwrap().status(), 404);
}

// R5: whoever comes while the first is being answered.
#[test]
fn sessions_that_begin_at_once_are_answered_together() {
    let mut world = sharing(BackendShare::User);
    let ids = [(); 2].map(|()| initialize(&mut world, "alice"));
    opens(&mut world, 0);
    for id in ids {
        let response = world.sent(id).response.as_ref().expect("it is answered");
        assert_eq!(response.status(), 200);
    }
    assert!(world.has_read_all(0));
}
