//! What the token endpoint and ID tokens can be made to do wrong.

use super::*;
use crate::{IdTokenFault, ResourcePolicy, TokenError};

#[test]
fn configured_error_is_answered_next() {
    let mut world = World::new();
    world.control(Control::TokenError(TokenError {
        code: 90_033,
        retry_after: Some(7),
        ..TokenError::default()
    }));
    world.control(Control::TokenError(TokenError {
        status: Some(503),
        is_html: true,
        times: 2,
        ..TokenError::default()
    }));
    let response = world.token(&[]);
    assert_eq!(
        error_of(&response),
        (503, "temporarily_unavailable".to_owned(), 90_033)
    );
    assert_eq!(header_of(&response, "retry-after"), "7");
    for _ in 0..2 {
        let response = world.token(&[]);
        assert_eq!(response.status(), 503);
        assert!(header_of(&response, "content-type").starts_with("text/html"));
    }
    assert_eq!(error_of(&world.token(&[])).2, 900_144, "as before");
}

#[test]
fn resource_policy_can_be_that_before_march_2026() {
    let mut world = World::new();
    let resource = &[("resource", "http://localhost:3001/mcp")];
    world.control(Control::ResourcePolicy {
        policy: ResourcePolicy::Reject901002,
    });
    let response = world.authorize(resource);
    assert!(parameter(&response, "error_description").starts_with("AADSTS901002: "));
    world.control(Control::ResourcePolicy {
        policy: ResourcePolicy::Ignore,
    });
    assert_eq!(world.authorize(resource).status(), 200);
}

// D1
#[test]
fn id_token_fault_changes_the_next_token() {
    let mut world = World::new();
    let key_path = format!("/{TENANT_ID}/discovery/v2.0/keys");
    let jwks = json(&world.get(&key_path));
    let mut lied = |fault: IdTokenFault| {
        world.control(Control::IdTokenFault { fault });
        world.tokens("alice")
    };
    assert_ne!(claims(&lied(IdTokenFault::Audience))["aud"], CLIENT_ID);
    assert_eq!(
        claims(&lied(IdTokenFault::Issuer))["iss"],
        "https://issuer.invalid/v2.0"
    );
    assert_ne!(claims(&lied(IdTokenFault::TenantId))["tid"], TENANT_ID);
    assert!(
        !claims(&lied(IdTokenFault::Tenant))["iss"]
            .as_str()
            .unwrap()
            .contains(TENANT_ID)
    );
    assert_ne!(claims(&lied(IdTokenFault::Nonce))["nonce"], "a nonce");
    assert!(claims(&lied(IdTokenFault::NoNonce)).get("nonce").is_none());
    assert!(claims(&lied(IdTokenFault::NoObjectId)).get("oid").is_none());
    assert!(
        claims(&lied(IdTokenFault::Expired))["exp"]
            .as_u64()
            .unwrap()
            < 1_790_000_000
    );
    assert!(
        claims(&lied(IdTokenFault::NotYetValid))["nbf"]
            .as_u64()
            .unwrap()
            > 1_790_000_000
    );
    let unsigned = lied(IdTokenFault::Unsigned);
    assert!(unsigned["id_token"].as_str().unwrap().ends_with('.'));
    for fault in [IdTokenFault::UnknownKey, IdTokenFault::WrongSignature] {
        let tokens = lied(fault);
        assert!(
            !is_signed_by(&jwks, tokens["id_token"].as_str().unwrap()),
            "{fault:?}"
        );
    }
    let honest = world.tokens("alice");
    assert!(is_signed_by(&jwks, honest["id_token"].as_str().unwrap()));
}
