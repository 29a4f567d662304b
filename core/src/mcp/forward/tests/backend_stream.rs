//! What a backend sends of its own accord, on its answer to GET.

use super::*;
use crate::{ask::PullFault, event::Event};

/// Somebody's client opens the stream of its session.
fn listen(world: &mut World, user: &str, session: &str) -> ExchangeId {
    let headers = [("mcp-session-id", session)];
    let request = world.request(user, "GET", "/mcp", &headers, "");
    world.begin(request)
}

/// The stream that the backend is asked for, which it opens.
fn opened(world: &mut World) -> Sent {
    let sent = world.pulled();
    assert_eq!(sent.pull.method, ::http::Method::GET);
    world.head(&sent, 200, &STREAM);
    sent
}

/// A session of Alice's and its stream.
fn listening(world: &mut World) -> (String, ExchangeId, Sent) {
    let session = begin(world, "alice", "theirs");
    let stream = listen(world, "alice", &session);
    let sent = opened(world);
    (session, stream, sent)
}

const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","x":1.00}"#;

#[test]
fn what_the_backend_sends_of_its_own_accord_reaches_the_stream_of_its_client_only() {
    let mut world = world();
    let others = begin(&mut world, "bob", "for bob");
    let bobs = listen(&mut world, "bob", &others);
    opened(&mut world);
    let (_, stream, sent) = listening(&mut world);
    assert_eq!(sent.header("mcp-session-id"), Some("theirs"));
    assert_eq!(sent.header("accept"), Some("text/event-stream"));
    assert!(sent.header("entra-mcp-assertion").is_some() && sent.text().is_empty());
    assert!(sent.header("content-type").is_none() && sent.pull.limits.idle.is_none());
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1.0}}"#;
    let updated =
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a://b"}}"#;
    for message in [CHANGED, log, updated] {
        world.piece(&sent, &event(message));
    }
    // What belongs to a call does not come here.
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#;
    world.piece(&sent, &event(progress));
    let body = &world.sent(stream).body;
    assert!(body.contains(CHANGED) && body.contains(log) && body.contains(updated));
    assert_eq!(streamed(&world, stream).len(), 3);
    assert!(streamed(&world, bobs).is_empty());
}

#[test]
fn one_stream_of_a_session_listens_and_the_next_after_it() {
    let mut world = world();
    let (session, first, sent) = listening(&mut world);
    let second = listen(&mut world, "alice", &session);
    assert!(world.pulls.is_empty());
    let before = world.cancelled;
    world.handle(first, Event::Disconnected);
    assert_eq!(world.cancelled, before + 1, "the connection is closed");
    world.piece(&sent, &event(CHANGED));
    assert!(streamed(&world, second).is_empty());
    let sent = opened(&mut world);
    world.piece(&sent, &event(CHANGED));
    assert_eq!(streamed(&world, second).len(), 1);
}

#[test]
fn stream_ends_with_the_session_of_its_client() {
    let mut world = world();
    let (session, stream, _sent) = listening(&mut world);
    let before = world.cancelled;
    let headers = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "DELETE", "/mcp", &headers, "");
    assert_eq!(world.send(request).status(), 204);
    assert!(world.is_over(stream) && world.cancelled > before);
}

// R5: only whoever was asked can answer.
#[test]
fn question_reaches_the_stream_and_its_answer_the_backend() {
    let mut world = world();
    let (session, stream, sent) = listening(&mut world);
    world.piece(
        &sent,
        &event(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#),
    );
    let asked = streamed(&world, stream).remove(0);
    assert_eq!(asked["method"], "roots/list");
    assert!(asked["id"].as_str().unwrap().len() > 20, "{asked}");
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": []}}).to_string();
    let others = begin(&mut world, "bob", "bobs");
    send(&mut world, "bob", &others, &answer);
    assert!(world.pulls.is_empty());
    for _ in 0..2 {
        send(&mut world, "alice", &session, &answer);
    }
    let told = world.pulled();
    let expected = json!({"jsonrpc": "2.0", "id": 1, "result": {"roots": []}});
    assert_eq!(
        (told.json(), told.header("mcp-session-id")),
        (expected, Some("theirs"))
    );
    assert!(world.pulls.is_empty());
}

#[test]
fn ping_and_what_nobody_can_be_asked_are_answered_at_once() {
    let mut world = world();
    let (_, stream, sent) = listening(&mut world);
    world.piece(&sent, &event(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#));
    let expected = json!({"jsonrpc": "2.0", "id": 7, "result": {}});
    let pong = world.pulled();
    assert_eq!(pong.json(), expected);
    world.answers(pong, 202, "");
    for id in 0..=crate::limits::INPUT_REQUESTS {
        let question = json!({"jsonrpc": "2.0", "id": id, "method": "roots/list"});
        world.piece(&sent, &event(&question.to_string()));
    }
    let refused = world.pulled();
    assert_eq!(refused.json()["error"]["code"], -32601);
    world.answers(refused, 202, "");
    // The client leaves: whatever was asked is answered.
    world.handle(stream, Event::Disconnected);
    let mut answered = 0;
    while let Some(refused) = world.next_pulled() {
        assert_eq!(refused.json()["error"]["code"], -32601);
        world.answers(refused, 202, "");
        answered += 1;
    }
    assert_eq!(answered, crate::limits::INPUT_REQUESTS);
}

#[test]
fn backend_without_such_a_stream_is_asked_once() {
    for status in [405, 501] {
        let mut world = world();
        let session = begin(&mut world, "alice", "theirs");
        let stream = listen(&mut world, "alice", &session);
        let sent = world.pulled();
        world.answers(sent, status, "");
        world.wait(300);
        assert!(world.pulls.is_empty() && !world.is_over(stream));
        assert!(logged(&world, LogEventId::GatewayFailed).is_empty());
    }
}

#[test]
fn stream_that_breaks_is_opened_again_from_its_last_event_after_waits_that_double() {
    let mut world = world();
    let (_, stream, sent) = listening(&mut world);
    world.piece(
        &sent,
        &format!("id: seven\nretry: 3000\n{}", event(CHANGED)),
    );
    world.end(sent, Err(PullFault::Broken));
    for wait in [3, 3, 4, 8, 16, 32, 60, 60] {
        world.wait(wait - 1);
        assert!(world.pulls.is_empty(), "{wait}");
        world.wait(1);
        let sent = world.pulled();
        assert_eq!(sent.header("last-event-id"), Some("seven"));
        world.end(sent, Err(PullFault::Unreachable));
    }
    assert_eq!(logged(&world, LogEventId::GatewayFailed).len(), 0);
    world.wait(60);
    let sent = opened(&mut world);
    world.piece(&sent, &event(CHANGED));
    assert_eq!(streamed(&world, stream).len(), 2);
    world.end(sent, Ok(()));
    world.wait(3);
    opened(&mut world);
}

#[test]
fn stream_that_fails_at_once_is_one_line_of_the_log() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    listen(&mut world, "alice", &session);
    for _ in 0..4 {
        let sent = world.pulled();
        world.answers(sent, 500, "<html>");
        world.wait(10);
    }
    let lines = logged(&world, LogEventId::GatewayFailed);
    assert!(
        lines.len() == 1 && lines[0].contains("status=\"500\""),
        "{lines:?}"
    );
}

/// The backend does not know the session, which is opened again.
fn reopens(world: &mut World) {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "ping");
    world.answers(sent, 404, "");
    opens(world, "second");
}

#[test]
fn session_that_the_backend_has_lost_is_opened_again_to_be_listened_to() {
    let mut world = world();
    let (_, stream, sent) = listening(&mut world);
    world.end(sent, Err(PullFault::Broken));
    world.wait(1);
    let sent = world.pulled();
    world.answers(sent, 404, "");
    reopens(&mut world);
    let sent = opened(&mut world);
    assert_eq!(sent.header("mcp-session-id"), Some("second"));
    world.piece(&sent, &event(CHANGED));
    assert_eq!(streamed(&world, stream).len(), 1);
}

#[test]
fn session_of_a_backend_that_answers_get_with_404_is_left_alone() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    listen(&mut world, "alice", &session);
    let sent = world.pulled();
    world.answers(sent, 404, "Cannot GET /mcp");
    let sent = world.pulled();
    let pong = result(&sent, "{}");
    world.answers(sent, 200, &pong);
    world.wait(300);
    assert!(world.pulls.is_empty());
}

// R3
#[test]
fn credential_in_a_message_of_the_stream_is_not_passed_on() {
    let mut world = world();
    let (_, stream, sent) = listening(&mut world);
    let assertion = sent.header("entra-mcp-assertion").unwrap().to_owned();
    let line = json!({"level": "info", "data": assertion});
    let line = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": line});
    world.piece(&sent, &event(&line.to_string()));
    assert!(streamed(&world, stream).is_empty());
    assert_eq!(logged(&world, LogEventId::GatewayLeaked).len(), 1);
}

#[test]
fn change_of_roots_is_told_to_the_backend_within_its_session() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    let id = send(&mut world, "alice", &session, changed);
    assert_eq!(world.sent(id).response.as_ref().unwrap().status(), 202);
    let told = world.pulled();
    assert_eq!(
        told.text(),
        r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#
    );
    assert_eq!(told.header("mcp-session-id"), Some("theirs"));
    // A session that is not open is not opened for that.
    world.hub = crate::hub::Hub::new();
    let id = send(&mut world, "alice", &session, changed);
    assert_eq!(world.sent(id).response.as_ref().unwrap().status(), 202);
    assert!(world.pulls.is_empty());
}

#[test]
fn what_was_set_in_a_session_is_set_again_when_it_was_lost() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    for (method, params, is_accepted) in [
        ("logging/setLevel", json!({"level": "warning"}), true),
        ("resources/subscribe", json!({"uri": "a://1"}), true),
        ("resources/subscribe", json!({"uri": "a://2"}), true),
        ("resources/subscribe", json!({"uri": "a://no"}), false),
        ("resources/unsubscribe", json!({"uri": "a://1"}), true),
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        send(&mut world, "alice", &session, &body.to_string());
        let sent = world.pulled();
        let answer = match is_accepted {
            true => result(&sent, "{}"),
            false => format!(
                r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32002,"message":"x"}}}}"#,
                id_of(&sent)
            ),
        };
        world.answers(sent, 200, &answer);
    }
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    world.answers(sent, 404, "");
    opens(&mut world, "second");
    for (method, params) in [
        ("logging/setLevel", json!({"level": "warning"})),
        ("resources/subscribe", json!({"uri": "a://2"})),
    ] {
        let sent = world.pulled();
        assert_eq!(sent.header("mcp-session-id"), Some("second"));
        let sent_json = sent.json();
        assert_eq!(
            (&sent_json["method"], &sent_json["params"]),
            (&json!(method), &params)
        );
        // Whatever is answered, the call goes on.
        world.answers(sent, 500, "");
    }
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "tools/call");
    let answer = result(&sent, "{}");
    world.answers(sent, 200, &answer);
    assert_eq!(body_of(&world, id)["result"], json!({}));
}
