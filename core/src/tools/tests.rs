//! Threats P1 to P6, P9.

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    ask::FetchFault,
    log_event::Level,
    mcp::testing::{GRAPH_TOKEN, World, profile, rpc},
    testing::{header, json as body},
};

const SESSION: &str = "2025-11-25";

fn call_in(world: &mut World, user: &str, revision: &str, params: &Value) -> Response<Bytes> {
    let id = world.initialize(user, revision);
    let named = [("mcp-session-id", id.as_str())];
    world.post(user, &named, rpc(1, "tools/call", params))
}

fn call(world: &mut World) -> Response<Bytes> {
    call_in(
        world,
        "alice",
        SESSION,
        &json!({"name": "getUserDetails", "arguments": {}}),
    )
}

#[test]
fn get_user_details_sends_graph_the_entra_token_and_nothing_of_the_client() {
    let mut world = World::new();
    world.graph_responds(200, &profile("alice"));
    let params = json!({"name": "getUserDetails", "_meta": {"progressToken": "../x?y"}});
    let response = call_in(&mut world, "alice", SESSION, &params);
    let asked = &world.asked[0];
    // P9
    assert_eq!(
        asked.uri().to_string(),
        "https://graph.example/v1.0/me?$select=displayName,mail,userPrincipalName,id,givenName,\
         surname,jobTitle,officeLocation,businessPhones,mobilePhone,preferredLanguage"
    );
    let bearer = asked.headers()["authorization"].to_str().unwrap();
    assert_eq!(bearer, format!("Bearer {GRAPH_TOKEN} of alice"));
    assert_eq!(asked.headers()["client-request-id"].len(), 36);
    let result = &body(&response)["result"];
    assert_eq!(result["isError"], false);
    let text = result["content"][0]["text"].as_str().unwrap();
    let first = r#"{"displayName":"alice","mail":"alice@contoso.example","userPrincipalName":"#;
    assert!(text.starts_with(first), "{text}");
    assert_eq!(result["structuredContent"]["mail"], "alice@contoso.example");
    assert_eq!(result["structuredContent"]["jobTitle"], Value::Null);
}

// P2, P3
#[test]
fn get_user_details_with_any_arguments_returns_the_caller() {
    let mut world = World::new();
    let params = json!({
        "name": "getUserDetails",
        "_meta": {"user": "bob", "x-ms-client-principal": "bob"},
    });
    for user in ["alice", "bob"] {
        world.graph_responds(200, &profile(user));
        let response = call_in(&mut world, user, SESSION, &params);
        let bearer = world.asked.last().unwrap().headers()["authorization"].clone();
        assert_eq!(bearer, format!("Bearer {GRAPH_TOKEN} of {user}"));
        let name = &body(&response)["result"]["structuredContent"]["displayName"];
        assert_eq!(*name, json!(user));
    }
}

// F11, P1
#[test]
fn token_without_the_scope_gets_an_error_that_names_it() {
    let mut world = World::new();
    let id = world.initialize("alice", SESSION);
    let token = world.sign_in("alice", "a client", "something.else");
    let named = [("mcp-session-id", id.as_str())];
    let sent = rpc(1, "tools/call", &json!({"name": "getUserDetails"}));
    let mut request = world.request("alice", "POST", "/mcp", &named, &sent);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let response = world.send(request);
    assert_eq!(response.status(), 403);
    let challenge = header(&response, "www-authenticate");
    assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""));
    assert!(challenge.ends_with("scope=\"user.read\""));
    assert!(world.asked.is_empty());
}

// P2, P4
#[test]
fn unknown_tool_or_invalid_arguments_cause_no_request_to_graph() {
    let mut world = World::new();
    for params in [
        json!({"name": "noSuchTool"}),
        json!({"name": "GETUSERDETAILS"}),
        json!({"name": 7}),
        json!({}),
        json!({"name": "getUserDetails", "arguments": []}),
    ] {
        let response = call_in(&mut world, "alice", SESSION, &params);
        assert_eq!(response.status(), 200);
        assert_eq!(body(&response)["error"]["code"], -32602, "{params}");
    }
    let extra = json!({"name": "getUserDetails", "arguments": {"user": "bob"}});
    let response = call_in(&mut world, "alice", "2025-06-18", &extra);
    assert_eq!(body(&response)["error"]["code"], -32602);
    let response = call_in(&mut world, "alice", SESSION, &extra);
    assert_eq!(body(&response)["result"]["isError"], true);
    assert!(world.asked.is_empty());
}

// O1, P5
#[test]
fn graph_error_text_is_not_disclosed() {
    let secret = "stack trace of Graph";
    for status in [400, 403, 404, 429, 500, 503, 504, 302] {
        let mut world = World::new();
        world.graph_responds(
            status,
            &json!({"error": {"code": secret, "message": secret}}),
        );
        let response = call(&mut world);
        assert_eq!(response.status(), 200, "{status}");
        let result = &body(&response)["result"];
        assert_eq!(result["isError"], true);
        assert!(result.get("structuredContent").is_none());
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(
            !text.contains(secret) && !text.contains(GRAPH_TOKEN),
            "{text}"
        );
        let logged = format!("{:?}", world.logged);
        assert!(!logged.contains(secret) && !logged.contains(GRAPH_TOKEN));
        assert!(
            logged.contains("a request of Graph's"),
            "the operator can ask Microsoft"
        );
    }
}

// D14
#[test]
fn throttled_user_sends_graph_nothing_until_retry_after() {
    let mut world = World::new();
    world.graph_throttles(7);
    for _ in 0..2 {
        let text = body(&call(&mut world))["result"]["content"][0]["text"].to_string();
        assert!(text.contains("in 7 seconds"), "{text}");
    }
    assert_eq!(world.asked.len(), 1);
    world.graph_responds(200, &profile("bob"));
    call_in(
        &mut world,
        "bob",
        SESSION,
        &json!({"name": "getUserDetails", "arguments": {}}),
    );
    assert_eq!(world.asked.len(), 2, "others are not held back");
    world.wait(7);
    world.graph_responds(200, &profile("alice"));
    call(&mut world);
    assert_eq!(world.asked.len(), 3);
}

// D14: who says too many means it, also without a time; who is out of service is asked again.
#[test]
fn throttling_without_retry_after_holds_a_user_back_and_an_outage_does_not() {
    for (status, sent) in [(429, 1), (503, 2)] {
        let mut world = World::new();
        for _ in 0..2 {
            world.graph_responds(status, &json!({}));
            call(&mut world);
        }
        assert_eq!(world.asked.len(), sent, "{status}");
    }
}

#[test]
fn unreachable_graph_is_a_tool_error() {
    for fault in [
        FetchFault::Unreachable,
        FetchFault::TimedOut,
        FetchFault::TooLarge,
    ] {
        let mut world = World::new();
        world.graph.push_back(Err(fault));
        let response = call(&mut world);
        assert_eq!(body(&response)["result"]["isError"], true);
        assert!(world.logged.iter().any(|line| line.level() == Level::Warn));
    }
}

#[test]
fn token_refused_by_graph_is_renewed_once() {
    let mut world = World::new();
    world.graph_responds(
        401,
        &json!({"error": {"code": "InvalidAuthenticationToken"}}),
    );
    world.graph_responds(200, &profile("alice"));
    let response = call(&mut world);
    assert_eq!(body(&response)["result"]["isError"], false);
    assert_eq!(world.asked.len(), 2);
}

// F11: never a 200 with an error text
#[test]
fn ended_session_gets_401_with_a_challenge() {
    let mut world = World::new();
    for _ in 0..2 {
        world.graph_responds(
            401,
            &json!({"error": {"code": "InvalidAuthenticationToken"}}),
        );
    }
    let response = call(&mut world);
    assert_eq!(response.status(), 401);
    let challenge = header(&response, "www-authenticate");
    assert!(challenge.contains("error=\"invalid_token\""));
    assert!(challenge.contains("resource_metadata="));
}
