//! Clients that the operator has registered, at the token and the revocation endpoint.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Response;

use crate::{
    config::{ClientEntry, PreregisteredClients, Registration, SecretHash},
    oauth::testing::{CHALLENGE, SignedIn, VERIFIER, error, text},
    secret::Secret,
    testing,
};

const ID: &str = "copilot-studio";
const SECRET: &str = "5f1d7a5e1c9b4d0e8f2a6b3c7d9e0f1a";

fn entry() -> ClientEntry {
    ClientEntry {
        position: 1,
        id: ID.to_owned(),
        secrets: vec![SecretHash::of(&Secret::new(SECRET.to_owned()))],
        ..ClientEntry::default()
    }
}

fn without_pkce() -> ClientEntry {
    ClientEntry {
        pkce_optional: true,
        ..entry()
    }
}

/// Alice has come back to this client with a code.
fn signed_in(entry: ClientEntry, challenge: Option<&str>) -> SignedIn {
    SignedIn::with_preregistered(entry, challenge)
}

fn basic(secret: &str) -> (&'static str, String) {
    let credentials = STANDARD.encode(format!("{ID}:{secret}"));
    ("authorization", format!("Basic {credentials}"))
}

/// Redeems the code by Basic, or by the form if the secret is there.
fn by_basic(alice: &mut SignedIn, secret: &str) -> Response<Bytes> {
    let code = alice.code.clone();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
    ];
    alice.post_with("/token", &form, &[basic(secret)])
}

// E9
#[test]
fn preregistered_client_authenticates_by_basic_or_by_form() {
    let mut alice = signed_in(entry(), Some(CHALLENGE));
    let response = by_basic(&mut alice, SECRET);
    assert_eq!(response.status(), 200, "{}", testing::text(&response));
    assert!(alice.works(&testing::json(&response)));
    let mut alice = signed_in(entry(), Some(CHALLENGE));
    assert_eq!(alice.token(&[("client_secret", SECRET)]).status(), 200);
}

// E13: who does not prove to be the client spends nothing of it.
#[test]
fn wrong_secret_spends_no_code_rotates_no_refresh_token_and_ends_no_session() {
    let mut alice = signed_in(entry(), Some(CHALLENGE));
    let wrong = "0".repeat(32);
    for _ in 0..2 {
        let response = by_basic(&mut alice, &wrong);
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("www-authenticate"));
        assert_eq!(error(&response), "invalid_client");
        let hash = SecretHash::of(&Secret::new(SECRET.to_owned())).to_string();
        for secret in [wrong.as_str(), "", &hash, &SECRET.to_uppercase()] {
            assert_eq!(
                error(&alice.token(&[("client_secret", secret)])),
                "invalid_client"
            );
        }
    }
    let tokens = testing::json(&by_basic(&mut alice, SECRET));
    let first = text(&tokens, "refresh_token");
    assert_eq!(
        error(&alice.refresh(first, &[("client_secret", &wrong)])),
        "invalid_client"
    );
    assert_eq!(error(&alice.refresh(first, &[])), "invalid_client");
    assert!(
        alice.session_of(first).refresh.unwrap().earlier.is_empty(),
        "it was not rotated"
    );
    let form = [
        ("client_id", ID),
        ("client_secret", &wrong),
        ("token", first),
    ];
    assert_eq!(error(&alice.post("/revoke", &form)), "invalid_client");
    assert!(alice.is_alive());
    let refreshed = alice.refresh(first, &[("client_secret", SECRET)]);
    assert_eq!(refreshed.status(), 200);
    let tokens = testing::json(&refreshed);
    let form = [("token", text(&tokens, "refresh_token"))];
    assert_eq!(
        alice.post_with("/revoke", &form, &[basic(SECRET)]).status(),
        200
    );
    assert!(!alice.is_alive());
}

// C2, E2: without a challenge it is the secret that says who may redeem the code.
#[test]
fn code_without_pkce_is_redeemed_by_the_secret_and_once() {
    let mut alice = signed_in(without_pkce(), None);
    let secret = ("client_secret", SECRET);
    let response = alice.token(&[secret]);
    assert_eq!(
        error(&response),
        "invalid_grant",
        "a verifier that nobody asked for"
    );
    let without = [secret, ("code_verifier", "")];
    assert_eq!(error(&alice.token(&without[1..])), "invalid_client");
    let response = alice.token(&without);
    assert_eq!(response.status(), 200, "{}", testing::text(&response));
    assert!(alice.is_alive());
    assert_eq!(error(&alice.token(&without)), "invalid_grant");
    assert!(!alice.is_alive(), "it was used twice");
}

// C1, C2
#[test]
fn code_with_pkce_needs_its_verifier_whoever_redeems_it() {
    let without = [("client_secret", SECRET), ("code_verifier", "")];
    let mut alice = signed_in(without_pkce(), Some(CHALLENGE));
    assert_eq!(error(&alice.token(&without)), "invalid_grant");
    assert_eq!(alice.token(&without[..1]).status(), 200);
    let mut alice = signed_in(entry(), Some(CHALLENGE));
    assert_eq!(error(&alice.token(&without)), "invalid_request");
    assert_eq!(alice.token(&without[..1]).status(), 200);
}

// H14: the list is that of the moment.
#[test]
fn change_of_the_list_counts_at_once_and_ends_no_session() {
    let mut alice = signed_in(without_pkce(), None);
    let good = [("client_secret", SECRET), ("code_verifier", "")];
    let listed = alice.world.server.clients.clone();
    alice.world.server.clients = PreregisteredClients::default();
    assert_eq!(error(&alice.token(&good)), "invalid_client");
    let now_with_pkce = alice.world.server.server.preregistered(vec![entry()]);
    alice.world.server.clients = now_with_pkce.unwrap();
    assert_eq!(error(&alice.token(&good)), "invalid_request");
    alice.world.server.clients = listed;
    assert_eq!(alice.token(&good).status(), 200);
}

// H15
#[test]
fn user_who_was_taken_off_the_list_refreshes_no_more() {
    let mut alice = signed_in(entry(), Some(CHALLENGE));
    let secret = ("client_secret", SECRET);
    let tokens = testing::json(&alice.token(&[secret]));
    let token = text(&tokens, "refresh_token");
    let only_bob = ClientEntry {
        users: vec!["bob@contoso.example".to_owned()],
        ..entry()
    };
    let listed = alice.world.server.clients.clone();
    let only_bob = alice.world.server.server.preregistered(vec![only_bob]);
    alice.world.server.clients = only_bob.unwrap();
    assert_eq!(error(&alice.refresh(token, &[secret])), "invalid_grant");
    alice.world.server.clients = listed;
    assert_eq!(alice.refresh(token, &[secret]).status(), 200);
}

// A10: who was let in before refreshes no more; signing out works all the same.
#[test]
fn closed_server_gives_tokens_to_clients_of_the_list_only() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.world.server.server.config.registration = Registration::Closed;
    let token = text(&tokens, "refresh_token");
    assert_eq!(error(&alice.refresh(token, &[])), "invalid_client");
    let client = alice.client.clone();
    let form = [("client_id", client.as_str()), ("token", token)];
    assert_eq!(alice.post("/revoke", &form).status(), 200);
    assert!(!alice.is_alive());
    let mut alice = signed_in(entry(), Some(CHALLENGE));
    alice.world.server.server.config.registration = Registration::Closed;
    assert_eq!(alice.token(&[("client_secret", SECRET)]).status(), 200);
}
