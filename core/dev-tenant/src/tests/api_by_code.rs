//! Access tokens for the application as an API by authorization code, `resource`, and tokens that are wrong on purpose.

use super::*;
use crate::{API_URI, COMMAND_LINE_ID, IdTokenFault};

const MCP: &str = "http://localhost:3001/mcp";

/// A sign-in to the command line, which asks for a scope of this App ID URI.
fn sign_in(world: &mut World, uri: &str, more: &Parameters<'_>) -> Response<Bytes> {
    let scope = format!("openid offline_access {uri}/user.read");
    let own = [
        ("client_id", COMMAND_LINE_ID),
        ("redirect_uri", "http://localhost:54321"),
        ("scope", scope.as_str()),
    ];
    world.cookie = None;
    let page = world.authorize(&changed(&own, more));
    match page.status().as_u16() {
        200 => world.choose(&page, "alice"),
        _ => page,
    }
}

fn redeem(world: &mut World, code: &str, more: &Parameters<'_>) -> Response<Bytes> {
    let own = [
        ("grant_type", "authorization_code"),
        ("client_id", COMMAND_LINE_ID),
        ("redirect_uri", "http://localhost:54321"),
        ("code_verifier", VERIFIER),
        ("code", code),
    ];
    // An empty secret takes that of the application away.
    let none = [("client_secret", "")];
    let none = none
        .into_iter()
        .filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    let form: Vec<_> = changed(&own, more).into_iter().chain(none).collect();
    world.token(&form)
}

#[test]
fn command_line_gets_access_and_id_tokens_without_a_secret() {
    let mut world = World::new();
    let jwks = json(&world.get(&format!("/{TENANT_ID}/discovery/v2.0/keys")));
    let code = parameter(&sign_in(&mut world, API_URI, &[]), "code");
    let with_secret = redeem(&mut world, &code, &[("client_secret", "any")]);
    assert_eq!(error_of(&with_secret).2, 700_025);
    assert_eq!(
        error_of(&world.redeem(&code)).2,
        70_000,
        "it is another client's"
    );
    let tokens = json(&redeem(&mut world, &code, &[]));
    let access = tokens["access_token"].as_str().unwrap();
    assert!(
        is_signed_by(&jwks, access) && is_signed_by(&jwks, tokens["id_token"].as_str().unwrap())
    );
    let id = claims(&tokens);
    assert_eq!(
        (&id["aud"], &id["nonce"]),
        (&COMMAND_LINE_ID.into(), &"a nonce".into())
    );
    let claims = part(access, 1);
    assert_eq!(
        (&claims["aud"], &claims["azpacr"]),
        (&CLIENT_ID.into(), &"0".into())
    );
    assert_ne!(claims["sub"], id["sub"], "subjects are pairwise");
    assert_eq!(tokens["scope"], format!("{API_URI}/user.read"));
}

#[test]
fn resource_is_the_app_id_uri_of_the_scopes_exactly() {
    let mut world = World::new();
    world.control(Control::AppIdUri {
        uri: MCP.to_owned(),
    });
    let code = parameter(&sign_in(&mut world, MCP, &[("resource", MCP)]), "code");
    let tokens = json(&redeem(&mut world, &code, &[("resource", MCP)]));
    let refresh = |world: &mut World, resource: &str, scope: &str| {
        let response = world.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", COMMAND_LINE_ID),
            ("client_secret", ""),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
            ("resource", resource),
            ("scope", scope),
        ]);
        error_of(&response).2
    };
    assert_eq!(refresh(&mut world, MCP, ""), 0);
    for other in [
        "http://localhost:3001/mcp/",
        "http://localhost:3001/MCP",
        "https://graph.microsoft.com",
    ] {
        let refused = sign_in(&mut world, MCP, &[("resource", other)]);
        assert_eq!(parameter(&refused, "error"), "invalid_target", "{other}");
        assert_eq!(refresh(&mut world, other, ""), 9_010_010, "{other}");
        assert_eq!(
            refresh(&mut world, other, &format!("{MCP}/user.read")),
            9_010_010
        );
    }
    for (scope, error) in [
        ("api://unregistered/user.read", "invalid_resource"),
        ("Unknown.Read", "invalid_client"),
        ("User.Read", "invalid_resource"),
    ] {
        let refused = sign_in(&mut world, MCP, &[("scope", scope)]);
        assert_eq!(parameter(&refused, "error"), error, "{scope}");
    }
    // The application does not ask for its own API by URI.
    let own = world.authorize(&[("scope", &format!("{API_URI}/user.read"))]);
    assert!(parameter(&own, "error_description").starts_with("AADSTS90009"));
}

#[test]
fn only_clients_that_users_sign_in_to_may_ask_for_that_and_return_where_they_may() {
    let mut world = World::new();
    for (client, redirect_uri, status) in [
        (COMMAND_LINE_ID, "http://localhost:1/", 200),
        (COMMAND_LINE_ID, "http://localhost.evil.example/", 400),
        (COMMAND_LINE_ID, "http://localhost:1/elsewhere", 400),
        (CLIENT_ID, "http://localhost:1/", 400),
        (crate::DAEMON_ID, CALLBACK, 400),
    ] {
        let scope = format!("{API_URI}/user.read");
        let changes = [
            ("client_id", client),
            ("redirect_uri", redirect_uri),
            ("scope", &scope),
        ];
        let changes = match client {
            COMMAND_LINE_ID => &changes[..],
            _ => &changes[..2],
        };
        assert_eq!(
            world.authorize(changes).status(),
            status,
            "{client} {redirect_uri}"
        );
    }
}

#[test]
fn access_token_has_the_fault_that_was_asked_for_once() {
    let mut world = World::new();
    let jwks = json(&world.get(&format!("/{TENANT_ID}/discovery/v2.0/keys")));
    let token = |world: &mut World| {
        let code = parameter(&sign_in(world, API_URI, &[]), "code");
        let tokens = json(&redeem(world, &code, &[]));
        tokens["access_token"].as_str().unwrap().to_owned()
    };
    let good = token(&mut world);
    for fault in [
        IdTokenFault::Unsigned,
        IdTokenFault::SymmetricAlgorithm,
        IdTokenFault::HeaderNonce,
        IdTokenFault::UnknownKey,
        IdTokenFault::WrongSignature,
        IdTokenFault::Issuer,
        IdTokenFault::Audience,
        IdTokenFault::Tenant,
        IdTokenFault::Expired,
        IdTokenFault::NoApplication,
        IdTokenFault::NoObjectId,
    ] {
        world.control(Control::AccessTokenFault { fault });
        let wrong = token(&mut world);
        let (header, claims) = (part(&wrong, 0), part(&wrong, 1));
        let differs = ["iss", "aud", "tid", "azp", "oid"]
            .iter()
            .any(|name| claims[*name] != part(&good, 1)[*name]);
        let has_expired = claims["exp"].as_u64().unwrap() < world.now;
        let is_other = header["alg"] != "RS256" || header.get("nonce").is_some();
        assert!(
            differs || has_expired || is_other || !is_signed_by(&jwks, &wrong),
            "{fault:?}"
        );
    }
    assert!(is_signed_by(&jwks, &token(&mut world)));
}
