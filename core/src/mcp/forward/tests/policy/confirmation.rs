//! The user is asked before a call is made.

use super::*;

/// A gateway whose policy wants one tool confirmed; its call, with the question.
fn to_confirm() -> (World, String, ExchangeId, Value) {
    let (mut world, session) = of_tools(vec![PolicyRule {
        confirmation: Confirmation::parse("Pay {amount} to {who}?"),
        ..rule("pay")
    }]);
    let arguments = json!({"amount": 5, "who": "Eve\n\u{202e}x"});
    let body = request(
        "tools/call",
        &json!({"name": "pay", "arguments": arguments}),
    );
    let id = send(&mut world, "alice", &session, &body);
    assert!(world.pulls.is_empty(), "the user is asked first");
    let question = streamed(&world, id).remove(0);
    (world, session, id, question)
}

// R7
#[test]
fn call_is_made_once_the_user_has_confirmed_it() {
    let (mut world, session, id, question) = to_confirm();
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["message"], "Pay 5 to Evex?");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept"}});
    send(&mut world, "alice", &session, &answer.to_string());
    let sent = world.pulled();
    assert_eq!(sent.json()["params"]["arguments"]["amount"], 5);
    let done = result(&sent, r#"{"content":[]}"#);
    world.answers(sent, 200, &done);
    assert!(world.is_over(id));
}

// R7
#[test]
fn call_that_the_user_does_not_confirm_is_not_made() {
    for answer in [
        json!({"result": {"action": "decline"}}),
        json!({"result": {"action": "cancel"}}),
        json!({"result": {}}),
        json!({"error": {"code": -32601, "message": "no"}}),
    ] {
        let (mut world, session, id, question) = to_confirm();
        let mut message = json!({"jsonrpc": "2.0", "id": question["id"]});
        let members = message.as_object_mut().unwrap();
        members.extend(answer.as_object().unwrap().clone());
        send(&mut world, "alice", &session, &message.to_string());
        assert!(world.pulls.is_empty() && world.is_over(id), "{answer}");
        let told = streamed(&world, id).pop().unwrap();
        assert_eq!(told["result"]["isError"], true, "{told}");
    }
}

// R7
#[test]
fn call_to_confirm_is_refused_where_the_client_cannot_ask() {
    let mut world = world();
    world.server.policy.tools = vec![PolicyRule {
        confirmation: Confirmation::parse("Sure?"),
        ..rule("pay")
    }];
    let body = initialize_with("2025-11-25", &json!({}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    opens(&mut world, "theirs");
    let response = world.sent(id).response.as_ref().unwrap();
    let session = testing::header(response, "mcp-session-id").to_owned();
    let id = send(&mut world, "alice", &session, &call("pay"));
    assert!(world.pulls.is_empty());
    let told = body_of(&world, id);
    assert!(
        told["result"]["content"][0]["text"]
            .to_string()
            .contains("cannot ask"),
        "{told}"
    );
}
