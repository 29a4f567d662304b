//! Access tokens for the application as an API, and what it gets on behalf of whom they are of.

use super::*;
use crate::{API_URI, CLIENT_ID, COMMAND_LINE_ID, DAEMON_ID, DAEMON_SECRET};

/// An access token of somebody for the API.
pub(super) fn api_token(world: &mut World, username: &str) -> String {
    let scope = format!("{API_URI}/user.read");
    let response = world.post(
        &format!("/{TENANT_ID}/oauth2/v2.0/token"),
        &[
            ("grant_type", "password"),
            ("client_id", COMMAND_LINE_ID),
            ("username", username),
            ("password", "anything"),
            ("scope", &scope),
        ],
    );
    assert_eq!(response.status(), 200, "{}", text(&response));
    json(&response)["access_token"].as_str().unwrap().to_owned()
}

fn daemon_token(world: &mut World) -> String {
    let scope = format!("{API_URI}/.default");
    let response = world.post(
        &format!("/{TENANT_ID}/oauth2/v2.0/token"),
        &[
            ("grant_type", "client_credentials"),
            ("client_id", DAEMON_ID),
            ("client_secret", DAEMON_SECRET),
            ("scope", &scope),
        ],
    );
    assert_eq!(response.status(), 200, "{}", text(&response));
    json(&response)["access_token"].as_str().unwrap().to_owned()
}

fn on_behalf_of(world: &mut World, assertion: &str) -> Response<Bytes> {
    world.token(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("requested_token_use", "on_behalf_of"),
        ("assertion", assertion),
        ("scope", "https://graph.microsoft.com/User.Read"),
    ])
}

#[test]
fn access_token_for_the_api_has_the_claims_of_its_version() {
    let mut world = World::new();
    let jwks = json(&world.get(&format!("/{TENANT_ID}/discovery/v2.0/keys")));
    let token = api_token(&mut world, "alice");
    assert!(is_signed_by(&jwks, &token));
    let claims = part(&token, 1);
    assert_eq!(
        (&claims["ver"], &claims["aud"]),
        (&"2.0".into(), &CLIENT_ID.into())
    );
    assert_eq!(
        (&claims["azp"], &claims["scp"]),
        (&COMMAND_LINE_ID.into(), &"user.read".into())
    );
    assert_eq!(claims["idtyp"], "user");
    let app = part(&daemon_token(&mut world), 1);
    assert_eq!(
        (&app["idtyp"], &app["roles"][0]),
        (&"app".into(), &"Tools.Execute.All".into())
    );
    assert!(app["scp"].is_null() && app["name"].is_null() && app["oid"] == app["sub"]);
    world.control(Control::AccessTokenVersion { version: 1 });
    let claims = part(&api_token(&mut world, "alice"), 1);
    assert_eq!(
        (&claims["ver"], &claims["aud"]),
        (&"1.0".into(), &API_URI.into())
    );
    let document = json(&world.get(&format!("/{TENANT_ID}/.well-known/openid-configuration")));
    assert_eq!(claims["iss"], document["issuer"]);
    assert!(claims["azp"].is_null() && claims["appid"] == COMMAND_LINE_ID);
}

#[test]
fn graph_is_asked_on_behalf_of_a_user_by_their_access_token() {
    let mut world = World::new();
    let assertion = api_token(&mut world, "bob");
    let tokens = json(&on_behalf_of(&mut world, &assertion));
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    assert!(tokens["refresh_token"].is_null(), "nobody asked for it");
    let me = json(&world.me("/v1.0/me", &token));
    assert_eq!(me["displayName"], "Bob Baumann");
}

#[test]
fn assertion_that_is_none_is_refused_as_entra_does() {
    let mut world = World::new();
    let id_token = world.tokens("alice")["id_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let daemon = daemon_token(&mut world);
    let good = api_token(&mut world, "alice");
    let forged = format!("{}x", good.strip_suffix(|_: char| true).unwrap());
    for (assertion, code) in [
        (id_token.as_str(), 240_002),
        (daemon.as_str(), 50_013),
        (forged.as_str(), 50_013),
        ("a.b.c", 50_013),
    ] {
        let refused = error_of(&on_behalf_of(&mut world, assertion));
        assert_eq!(refused, (400, "invalid_grant".to_owned(), code));
    }
    let another = Some("another application".to_owned());
    world.control(Control::AccessTokenAudience { audience: another });
    let foreign = api_token(&mut world, "alice");
    assert_eq!(error_of(&on_behalf_of(&mut world, &foreign)).2, 500_131);
    world.control(Control::AccessTokenAudience { audience: None });
    world.control(Control::Revoke {
        username: username("alice"),
    });
    let revoked = error_of(&on_behalf_of(&mut world, &good));
    assert_eq!(revoked, (400, "invalid_grant".to_owned(), 50_173));
    let frank = api_token(&mut world, "frank");
    let response = on_behalf_of(&mut world, &frank);
    assert_eq!(error_of(&response).2, 50_076);
    assert!(json(&response)["claims"].is_string());
    let carol = api_token(&mut world, "carol");
    assert_eq!(error_of(&on_behalf_of(&mut world, &carol)).2, 65_001);
    world.control(Control::ClockOffset { seconds: 4000 });
    assert_eq!(error_of(&on_behalf_of(&mut world, &frank)).2, 500_133);
}

#[test]
fn other_applications_get_tokens_for_the_api_alone() {
    let mut world = World::new();
    let scope = format!("{API_URI}/.default");
    for (form, code) in [
        (
            vec![
                ("grant_type", "client_credentials"),
                ("client_id", DAEMON_ID),
                ("client_secret", "x"),
                ("scope", &scope),
            ],
            7_000_215,
        ),
        (
            vec![
                ("grant_type", "client_credentials"),
                ("client_id", DAEMON_ID),
                ("client_secret", DAEMON_SECRET),
                ("scope", "https://graph.microsoft.com/.default"),
            ],
            1_002_012,
        ),
        (
            vec![
                ("grant_type", "password"),
                ("client_id", DAEMON_ID),
                ("scope", &scope),
            ],
            70_003,
        ),
        (
            vec![
                ("grant_type", "password"),
                ("client_id", COMMAND_LINE_ID),
                ("username", "dave"),
                ("password", "x"),
                ("scope", &scope),
            ],
            50_057,
        ),
    ] {
        let response = world.post(&format!("/{TENANT_ID}/oauth2/v2.0/token"), &form);
        assert_eq!(error_of(&response).2, code, "{form:?}");
    }
}
