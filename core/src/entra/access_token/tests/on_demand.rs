//! A token for another permission; threats D10, D11, P9.

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{is_alive, with_token_for};
use crate::{
    ask::FetchFault,
    catalog::{
        Call, Catalog, Effect, EffectResult, Handler, ScopeDefinition, Step, Tool, ToolResult,
        scope::Scopes,
    },
    limits,
    mcp::testing::{GRAPH_TOKEN, World, rpc},
    session::record::EntraTokens,
    testing::json as body,
};

const OTHER: &str = "api://22222222-3333-4444-5555-666666666666/Orders.Read";

/// A tool that shows the token of its argument, which no good tool does.
fn show(call: &Call) -> Step<ToolResult> {
    match call.results() {
        [] => Step::Effect(Effect::Token(call.text("scope").to_owned())),
        [EffectResult::Token(Ok(token)), ..] => Step::done(token.expose().as_str()),
        [EffectResult::Token(Err(error)), ..] => Step::done(format!("None: {error}")),
        _ => Step::done("unexpected"),
    }
}

fn world(left: u64) -> World {
    let mut world = with_token_for(std::time::Duration::from_secs(left));
    let schema = json!({"type": "object", "properties": {"scope": {"type": "string"}}});
    let tool = Tool::new("show", "Shows a token").input_schema(schema);
    let scope = |name: &str, permission: &str| ScopeDefinition {
        name: name.to_owned(),
        permission: permission.to_owned(),
        description: "Read.".to_owned(),
    };
    let scopes = [
        scope("mail.read", "Mail.Read"),
        scope("orders.read", OTHER),
        scope("secret.read", "Secret.Read"),
    ];
    let catalog = Catalog::builder().tool(tool, Handler::Step(show));
    let catalog = scopes
        .iter()
        .cloned()
        .fold(catalog, |catalog, scope| catalog.scope(scope));
    world.server.server.catalog = catalog.build().unwrap();
    world.server.server.scopes = Scopes::new(&scopes);
    world.initialize("alice", "2025-11-25");
    world.grant("alice", "user.read mail.read orders.read");
    world
}

fn call(world: &mut World, scope: &str) -> Response<Bytes> {
    let params = json!({"name": "show", "arguments": {"scope": scope}});
    let id = world.initialize("alice", "2025-11-25");
    let named = [("mcp-session-id", id.as_str())];
    let sent = rpc(1, "tools/call", &params);
    let mut request = world.request("alice", "POST", "/mcp", &named, &sent);
    let bearer = format!("Bearer {}", world.token_of_stored("alice"));
    let bearer = bearer.parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    world.send(request)
}

/// What the tool was given for this scope.
fn given(world: &mut World, scope: &str) -> String {
    let response = call(world, scope);
    assert_eq!(response.status(), 200);
    let text = &body(&response)["result"]["content"][0]["text"];
    text.as_str().unwrap().to_owned()
}

fn stored_tokens(world: &World) -> EntraTokens {
    let keys = &world.server.server.keys;
    world.session("alice").entra_tokens(keys).unwrap()
}

fn token_for_orders() -> Value {
    json!({"access_token": "a token for orders", "refresh_token": "the rotated one",
        "expires_in": 3599, "scope": OTHER})
}

fn sent(world: &World) -> String {
    let form = world.redeemed.last().unwrap().body();
    let mut pairs = url::form_urlencoded::parse(form);
    let scope = pairs.find(|(name, _)| name == "scope").unwrap().1;
    scope.into_owned()
}

#[test]
fn stored_token_that_covers_the_scope_is_given() {
    let mut world = world(3000);
    for scope in ["https://graph.microsoft.com/User.Read", "User.Read"] {
        assert_eq!(given(&mut world, scope), format!("{GRAPH_TOKEN} of alice"));
    }
    assert!(world.redeemed.is_empty());
}

// The new token is stored, too.
#[test]
fn stored_token_about_to_expire_is_renewed_for_a_tool() {
    let mut world = world(0);
    assert_eq!(
        given(&mut world, "User.Read"),
        format!("renewed {GRAPH_TOKEN}")
    );
    assert_eq!(
        given(&mut world, "User.Read"),
        format!("renewed {GRAPH_TOKEN}")
    );
    assert_eq!(world.redeemed.len(), 1);
}

// P9: Graph is never shown the token of another resource, nor the other way round.
#[test]
fn token_for_another_resource_is_fetched_and_not_stored() {
    let mut world = world(2000);
    world.entra_responds(200, &token_for_orders());
    world.conflicts = 1;
    assert_eq!(given(&mut world, OTHER), "a token for orders");
    assert_eq!(
        sent(&world),
        format!("openid profile offline_access {OTHER}")
    );
    let stored = stored_tokens(&world);
    assert_eq!(stored.refresh_token.unwrap().expose(), "the rotated one");
    assert_eq!(
        stored.access_token.expose(),
        &format!("{GRAPH_TOKEN} of alice")
    );
    assert_eq!(stored.scope, "User.Read");
    let graph = given(&mut world, "User.Read");
    assert_eq!(graph, format!("{GRAPH_TOKEN} of alice"));
}

// P9: of one session, and no longer than it lasts.
#[test]
fn token_for_another_resource_is_kept_for_its_session_until_it_ends() {
    let mut world = world(3000);
    world.entra_responds(200, &token_for_orders());
    for _ in 0..3 {
        assert_eq!(given(&mut world, OTHER), "a token for orders");
    }
    assert_eq!(world.redeemed.len(), 1);
    world.entra_responds(200, &json!({"access_token": "another", "expires_in": 3599}));
    assert_eq!(given(&mut world, "Mail.Read"), "another");
    assert_eq!(given(&mut world, OTHER), "a token for orders");
    world.wait(3599 - limits::ACCESS_TOKEN_RENEWAL.as_secs());
    let mut next = token_for_orders();
    next["access_token"] = json!("the next");
    world.entra_responds(200, &next);
    assert_eq!(given(&mut world, OTHER), "the next");
    assert_eq!(world.redeemed.len(), 3);
}

// P1: what the consent page said holds, whatever else the user has consented to at Entra.
#[test]
fn token_for_what_the_session_was_not_granted_is_refused_with_the_cure() {
    let mut world = world(3000);
    world.grant("alice", "user.read");
    for (scope, cure) in [
        ("Mail.Read", "not granted `mail.read`"),
        (
            "https://graph.microsoft.com/mail.read User.Read",
            "`user.read mail.read`",
        ),
        (OTHER, "not granted `orders.read`"),
        ("Files.Read", "`ScopeDefinition`"),
        ("api://other/Orders.Read", "`ScopeDefinition`"),
        ("User.Read Files.Read", "`ScopeDefinition`"),
    ] {
        let told = given(&mut world, scope);
        assert!(
            told.starts_with("None: ") && told.contains(cure),
            "{scope}: {told}"
        );
    }
    assert!(world.redeemed.is_empty());
    assert_eq!(
        given(&mut world, "User.Read"),
        format!("{GRAPH_TOKEN} of alice")
    );
}

// What does not pass is not told as what does.
#[test]
fn resource_that_entra_does_not_know_is_told_as_permanent() {
    for (error, told) in [
        (
            json!({"error": "invalid_resource", "error_codes": [500011]}),
            "does not pass",
        ),
        (
            json!({"error": "temporarily_unavailable"}),
            "try again later",
        ),
    ] {
        let mut world = world(3000);
        world.entra_responds(400, &error);
        let given = given(&mut world, OTHER);
        assert!(given.contains(told) && !given.contains("500011"), "{given}");
        assert!(is_alive(&world));
    }
}

#[test]
fn response_without_refresh_token_keeps_the_old_one() {
    let mut world = world(3000);
    let mut tokens = token_for_orders();
    tokens["refresh_token"] = Value::Null;
    world.entra_responds(200, &tokens);
    given(&mut world, OTHER);
    let stored = stored_tokens(&world).refresh_token.unwrap();
    assert_eq!(stored.expose(), "entra refresh token of alice");
}

// D10: a permission that is not given is no reason to sign anybody out.
#[test]
fn missing_consent_is_a_tool_error_and_ends_no_session() {
    for suberror in ["consent_required", "message_only", "basic_action"] {
        let mut world = world(3000);
        let error = json!({"error": "invalid_grant", "suberror": suberror,
            "error_codes": [65001], "error_description": "AADSTS65001: alice@contoso.example"});
        world.entra_responds(400, &error);
        let error = given(&mut world, "Mail.Read");
        assert!(error.starts_with("None: Microsoft Entra ID"), "{error}");
        assert!(!error.contains("AADSTS"), "D5: {error}");
        assert!(sent(&world).ends_with(" https://graph.example/Mail.Read"));
        assert!(is_alive(&world));
    }
}

// D22: of a tool that asks for a token by itself, too.
#[test]
fn claims_that_entra_wants_for_the_token_of_a_tool_become_a_link() {
    let mut world = world(3000);
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    let wants = json!({"error": "interaction_required", "error_codes": [50079], "claims": claims});
    world.entra_responds(400, &wants);
    let told = given(&mut world, OTHER);
    assert!(told.contains("/step-up?link="), "{told}");
    assert!(is_alive(&world));
    // What Entra gives afterwards is given, not what it said before.
    world.entra_responds(200, &token_for_orders());
    assert_eq!(given(&mut world, OTHER), "a token for orders");
}

// D10, D11
#[test]
fn grant_that_is_gone_ends_the_session() {
    let mut world = world(3000);
    world.entra_responds(
        400,
        &json!({"error": "invalid_grant", "error_codes": [50173]}),
    );
    assert_eq!(call(&mut world, OTHER).status(), 401);
    assert!(!is_alive(&world));
}

// D14
#[test]
fn entra_failure_for_a_scope_ends_no_session() {
    let unreachable = |world: &mut World| world.entra.push_back(Err(FetchFault::Unreachable));
    let unknown = |world: &mut World| world.entra_responds(400, &json!({"error": "invalid_scope"}));
    for trouble in [unreachable, unknown] as [fn(&mut World); 2] {
        let mut world = world(3000);
        trouble(&mut world);
        assert!(given(&mut world, OTHER).starts_with("None: "));
        assert!(is_alive(&world));
    }
    let mut world = world(3000);
    assert!(given(&mut world, "a\"b").starts_with("None: "));
    assert!(world.redeemed.is_empty());
}
