//! What happens to a session after the sign-in: refresh, reuse, revocation, restarts, replicas.

use std::time::Duration;

use entra_mcp_fuzz::{
    choice::Choice,
    client::{Dialect, Trouble},
    options::Options,
    scene::{LATEST, Scene},
    world::World,
};

fn signed_in() -> Scene {
    let mut scene = Scene::calm();
    scene.use_tools().expect("alice signs in");
    scene
}

fn is_signed_out(trouble: &Trouble) -> bool {
    trouble.status() == Some(401) && trouble.error() == Some("invalid_token")
}

// TOK-16; conformance 11.5
#[test]
fn each_refresh_gives_other_tokens_and_they_work() {
    let mut scene = signed_in();
    let mut seen = vec![scene.refresh_token(), scene.session_token()];
    for _ in 0..3 {
        scene.wait(Duration::from_secs(100));
        scene.refresh().unwrap();
        for token in [scene.refresh_token(), scene.session_token()] {
            assert!(!seen.contains(&token), "a token was given twice");
            seen.push(token);
        }
        scene.use_tools().unwrap();
    }
}

// products 18: the answer was lost, the client repeats.
#[test]
fn a_refresh_that_is_repeated_at_once_gives_the_same_successor() {
    let mut scene = signed_in();
    let spent = scene.refresh_token();
    scene.refresh().unwrap();
    let again = scene.world.run(scene.client.refresh_with(&spent)).unwrap();
    assert_eq!(again.refresh_token, Some(scene.refresh_token()));
    scene.refresh().unwrap();
    scene.use_tools().unwrap();
}

// TOK-17, TOK-31
#[test]
fn a_refresh_token_that_is_used_again_later_ends_the_session() {
    let mut scene = signed_in();
    let spent = scene.refresh_token();
    scene.refresh().unwrap();
    scene.wait(Duration::from_secs(61));
    let trouble = scene
        .world
        .run(scene.client.refresh_with(&spent))
        .unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    assert!(is_signed_out(&scene.use_tools().unwrap_err()));
    let trouble = scene.refresh().unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    assert!(
        scene
            .world
            .log()
            .iter()
            .any(|line| line.starts_with("Info") && line.contains("reuse")
                || line.contains("again")
                || line.contains("twice")),
        "{:#?}",
        scene.world.log()
    );
}

#[test]
fn once_the_successor_was_used_the_predecessor_ends_the_session() {
    let mut scene = signed_in();
    let spent = scene.refresh_token();
    scene.refresh().unwrap();
    scene.refresh().unwrap();
    let trouble = scene
        .world
        .run(scene.client.refresh_with(&spent))
        .unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    assert!(is_signed_out(&scene.use_tools().unwrap_err()));
}

// products 4: 401 and a challenge, never 200 with words.
#[test]
fn a_session_token_that_is_over_gets_a_challenge_and_a_refresh_goes_on() {
    for dialect in Dialect::ALL {
        let mut scene = Scene::of(&World::calm(), "alice", dialect);
        scene.use_tools().unwrap();
        scene.client.disconnect();
        scene.wait(Duration::from_secs(3601));
        assert!(
            is_signed_out(&scene.use_tools().unwrap_err()),
            "{dialect:?}"
        );
        scene.refresh().unwrap();
        scene.use_tools().unwrap();
    }
}

#[test]
fn the_session_outlives_the_hour_of_entras_token() {
    let mut scene = signed_in();
    for _ in 0..5 {
        scene.wait(Duration::from_secs(3500));
        scene.refresh().unwrap();
        scene.use_tools().unwrap();
    }
}

#[test]
fn a_session_that_nobody_uses_for_two_weeks_is_over() {
    let mut scene = signed_in();
    scene.client.disconnect();
    scene.wait(Duration::from_secs(14 * 24 * 3600 + 1));
    let trouble = scene.refresh().unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
}

#[test]
fn a_killed_server_comes_back_and_its_clients_go_on_with_the_same_token() {
    for dialect in Dialect::ALL {
        let mut scene = Scene::of(&World::calm(), "alice", dialect);
        scene.use_tools().unwrap();
        let token = scene.session_token();
        scene.world.kill(0);
        assert_eq!(scene.ask().unwrap_err(), Trouble::Broken, "{dialect:?}");
        scene.world.start(0);
        if dialect == Dialect::Sse {
            // The stream broke; its client opens another.
            scene.use_tools().unwrap();
        } else {
            // Sealed session ids are good after a restart (products 16).
            scene.ask().unwrap();
        }
        assert_eq!(scene.session_token(), token);
    }
}

// products 15
#[test]
fn any_replica_takes_any_step() {
    let options = Options::calm().with_replicas(2);
    let bytes: Vec<u8> = (0..200).collect();
    let world = World::new(options, Choice::of_bytes(&bytes));
    for dialect in Dialect::ALL {
        let mut scene = Scene::of(&world, "alice", dialect);
        scene.use_tools().unwrap();
        scene.refresh().unwrap();
        for replica in [0, 1] {
            let other = 1 - replica;
            world.kill(other);
            scene.use_tools().unwrap();
            world.start(other);
        }
    }
}

// REV-01 to REV-03, REV-10; conformance 11.4
#[test]
fn revoking_either_token_ends_the_session_at_once() {
    for revoke_refresh in [false, true] {
        let mut scene = signed_in();
        let token = if revoke_refresh {
            scene.refresh_token()
        } else {
            scene.session_token()
        };
        scene.world.run(scene.client.revoke(&token)).unwrap();
        assert!(is_signed_out(&scene.use_tools().unwrap_err()));
        let trouble = scene.refresh().unwrap_err();
        assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    }
}

// REV-04, REV-05
#[test]
fn nobody_else_can_revoke_and_a_stranger_learns_nothing() {
    let world = World::calm();
    let mut alice = Scene::of(&world, "alice", LATEST);
    let mut grace = Scene::of(&world, "grace", LATEST);
    alice.use_tools().unwrap();
    grace.use_tools().unwrap();
    for token in [alice.session_token(), alice.refresh_token()] {
        let _answer = world.run(grace.client.revoke(&token));
    }
    world.run(grace.client.revoke("a made-up token")).unwrap();
    alice.use_tools().unwrap();
    alice.refresh().unwrap();
}

// REV-07
#[test]
fn an_open_stream_ends_with_its_session() {
    let mut scene = Scene::of(&World::calm(), "alice", Dialect::Sse);
    scene.use_tools().unwrap();
    let token = scene.session_token();
    scene.world.run(scene.client.revoke(&token)).unwrap();
    scene.wait(Duration::from_secs(60));
    assert!(scene.ask().is_err());
}

#[test]
fn a_lost_store_signs_everybody_out_and_they_sign_in_again() {
    let mut scene = signed_in();
    scene.world.store(|store| store.wipe());
    assert!(is_signed_out(&scene.use_tools().unwrap_err()));
    let trouble = scene.refresh().unwrap_err();
    assert_eq!(trouble.error(), Some("invalid_grant"), "{trouble}");
    scene.client.tokens = None;
    scene.use_tools().unwrap();
}

#[test]
fn while_the_store_is_away_nothing_is_lost() {
    let mut scene = signed_in();
    scene
        .world
        .options(|options| options.faults.store_down = 1000);
    let trouble = scene.use_tools().unwrap_err();
    assert_eq!(trouble.status(), Some(503), "{trouble}");
    let trouble = scene.refresh().unwrap_err();
    assert_eq!(trouble.status(), Some(503), "{trouble}");
    scene.world.options(|options| options.faults.store_down = 0);
    scene.use_tools().unwrap();
    scene.refresh().unwrap();
}
