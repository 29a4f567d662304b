//! What goes wrong, and who is told what.

use super::*;
use crate::{ask::PullFault, limits};

/// A call, and the request that the backend was sent.
fn called(world: &mut World) -> (ExchangeId, Sent) {
    let session = begin(world, "alice", "theirs");
    let id = send(world, "alice", &session, CALL);
    (id, world.pulled())
}

fn words(world: &World, id: ExchangeId) -> String {
    let body = body_of(world, id);
    assert_eq!(body["result"]["isError"], json!(true), "{body}");
    body["result"]["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

// R6: whatever has happened may have done its work, and is not done again.
#[test]
fn call_whose_connection_breaks_fails_in_words_and_is_never_sent_again() {
    for (end, said) in [
        (Err(PullFault::Unreachable), "cannot be reached"),
        (Err(PullFault::TimedOut), "in time"),
        (Err(PullFault::Broken), "may have done its work"),
        (Ok(()), "may have done its work"),
    ] {
        let mut world = world();
        let (id, sent) = called(&mut world);
        if end != Err(PullFault::Unreachable) {
            world.head(&sent, 200, &STREAM);
        }
        world.end(sent, end);
        let words = words(&world, id);
        assert!(words.contains(said), "{words}");
        // It is told to stop, and nothing else.
        if end == Err(PullFault::TimedOut) {
            assert_eq!(world.pulled().json()["method"], "notifications/cancelled");
        }
        assert!(world.pulls.is_empty());
        assert_eq!(logged(&world, LogEventId::GatewayFailed).len(), 1);
    }
}

// R8
#[test]
fn status_of_the_backend_is_never_the_clients() {
    for (status, headers, said) in [
        (
            401,
            [("www-authenticate", "Bearer realm=\"theirs\"")],
            "does not accept this sign-in",
        ),
        (403, [("x", "y")], "does not accept this sign-in"),
        (429, [("retry-after", "17")], "in 17 seconds"),
        (500, [("x", "y")], "status 500"),
        (
            302,
            [("location", "http://elsewhere.example/")],
            "status 302",
        ),
    ] {
        let mut world = world();
        let (id, sent) = called(&mut world);
        world.answers_with(sent, status, &headers, "<html>");
        let response = world.sent(id).response.as_ref().unwrap();
        assert_eq!(response.status(), 200);
        for (name, _) in headers {
            assert!(!response.headers().contains_key(name));
        }
        let words = words(&world, id);
        assert!(words.contains(said), "{words}");
        assert!(world.pulls.is_empty(), "nothing is followed");
    }
}

#[test]
fn what_is_no_message_fails_the_call() {
    for body in [
        "<html>",
        "{}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"result\":{}}",
        "[1]",
    ] {
        let mut world = world();
        let (id, sent) = called(&mut world);
        world.answers(sent, 200, body);
        assert!(words(&world, id).contains("no MCP message"));
    }
}

// R9
#[test]
fn answer_whose_result_or_error_is_none_fails_the_call() {
    for outcome in [
        r#""result":null"#,
        r#""result":"hi""#,
        r#""result":[1]"#,
        r#""error":"oops""#,
        r#""error":{"code":"x","message":5}"#,
        r#""result":{},"error":{"code":1,"message":"x"}"#,
    ] {
        let mut world = world();
        let (id, sent) = called(&mut world);
        let own = id_of(&sent);
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{own},{outcome}}}"#);
        world.answers(sent, 200, &answer);
        let words = words(&world, id);
        assert!(words.contains("no MCP message"), "{outcome}: {words}");
    }
}

// R9
#[test]
fn answer_that_is_too_large_fails_the_call() {
    let mut world = world();
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    gateway.answer_bytes = 1000;
    let (id, sent) = called(&mut world);
    world.head(&sent, 200, &STREAM);
    world.piece(&sent, "data: ");
    for _ in 0..11 {
        world.piece(&sent, &"x".repeat(100));
    }
    assert!(words(&world, id).contains("too large"));
}

#[test]
fn event_of_another_type_and_params_that_are_null_fail_no_call() {
    let mut world = world();
    let (id, sent) = called(&mut world);
    world.head(&sent, 200, &STREAM);
    world.piece(&sent, "event: ping\ndata: 2026-11-28\n\n");
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#;
    world.piece(&sent, &event(ping));
    let pong = world.pulled();
    assert_eq!(pong.json()["result"], json!({}));
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":null}"#;
    world.piece(&sent, &event(changed));
    let done = event(&result(&sent, "{}"));
    world.piece(&sent, &done);
    let messages = streamed(&world, id);
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(messages[0].get("params").is_none(), "{messages:?}");
    assert_eq!(messages[1]["result"], json!({}));
}

// R5
#[test]
fn answer_to_another_request_is_dropped() {
    let mut world = world();
    let (id, sent) = called(&mut world);
    let other = r#"{"jsonrpc":"2.0","id":"mine","result":{"a":1}}"#;
    let null = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"x"}}"#;
    world.head(&sent, 200, &STREAM);
    world.piece(&sent, &(event(other) + &event(null)));
    assert!(!world.is_over(id));
    world.end(sent, Ok(()));
    assert!(words(&world, id).contains("may have done its work"));
}

#[test]
fn error_of_the_backend_is_the_clients() {
    let mut world = world();
    let (id, sent) = called(&mut world);
    let own = id_of(&sent);
    let error = r#"{"code":-32602,"message":"Unknown tool","data":{"x":[1.0]}}"#;
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{own},"error":{error}}}"#);
    world.answers(sent, 200, &answer);
    let response = world.sent(id).response.as_ref().unwrap();
    let expected = format!(r#"{{"jsonrpc":"2.0","id":"mine","error":{error}}}"#);
    assert_eq!(response.body(), expected.as_bytes());
    let line = logged(&world, LogEventId::GatewayCalled).remove(0);
    assert!(
        line.contains("refused") && line.contains("tool=\"echo\""),
        "{line}"
    );
}

#[test]
fn text_that_is_no_name_of_a_tool_is_not_logged_where_there_is_no_such_tool() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let call = CALL.replace("\"echo\"", "\"a word of a user\"");
    send(&mut world, "alice", &session, &call);
    let sent = world.pulled();
    let error = json!({"code": -32602, "message": "Unknown tool"});
    let answer = json!({"jsonrpc": "2.0", "id": sent.json()["id"], "error": error});
    world.answers(sent, 200, &answer.to_string());
    let line = logged(&world, LogEventId::GatewayCalled).remove(0);
    assert!(
        line.contains("refused") && !line.contains("tool="),
        "{line}"
    );
}

// R3
#[test]
fn assertion_that_the_backend_sends_back_is_not_passed_on() {
    type Wrap = fn(&Sent, &str) -> String;
    let wraps: [Wrap; 3] = [
        |sent, assertion| {
            result(
                sent,
                &format!(r#"{{"content":[{{"type":"text","text":"{assertion}"}}]}}"#),
            )
        },
        |sent, assertion| {
            let id = id_of(sent);
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":1,"message":"{assertion}"}}}}"#)
        },
        |_, assertion| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{assertion}"}}}}"#
            )
        },
    ];
    for wrap in wraps {
        let mut world = world();
        let (id, sent) = called(&mut world);
        let assertion = sent.header("entra-mcp-assertion").unwrap().to_owned();
        let text = event(&wrap(&sent, &assertion));
        world.head(&sent, 200, &STREAM);
        world.piece(&sent, &text);
        assert!(words(&world, id).contains("held a credential"));
        assert_eq!(logged(&world, LogEventId::GatewayLeaked).len(), 1);
        let all = world.logged.iter().map(ToString::to_string);
        assert!(all.into_iter().all(|line| !line.contains(&assertion)));
    }
}

#[test]
fn session_that_the_backend_does_not_open_is_told_as_it_is() {
    let mut world = world();
    let begin = |world: &mut World| {
        let body = initialize_with("2025-11-25", &json!({}));
        let request = world.request("alice", "POST", "/mcp", &[], &body);
        let id = world.begin(request);
        (id, world.pulled())
    };
    let (id, sent) = begin(&mut world);
    world.end(sent, Err(PullFault::Unreachable));
    let response = world.sent(id).response.as_ref().unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(testing::json(response)["error"]["code"], -32603);
    let (id, sent) = begin(&mut world);
    let error = r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32022,"message":"no such revision"}}"#;
    world.answers(sent, 400, error);
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "server/discover");
    world.answers(sent, 404, "");
    let response = world.sent(id).response.as_ref().unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(testing::json(response)["error"]["code"], -32022);
    let (id, sent) = begin(&mut world);
    world.answers(sent, 401, "");
    assert_eq!(world.sent(id).response.as_ref().unwrap().status(), 503);
}

// R8
#[test]
fn result_with_a_status_that_is_no_success_opens_no_session() {
    for status in [401, 403, 429, 500, 503] {
        let mut world = world();
        let body = initialize_with("2025-11-25", &json!({}));
        let request = world.request("alice", "POST", "/mcp", &[], &body);
        let id = world.begin(request);
        let sent = world.pulled();
        let said = result(&sent, RESULT);
        world.answers(sent, status, &said);
        let response = world.sent(id).response.as_ref().unwrap();
        assert_eq!(response.status(), 503, "{status}");
        assert!(!response.headers().contains_key("mcp-session-id"));
        assert!(world.pulls.is_empty(), "{status}");
    }
}

#[test]
fn other_requests_get_an_error_where_calls_get_a_result() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let id = send(&mut world, "alice", &session, list);
    let sent = world.pulled();
    world.end(sent, Err(PullFault::Unreachable));
    let body = body_of(&world, id);
    assert_eq!(body["error"]["code"], -32603, "{body}");
}

#[test]
fn call_is_not_made_if_nothing_can_say_who_calls() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    world.hub = crate::hub::Hub::new();
    world.store.remove("assertion-keys");
    world.conflicts = 0;
    world.keys_fail = true;
    let id = send(&mut world, "alice", &session, CALL);
    assert!(words(&world, id).contains("cannot tell the server behind it who calls"));
    assert!(world.pulls.is_empty());
}

// R9: of all calls together.
#[test]
fn answers_that_are_not_whole_are_bounded_in_all() {
    let mut world = world();
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    gateway.held_bytes = limits::BACKEND_HELD_STEP * 3 / 2;
    let session = begin(&mut world, "alice", "theirs");
    let begin = |world: &mut World| {
        let id = send(world, "alice", &session, CALL);
        let sent = world.pulled();
        world.head(&sent, 200, &[("content-type", "application/json")]);
        world.piece(&sent, &" ".repeat(limits::BACKEND_FREE_BYTES));
        world.piece(&sent, " ");
        (id, sent)
    };
    let (first, sent) = begin(&mut world);
    assert!(!world.is_over(first));
    let (second, _) = begin(&mut world);
    assert!(words(&world, second).contains("busy"));
    assert_eq!(logged(&world, LogEventId::GatewayFull).len(), 1);
    let answer = result(&sent, r#"{"content":[]}"#);
    world.piece(&sent, &answer);
    world.end(sent, Ok(()));
    assert_eq!(body_of(&world, first)["result"], json!({"content": []}));
    // What was held is free again.
    let (third, _) = begin(&mut world);
    assert!(!world.is_over(third));
}
