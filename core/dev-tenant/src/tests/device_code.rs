//! Device code (RFC 8628).

use super::*;
use crate::{API_URI, COMMAND_LINE_ID};

fn ask(world: &mut World, client: &str, scope: &str) -> Value {
    let path = format!("/{TENANT_ID}/oauth2/v2.0/devicecode");
    let response = world.post(&path, &[("client_id", client), ("scope", scope)]);
    assert_eq!(response.status(), 200, "{}", text(&response));
    json(&response)
}

fn poll(world: &mut World, client: &str, device_code: &str) -> Response<Bytes> {
    let secret = match client {
        CLIENT_ID => CLIENT_SECRET,
        _ => "",
    };
    world.token(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", client),
        ("client_secret", secret),
        ("device_code", device_code),
    ])
}

/// Enters the code that the device shows; the page that asks who signs in.
fn enter(world: &mut World, user_code: &str) -> Response<Bytes> {
    let page = world.get("/devicelogin");
    assert!(text(&page).contains("name=\"user_code\""));
    world.post("/devicelogin", &[("user_code", user_code)])
}

fn choose(world: &mut World, page: &Response<Bytes>, fields: &Parameters<'_>) -> Response<Bytes> {
    let ctx = ctx(page);
    let form = [&[("ctx", ctx.as_str())], fields].concat();
    world.post("/devicelogin", &form)
}

#[test]
fn user_who_enters_the_code_of_a_device_signs_it_in() {
    let mut world = World::new();
    let scope = format!("{API_URI}/user.read openid profile offline_access");
    let asked = ask(&mut world, COMMAND_LINE_ID, &scope);
    assert_eq!(asked["verification_uri"], format!("{ORIGIN}/devicelogin"));
    assert_eq!(
        (&asked["expires_in"], &asked["interval"]),
        (&900.into(), &5.into())
    );
    let code = asked["device_code"].as_str().unwrap();
    let pending = error_of(&poll(&mut world, COMMAND_LINE_ID, code));
    assert_eq!(pending, (400, "authorization_pending".to_owned(), 70_016));
    let page = enter(&mut world, asked["user_code"].as_str().unwrap());
    let done = choose(&mut world, &page, &[("username", "alice@contoso.example")]);
    assert!(text(&done).contains("You have signed in on your device"));
    let another = error_of(&poll(&mut world, CLIENT_ID, code));
    assert_eq!(another.1, "bad_verification_code", "it is another client's");
    let tokens = json(&poll(&mut world, COMMAND_LINE_ID, code));
    assert_eq!(claims(&tokens)["aud"], COMMAND_LINE_ID);
    let access = part(tokens["access_token"].as_str().unwrap(), 1);
    assert_eq!(
        (&access["azp"], &access["scp"]),
        (&COMMAND_LINE_ID.into(), &"user.read".into())
    );
    let again = error_of(&poll(&mut world, COMMAND_LINE_ID, code));
    assert_eq!(again.1, "bad_verification_code", "it is used up");
    let refreshed = world.token(&[
        ("grant_type", "refresh_token"),
        ("client_id", COMMAND_LINE_ID),
        ("client_secret", ""),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ]);
    assert_eq!(refreshed.status(), 200, "{}", text(&refreshed));
}

#[test]
fn application_with_a_secret_is_consented_to_on_the_way() {
    let mut world = World::new();
    let asked = ask(&mut world, CLIENT_ID, SCOPE);
    let page = enter(&mut world, asked["user_code"].as_str().unwrap());
    let consent = choose(&mut world, &page, &[("username", "carol")]);
    assert!(
        text(&consent).contains("Read your profile"),
        "{}",
        text(&consent)
    );
    let code = asked["device_code"].as_str().unwrap();
    assert_eq!(error_of(&poll(&mut world, CLIENT_ID, code)).2, 70_016);
    choose(&mut world, &consent, &[("action", "accept")]);
    let tokens = json(&poll(&mut world, CLIENT_ID, code));
    let me = json(&world.me("/v1.0/me", tokens["access_token"].as_str().unwrap()));
    assert_eq!(me["givenName"], "Carol");
}

#[test]
fn device_is_told_when_its_user_declines_or_takes_too_long() {
    let mut world = World::new();
    let scope = format!("{API_URI}/user.read");
    let asked = ask(&mut world, COMMAND_LINE_ID, &scope);
    let code = asked["device_code"].as_str().unwrap();
    let wrong = enter(&mut world, "BBBBBBBBB");
    assert!(text(&wrong).contains("That code is not known"));
    let page = enter(
        &mut world,
        &asked["user_code"].as_str().unwrap().to_ascii_lowercase(),
    );
    choose(&mut world, &page, &[("action", "cancel")]);
    let declined = error_of(&poll(&mut world, COMMAND_LINE_ID, code));
    assert_eq!(declined.1, "authorization_declined");
    let asked = ask(&mut world, COMMAND_LINE_ID, &scope);
    world.now += 900;
    let code = asked["device_code"].as_str().unwrap();
    let expired = error_of(&poll(&mut world, COMMAND_LINE_ID, code));
    assert_eq!((expired.1.as_str(), expired.2), ("expired_token", 70_020));
    let late = enter(&mut world, asked["user_code"].as_str().unwrap());
    assert!(text(&late).contains("That code is not known"));
}

#[test]
fn account_that_may_not_sign_in_may_not_on_a_device_either() {
    let mut world = World::new();
    let asked = ask(&mut world, COMMAND_LINE_ID, &format!("{API_URI}/user.read"));
    let page = enter(&mut world, asked["user_code"].as_str().unwrap());
    for (username, words) in [("dave", "50057"), ("olivia", "out of date"), ("agent", "")] {
        let refused = choose(&mut world, &page, &[("username", username)]);
        assert!(text(&refused).contains(words), "{}", text(&refused));
    }
    assert!(
        !text(&page).contains("agent@contoso.example"),
        "nobody signs in as an agent"
    );
}
