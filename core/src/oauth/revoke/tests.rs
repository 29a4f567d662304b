//! Revoking.

use bytes::Bytes;

use crate::{
    limits,
    oauth::testing::{SignedIn, error, text},
    testing::{self, client_id},
};

#[test]
fn revoking_either_token_ends_the_session_and_its_streams() {
    for (name, hint) in [
        ("access_token", "refresh_token"),
        ("refresh_token", "access_token"),
    ] {
        let mut alice = SignedIn::new();
        let tokens = alice.redeem();
        let client = alice.client.clone();
        let form = [
            ("client_id", client.as_str()),
            ("token", text(&tokens, name)),
            ("token_type_hint", hint),
        ];
        assert_eq!(alice.post("/revoke", &form).status(), 200);
        assert!(!alice.works(&tokens) && !alice.is_alive(), "{name}");
        assert_eq!(
            error(&alice.refresh(text(&tokens, "refresh_token"), &[])),
            "invalid_grant"
        );
        assert_eq!(alice.post("/revoke", &form).status(), 200, "again");
    }
}

// E11: its refresh token would go on.
#[test]
fn expired_session_token_ends_its_session() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.later(limits::SESSION_TOKEN_LIFETIME);
    assert!(!alice.works(&tokens) && alice.is_alive());
    let client = alice.client.clone();
    let form = [
        ("client_id", client.as_str()),
        ("token", text(&tokens, "access_token")),
    ];
    assert_eq!(alice.post("/revoke", &form).status(), 200);
    assert!(!alice.is_alive());
}

#[test]
fn revocation_of_an_unknown_or_foreign_token_is_200() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    let other = client_id(&alice.world.server, &["https://other.example/cb"]);
    let mut answers = Vec::new();
    for token in [
        "no-such-token",
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    ] {
        let response = alice.post("/revoke", &[("client_id", &other), ("token", token)]);
        answers.push((response.status().as_u16(), testing::text(&response)));
    }
    answers.dedup();
    assert_eq!(answers, [(200, String::new())]);
    assert!(alice.works(&tokens));
    assert_eq!(alice.post("/revoke", &[("token", "x")]).status(), 401);
    let get = alice
        .world
        .server
        .request("GET", "/revoke?token=x")
        .body(Bytes::new());
    assert_eq!(alice.world.send(get.unwrap()).status(), 405);
}

// E11, I7
#[test]
fn open_stream_ends_with_its_session() {
    for name in ["access_token", "refresh_token"] {
        let mut alice = SignedIn::new();
        let tokens = alice.redeem();
        let bearer = format!("Bearer {}", text(&tokens, "access_token"));
        let request = alice.world.server.request("GET", "/sse");
        let request = request.header("authorization", bearer).body(Bytes::new());
        let stream = alice.world.begin(request.unwrap());
        assert!(!alice.world.is_over(stream));
        let client = alice.client.clone();
        let form = [
            ("client_id", client.as_str()),
            ("token", text(&tokens, name)),
        ];
        assert_eq!(alice.post("/revoke", &form).status(), 200);
        assert!(alice.world.sent(stream).closed && alice.world.is_over(stream));
    }
}
