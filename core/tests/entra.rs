//! What becomes of a session when Entra says no: the person is thrown out, a policy steps in, the
//! keys roll over, or Entra is slow.

#![expect(
    clippy::unwrap_used,
    reason = "a step that fails is the test's finding"
)]

use std::time::Duration;

use entra_mcp_core::dev_tenant::Control;
use entra_mcp_fuzz::{
    client::{Dialect, Trouble},
    scene::{LATEST, Scene},
    world::World,
};

fn signed_in(dialect: Dialect) -> Scene {
    let mut scene = Scene::of(&World::calm(), "alice", dialect);
    scene.use_tools().expect("alice signs in");
    scene
}

fn alice() -> String {
    "alice".to_owned()
}

fn is_signed_out(trouble: &Trouble) -> bool {
    trouble.status() == Some(401) && trouble.error() == Some("invalid_token")
}

/// The session of a refused refresh is over, and a new sign-in begins another.
fn is_over_and_begins_anew(mut scene: Scene) {
    let trouble = scene.refresh().unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    scene.client.tokens = None;
    scene.use_tools().unwrap();
}

// products 4: the client is told by 401, and never by words of a tool.
#[test]
fn a_person_who_was_thrown_out_gets_401_when_a_tool_needs_a_new_token() {
    for dialect in Dialect::ALL {
        let mut scene = signed_in(dialect);
        scene.world.control(Control::Revoke { username: alice() });
        scene.wait(Duration::from_secs(3400));
        let trouble = scene.ask().unwrap_err();
        // On a stream the answer was accepted before: it says so in its own way, and ends.
        if dialect == Dialect::Sse {
            assert!(!matches!(trouble, Trouble::Strange(_)), "{trouble}");
            scene.client.disconnect();
            assert!(is_signed_out(&scene.use_tools().unwrap_err()));
        } else {
            assert!(is_signed_out(&trouble), "{dialect:?}: {trouble}");
        }
        is_over_and_begins_anew(scene);
    }
}

#[test]
fn a_disabled_account_loses_access_within_the_lifetime_of_one_token() {
    let mut scene = signed_in(LATEST);
    scene.world.control(Control::Disable { username: alice() });
    scene.wait(Duration::from_secs(60));
    let trouble = scene.refresh().unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    scene.client.tokens = None;
    assert!(scene.use_tools().is_err());
    scene.world.control(Control::Enable { username: alice() });
    scene.use_tools().unwrap();
}

#[test]
fn a_second_factor_at_renewal_means_signing_in_again() {
    let mut scene = Scene::of(&World::calm(), "frank", LATEST);
    scene.use_tools().unwrap();
    scene.wait(Duration::from_secs(60));
    is_over_and_begins_anew(scene);
}

// entra.md, the table of errors: what ends a session, and what only takes time.
#[test]
fn entras_refusals_end_the_session_or_leave_it_as_they_should() {
    let ends = [
        50_053, 50_055, 50_076, 50_079, 50_105, 50_173, 53_003, 65_001, 70_008, 700_082,
    ];
    for code in ends {
        let mut scene = signed_in(LATEST);
        scene.wait(Duration::from_secs(60));
        scene.world.entra(|entra| entra.refuse_token(code));
        let trouble = scene.refresh().unwrap_err();
        assert_eq!(trouble.error(), Some("invalid_grant"), "{code}: {trouble}");
        assert!(is_signed_out(&scene.use_tools().unwrap_err()), "{code}");
    }
    let stays = [90_033, 700_016, 7_000_112, 7_000_215, 7_000_222];
    for code in stays {
        let mut scene = signed_in(LATEST);
        scene.wait(Duration::from_secs(60));
        scene.world.entra(|entra| entra.refuse_token(code));
        let trouble = scene.refresh().unwrap_err();
        assert_ne!(trouble.error(), Some("invalid_grant"), "{code}: {trouble}");
        scene.refresh().unwrap();
        scene.use_tools().unwrap();
    }
}

// D9
#[test]
fn sign_ins_go_on_when_entra_rolls_its_keys_over() {
    for is_emergency in [false, true] {
        let mut scene = signed_in(LATEST);
        // The keys were fetched just now; an unknown one is looked for again after a while.
        scene.wait(Duration::from_secs(400));
        scene.world.control(Control::RotateKeys {
            is_emergency,
            late_seconds: 0,
        });
        scene.sign_in().unwrap();
        scene.use_tools().unwrap();
    }
}

#[test]
fn a_slow_entra_costs_time_but_no_session() {
    let mut scene = signed_in(Dialect::Modern);
    let latency = |milliseconds| Control::Latency {
        milliseconds,
        path: String::new(),
    };
    scene.world.control(latency(10_000));
    scene.ask().unwrap();
    scene.wait(Duration::from_secs(60));
    scene.refresh().unwrap();
    scene.world.control(latency(20_000));
    let trouble = scene.ask().unwrap_err();
    assert!(matches!(trouble, Trouble::Tool(_)), "{trouble}");
    scene.wait(Duration::from_secs(60));
    assert_eq!(scene.refresh().unwrap_err().status(), Some(503));
    scene.world.control(latency(0));
    scene.refresh().unwrap();
    scene.ask().unwrap();
}

// products 4: an operator's mistake throws nobody out.
#[test]
fn an_expired_client_secret_is_the_operators_to_mend_and_ends_no_session() {
    let mut scene = signed_in(LATEST);
    scene
        .world
        .control(Control::SecretExpired { is_expired: true });
    scene.wait(Duration::from_secs(60));
    let trouble = scene.refresh().unwrap_err();
    assert_ne!(trouble.error(), Some("invalid_grant"), "{trouble}");
    let warned = scene
        .world
        .log()
        .iter()
        .any(|line| line.starts_with("Warn"));
    assert!(warned, "{:#?}", scene.world.log());
    scene
        .world
        .control(Control::SecretExpired { is_expired: false });
    scene.refresh().unwrap();
    scene.use_tools().unwrap();
}
