//! Clients with sessions in front of a backend of 2026-07-28.

use super::super::*;
use crate::limits;

/// Somebody's client begins a session; the backend has none.
fn begin(world: &mut World, capabilities: &Value) -> String {
    let body = initialize_with("2025-11-25", capabilities);
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    world.answers(sent, 404, "");
    is_discovered(world);
    let response = world.sent(id).response.as_ref().expect("it is answered");
    assert_eq!(response.status(), 200);
    testing::header(response, "mcp-session-id").to_owned()
}

fn meta(sent: &Sent, name: &str) -> Value {
    let name = format!("io.modelcontextprotocol/{name}");
    sent.json()["params"]["_meta"][name].clone()
}

#[test]
fn level_of_the_log_is_kept_here_and_goes_with_each_request() {
    let mut world = world();
    let session = begin(&mut world, &json!({}));
    for (level, code) in [("loud", json!(-32602)), ("error", Value::Null)] {
        let params = json!({"level": level});
        let body =
            json!({"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": params});
        let id = send(&mut world, "alice", &session, &body.to_string());
        assert_eq!(body_of(&world, id)["error"]["code"], code);
    }
    assert!(world.pulls.is_empty());
    send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    assert_eq!(meta(&sent, "logLevel"), "error");
    assert_eq!(meta(&sent, "clientInfo")["name"], "a test");
    assert_eq!(sent.header("mcp-name"), Some("echo"));
    assert!(sent.header("mcp-session-id").is_none());
}

#[test]
fn subscription_is_refused_in_words() {
    let mut world = world();
    let session = begin(&mut world, &json!({}));
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": "a:b"}});
    let id = send(&mut world, "alice", &session, &body.to_string());
    let error = &body_of(&world, id)["error"];
    assert_eq!(error["code"], -32601);
    let words = error["message"].as_str().unwrap();
    assert!(words.contains("tells of changes"), "{words}");
}

const QUESTION: &str = r#"{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"Sure?","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"s"}"#;

/// The words of a call that failed.
fn words(message: &Value) -> String {
    assert_eq!(message["result"]["isError"], json!(true), "{message}");
    let words = message["result"]["content"][0]["text"].as_str();
    words.unwrap().to_owned()
}

#[test]
fn backend_that_asks_for_ever_is_called_so_often_and_no_more() {
    let mut world = world();
    let session = begin(&mut world, &json!({"elicitation": {}}));
    let id = send(&mut world, "alice", &session, CALL);
    for round in 0..=limits::INPUT_ROUNDS {
        let sent = world.pulled();
        if round > 0 {
            let params = &sent.json()["params"];
            assert_eq!(params["inputResponses"]["a"], json!({"action": "decline"}));
            assert_eq!(params["requestState"], "s");
        }
        let answer = result(&sent, QUESTION);
        world.answers(sent, 200, &answer);
        let Some(asked) = streamed(&world, id)
            .pop()
            .filter(|one| one["method"].is_string())
        else {
            break;
        };
        let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}});
        send(&mut world, "alice", &session, &answer.to_string());
    }
    let last = streamed(&world, id).pop().unwrap();
    assert!(words(&last).contains("too often"), "{last}");
    assert!(world.is_over(id) && world.pulls.is_empty());
}

#[test]
fn client_that_cannot_be_asked_is_told_so() {
    let mut world = world();
    let session = begin(&mut world, &json!({"roots": {}}));
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let answer = result(&sent, QUESTION);
    world.answers(sent, 200, &answer);
    assert!(words(&body_of(&world, id)).contains("cannot be asked"));
    assert!(world.pulls.is_empty());
}

#[test]
fn call_that_is_cancelled_while_it_asks_ends_without_another() {
    let mut world = world();
    let session = begin(&mut world, &json!({"elicitation": {}}));
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let answer = result(&sent, QUESTION);
    world.answers(sent, 200, &answer);
    let asked = streamed(&world, id).pop().unwrap();
    let cancel =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"mine"}}"#;
    send(&mut world, "alice", &session, cancel);
    assert!(world.is_over(id));
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept"}});
    send(&mut world, "alice", &session, &answer.to_string());
    assert!(world.pulls.is_empty());
}
