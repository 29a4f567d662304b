//! Calls over HTTP+SSE (2024-11-05): everything that is events goes the one stream that there is.

use super::*;
use crate::event::Event;

/// Opens a stream with a client that can be asked, and gives it with the place to post to.
pub(super) fn open(world: &mut World, user: &str) -> (ExchangeId, String) {
    let request = world.request(user, "GET", "/sse", &[], "");
    let stream = world.begin(request);
    let body = &world.sent(stream).body;
    let target = body
        .lines()
        .nth(1)
        .unwrap()
        .strip_prefix("data: ")
        .unwrap()
        .to_owned();
    let params = json!({
        "protocolVersion": "2024-11-05",
        "capabilities": {"sampling": {}, "roots": {}},
        "clientInfo": {"name": "a test", "version": "1"},
    });
    post(world, user, &target, &rpc(0, "initialize", &params));
    (stream, target)
}

pub(super) fn post(world: &mut World, user: &str, target: &str, json: &str) -> ExchangeId {
    let request = world.request(user, "POST", target, &[], json);
    let id = world.begin(request);
    assert_eq!(world.sent(id).response.as_ref().unwrap().status(), 202);
    id
}

pub(super) fn sent_events(world: &World, stream: ExchangeId) -> Vec<Value> {
    let all = world.sent(stream).body.lines().skip(2);
    let data = all.filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap())
        .skip(1)
        .collect()
}

pub(super) fn call(world: &mut World, target: &str, params: Value) -> ExchangeId {
    post(world, "alice", target, &rpc(1, "tools/call", &params))
}

#[test]
fn progress_log_and_result_are_sent_on_the_http_sse_stream() {
    let mut world = world();
    let (stream, target) = open(&mut world, "alice");
    post(
        &mut world,
        "alice",
        &target,
        &rpc(5, "logging/setLevel", &json!({"level": "debug"})),
    );
    let params = json!({"name": "slow", "arguments": {"whom": "Alice"},
        "_meta": {"progressToken": "p"}});
    call(&mut world, &target, params);
    world.wait(1);
    let events = sent_events(&world, stream);
    let methods: Vec<_> = events[1..]
        .iter()
        .map(|one| one["method"].as_str())
        .collect();
    let (progress, message) = (
        Some("notifications/progress"),
        Some("notifications/message"),
    );
    assert_eq!(methods, [progress, message, progress, None]);
    assert_eq!(
        events.last().unwrap()["result"]["content"][0]["text"],
        "slept for Alice"
    );
}

#[test]
fn input_request_is_sent_on_the_http_sse_stream() {
    let mut world = world();
    let (stream, target) = open(&mut world, "alice");
    call(&mut world, &target, json!({"name": "sample"}));
    let asked = sent_events(&world, stream)[0].clone();
    assert_eq!(asked["method"], "sampling/createMessage");
    let text = json!({"type": "text", "text": "Ode"});
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"],
        "result": {"role": "assistant", "model": "m", "content": text}});
    // I4: not by another user, nor on another stream of the same one.
    let (_, of_bob) = open(&mut world, "bob");
    let (_, other) = open(&mut world, "alice");
    post(&mut world, "bob", &of_bob, &answer.to_string());
    post(&mut world, "alice", &other, &answer.to_string());
    assert_eq!(sent_events(&world, stream).len(), 1);
    post(&mut world, "alice", &target, &answer.to_string());
    assert_eq!(
        sent_events(&world, stream)[1]["result"]["content"][0]["text"],
        "Ode"
    );
}

#[test]
fn call_is_cancelled_by_message_and_by_the_end_of_its_stream() {
    let mut world = world();
    let (stream, target) = open(&mut world, "alice");
    let first = call(&mut world, &target, json!({"name": "native"}));
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 1}});
    post(&mut world, "alice", &target, &cancel.to_string());
    assert!(world.is_over(first));
    assert!(
        sent_events(&world, stream).is_empty(),
        "nobody wants an answer"
    );
    let second = call(&mut world, &target, json!({"name": "native"}));
    world.handle(stream, Event::Disconnected);
    assert!(world.is_over(second));
    assert_eq!(world.cancelled, 2);
}

#[test]
fn call_over_its_deadline_is_ended_on_the_http_sse_stream() {
    let mut world = world();
    let (stream, target) = open(&mut world, "alice");
    let id = call(&mut world, &target, json!({"name": "native"}));
    world.wait(crate::limits::CALL_TIMEOUT.as_secs());
    assert!(world.is_over(id));
    let events = sent_events(&world, stream);
    assert!(
        events.last().unwrap()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("too long")
    );
}

#[test]
fn http_sse_stream_outlives_its_token_when_a_newer_one_is_used() {
    let mut world = world();
    let (stream, target) = open(&mut world, "alice");
    let lifetime = crate::limits::SESSION_TOKEN_LIFETIME.as_secs();
    world.server.now.unix.0 += lifetime - 100;
    post(&mut world, "alice", &target, &rpc(1, "ping", &json!({})));
    world.wait(120);
    assert!(!world.is_over(stream));
    assert_eq!(sent_events(&world, stream).len(), 1);
    world.server.now.unix.0 += lifetime;
    world.wait(20);
    assert!(world.is_over(stream));
}
