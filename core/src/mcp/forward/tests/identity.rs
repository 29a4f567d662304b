//! What proves to the backend who calls, besides the assertion.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;
use crate::policy::{NamePattern, Policy, PolicyRule};

const SCOPE: &str = "api://orders/Orders.Read";
const TOKEN: &str = "renewed entra access token";
const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;

fn telling(identity: &str) -> World {
    let mut world = World::new();
    let identity = BackendIdentity::parse(identity).unwrap();
    let mut gateway = gateway_of_tests(identity);
    // A token lasts an hour, and here nobody calls meanwhile.
    gateway.limits.session_idle = std::time::Duration::from_secs(2 * 60 * 60);
    world.has_backend(gateway);
    world
}

fn with_token() -> (World, String) {
    let mut world = telling(&format!("entra:{SCOPE}"));
    let session = begin(&mut world, "alice", "theirs");
    (world, session)
}

/// What Entra was asked, by the parameters.
fn asked(world: &World, number: usize, name: &str) -> String {
    let body = world.redeemed[number].body();
    let mut pairs = url::form_urlencoded::parse(body);
    let pair = pairs.find(|(one, _)| one == name);
    pair.map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The backend wants claims of the token.
fn challenges(world: &mut World, sent: Sent) {
    challenges_with(world, sent, "");
}

fn challenges_with(world: &mut World, sent: Sent, body: &str) {
    let challenge = format!(
        "Bearer error=\"insufficient_claims\", claims=\"{}\"",
        STANDARD.encode(CLAIMS)
    );
    world.answers_with(sent, 401, &[("www-authenticate", &challenge)], body);
}

fn entra_wants_the_user(world: &mut World) {
    let refusal = json!({"error": "interaction_required", "suberror": "basic_action",
        "error_codes": [50076], "claims": CLAIMS});
    world.entra_responds(400, &refusal);
}

// R3, P9
#[test]
fn token_of_entra_is_got_once_for_a_session_and_goes_with_each_of_its_requests() {
    let (mut world, session) = with_token();
    let (scope, token) = (asked(&world, 0, "scope"), asked(&world, 0, "refresh_token"));
    assert!(scope.ends_with(SCOPE), "{scope}");
    assert_eq!(token, "entra refresh token of alice");
    for _ in 0..100 {
        let id = send(&mut world, "alice", &session, CALL);
        let sent = world.pulled();
        let bearer = format!("Bearer {TOKEN}");
        assert_eq!(sent.header("authorization"), Some(bearer.as_str()));
        assert_eq!(sent.header("entra-mcp-assertion"), None);
        let done = result(&sent, r#"{"content":[]}"#);
        world.answers(sent, 200, &done);
        assert!(world.is_over(id));
    }
    assert_eq!(world.redeemed.len(), 1, "a hundred calls cost one renewal");
    begin(&mut world, "bob", "for bob");
    assert_eq!(
        asked(&world, 1, "refresh_token"),
        "entra refresh token of bob"
    );
}

#[test]
fn token_of_entra_is_renewed_before_it_ends() {
    let (mut world, session) = with_token();
    let later = std::time::Duration::from_secs(3400);
    world.server.now.instant = world.server.now.instant.after(later);
    send(&mut world, "alice", &session, CALL);
    assert_eq!(world.redeemed.len(), 2);
    assert_eq!(world.pulled().json()["method"], "tools/call");
}

// R3
#[test]
fn token_of_entra_that_the_backend_sends_back_reaches_no_client() {
    let (mut world, session) = with_token();
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let text = format!(r#"{{"content":[{{"type":"text","text":"Bearer {TOKEN}"}}]}}"#);
    let leak = result(&sent, &text);
    world.answers(sent, 200, &leak);
    let body = body_of(&world, id);
    assert_eq!(body["result"]["isError"], true, "{body}");
    assert!(!body.to_string().contains(TOKEN));
    assert_eq!(logged(&world, LogEventId::GatewayLeaked).len(), 1);
}

// R8
#[test]
fn consent_that_is_missing_is_told_in_words_and_nothing_is_sent() {
    let mut world = telling(&format!("entra:{SCOPE}"));
    let refusal = json!({"error": "invalid_grant", "suberror": "consent_required",
        "error_codes": [65001], "error_description": "AADSTS65001: not consented"});
    world.entra_responds(400, &refusal);
    let body = initialize_with("2025-11-25", &json!({}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    assert!(world.pulls.is_empty());
    let told = body_of(&world, id)["error"]["message"].to_string();
    assert!(
        told.contains("consented") && told.contains("operator"),
        "{told}"
    );
}

// D22
#[test]
fn claims_that_the_backend_wants_are_got_from_entra_and_the_call_is_sent_again() {
    let (mut world, session) = with_token();
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    challenges(&mut world, sent);
    assert!(asked(&world, 1, "claims").contains("c1"));
    assert!(asked(&world, 1, "scope").ends_with(SCOPE));
    let sent = world.pulled();
    let done = result(&sent, r#"{"content":[]}"#);
    world.answers(sent, 200, &done);
    assert!(body_of(&world, id)["result"]["content"].is_array());
}

// D22: SDKs and frameworks write an error into the body of each response, with the id of the request.
#[test]
fn claims_that_the_backend_wants_with_an_error_for_the_request_are_got_from_entra() {
    let (mut world, session) = with_token();
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    let own = id_of(&sent);
    let error =
        format!(r#"{{"jsonrpc":"2.0","id":{own},"error":{{"code":-32001,"message":"no"}}}}"#);
    challenges_with(&mut world, sent, &error);
    assert!(asked(&world, 1, "claims").contains("c1"));
    let sent = world.pulled();
    let done = result(&sent, r#"{"content":[]}"#);
    world.answers(sent, 200, &done);
    assert!(body_of(&world, id)["result"]["content"].is_array());
}

// D22, D23
#[test]
fn claims_that_take_the_user_become_a_link_and_the_same_session_goes_on() {
    let (mut world, session) = with_token();
    for opens_again in [false, true] {
        let id = send(&mut world, "alice", &session, CALL);
        let sent = world.pulled();
        if opens_again {
            let done = result(&sent, r#"{"content":[]}"#);
            world.answers(sent, 200, &done);
            assert!(body_of(&world, id)["result"]["content"].is_array());
            continue;
        }
        entra_wants_the_user(&mut world);
        challenges(&mut world, sent);
        let told = body_of(&world, id).to_string();
        assert!(told.contains("/step-up?link="), "{told}");
        assert!(world.pulls.is_empty());
    }
    assert_eq!(logged(&world, LogEventId::ClaimsRequired).len(), 1);
}

// D22: there is no loop.
#[test]
fn backend_that_wants_claims_again_and_again_is_asked_twice() {
    let (mut world, session) = with_token();
    let id = send(&mut world, "alice", &session, CALL);
    for _ in 0..2 {
        let sent = world.pulled();
        challenges(&mut world, sent);
    }
    assert!(world.pulls.is_empty() && world.is_over(id));
    assert!(body_of(&world, id).to_string().contains("/step-up?link="));
}

// D22: there is no loop (2026-07-28).
#[test]
fn client_whose_user_has_not_satisfied_the_claims_is_given_the_link_in_words() {
    let mut world = telling(&format!("entra:{SCOPE}"));
    let call = |world: &mut World, more: Value| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
        });
        let mut params = json!({"name": "echo", "arguments": {}, "_meta": meta});
        let members = params.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        let body = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params});
        let headers = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "echo"),
        ];
        let request = world.request("alice", "POST", "/mcp", &headers, &body.to_string());
        world.begin(request)
    };
    let id = call(&mut world, json!({}));
    is_discovered(&mut world);
    let sent = world.pulled();
    entra_wants_the_user(&mut world);
    challenges(&mut world, sent);
    let asked = body_of(&world, id)["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let (key, _) = asked["inputRequests"]
        .as_object()
        .unwrap()
        .iter()
        .next()
        .unwrap();
    let responses = json!({key: {"action": "accept"}});
    let again = json!({"requestState": asked["requestState"], "inputResponses": responses});
    let id = call(&mut world, again);
    let sent = world.pulled();
    assert!(!sent.text().contains("inputResponses"), "{}", sent.text());
    entra_wants_the_user(&mut world);
    challenges(&mut world, sent);
    let told = body_of(&world, id)["result"].clone();
    assert_eq!(told["isError"], true, "{told}");
    assert!(told.to_string().contains("/step-up?link="), "{told}");
}

// R7, D22: what is looked up goes on with another token, and nothing is called for it.
#[test]
fn list_that_the_backend_wants_claims_for_is_asked_for_again() {
    for is_hidden in [true, false] {
        let (mut world, session) = with_token();
        let name = if is_hidden { "echo" } else { "other" };
        let rule = PolicyRule {
            hidden: true,
            ..PolicyRule::allowing(NamePattern::parse(name).unwrap())
        };
        world.server.policy = Policy {
            tools: vec![rule],
            ..Policy::default()
        };
        let id = send(&mut world, "alice", &session, CALL);
        let first = world.pulled();
        let is_list = first.json()["method"] == "tools/list";
        assert_eq!(is_list, is_hidden);
        let failed = format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32602,"message":"Unknown"}}}}"#,
            id_of(&first)
        );
        let listed = result(&first, r#"{"tools":[]}"#);
        world.answers(first, 200, if is_hidden { &listed } else { &failed });
        let sent = world.pulled();
        challenges(&mut world, sent);
        let again = world.pulled();
        assert_eq!(again.json()["method"], "tools/list");
        assert!(asked(&world, 1, "claims").contains("c1"));
        let listed = result(&again, r#"{"tools":[]}"#);
        world.answers(again, 200, &listed);
        assert!(world.pulls.is_empty() && world.is_over(id));
        let told = body_of(&world, id)["error"]["message"].clone();
        assert_eq!(told, "There is no such tool.");
    }
}

// R8: who has no token of Entra's to renew is not sent to Entra.
#[test]
fn challenge_of_a_backend_that_gets_no_token_of_entra_is_a_fault() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let id = send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    challenges(&mut world, sent);
    assert!(world.redeemed.is_empty());
    let told = body_of(&world, id).to_string();
    assert!(told.contains("does not accept this sign-in"), "{told}");
}

#[test]
fn session_that_the_backend_opens_for_claims_only_says_so() {
    let mut world = telling(&format!("entra:{SCOPE}"));
    let body = initialize_with("2025-11-25", &json!({}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    challenges(&mut world, sent);
    let sent = world.pulled();
    challenges(&mut world, sent);
    let told = body_of(&world, id)["error"]["message"].to_string();
    assert!(told.contains("/step-up?link="), "{told}");
}

// R2
#[test]
fn headers_of_app_service_come_with_the_assertion_and_the_token() {
    let mut world = telling(&format!("easy-auth,forwarded,entra:{SCOPE}"));
    let session = begin(&mut world, "alice", "theirs");
    send(&mut world, "alice", &session, CALL);
    let sent = world.pulled();
    for name in [
        "x-ms-client-principal",
        "x-ms-client-principal-id",
        "x-ms-token-aad-id-token",
        "x-forwarded-user",
    ] {
        assert!(sent.header(name).is_some(), "{name}");
    }
    for name in ["x-ms-token-aad-access-token", "x-forwarded-access-token"] {
        assert_eq!(sent.header(name), Some(TOKEN), "{name}");
    }
    let principal = STANDARD.decode(sent.header("x-ms-client-principal").unwrap());
    let principal: Value = serde_json::from_slice(&principal.unwrap()).unwrap();
    let object = "http://schemas.microsoft.com/identity/claims/objectidentifier";
    let claims = principal["claims"].as_array().unwrap();
    assert!(
        claims
            .iter()
            .any(|claim| claim["typ"] == object && claim["val"] == "alice"),
        "{principal}"
    );
}

// R3: what a backend was given for an earlier call, it may have kept.
#[test]
fn assertion_of_an_earlier_call_that_the_backend_sends_back_reaches_no_client() {
    let mut world = world();
    let session = begin(&mut world, "alice", "theirs");
    let mut assertions: Vec<String> = Vec::new();
    for _ in 0..3 {
        send(&mut world, "alice", &session, CALL);
        let sent = world.pulled();
        assertions.push(sent.header("entra-mcp-assertion").unwrap().to_owned());
        let done = result(&sent, r#"{"content":[]}"#);
        world.answers(sent, 200, &done);
        let later = std::time::Duration::from_secs(31);
        world.server.now.instant = world.server.now.instant.after(later);
    }
    assert_ne!(assertions[0], assertions[2]);
    for (number, assertion) in assertions.iter().enumerate() {
        let id = send(&mut world, "alice", &session, CALL);
        let sent = world.pulled();
        let leak = result(&sent, &json!({"x": assertion}).to_string());
        world.answers(sent, 200, &leak);
        assert_eq!(body_of(&world, id)["result"]["isError"], true, "{number}");
        assert_eq!(logged(&world, LogEventId::GatewayLeaked).len(), number + 1);
    }
    // It is nothing to the session of somebody else.
    let others = begin(&mut world, "bob", "for bob");
    let id = send(&mut world, "bob", &others, CALL);
    let sent = world.pulled();
    let copy = result(&sent, &json!({"x": assertions[0]}).to_string());
    world.answers(sent, 200, &copy);
    assert!(body_of(&world, id)["result"]["isError"].is_null());
}
