//! Redeeming codes.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    limits,
    oauth::testing::{SignedIn, VERIFIER, error, text},
    testing::{self, client_id, header},
};

// E1, E12, G2
#[test]
fn code_gives_session_tokens_and_nothing_of_entra() {
    let mut alice = SignedIn::new();
    let response = alice.token(&[]);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "cache-control"), "no-store");
    let body = testing::json(&response);
    let members: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        [
            "access_token",
            "expires_in",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    assert_eq!(
        (text(&body, "token_type"), text(&body, "scope")),
        ("Bearer", "user.read")
    );
    assert_eq!(body["expires_in"], 3600);
    assert!(!body.to_string().contains("entra"));
    assert!(alice.works(&body));
}

// C3, C4, E1, E10: they are all answered alike.
#[test]
fn code_with_a_wrong_parameter_is_invalid_grant() {
    let mut alice = SignedIn::new();
    let other = client_id(&alice.world.server, &["https://other.example/cb"]);
    let wrong = [
        ("code", "junk"),
        (
            "code_verifier",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX",
        ),
        ("code_verifier", "short"),
        ("redirect_uri", "http://127.0.0.1:5000/other"),
        ("client_id", &other),
    ];
    let mut answers = Vec::new();
    for change in wrong {
        let response = alice.token(&[change]);
        assert_eq!(
            (response.status().as_u16(), error(&response).as_str()),
            (400, "invalid_grant")
        );
        answers.push(testing::text(&response));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    alice.redeem();
}

// OAuth 2.1 section 10.2: the parameter was dropped
#[test]
fn token_request_without_redirect_uri_succeeds() {
    assert_eq!(SignedIn::new().token(&[("redirect_uri", "")]).status(), 200);
}

// C3
#[test]
fn code_expires_after_a_minute() {
    let mut alice = SignedIn::new();
    alice.later(limits::AUTHORIZATION_CODE_LIFETIME);
    assert_eq!(error(&alice.token(&[])), "invalid_grant");
}

// E2
#[test]
fn code_redeemed_twice_ends_its_session() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    assert_eq!(error(&alice.token(&[])), "invalid_grant");
    assert!(!alice.is_alive() && !alice.works(&tokens));
    let again = alice.refresh(text(&tokens, "refresh_token"), &[]);
    assert_eq!(error(&again), "invalid_grant");
}

// B8, E1
#[test]
fn malformed_token_request_is_refused() {
    let mut alice = SignedIn::new();
    assert_eq!(
        error(&alice.token(&[("grant_type", "password")])),
        "unsupported_grant_type"
    );
    for missing in ["grant_type", "code", "code_verifier"] {
        assert_eq!(
            error(&alice.token(&[(missing, "")])),
            "invalid_request",
            "{missing}"
        );
    }
    let twice = [("code_verifier", VERIFIER), ("code_verifier", VERIFIER)];
    assert_eq!(error(&alice.token(&twice)), "invalid_request");
    assert_eq!(
        error(&alice.post("/token?grant_type=x", &[])),
        "invalid_request"
    );
    let json = alice.world.server.request("POST", "/token");
    let json = json
        .header("content-type", "application/json")
        .body(Bytes::from("{}"));
    assert_eq!(error(&alice.world.send(json.unwrap())), "invalid_request");
    let get = alice
        .world
        .server
        .request("GET", "/token")
        .body(Bytes::new());
    assert_eq!(alice.world.send(get.unwrap()).status(), 405);
}

// E9
#[test]
fn unknown_client_at_the_token_endpoint_is_401() {
    let mut alice = SignedIn::new();
    for unknown in ["dcr.junk", "https://client.example", ""] {
        let response = alice.token(&[("client_id", unknown)]);
        assert_eq!(response.status(), 401);
        assert_eq!(error(&response), "invalid_client");
    }
}

// C9; equal modulo a slash
#[test]
fn token_request_for_another_resource_is_invalid_target() {
    let mut alice = SignedIn::to("http://localhost:3001/mcp");
    for foreign in ["https://other.example/mcp", "http://localhost:3001/sse"] {
        assert_eq!(
            error(&alice.token(&[("resource", foreign)])),
            "invalid_target"
        );
    }
    let response = alice.token(&[("resource", "http://localhost:3001/mcp/")]);
    assert_eq!(response.status(), 200);
    let tokens = testing::json(&response);
    let refresh_token = text(&tokens, "refresh_token");
    let foreign = alice.refresh(refresh_token, &[("resource", "https://other.example/mcp")]);
    assert_eq!(error(&foreign), "invalid_target");
    let same = alice.refresh(refresh_token, &[("resource", "http://localhost:3001/mcp")]);
    assert_eq!(same.status(), 200);
}

// C9; RFC 8707 section 2.2
#[test]
fn token_request_that_names_an_endpoint_gets_a_token_for_it_alone() {
    let sse = [("resource", "http://localhost:3001/sse")];
    let mut alice = SignedIn::new();
    let for_sse = testing::json(&alice.token(&sse));
    assert!(!alice.works(&for_sse));
    alice.later(Duration::from_secs(3000));
    let whole = testing::json(&alice.refresh(text(&for_sse, "refresh_token"), &[]));
    assert!(alice.works(&whole), "the session is for the whole server");
    let for_sse = testing::json(&alice.refresh(text(&whole, "refresh_token"), &sse));
    assert!(!alice.works(&for_sse) && alice.works(&whole));
}

// E3, E6: another exchange wrote the session meanwhile.
#[test]
fn conflicting_write_of_the_session_is_run_again() {
    let mut alice = SignedIn::new();
    alice.world.conflicts = 1;
    let tokens = alice.redeem();
    alice.later(Duration::from_secs(3000));
    alice.world.conflicts = 2;
    let refreshed = alice.refresh(text(&tokens, "refresh_token"), &[]);
    assert_eq!(refreshed.status(), 200);
}

// D14, E3
#[test]
fn session_that_is_always_written_by_others_is_503_and_loses_nothing() {
    let mut alice = SignedIn::new();
    alice.world.conflicts = 1000;
    assert_eq!(alice.token(&[]).status(), 503);
    let attempts = 1000 - alice.world.conflicts;
    assert_eq!(attempts, usize::from(limits::SESSION_UPDATE_ATTEMPTS) + 1);
    alice.world.conflicts = 0;
    let tokens = alice.redeem();
    assert!(alice.works(&tokens));
}

// D14: the environment's fault changes nothing.
#[test]
fn unavailable_store_is_503() {
    let mut alice = SignedIn::new();
    let tokens = alice.redeem();
    alice.world.store_is_down = true;
    let client = alice.client.clone();
    let form = [
        ("client_id", client.as_str()),
        ("token", text(&tokens, "access_token")),
    ];
    assert_eq!(alice.post("/revoke", &form).status(), 503);
    assert_eq!(
        alice.refresh(text(&tokens, "refresh_token"), &[]).status(),
        503
    );
    assert_eq!(alice.token(&[]).status(), 503);
}
