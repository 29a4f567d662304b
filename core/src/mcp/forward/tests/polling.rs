//! A backend that closes the stream of a call before its answer, and wants to be polled.

use std::time::Duration;

use super::*;
use crate::{ask::PullFault, limits};

const PRIMED: &str = "id: p1\ndata: \n\n";
const LOG: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#;

/// A gateway whose backend has this long for a call.
fn with_time(seconds: u64) -> World {
    let mut world = world();
    world.pulls.has_streams = true;
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    gateway.call_timeout = Duration::from_secs(seconds);
    world
}

/// A GET of the backend.
fn polled(world: &mut World) -> Sent {
    let sent = world.pulled();
    assert_eq!(sent.pull.method, ::http::Method::GET);
    sent
}

/// A call whose stream the backend has closed after this, its session, and what the backend knows it as.
fn closed_after(world: &mut World, said: &str) -> (ExchangeId, String, String) {
    let session = begin(world, "alice", "theirs");
    let id = send(world, "alice", &session, CALL);
    let listens = polled(world);
    assert_eq!(listens.header("last-event-id"), None);
    world.answers(listens, 405, "");
    let sent = world.pulled();
    let own = id_of(&sent);
    world.head(&sent, 200, &STREAM);
    world.piece(&sent, said);
    world.end(sent, Ok(()));
    (id, session, own)
}

fn has_failed(world: &World, id: ExchangeId, why: &str) {
    let result = &body_of(world, id)["result"];
    assert_eq!(result["isError"], json!(true), "{result}");
    let said = result["content"][0]["text"].as_str().unwrap();
    assert!(said.contains(why), "{said}");
}

/// The backend answers a GET with this, and closes the stream.
fn answers_poll(world: &mut World, sent: Sent, said: &str) {
    world.head(&sent, 200, &STREAM);
    world.piece(&sent, said);
    world.end(sent, Ok(()));
}

// R6: a call is sent once, however often its stream is closed.
#[test]
fn stream_that_is_closed_before_the_answer_goes_on_by_get_after_the_time_that_it_says() {
    let mut world = with_time(600);
    let primed = "id: p1\nretry: 3000\ndata: \n\n";
    let (id, _, own) = closed_after(&mut world, primed);
    world.wait(2);
    assert!(world.pulls.is_empty());
    world.wait(1);
    let sent = polled(&mut world);
    assert_eq!(sent.header("last-event-id"), Some("p1"));
    assert_eq!(sent.header("mcp-session-id"), Some("theirs"));
    assert_eq!(sent.header("mcp-protocol-version"), Some("2025-11-25"));
    assert!(sent.header("entra-mcp-assertion").is_some());
    assert_eq!(sent.pull.limits.whole, Some(Duration::from_secs(597)));
    world.head(&sent, 200, &STREAM);
    world.piece(&sent, &format!("id: p2\n{}", event(LOG)));
    world.end(sent, Err(PullFault::Broken));
    world.wait(1);
    let sent = polled(&mut world);
    assert_eq!(sent.header("last-event-id"), Some("p2"));
    world.head(&sent, 200, &STREAM);
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{own},"result":{{"a":1}}}}"#);
    world.piece(&sent, &event(&answer));
    let messages = streamed(&world, id);
    assert_eq!(messages[0]["method"], "notifications/message");
    let expected = json!({"jsonrpc": "2.0", "id": "mine", "result": {"a": 1}});
    assert_eq!(messages[1], expected);
    assert!(world.is_over(id) && world.pulls.is_empty());
}

#[test]
fn stream_without_an_id_that_can_be_sent_is_not_polled() {
    let long = "x".repeat(limits::BACKEND_EVENT_ID_BYTES + 1);
    for event in ["", "a b", "\u{e9}", "a\tb", &long] {
        let mut world = with_time(600);
        let (id, ..) = closed_after(&mut world, &format!("id: {event}\ndata: \n\n"));
        has_failed(&world, id, "may have done its work");
        assert!(world.pulls.is_empty(), "{event}");
    }
}

// R6: what the GET is answered says nothing of the call.
#[test]
fn poll_that_is_refused_fails_the_call_and_sends_it_not_again() {
    for status in [400, 401, 403, 404, 405, 429, 500, 503] {
        let mut world = with_time(600);
        let (id, ..) = closed_after(&mut world, PRIMED);
        world.wait(1);
        let sent = polled(&mut world);
        world.answers(sent, status, "");
        has_failed(&world, id, "may have done its work");
        assert!(world.pulls.is_empty(), "{status}");
    }
}

#[test]
fn call_that_is_polled_lasts_as_long_as_any_and_its_backend_is_told_when_it_is_over() {
    let mut world = with_time(5);
    let primed = "id: p1\nretry: 60000\ndata: \n\n";
    let (id, ..) = closed_after(&mut world, primed);
    world.wait(4);
    assert!(!world.is_over(id));
    world.wait(1);
    has_failed(&world, id, "did not answer in time");
    assert_eq!(world.pulled().json()["method"], "notifications/cancelled");
    let mut world = with_time(600);
    let (id, session, own) = closed_after(&mut world, PRIMED);
    let cancel =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"mine"}}"#;
    send(&mut world, "alice", &session, cancel);
    assert!(world.is_over(id));
    let told = world.pulled();
    assert_eq!(told.json()["params"]["requestId"].to_string(), own);
    world.wait(2);
    assert!(world.pulls.is_empty());
}

// R9: neither polls without a message are without end, nor the messages of all of them together.
#[test]
fn polls_of_a_call_are_bounded() {
    let mut world = with_time(10_000);
    let (id, ..) = closed_after(&mut world, PRIMED);
    for _ in 0..limits::BACKEND_POLLS_IN_VAIN {
        world.wait(1);
        let sent = polled(&mut world);
        answers_poll(&mut world, sent, PRIMED);
    }
    assert!(world.is_over(id) && world.pulls.is_empty());
    // By then its client has a stream.
    assert!(world.sent(id).body.contains("may have done its work"));
    let mut world = with_time(10_000);
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    gateway.limits.messages = 2;
    let (id, ..) = closed_after(&mut world, PRIMED);
    for _ in 0..3 {
        assert!(!world.is_over(id));
        world.wait(1);
        let sent = polled(&mut world);
        answers_poll(&mut world, sent, &event(LOG));
    }
    assert!(world.is_over(id));
    assert!(world.sent(id).body.contains("too many messages"));
}
