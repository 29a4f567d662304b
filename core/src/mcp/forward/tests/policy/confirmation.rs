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

/// A call of a client of 2026-07-28 that shows forms, with more parameters.
fn modern(world: &mut World, who: &str, arguments: &Value, more: &Value) -> ExchangeId {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
    });
    let mut params = json!({"_meta": meta, "name": "pay", "arguments": arguments});
    let members = params.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let fields = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "pay"),
    ];
    let body = request("tools/call", &params);
    let request = world.request(who, "POST", "/mcp", &fields, &body);
    world.begin(request)
}

fn paying() -> World {
    let mut world = world();
    world.server.policy.tools = vec![PolicyRule {
        confirmation: Confirmation::parse("Pay {amount}?"),
        ..rule("pay")
    }];
    world
}

/// The user is asked: the state that the client is to send back.
fn asked(world: &mut World, arguments: &Value) -> Value {
    let id = modern(world, "alice", arguments, &json!({}));
    assert!(world.pulls.is_empty(), "the user is asked first");
    let result = body_of(world, id)["result"].clone();
    assert_eq!(result["resultType"], "input_required", "{result}");
    let question = &result["inputRequests"]["entra-mcp-confirmation"];
    assert_eq!(question["method"], "elicitation/create", "{result}");
    assert_eq!(question["params"]["message"], "Pay 5?");
    is_told_once(world, "asked");
    result["requestState"].clone()
}

fn answering(state: &Value, action: &str) -> Value {
    json!({"requestState": state, "inputResponses": {"entra-mcp-confirmation": {"action": action, "content": {}}}})
}

// R7
#[test]
fn call_without_a_session_is_made_once_the_user_has_confirmed_it_in_a_round_of_its_own() {
    let mut world = paying();
    let arguments = json!({"amount": 5});
    let state = asked(&mut world, &arguments);
    let id = modern(
        &mut world,
        "alice",
        &arguments,
        &answering(&state, "decline"),
    );
    let told = body_of(&world, id);
    assert!(
        world.pulls.is_empty() && told["result"]["isError"] == true,
        "{told}"
    );
    is_told_once(&mut world, "refused");
    let id = modern(
        &mut world,
        "alice",
        &arguments,
        &answering(&state, "accept"),
    );
    is_discovered(&mut world);
    let sent = world.pulled();
    let params = sent.json()["params"].clone();
    assert_eq!(params["arguments"]["amount"], 5);
    for name in ["requestState", "inputResponses"] {
        assert!(params.get(name).is_none(), "{params}");
    }
    let done = result(&sent, r#"{"resultType":"complete","content":[]}"#);
    world.answers(sent, 200, &done);
    assert!(body_of(&world, id)["result"]["content"].is_array());
}

// R7, I8: what was confirmed is this call of this user.
#[test]
fn confirmation_counts_for_no_other_call_and_no_other_user() {
    let mut world = paying();
    let state = asked(&mut world, &json!({"amount": 5}));
    let more = answering(&state, "accept");
    for (who, amount) in [("alice", 6), ("bob", 5)] {
        let arguments = json!({"amount": amount});
        let id = modern(&mut world, who, &arguments, &more);
        let error = body_of(&world, id)["error"].clone();
        assert_eq!(error["code"], -32602, "{who} {amount}: {error}");
        is_told_once(&mut world, "refused");
    }
    // Nobody has been asked.
    let unasked = json!({"inputResponses": more["inputResponses"]});
    modern(&mut world, "alice", &json!({"amount": 5}), &unasked);
    assert!(world.pulls.is_empty());
}

// R7
#[test]
fn round_of_the_backend_after_a_confirmation_is_not_confirmed_again() {
    let mut world = paying();
    let arguments = json!({"amount": 5});
    let state = asked(&mut world, &arguments);
    let id = modern(
        &mut world,
        "alice",
        &arguments,
        &answering(&state, "accept"),
    );
    is_discovered(&mut world);
    let sent = world.pulled();
    let asks = r#"{"resultType":"input_required","inputRequests":{"q":{"method":"roots/list"}},"requestState":"theirs"}"#;
    let asks = result(&sent, asks);
    world.answers(sent, 200, &asks);
    let round = body_of(&world, id)["result"].clone();
    assert!(round["inputRequests"]["q"].is_object(), "{round}");
    let more =
        json!({"requestState": round["requestState"], "inputResponses": {"q": {"roots": []}}});
    modern(&mut world, "alice", &arguments, &more);
    let params = world.pulled().json()["params"].clone();
    assert_eq!(params["requestState"], "theirs", "{params}");
    assert!(params["inputResponses"]["q"].is_object());
    // Nor is there a second call to be had by it.
    refuses(&mut world, &arguments, &more, "call anew");
}

// R7: a client that repeats its request, or another one, makes no second call of it.
#[test]
fn confirmation_without_a_session_is_good_for_one_call() {
    let mut world = paying();
    let arguments = json!({"amount": 5});
    let state = asked(&mut world, &arguments);
    let yes = answering(&state, "accept");
    let id = modern(&mut world, "alice", &arguments, &yes);
    is_discovered(&mut world);
    // While the first one is under way, and when it is over.
    let sent = world.pulled();
    refuses(&mut world, &arguments, &yes, "call anew");
    let done = result(&sent, r#"{"resultType":"complete","content":[]}"#);
    world.answers(sent, 200, &done);
    assert!(body_of(&world, id)["result"]["content"].is_array());
    refuses(&mut world, &arguments, &yes, "call anew");
}

/// A call of Alice's is answered in these words, and not made.
fn refuses(world: &mut World, arguments: &Value, more: &Value, words: &str) {
    let id = modern(world, "alice", arguments, more);
    assert!(world.pulls.is_empty());
    let told = body_of(world, id)["result"].clone();
    assert_eq!(told["isError"], true, "{told}");
    let said = told["content"][0]["text"].as_str().unwrap();
    assert!(said.contains(words), "{said}");
}
