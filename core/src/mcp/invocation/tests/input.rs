//! Questions to the client: requests in sessions, results since 2026-07-28.

use super::*;

fn able() -> Value {
    json!({"elicitation": {}, "sampling": {}})
}

fn accept(content: Value) -> Value {
    json!({"action": "accept", "content": content})
}

fn answer_to(request: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}

#[test]
fn input_request_in_a_session_is_sent_and_its_response_posted() {
    let mut world = world();
    for revision in ["2025-06-18", "2025-11-25"] {
        let client = Client::new(&mut world, revision, able());
        let id = client.begin(&mut world, "tools/call", json!({"name": "ask"}));
        let first = messages(&world, id)[0].clone();
        assert_eq!(first["method"], "elicitation/create");
        let name = answer_to(&first, accept(json!({"name": "Alice"})));
        assert_eq!(client.post(&mut world, &name), 202);
        let second = messages(&world, id)[1].clone();
        assert_ne!(first["id"], second["id"]);
        // K7, K8: an answer that was given, or that nobody asked for.
        assert_eq!(client.post(&mut world, &name), 202);
        assert!(!world.is_over(id));
        client.post(
            &mut world,
            &answer_to(&second, json!({"action": "decline"})),
        );
        let result = answer(&world, id);
        assert_eq!(result["content"][0]["text"], "Hello, Alice!", "{revision}");
    }
}

// I4: nobody answers for another.
#[test]
fn input_request_is_not_answered_by_another_user_or_session() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", able());
    let id = client.begin(&mut world, "tools/call", json!({"name": "ask"}));
    let asked = messages(&world, id)[0].clone();
    let answer = answer_to(&asked, accept(json!({"name": "Mallory"})));
    let bob = Client::of("bob", &mut world, "2025-11-25", able());
    let other = Client::new(&mut world, "2025-11-25", able());
    assert_eq!(bob.post(&mut world, &answer), 202);
    assert_eq!(other.post(&mut world, &answer), 202);
    assert_eq!(messages(&world, id).len(), 1);
}

#[test]
fn input_response_that_is_an_error_or_invalid_reaches_the_tool() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", able());
    for (responded, why) in [
        (
            json!({"result": {"action": "accept", "content": {"name": 1}}}),
            "The client's response does not fit the request.",
        ),
        (
            json!({"result": {"action": "perhaps"}}),
            "The client's response does not fit the request.",
        ),
        (json!({"error": {"code": -1, "message": "no"}}), "no"),
    ] {
        let id = client.begin(&mut world, "tools/call", json!({"name": "page"}));
        let mut message = responded.clone();
        message["jsonrpc"] = json!("2.0");
        message["id"] = messages(&world, id)[0]["id"].clone();
        client.post(&mut world, &message);
        let expected = format!("{:?}", InputResponse::Refused(why.to_owned()));
        assert_eq!(answer(&world, id)["content"][0]["text"], expected);
    }
}

#[test]
fn input_request_without_response_times_out_and_is_cancelled() {
    let mut world = world();
    world.server.server.config.call_limits.input = Duration::from_secs(20);
    let client = Client::new(&mut world, "2025-11-25", able());
    let id = client.begin(&mut world, "tools/call", json!({"name": "page"}));
    world.wait(20);
    let sent = messages(&world, id);
    assert_eq!(sent[1]["method"], "notifications/cancelled");
    assert_eq!(sent[1]["params"]["requestId"], sent[0]["id"]);
    assert_eq!(answer(&world, id)["content"][0]["text"], "TimedOut");
}

#[test]
fn cancelled_call_cancels_its_input_requests() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", able());
    let id = client.begin(&mut world, "tools/call", json!({"name": "page"}));
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 1}});
    client.post(&mut world, &cancel);
    assert!(world.is_over(id));
    let sent = messages(&world, id);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1]["method"], "notifications/cancelled");
    assert_eq!(sent[1]["params"]["requestId"], sent[0]["id"]);
}

#[test]
fn input_request_to_a_client_without_the_capability_is_an_error() {
    let mut world = world();
    for (revision, capabilities) in [
        ("2025-11-25", json!({})),
        // The revision has no elicitation, whatever the client says.
        ("2025-03-26", able()),
        ("2025-11-25", json!({"elicitation": {"url": {}}})),
    ] {
        let client = Client::new(&mut world, revision, capabilities);
        let result = client.call(&mut world, "ask", json!({}));
        assert_eq!(result["isError"], true, "{revision}");
    }
    let modern = Client::new(&mut world, NEW, json!({}));
    let error = modern.call(&mut world, "sample", json!({}));
    assert_eq!(error["code"], -32021);
    assert_eq!(
        error["data"],
        json!({"requiredCapabilities": {"sampling": {}}})
    );
}

#[test]
fn sampling_request_is_the_same_in_every_revision() {
    let mut world = world();
    let said =
        json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "Ode"}});
    let client = Client::new(&mut world, "2024-11-05", able());
    let id = client.begin(&mut world, "tools/call", json!({"name": "sample"}));
    let asked = messages(&world, id)[0].clone();
    assert_eq!(asked["method"], "sampling/createMessage");
    client.post(&mut world, &answer_to(&asked, said.clone()));
    assert_eq!(answer(&world, id)["content"][0]["text"], "Ode");
    let modern = Client::new(&mut world, NEW, able());
    let first = modern.call(&mut world, "sample", json!({}));
    assert_eq!(first["inputRequests"]["poem"]["params"], asked["params"]);
    let params = json!({"inputResponses": {"poem": said}});
    let second = modern.call(&mut world, "sample", params);
    assert_eq!(second["content"][0]["text"], "Ode");
}

/// A round of the tool `ask` with the answers of this one and the state of the last.
fn round(world: &mut World, client: &Client, responses: Value, state: Option<&Value>) -> Value {
    let mut params = json!({"inputResponses": responses});
    if let Some(state) = state {
        params["requestState"] = state.clone();
    }
    client.call(world, "ask", params)
}

#[test]
fn input_request_of_2026_is_a_result_and_the_call_is_repeated() {
    let mut world = world();
    let client = Client::new(&mut world, NEW, able());
    let first = client.call(&mut world, "ask", json!({}));
    assert_eq!(first["resultType"], "input_required");
    assert_eq!(
        first["inputRequests"]["name"]["method"],
        "elicitation/create"
    );
    assert!(first["inputRequests"]["name"].get("id").is_none());
    let name = json!({"name": accept(json!({"name": "Alice"}))});
    let second = round(&mut world, &client, name, Some(&first["requestState"]));
    assert_eq!(second["resultType"], "input_required");
    assert!(
        second["inputRequests"].get("name").is_none(),
        "it was answered"
    );
    assert_ne!(first["requestState"], second["requestState"]);
    let sure = json!({"sure": accept(json!({"ok": true})), "else": {"action": "accept"}});
    let third = round(
        &mut world,
        &client,
        sure.clone(),
        Some(&second["requestState"]),
    );
    assert_eq!(third["resultType"], "complete");
    assert_eq!(third["content"][0]["text"], "Hello, Alice!");
    // Without the state the earlier answer is not known.
    let forgotten = round(&mut world, &client, sure, None);
    assert!(forgotten["inputRequests"]["name"].is_object());
    for odd in [json!({"name": 12345}), json!({"other": {}}), Value::Null] {
        let again = round(&mut world, &client, odd, None);
        assert!(again["inputRequests"]["name"].is_object());
    }
}

// I8: bound to user, client, call; and for a while only.
#[test]
fn request_state_of_another_user_or_call_is_refused() {
    let mut world = world();
    let client = Client::new(&mut world, NEW, able());
    let bob = Client::of("bob", &mut world, NEW, able());
    let state = client.call(&mut world, "ask", json!({}))["requestState"].clone();
    let tampered = json!(format!("{}-TAMPERED", state.as_str().unwrap()));
    for odd in [tampered, json!(1), json!("")] {
        assert_eq!(
            round(&mut world, &client, json!({}), Some(&odd))["code"],
            -32602
        );
    }
    assert_eq!(
        round(&mut world, &bob, json!({}), Some(&state))["code"],
        -32602
    );
    let params = json!({"requestState": state});
    assert_eq!(client.call(&mut world, "sample", params)["code"], -32602);
    let params = json!({"requestState": state, "arguments": {}});
    assert_eq!(client.call(&mut world, "ask", params)["code"], -32602);
    let params = json!({"requestState": state});
    assert_eq!(
        client.call(&mut world, "ask", params)["resultType"],
        "input_required"
    );
    world.server.now.unix.0 += 3600;
    let params = json!({"requestState": state});
    assert_eq!(client.call(&mut world, "ask", params)["code"], -32602);
}
