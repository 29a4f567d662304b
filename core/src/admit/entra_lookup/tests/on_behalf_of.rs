//! What is asked on behalf of callers, and of whom nothing is.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{BOB, reasons, world};
use crate::{
    catalog::{
        Call, Catalog, Effect, EffectResult, Handler, ScopeDefinition, Step, Tool, ToolResult,
        scope::Scopes,
    },
    config::{AcceptedEntraTokens, Tenants},
    entra::testing::{CALLER, TENANT},
    mcp::testing::{World, initialize, profile, rpc},
    testing::text,
};

/// The parameters of the forms that Entra's token endpoint was sent.
pub(super) fn redeemed(world: &World, name: &str) -> Vec<String> {
    let forms = world.redeemed.iter().map(|request| {
        let mut pairs = url::form_urlencoded::parse(request.body());
        let pair = pairs.find(|(key, _)| key == name);
        pair.map_or_else(String::new, |(_, value)| value.into_owned())
    });
    forms.collect()
}

/// A caller without a user, which the operator has named.
fn application(world: &World) -> String {
    world.access_token(
        &json!({"scp": null, "idtyp": "app", "roles": ["Tools.Execute.All"], "name": null,
        "preferred_username": null}),
    )
}

fn naming_it(accepted: &mut AcceptedEntraTokens) {
    assert!(accepted.add_application(CALLER));
}

// D17: an application's token at a tool that acts as a user.
#[test]
fn application_without_a_user_may_call_and_nothing_is_asked_on_its_behalf() {
    let mut world = World::taking_entra_tokens(naming_it);
    let token = application(&world);
    let session = world.initialize_by(&token);
    let refused = world.details(&token, &session);
    assert_eq!(refused.status(), 403);
    assert!(
        text(&refused).contains("acts as a user"),
        "{}",
        text(&refused)
    );
    assert!(world.redeemed.is_empty() && world.asked.is_empty());
}

// D17
#[test]
fn graph_is_asked_on_behalf_of_the_caller_once_for_each_assertion() {
    let mut world = world();
    let alice = world.access_token(&json!({}));
    let bob = world.access_token(&json!({"oid": BOB}));
    for (token, graph) in [
        (&alice, "graph token of alice"),
        (&bob, "graph token of bob"),
    ] {
        let session = world.initialize_by(token);
        let answer = json!({"access_token": graph, "expires_in": 3599, "scope": "User.Read"});
        world.entra_responds(200, &answer);
        for _ in 0..2 {
            world.graph_responds(200, &profile("somebody"));
            let details = world.details(token, &session);
            assert_eq!(details.status(), 200);
            let asked = world.asked.last().unwrap();
            let expected = format!("Bearer {graph}");
            assert_eq!(asked.headers()["authorization"], expected.as_str());
        }
    }
    assert_eq!(redeemed(&world, "assertion"), [alice, bob]);
    let jwt_bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    assert_eq!(redeemed(&world, "grant_type"), [jwt_bearer; 2]);
    assert_eq!(redeemed(&world, "requested_token_use"), ["on_behalf_of"; 2]);
    assert_eq!(
        redeemed(&world, "scope"),
        ["https://graph.example/User.Read"; 2]
    );
}

// D17: what was got for an assertion is used as long as that lasts.
#[test]
fn token_on_behalf_of_a_caller_ends_with_the_assertion() {
    let mut world = world();
    let now = world.server.now.unix.0;
    let token = world.access_token(&json!({"exp": now + 100}));
    let session = world.initialize_by(&token);
    for redeemed in [1, 1, 2] {
        world.graph_responds(200, &profile("alice"));
        assert_eq!(world.details(&token, &session).status(), 200);
        assert_eq!(world.redeemed.len(), redeemed);
        world.pass(Duration::from_secs(60));
    }
}

// D17, D24
#[test]
fn token_on_behalf_of_a_caller_is_asked_for_at_their_tenant_where_there_are_several() {
    let mut world = world();
    let entra = &mut world.server.server.config.entra;
    entra.tenant = "tenant".to_owned();
    entra.tenants = Tenants::Listed([TENANT.to_owned()].into());
    let token = world.access_token(&json!({}));
    let session = world.initialize_by(&token);
    world.graph_responds(200, &profile("alice"));
    assert_eq!(world.details(&token, &session).status(), 200);
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    assert_eq!(world.redeemed[0].uri().path(), path);
}

/// What the tool says that asked Graph after Entra has refused so.
fn refused(error: &Value) -> (u16, String, World) {
    let mut world = world();
    let token = world.access_token(&json!({}));
    let session = world.initialize_by(&token);
    world.entra_responds(400, error);
    let details = world.details(&token, &session);
    let said = text(&details);
    (details.status().as_u16(), said, world)
}

// D17
#[test]
fn missing_consent_is_told_in_words_and_the_caller_goes_on() {
    let (status, said, mut world) = refused(&json!({"error": "invalid_grant",
        "suberror": "consent_required", "error_codes": [65001]}));
    assert_eq!(status, 200);
    assert!(said.contains("administrator has not consented"), "{said}");
    let token = world.access_token(&json!({}));
    assert_eq!(
        world
            .post_with(&token, &[], initialize("2025-11-25"))
            .status(),
        200
    );
}

// D17: revoked or disabled at Entra.
#[test]
fn caller_whose_token_entra_takes_no_more_is_out_with_that_token() {
    let (status, _, mut world) =
        refused(&json!({"error": "invalid_grant", "error_codes": [50173]}));
    assert_eq!(status, 401);
    let token = world.access_token(&json!({}));
    assert_eq!(
        world
            .post_with(&token, &[], initialize("2025-11-25"))
            .status(),
        401
    );
    assert!(reasons(&world)[0].starts_with("Entra ID takes it no more"));
    let another = world.access_token(&json!({"uti": "after another sign-in"}));
    assert_eq!(
        world
            .post_with(&another, &[], initialize("2025-11-25"))
            .status(),
        200
    );
}

// D17, D11: Graph refuses the token that is known: one more is got, and no third.
#[test]
fn token_that_graph_refuses_is_got_once_more() {
    let mut world = world();
    let token = world.access_token(&json!({}));
    let session = world.initialize_by(&token);
    world.graph_responds(401, &json!({}));
    world.graph_responds(200, &profile("alice"));
    assert_eq!(world.details(&token, &session).status(), 200);
    assert_eq!(world.redeemed.len(), 2);
    world.graph_responds(401, &json!({}));
    world.graph_responds(401, &json!({}));
    let details = world.details(&token, &session);
    assert_eq!(details.status(), 200);
    assert!(
        text(&details).contains("does not allow"),
        "{}",
        text(&details)
    );
    assert_eq!(world.redeemed.len(), 3);
}

// D19: what Graph wants goes to Entra, and what comes back serves the calls after it.
#[test]
fn token_that_satisfies_the_claims_of_graph_is_the_one_that_is_kept() {
    let mut world = world();
    let token = world.access_token(&json!({}));
    let session = world.initialize_by(&token);
    world.graph_challenges(CLAIMS);
    world.graph_responds(200, &profile("alice"));
    assert_eq!(world.details(&token, &session).status(), 200);
    let sent = redeemed(&world, "claims");
    assert!(!sent[0].contains("acrs") && sent[1].contains("acrs"));
    world.graph_responds(200, &profile("alice"));
    assert_eq!(world.details(&token, &session).status(), 200);
    assert_eq!(world.redeemed.len(), 2, "it is known");
}

pub(super) const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;

/// A call on behalf of a caller with these claims, of whom Entra wants more.
fn step_up(of_token: &Value, claims: &str) -> (u16, String, String) {
    let mut world = world();
    let token = world.access_token(of_token);
    let session = world.initialize_by(&token);
    world.entra_responds(
        400,
        &json!({"error": "interaction_required", "error_codes": [50079], "claims": claims}),
    );
    let refused = world.details(&token, &session);
    let challenge = crate::testing::header(&refused, "www-authenticate").to_owned();
    // With a token that satisfies them the same MCP session goes on.
    let again = world.access_token(&json!({"acrs": ["c1"], "uti": "after the step-up"}));
    world.graph_responds(200, &profile("alice"));
    assert_eq!(world.details(&again, &session).status(), 200);
    (refused.status().as_u16(), challenge, text(&refused))
}

// D19
#[test]
fn claims_that_entra_wants_are_a_challenge_to_a_caller_who_takes_them() {
    let (status, challenge, _) = step_up(&json!({"xms_cc": ["CP1"]}), CLAIMS);
    assert_eq!(status, 401);
    let encoded = STANDARD.encode(CLAIMS);
    assert!(
        challenge.contains("error=\"insufficient_claims\""),
        "{challenge}"
    );
    assert!(
        challenge.contains(&format!("claims=\"{encoded}\"")),
        "{challenge}"
    );
    assert!(challenge.contains("resource_metadata="), "{challenge}");
}

// D19
#[test]
fn claims_that_entra_wants_are_words_to_a_caller_who_takes_none() {
    let (status, _, said) = step_up(&json!({}), CLAIMS);
    assert_eq!(status, 200);
    assert!(said.contains("such as a second factor"), "{said}");
}

// D19
#[test]
fn claims_that_are_no_challenge_are_not_passed_on() {
    let long = format!(r#"{{"access_token":{{"x":"{}"}}}}"#, "x".repeat(5000));
    for claims in ["", "not JSON", "[]", r#"{"id_token":{}}"#, &long] {
        let (status, challenge, _) = step_up(&json!({"xms_cc": ["cp1"]}), claims);
        assert_eq!((status, challenge.as_str()), (200, ""), "{claims}");
    }
}

/// Says whether it was given a token of the orders.
fn orders(call: &Call) -> Step<ToolResult> {
    match call.results() {
        [] => Step::effect(Effect::Token(ORDERS.to_owned())),
        [EffectResult::Token(Ok(token)), ..] => Step::done(token.expose().as_str()),
        _ => Step::done("none"),
    }
}

const ORDERS: &str = "api://22222222-3333-4444-5555-666666666666/Orders.Read";

// D19: of a tool that asks for a token by itself, too.
#[test]
fn claims_that_entra_wants_for_the_token_of_a_tool_are_a_challenge_to_the_caller() {
    let mut world = world();
    let scopes = [ScopeDefinition {
        name: "orders.read".to_owned(),
        permission: ORDERS.to_owned(),
        description: "Read orders.".to_owned(),
    }];
    let catalog = Catalog::builder().scope(scopes[0].clone());
    let catalog = catalog.tool(Tool::new("orders", "Orders"), Handler::Step(orders));
    world.server.server.catalog = catalog.build().unwrap();
    world.server.server.scopes = Scopes::new(&scopes);
    let of_token =
        |uti: &str| json!({"scp": "user.read orders.read", "xms_cc": ["cp1"], "uti": uti});
    let token = world.access_token(&of_token("before"));
    let session = world.initialize_by(&token);
    let call = |world: &mut World, token: &str| {
        let body = rpc(7, "tools/call", &json!({"name": "orders", "arguments": {}}));
        world.post_with(token, &[("mcp-session-id", session.as_str())], body)
    };
    let wants = json!({"error": "interaction_required", "error_codes": [50079], "claims": CLAIMS});
    world.entra_responds(400, &wants);
    let refused = call(&mut world, &token);
    assert_eq!(refused.status(), 401);
    let challenge = crate::testing::header(&refused, "www-authenticate").to_owned();
    assert!(challenge.contains(&STANDARD.encode(CLAIMS)), "{challenge}");
    assert_eq!(redeemed(&world, "scope"), [ORDERS]);
    let again = world.access_token(&of_token("after the step-up"));
    let answer = json!({"access_token": "a token for orders", "expires_in": 3599, "scope": ORDERS});
    world.entra_responds(200, &answer);
    assert!(text(&call(&mut world, &again)).contains("a token for orders"));
}
