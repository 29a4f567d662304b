//! Clients of 2026-07-28 in front of a backend with sessions that asks within a call.

use super::super::*;
use crate::{event::Event, hub::Hub, limits};

/// A request of somebody's client, with these parameters besides what each has.
fn ask(world: &mut World, user: &str, params: Value) -> ExchangeId {
    let mut body = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params});
    let members = body["params"].as_object_mut().unwrap();
    members.entry("name").or_insert_with(|| json!("ask"));
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        "progressToken": "t",
    });
    members.insert("_meta".to_owned(), meta);
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "ask"),
    ];
    let request = world.request(user, "POST", "/mcp", &headers, &body.to_string());
    world.begin(request)
}

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"Sure?","n":1.0}}"#;

/// A call that has asked, what it was sent as, and its state.
fn parked(world: &mut World) -> (ExchangeId, Sent, String) {
    let id = ask(world, "alice", json!({}));
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "server/discover");
    world.answers(sent, 404, "");
    opens(world, "theirs");
    let sent = world.pulled();
    assert_eq!(sent.json()["params"]["name"], "ask");
    world.head(&sent, 200, &STREAM);
    world.piece(&sent, &event(QUESTION));
    let result = body_of(world, id)["result"].clone();
    assert_eq!(result["resultType"], "input_required", "{result}");
    let question =
        json!({"1": {"method": "elicitation/create", "params": {"message": "Sure?", "n": 1.0}}});
    assert_eq!(result["inputRequests"], question);
    (
        id,
        sent,
        result["requestState"].as_str().unwrap().to_owned(),
    )
}

/// The request that brings the answers.
fn answer(world: &mut World, user: &str, state: &str) -> ExchangeId {
    let answers = json!({"1": {"action": "accept"}});
    ask(
        world,
        user,
        json!({"inputResponses": answers, "requestState": state}),
    )
}

/// That nothing waits under a state, in words, and that the backend was told nothing.
fn is_refused(world: &World, id: ExchangeId) {
    let body = body_of(world, id);
    let words = match body.get("error") {
        Some(error) => error["message"].as_str().unwrap(),
        None => {
            assert_eq!(body["result"]["isError"], json!(true), "{body}");
            body["result"]["content"][0]["text"].as_str().unwrap()
        }
    };
    let is_told = words.contains("call anew") || words.contains("Call again");
    assert!(is_told, "{words}");
    assert!(world.is_over(id));
}

#[test]
fn question_is_answered_by_the_next_request_and_the_call_goes_on() {
    let mut world = world();
    let (_, sent, state) = parked(&mut world);
    let id = answer(&mut world, "alice", &state);
    let told = world.pulled();
    let expected = json!({"jsonrpc": "2.0", "id": "q", "result": {"action": "accept"}});
    assert_eq!(told.json(), expected);
    assert_eq!(told.header("mcp-session-id"), Some("theirs"));
    assert!(told.header("entra-mcp-assertion").is_some());
    world.answers(told, 202, "");
    let own = id_of(&sent);
    let progress = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{own},"progress":0.50}}}}"#
    );
    world.piece(&sent, &event(&progress));
    // It asks again.
    world.piece(&sent, &event(&QUESTION.replace("\"q\"", "\"r\"")));
    let messages = streamed(&world, id);
    assert_eq!(
        messages[0]["params"],
        json!({"progressToken": "t", "progress": 0.5})
    );
    let result = &messages[1]["result"];
    assert_eq!(
        (&messages[1]["id"], &result["resultType"]),
        (&json!(5), &json!("input_required"))
    );
    let next = result["requestState"].as_str().unwrap().to_owned();
    assert_ne!(next, state);
    assert!(world.is_over(id) && result["inputRequests"].get("2").is_some());
    let answers = json!({"2": {"action": "decline"}});
    let params = json!({"inputResponses": answers, "requestState": next});
    let id = ask(&mut world, "alice", params);
    let told = world.pulled();
    assert_eq!(told.json()["id"], "r");
    world.answers(told, 202, "");
    world.piece(&sent, &event(&result_of(&sent)));
    let answer = body_of(&world, id);
    let expected = json!({"content": [], "resultType": "complete"});
    assert_eq!((&answer["id"], &answer["result"]), (&json!(5), &expected));
    assert_eq!(world.hub.stats().parked_calls, 0);
    assert_eq!(logged(&world, LogEventId::GatewayCalled).len(), 1);
}

fn result_of(sent: &Sent) -> String {
    result(sent, r#"{"content":[]}"#)
}

#[test]
fn question_that_is_not_answered_is_asked_again() {
    let mut world = world();
    let (_, _, state) = parked(&mut world);
    let id = ask(
        &mut world,
        "alice",
        json!({"inputResponses": {}, "requestState": state}),
    );
    let result = &body_of(&world, id)["result"];
    assert_eq!(result["resultType"], "input_required");
    assert!(result["inputRequests"].get("1").is_some(), "{result}");
    let state = result["requestState"].as_str().unwrap().to_owned();
    answer(&mut world, "alice", &state);
    assert_eq!(world.pulled().json()["result"], json!({"action": "accept"}));
}

// R22: the answer of another user, and a state that is used again, or for another request.
#[test]
fn state_of_a_call_is_good_once_and_for_its_user_and_its_request_only() {
    let mut world = world();
    let (_, sent, state) = parked(&mut world);
    let id = answer(&mut world, "bob", &state);
    is_refused(&world, id);
    let answers = json!({"1": {"action": "accept"}});
    for changed in [
        json!({"arguments": {"to": "mallory"}}),
        json!({"requestState": format!("{state}A")}),
        json!({"requestState": "of somebody else"}),
    ] {
        let mut params = json!({"inputResponses": answers, "requestState": state});
        let members = changed.as_object().unwrap().clone();
        params.as_object_mut().unwrap().extend(members);
        let id = ask(&mut world, "alice", params);
        is_refused(&world, id);
    }
    assert!(world.pulls.is_empty());
    answer(&mut world, "alice", &state);
    let told = world.pulled();
    world.answers(told, 202, "");
    let id = answer(&mut world, "alice", &state);
    is_refused(&world, id);
    assert!(world.pulls.is_empty(), "it is told once");
    world.piece(&sent, &event(&result_of(&sent)));
    let id = answer(&mut world, "alice", &state);
    is_refused(&world, id);
}

#[test]
fn call_of_another_replica_or_from_before_a_restart_is_refused_in_words() {
    let mut world = world();
    let (_, _, state) = parked(&mut world);
    world.hub = Hub::new();
    let id = answer(&mut world, "alice", &state);
    is_refused(&world, id);
    assert!(world.pulls.is_empty());
}

#[test]
fn call_whose_backend_has_ended_meanwhile_is_refused_in_words() {
    let mut world = world();
    let (id, sent, state) = parked(&mut world);
    world.end(sent, Err(crate::ask::PullFault::Broken));
    assert!(world.is_over(id));
    let id = answer(&mut world, "alice", &state);
    is_refused(&world, id);
}

// R22
#[test]
fn call_that_waits_for_too_long_is_cancelled_at_the_backend() {
    let mut world = world();
    let (id, sent, state) = parked(&mut world);
    world.wait(limits::PARKED_CALL.as_secs() + 1);
    let told = world.pulled();
    assert_eq!(told.json()["method"], "notifications/cancelled");
    assert_eq!(told.json()["params"]["requestId"].to_string(), id_of(&sent));
    assert!(world.is_over(id));
    assert_eq!(world.hub.stats().parked_calls, 0);
    let id = answer(&mut world, "alice", &state);
    is_refused(&world, id);
}

#[test]
fn call_ends_with_who_has_brought_the_answers() {
    let mut world = world();
    let (id, _, state) = parked(&mut world);
    world.handle(id, Event::Disconnected);
    let next = answer(&mut world, "alice", &state);
    let told = world.pulled();
    world.answers(told, 202, "");
    world.handle(next, Event::Disconnected);
    let told = world.pulled();
    assert_eq!(told.json()["method"], "notifications/cancelled");
    assert!(world.is_over(id) && world.is_over(next));
    assert_eq!(world.hub.stats().parked_calls, 0);
}

// R22
#[test]
fn call_of_a_session_that_was_revoked_ends() {
    let mut world = world();
    let (id, _, _) = parked(&mut world);
    world.end_session("alice");
    assert!(world.is_over(id));
    assert_eq!(world.hub.stats().parked_calls, 0);
}
