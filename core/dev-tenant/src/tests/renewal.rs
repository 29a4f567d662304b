//! Refresh tokens, and the application as itself.

use super::*;

#[test]
fn refresh_issues_a_new_token_and_keeps_the_old_one_valid() {
    let mut world = World::new();
    let tokens = world.tokens("alice");
    let first = tokens["refresh_token"].as_str().unwrap();
    let next = json(&world.refresh(first));
    assert_ne!(next["refresh_token"], tokens["refresh_token"]);
    assert_eq!(world.refresh(first).status(), 200);
    assert_eq!(
        world
            .refresh(next["refresh_token"].as_str().unwrap())
            .status(),
        200
    );
    world.now += 91 * 86_400;
    let late = world.refresh(first);
    assert_eq!(error_of(&late), (400, "invalid_grant".to_owned(), 700_082));
}

#[test]
fn refresh_may_request_another_consented_permission() {
    let mut world = World::new();
    let tokens = world.tokens("alice");
    let token = tokens["refresh_token"].as_str().unwrap();
    let ask = |world: &mut World, scope: &str| {
        world.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("scope", scope),
        ])
    };
    let mail = json(&ask(&mut world, "Mail.Read offline_access openid profile"));
    assert!(mail["scope"].as_str().unwrap().starts_with("Mail.Read "));
    let files = ask(&mut world, "Files.Read");
    assert_eq!(error_of(&files), (400, "invalid_grant".to_owned(), 65_001));
    assert_eq!(json(&files)["suberror"], "consent_required");
    let both = ask(&mut world, "User.Read api://other/read");
    assert_eq!(error_of(&both), (400, "invalid_request".to_owned(), 28_000));
    let unknown = ask(&mut world, "api://other/read");
    assert_eq!(
        error_of(&unknown),
        (400, "invalid_resource".to_owned(), 500_011)
    );
}

#[test]
fn refresh_may_request_a_token_for_the_api_behind_a_gateway() {
    let mut world = World::new();
    let tokens = world.tokens("alice");
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let scope = format!("{}/Orders.Read", crate::ORDERS_URI);
    let token = json(&world.token(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("scope", &scope),
    ]));
    assert_eq!(token["scope"], *scope);
    let payload = token["access_token"].as_str().unwrap().split('.').nth(1);
    let claims = URL_SAFE_NO_PAD.decode(payload.unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"], crate::ORDERS_ID);
    assert_eq!(claims["scp"], "Orders.Read");
    assert_eq!(claims["preferred_username"], "alice@contoso.example");
}

#[test]
fn disabled_blocked_or_revoked_user_cannot_refresh() {
    let mut world = World::new();
    let alice = || username("alice");
    for (control, error, code) in [
        (
            Control::Revoke { username: alice() },
            "invalid_grant",
            50_173,
        ),
        (
            Control::Disable { username: alice() },
            "invalid_grant",
            50_057,
        ),
        (
            Control::Block { username: alice() },
            "invalid_grant",
            53_003,
        ),
        (
            Control::Unassign { username: alice() },
            "invalid_grant",
            50_105,
        ),
    ] {
        let tokens = world.tokens("alice");
        let token = tokens["refresh_token"].as_str().unwrap();
        world.control(control);
        let response = world.refresh(token);
        assert_eq!(error_of(&response), (400, error.to_owned(), code));
        world.control(Control::Enable { username: alice() });
    }
    // A new sign-in heals a revocation.
    let tokens = world.tokens("alice");
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .status(),
        200
    );
}

#[test]
fn refresh_without_second_factor_gets_a_claims_challenge() {
    let mut world = World::new();
    let tokens = world.tokens("frank");
    let response = world.refresh(tokens["refresh_token"].as_str().unwrap());
    assert_eq!(
        error_of(&response),
        (400, "interaction_required".to_owned(), 50_076)
    );
    let body = json(&response);
    assert_eq!(body["suberror"], "basic_action");
    let code = world.code_with("frank", &[("claims", body["claims"].as_str().unwrap())]);
    let tokens = json(&world.redeem(&code));
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .status(),
        200
    );
}

#[test]
fn client_credentials_response_has_four_members() {
    let mut world = World::new();
    let ask = |world: &mut World, scope: &str| {
        let grant = ("grant_type", "client_credentials");
        world.token(&[grant, ("scope", scope), ("client_info", "1")])
    };
    let tokens = json(&ask(
        &mut world,
        "https://graph.microsoft.com/.default openid",
    ));
    let members: Vec<_> = tokens
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        members,
        ["access_token", "expires_in", "ext_expires_in", "token_type"]
    );
    let named = ask(&mut world, "https://graph.microsoft.com/User.Read");
    assert_eq!(
        error_of(&named),
        (400, "invalid_scope".to_owned(), 1_002_012)
    );
    let unknown = ask(&mut world, "api://not-a-registered-resource/.default");
    assert_eq!(
        error_of(&unknown),
        (400, "invalid_resource".to_owned(), 500_011)
    );
}

#[test]
fn refresh_and_access_tokens_survive_a_restart() {
    let mut world = World::new();
    let tokens = world.tokens("alice");
    let mut restarted = World::new();
    restarted.tenant.sealer = crate::sealed::Sealer::new(&Seed::new([77; 32]));
    let refreshed = restarted.refresh(tokens["refresh_token"].as_str().unwrap());
    assert_eq!(refreshed.status(), 200);
    let me = restarted.me("/v1.0/me", tokens["access_token"].as_str().unwrap());
    assert_eq!(me.status(), 200);
}
