//! What a backend may take, if its operator has set something else.

use std::time::Duration;

use super::{
    several::{DOCS, ORDERS, begin_at, send_at, several},
    *,
};
use crate::limits;

// R17
#[test]
fn times_that_are_set_go_with_each_request() {
    let mut world = world();
    let seconds = Duration::from_secs;
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    gateway.limits.connect = seconds(7);
    gateway.limits.silence = seconds(8);
    gateway.limits.opening = seconds(9);
    gateway.call_timeout = seconds(10);
    let body = initialize_with("2025-11-25", &json!({}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    let of = |sent: &Sent| {
        let limits = &sent.pull.limits;
        (limits.connect, limits.idle, limits.whole)
    };
    let (connect, idle) = (seconds(7), Some(seconds(8)));
    assert_eq!(of(&sent), (connect, idle, Some(seconds(9))));
    let answer = result(&sent, RESULT);
    let headers = [
        ("content-type", "application/json"),
        ("mcp-session-id", "theirs"),
    ];
    world.answers_with(sent, 200, &headers, &answer);
    let sent = world.pulled();
    world.answers(sent, 202, "");
    let response = world.sent(id).response.as_ref().unwrap();
    let session = testing::header(response, "mcp-session-id").to_owned();
    send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    assert_eq!(of(&sent), (connect, idle, Some(seconds(10))));
}

// R17
#[test]
fn messages_beyond_the_number_that_is_set_fail_the_call() {
    let mut world = world();
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    gateway.limits.messages = 2;
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    let log = event(r#"{"jsonrpc":"2.0","method":"notifications/message"}"#);
    for _ in 0..2 {
        world.piece(&sent, &log);
        assert!(!world.is_over(id));
    }
    world.piece(&sent, &log);
    let answer = streamed(&world, id).pop().unwrap();
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(answer.to_string().contains("too many messages"), "{answer}");
}

// R17: comments keep a connection open, and nobody needs a megabyte of them.
#[test]
fn stream_that_says_nothing_at_length_fails_the_call() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    let log = event(r#"{"jsonrpc":"2.0","method":"notifications/message"}"#);
    let nothing = ": nothing\nretry: 1\n\n".repeat(limits::BACKEND_IDLE_BYTES / 20);
    for _ in 0..2 {
        world.piece(&sent, &nothing);
        world.piece(&sent, &log);
        assert!(!world.is_over(id), "a message is something");
    }
    world.piece(&sent, &nothing);
    assert!(!world.is_over(id));
    world.piece(&sent, &": nothing\n".repeat(3));
    let answer = streamed(&world, id).pop().unwrap();
    assert_eq!(answer["result"]["isError"], true, "{answer}");
}

// R9, R26: each backend has its own share, and all calls of one have it together.
#[test]
fn bytes_of_one_backend_that_are_held_take_no_room_of_another() {
    let mut world = several();
    for gateway in &mut world.server.server.config.backends {
        gateway.held_bytes = limits::BACKEND_HELD_STEP * 3 / 2;
    }
    let orders = begin_at(&mut world, ("alice", ORDERS), "of orders");
    let docs = begin_at(&mut world, ("alice", DOCS), "of docs");
    let mut holds = |path: &str, session: &str| {
        let id = send_at(&mut world, ("alice", path), session, CALL);
        let sent = world.pulled();
        world.head(&sent, 200, &[("content-type", "application/json")]);
        world.piece(&sent, &" ".repeat(limits::BACKEND_FREE_BYTES));
        world.piece(&sent, " ");
        let is_refused = world.is_over(id);
        if is_refused {
            let answer = body_of(&world, id);
            assert!(answer.to_string().contains("is busy"), "{answer}");
        }
        is_refused
    };
    assert!(!holds(ORDERS, &orders));
    assert!(holds(ORDERS, &orders), "its share is full");
    assert!(!holds(DOCS, &docs), "the other's is not");
    assert!(holds(DOCS, &docs));
}
