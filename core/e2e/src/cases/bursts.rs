//! Bursts, and clients that come back just as their call ends: nothing is lost, and nobody else is cut off
//! (threats I6, M7).

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    Program, Server,
    client::{Client, Events, initialize, register, sign_in_to},
    session::{Session, next},
};

/// How many responses and announcements there are: more than any stream ever held as a number of messages.
const BURST: usize = 96;

/// M7. The stream of a client that does not read gets all responses once it reads; however many changes are
/// announced meanwhile, no stream of anybody ends.
pub fn burst_reaches_its_reader_and_cuts_nobody_off(program: &Program) {
    let server = program.example("everything").start();
    let bob = Session::of(&server, "bob");
    let stream = bob.client.stream(&server, "/mcp", &bob.headers());
    let (head, mut listening) = stream.unwrap();
    assert_eq!(head.status, 200);
    let alice = sign_in_to(&server, register(&server), None, "alice");
    let (_, mut events) = alice.stream(&server, "/sse", &[]).unwrap();
    let (_, target) = events
        .next_event()
        .unwrap()
        .expect("the endpoint comes first");
    post(&server, &alice, &target, &initialize("2024-11-05"));
    for id in 1..=BURST {
        post(&server, &alice, &target, &announcing(id));
    }
    // She begins to read.
    let mut missing: Vec<_> = (0..=BURST).collect();
    while !missing.is_empty() {
        let id = next(&mut events)["id"].clone();
        missing.retain(|wanted| id != *wanted);
    }
    let changed = "notifications/tools/list_changed";
    assert_eq!(next(&mut listening)["method"], changed);
    // Both streams live: what changes from now on is told on both.
    bob.call("test_trigger_prompt_change", &json!({}));
    let prompts = "notifications/prompts/list_changed";
    until_notified(&mut listening, prompts);
    until_notified(&mut events, prompts);
}

/// A call that announces a change.
fn announcing(id: usize) -> Value {
    let params = json!({"name": "test_trigger_tool_change", "arguments": {}});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

fn post(server: &Server, client: &Client, target: &str, message: &Value) {
    let bearer = format!("Bearer {}", client.access_token);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let response = server.request("POST", target, &headers, &message.to_string());
    assert_eq!(response.status, 202, "{}", response.body);
}

fn until_notified(events: &mut Events, method: &str) {
    while next(events)["method"] != *method {}
}

/// Calls of one user that all ask Graph: more at once than any server has threads waiting. Each is answered, on a connection
/// that its client keeps open.
pub fn twelve_calls_at_once_are_all_answered(program: &Program) {
    let server = program.start();
    let session = Session::of(&server, "alice");
    for _ in 0..2 {
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    let result = session.call("getUserDetails", &json!({}));
                    assert_eq!(result["isError"], false, "{result}");
                });
            }
        });
    }
}

/// How many clients come back at once; one may have few streams.
const AT_ONCE: u64 = 12;

/// I6. A call ends while its client is away, comes back, or has just come back: the response is there.
pub fn stream_resumed_as_its_call_ends_has_the_response(program: &Program) {
    let server = program.example("everything").start();
    let session = Session::of(&server, "alice");
    for round in 0..4 {
        thread::scope(|scope| {
            for client in 0..AT_ONCE {
                // The call ends a tenth of a second after it has sent its client away.
                let away = Duration::from_millis(80 + 4 * client + round);
                let (server, session) = (&server, &session);
                scope.spawn(move || come_back_after(away, server, session));
            }
        });
    }
}

fn come_back_after(away: Duration, server: &Server, session: &Session<'_>) {
    let params = json!({"name": "test_reconnection", "arguments": {}});
    let call = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params});
    let mut first = session.post_for_stream(&call);
    assert_eq!(first.next_event().unwrap(), None, "it is sent away");
    let last = first.last_id().expect("there is something to go on from");
    thread::sleep(away);
    let [id, revision] = session.headers();
    let headers = [id, revision, ("Last-Event-ID", last)];
    let (head, mut rest) = session.client.stream(server, "/mcp", &headers).unwrap();
    assert_eq!(head.status, 200, "after {away:?}");
    let response = next(&mut rest);
    assert_eq!(response["id"], 5, "after {away:?}: {response}");
    assert!(response.get("result").is_some(), "{response}");
}
