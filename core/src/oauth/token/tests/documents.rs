//! Clients whose `client_id` is the URL of their document, at the token and the revocation endpoint.

use crate::oauth::testing::{SignedIn, error, text};

const URL: &str = "https://app.example/client.json";

// H7, H9: nothing is fetched where nobody is asked. The world has no host that would answer.
#[test]
fn client_of_a_document_redeems_refreshes_and_revokes_without_a_fetch() {
    let mut alice = SignedIn::of(URL);
    let tokens = alice.redeem();
    assert!(alice.works(&tokens));
    // C#'s SDK sends an empty secret, and an extra resource does no harm.
    let empty = [
        ("client_secret", ""),
        ("resource", "http://localhost:3001/mcp"),
    ];
    let refreshed = alice.refresh(text(&tokens, "refresh_token"), &empty);
    assert_eq!(refreshed.status(), 200);
    let form = [("client_id", URL), ("token", text(&tokens, "access_token"))];
    assert_eq!(alice.post("/revoke", &form).status(), 200);
    assert!(!alice.is_alive());
}

// H9, E3: a URL proves nothing; the code does, and it names its client.
#[test]
fn code_of_a_client_of_a_document_is_good_for_that_client_alone() {
    for other in [
        "https://evil.example/client.json",
        "https://app.example/client.json/",
        "https://app.example:443/client.json",
    ] {
        let mut alice = SignedIn::of(URL);
        assert_eq!(
            error(&alice.token(&[("client_id", other)])),
            "invalid_grant",
            "{other}"
        );
        alice.redeem();
    }
    for broken in [
        "https://app.example",
        "https://app.example/client.json#",
        "http://app.example/c",
    ] {
        let mut alice = SignedIn::of(URL);
        assert_eq!(
            error(&alice.token(&[("client_id", broken)])),
            "invalid_client",
            "{broken}"
        );
    }
}

// H9: such a client has no secret.
#[test]
fn client_of_a_document_with_a_secret_is_refused() {
    let mut alice = SignedIn::of(URL);
    assert_eq!(
        error(&alice.token(&[("client_secret", "x")])),
        "invalid_client"
    );
    alice.redeem();
}
