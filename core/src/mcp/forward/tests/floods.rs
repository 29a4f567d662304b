//! What a hostile backend asks without end costs few connections and little memory, and holds up nobody's answers.

use super::*;
use crate::limits;

/// So many pings.
fn pings(number: usize) -> String {
    let ping = |id| event(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
    (0..number).map(ping).collect()
}

/// Takes all that the backend is told, and answers nothing of it.
fn told(world: &mut World) -> Vec<Sent> {
    std::iter::from_fn(|| world.next_pulled()).collect()
}

// R17
#[test]
fn pings_without_end_within_a_call_are_few_requests_at_once() {
    let mut world = world();
    world
        .server
        .server
        .config
        .gateway
        .as_mut()
        .unwrap()
        .limits
        .messages = 1_000_000;
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let call = world.pulled();
    world.head(&call, 200, &STREAM);
    for _ in 0..10 {
        world.piece(&call, &pings(1000));
    }
    let pongs = told(&mut world);
    assert_eq!(pongs.len(), limits::BACKEND_TELLINGS_OF_SESSION);
    let most = limits::BACKEND_TELLINGS_OF_SESSION + limits::BACKEND_TELLINGS_WAITING_OF_SESSION;
    assert_eq!(world.hub.stats().backend_tellings, most);
    // The call goes on, and so do those of others.
    let answer = event(&result(&call, "{}"));
    world.piece(&call, &answer);
    assert_eq!(body_of(&world, id)["id"], "mine");
    begin(&mut world, "bob", "for bob");
    for pong in pongs {
        assert_eq!(pong.json()["result"], json!({}));
        world.answers(pong, 202, "");
    }
    let lines = logged(&world, LogEventId::GatewayNotTold);
    assert!(lines.len() == 1 && lines[0].contains("count="), "{lines:?}");
    while let Some(pong) = world.next_pulled() {
        world.answers(pong, 202, "");
    }
    assert_eq!(world.hub.stats().backend_tellings, 0);
}

// R17: nor does a flood keep what a user has answered.
#[test]
fn answer_of_a_client_reaches_a_backend_that_pings_without_end() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let call = world.pulled();
    world.head(&call, 200, &STREAM);
    world.piece(
        &call,
        &event(r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#),
    );
    let asked = streamed(&world, id).remove(0);
    world.piece(&call, &pings(5000));
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": []}});
    send(&mut world, "alice", &session, &answer.to_string());
    let mut was_answered = false;
    while let Some(sent) = world.next_pulled() {
        was_answered |= sent.json()["id"] == "q";
        world.answers(sent, 202, "");
    }
    assert!(was_answered);
}
