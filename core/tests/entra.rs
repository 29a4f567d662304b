//! What becomes of a session when Entra says no: the user is thrown out, a policy steps in, the
//! keys roll over, or Entra is slow.

#![expect(
    clippy::unwrap_used,
    reason = "a step that fails is the test's finding"
)]

use std::time::Duration;

use entra_mcp_dev_tenant::Control;
use entra_mcp_fuzz::{
    client::{ClientError, Dialect},
    fixture::{Fixture, LATEST},
    world::World,
};

fn signed_in(dialect: Dialect) -> Fixture {
    let mut fixture = Fixture::of(&World::faultless(), "alice", dialect);
    fixture.use_tools().expect("alice signs in");
    fixture
}

fn alice() -> String {
    "alice".to_owned()
}

fn is_signed_out(error: &ClientError) -> bool {
    error.status() == Some(401) && error.error() == Some("invalid_token")
}

/// The session of a refused refresh is over, and a new sign-in begins another.
fn is_over_and_begins_anew(mut fixture: Fixture) {
    let error = fixture.refresh().unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    fixture.client.tokens = None;
    fixture.use_tools().unwrap();
}

// F11: the client gets a 401, and never a tool's error.
#[test]
fn revoked_user_gets_401_when_a_tool_needs_a_new_token() {
    for dialect in Dialect::ALL {
        let mut fixture = signed_in(dialect);
        fixture.world.control(Control::Revoke { username: alice() });
        fixture.wait(Duration::from_secs(3400));
        let error = fixture.ask().unwrap_err();
        // On a stream the answer was accepted before: it says so in its own way, and ends.
        if dialect == Dialect::Sse {
            assert!(
                !matches!(error, ClientError::ProtocolViolation(_)),
                "{error}"
            );
            fixture.client.disconnect();
            assert!(is_signed_out(&fixture.use_tools().unwrap_err()));
        } else {
            assert!(is_signed_out(&error), "{dialect:?}: {error}");
        }
        is_over_and_begins_anew(fixture);
    }
}

#[test]
fn disabled_account_loses_access_within_one_token_lifetime() {
    let mut fixture = signed_in(LATEST);
    fixture
        .world
        .control(Control::Disable { username: alice() });
    fixture.wait(Duration::from_secs(60));
    let error = fixture.refresh().unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    fixture.client.tokens = None;
    assert!(fixture.use_tools().is_err());
    fixture.world.control(Control::Enable { username: alice() });
    fixture.use_tools().unwrap();
}

// D22: it is satisfied inside the session, which goes on meanwhile and does nothing.
#[test]
fn second_factor_at_refresh_leaves_the_session_to_a_step_up() {
    let mut fixture = Fixture::of(&World::faultless(), "frank", LATEST);
    fixture.use_tools().unwrap();
    fixture.wait(Duration::from_secs(60));
    fixture.refresh().unwrap();
    fixture.ask().unwrap_err();
    fixture.refresh().unwrap();
}

// Microsoft identity platform, authentication and authorization error codes: what ends a session,
// and what only takes time.
#[test]
fn entra_refresh_error_ends_the_session_only_if_permanent() {
    let ends = [
        50_053, 50_055, 50_105, 50_173, 53_003, 65_001, 70_008, 700_082,
    ];
    for code in ends {
        let mut fixture = signed_in(LATEST);
        fixture.wait(Duration::from_secs(60));
        fixture.world.entra(|entra| entra.refuse_token(code));
        let error = fixture.refresh().unwrap_err();
        assert_eq!(error.error(), Some("invalid_grant"), "{code}: {error}");
        assert!(is_signed_out(&fixture.use_tools().unwrap_err()), "{code}");
    }
    let stays = [90_033, 700_016, 7_000_112, 7_000_215, 7_000_222];
    for code in stays {
        let mut fixture = signed_in(LATEST);
        fixture.wait(Duration::from_secs(60));
        fixture.world.entra(|entra| entra.refuse_token(code));
        let error = fixture.refresh().unwrap_err();
        assert_ne!(error.error(), Some("invalid_grant"), "{code}: {error}");
        fixture.refresh().unwrap();
        fixture.use_tools().unwrap();
    }
}

// D9
#[test]
fn sign_in_works_after_entra_rolls_its_keys() {
    for is_emergency in [false, true] {
        let mut fixture = signed_in(LATEST);
        // The keys were fetched just now; an unknown one is looked for again after a while.
        fixture.wait(Duration::from_secs(400));
        fixture.world.control(Control::RotateKeys {
            is_emergency,
            late_seconds: 0,
        });
        fixture.sign_in().unwrap();
        fixture.use_tools().unwrap();
    }
}

#[test]
fn slow_entra_ends_no_session() {
    let mut fixture = signed_in(Dialect::Modern);
    let latency = |milliseconds| Control::Latency {
        milliseconds,
        path: String::new(),
    };
    fixture.world.control(latency(10_000));
    fixture.ask().unwrap();
    fixture.wait(Duration::from_secs(60));
    fixture.refresh().unwrap();
    fixture.world.control(latency(20_000));
    let error = fixture.ask().unwrap_err();
    assert!(matches!(error, ClientError::Tool(_)), "{error}");
    fixture.wait(Duration::from_secs(60));
    assert_eq!(fixture.refresh().unwrap_err().status(), Some(503));
    fixture.world.control(latency(0));
    fixture.refresh().unwrap();
    fixture.ask().unwrap();
}

// D14: an operator's mistake throws nobody out.
#[test]
fn expired_client_secret_is_logged_and_ends_no_session() {
    let mut fixture = signed_in(LATEST);
    fixture
        .world
        .control(Control::SecretExpired { is_expired: true });
    fixture.wait(Duration::from_secs(60));
    let error = fixture.refresh().unwrap_err();
    assert_ne!(error.error(), Some("invalid_grant"), "{error}");
    let warned = fixture
        .world
        .log()
        .iter()
        .any(|line| line.starts_with("Warn"));
    assert!(warned, "{:#?}", fixture.world.log());
    fixture
        .world
        .control(Control::SecretExpired { is_expired: false });
    fixture.refresh().unwrap();
    fixture.use_tools().unwrap();
}
