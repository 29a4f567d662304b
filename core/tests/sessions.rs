//! What happens to a session after the sign-in: refresh, reuse, revocation, restarts, replicas.

use std::time::Duration;

use entra_mcp_core::limits;
use entra_mcp_fuzz::{
    choice::Choice,
    client::{ClientError, Dialect},
    fixture::{Fixture, LATEST},
    options::Options,
    world::World,
};

fn signed_in() -> Fixture {
    let mut fixture = Fixture::faultless();
    fixture.use_tools().expect("alice signs in");
    fixture
}

fn is_signed_out(error: &ClientError) -> bool {
    error.status() == Some(401) && error.error() == Some("invalid_token")
}

// E5
#[test]
fn refresh_returns_new_tokens_that_work() {
    let mut fixture = signed_in();
    let mut seen = vec![fixture.refresh_token(), fixture.session_token()];
    for _ in 0..3 {
        fixture.wait(Duration::from_secs(100));
        fixture.refresh().unwrap();
        for token in [fixture.refresh_token(), fixture.session_token()] {
            assert!(!seen.contains(&token), "a token was given twice");
            seen.push(token);
        }
        fixture.use_tools().unwrap();
    }
}

// E6: the answer was lost, the client repeats.
#[test]
fn refresh_repeated_at_once_returns_the_same_successor() {
    let mut fixture = signed_in();
    let spent = fixture.refresh_token();
    fixture.refresh().unwrap();
    let again = fixture
        .world
        .run(fixture.client.refresh_with(&spent))
        .unwrap();
    assert_eq!(again.refresh_token, Some(fixture.refresh_token()));
    fixture.refresh().unwrap();
    fixture.use_tools().unwrap();
}

// E6
#[test]
fn refresh_token_reused_later_ends_the_session() {
    let mut fixture = signed_in();
    let spent = fixture.refresh_token();
    fixture.refresh().unwrap();
    fixture.refresh().unwrap();
    fixture.wait(Duration::from_secs(121));
    let error = fixture
        .world
        .run(fixture.client.refresh_with(&spent))
        .unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    assert!(is_signed_out(&fixture.use_tools().unwrap_err()));
    let error = fixture.refresh().unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    assert!(
        fixture
            .world
            .log()
            .iter()
            .any(|line| line.starts_with("Info") && line.contains("reuse")
                || line.contains("again")
                || line.contains("twice")),
        "{:#?}",
        fixture.world.log()
    );
}

// E6
#[test]
fn refresh_token_reused_after_its_successor_returns_the_one_that_is_good() {
    let mut fixture = signed_in();
    let spent = fixture.refresh_token();
    fixture.refresh().unwrap();
    fixture.refresh().unwrap();
    fixture.wait(Duration::from_secs(100));
    let again = fixture.world.run(fixture.client.refresh_with(&spent));
    assert_eq!(again.unwrap().refresh_token, Some(fixture.refresh_token()));
    fixture.use_tools().unwrap();
}

// F11: 401 and a challenge, never 200 with an error text.
#[test]
fn expired_session_token_gets_a_challenge_and_can_be_refreshed() {
    for dialect in Dialect::ALL {
        let mut fixture = Fixture::of(&World::faultless(), "alice", dialect);
        fixture.use_tools().unwrap();
        fixture.client.disconnect();
        fixture.wait(Duration::from_secs(3601));
        assert!(
            is_signed_out(&fixture.use_tools().unwrap_err()),
            "{dialect:?}"
        );
        fixture.refresh().unwrap();
        fixture.use_tools().unwrap();
    }
}

#[test]
fn session_outlives_the_entra_access_token() {
    let mut fixture = signed_in();
    for _ in 0..5 {
        fixture.wait(Duration::from_secs(3500));
        fixture.refresh().unwrap();
        fixture.use_tools().unwrap();
    }
}

#[test]
fn session_unused_for_two_weeks_expires() {
    let mut fixture = signed_in();
    fixture.client.disconnect();
    fixture.wait(Duration::from_secs(14 * 24 * 3600 + 1));
    let error = fixture.refresh().unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
}

#[test]
fn session_token_works_after_the_server_is_killed() {
    for dialect in Dialect::ALL {
        let mut fixture = Fixture::of(&World::faultless(), "alice", dialect);
        fixture.use_tools().unwrap();
        let token = fixture.session_token();
        fixture.world.kill(0);
        assert_eq!(
            fixture.ask().unwrap_err(),
            ClientError::Broken,
            "{dialect:?}"
        );
        fixture.world.start(0);
        if dialect == Dialect::Sse {
            // The stream broke; its client opens another.
            fixture.use_tools().unwrap();
        } else {
            // Sealed session ids are good after a restart.
            fixture.ask().unwrap();
        }
        assert_eq!(fixture.session_token(), token);
    }
}

// Q5
#[test]
fn sign_in_step_works_on_any_replica() {
    let options = Options::faultless().with_replicas(2);
    let bytes: Vec<u8> = (0..200).collect();
    let world = World::new(options, Choice::of_bytes(&bytes));
    for dialect in Dialect::ALL {
        let mut fixture = Fixture::of(&world, "alice", dialect);
        fixture.use_tools().unwrap();
        fixture.refresh().unwrap();
        for replica in [0, 1] {
            let other = 1 - replica;
            world.kill(other);
            fixture.use_tools().unwrap();
            world.start(other);
        }
    }
}

// E11
#[test]
fn revoked_token_of_either_kind_ends_the_session_at_once() {
    for revoke_refresh in [false, true] {
        let mut fixture = signed_in();
        let token = if revoke_refresh {
            fixture.refresh_token()
        } else {
            fixture.session_token()
        };
        fixture.world.run(fixture.client.revoke(&token)).unwrap();
        assert!(is_signed_out(&fixture.use_tools().unwrap_err()));
        let error = fixture.refresh().unwrap_err();
        assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    }
}

// E10, E11
#[test]
fn foreign_client_cannot_revoke_and_learns_nothing() {
    let world = World::faultless();
    let mut alice = Fixture::of(&world, "alice", LATEST);
    let mut grace = Fixture::of(&world, "grace", LATEST);
    alice.use_tools().unwrap();
    grace.use_tools().unwrap();
    for token in [alice.session_token(), alice.refresh_token()] {
        let _answer = world.run(grace.client.revoke(&token));
    }
    world.run(grace.client.revoke("a made-up token")).unwrap();
    alice.use_tools().unwrap();
    alice.refresh().unwrap();
}

// I7
#[test]
fn open_stream_ends_with_its_session() {
    let mut fixture = Fixture::of(&World::faultless(), "alice", Dialect::Sse);
    fixture.use_tools().unwrap();
    let token = fixture.session_token();
    fixture.world.run(fixture.client.revoke(&token)).unwrap();
    fixture.wait(Duration::from_secs(60));
    assert!(fixture.ask().is_err());
}

// I7, Q5: a message of the replica that ended it, or else the store.
#[test]
fn revocation_on_another_replica_ends_a_stream_at_once_or_at_its_next_look_if_the_message_is_lost()
{
    for message_lost in [0, 1000] {
        let mut options = Options::faultless().with_replicas(2);
        options.faults.message_lost = message_lost;
        let world = World::new(options, Choice::of_bytes(&[]));
        let mut fixture = Fixture::of(&world, "alice", Dialect::Sse);
        fixture.client.peer.stick_to(Some(0));
        fixture.use_tools().unwrap();
        assert_eq!(world.exchanges(), 1, "the stream");
        fixture.client.peer.stick_to(Some(1));
        let token = fixture.session_token();
        world.run(fixture.client.revoke(&token)).unwrap();
        fixture.wait(Duration::from_secs(1));
        assert_eq!(world.exchanges() > 0, message_lost > 0);
        fixture.wait(limits::KEEP_ALIVE);
        assert_eq!(world.exchanges(), 0);
    }
}

// I7, Q4: where another replica may have ended it, nobody gets more than a minute of doubt; a process with a store of its own
// has none.
#[test]
fn stream_ends_when_its_session_could_not_be_looked_up_for_a_minute() {
    for replicas in [1, 2] {
        let options = Options::faultless().with_replicas(replicas);
        let world = World::new(options, Choice::of_bytes(&[]));
        let mut fixture = Fixture::of(&world, "alice", Dialect::Sse);
        fixture.client.peer.stick_to(Some(0));
        fixture.use_tools().unwrap();
        assert_eq!(world.exchanges(), 1, "the stream");
        let store_down = |rate| world.options(|options| options.faults.store_down = rate);
        // A store that was away for less says that the session lives.
        store_down(1000);
        fixture.wait(limits::UNVERIFIED_SESSION - limits::KEEP_ALIVE);
        store_down(0);
        fixture.wait(limits::KEEP_ALIVE);
        store_down(1000);
        fixture.wait(limits::UNVERIFIED_SESSION - Duration::from_secs(1));
        assert_eq!(world.exchanges(), 1, "{replicas} replicas");
        fixture.wait(limits::KEEP_ALIVE + Duration::from_secs(2));
        assert_eq!(world.exchanges() == 0, replicas > 1, "{replicas} replicas");
        let is_said = world
            .log()
            .iter()
            .any(|line| line.contains("session.unverified"));
        assert_eq!(is_said, replicas > 1);
    }
}

#[test]
fn lost_store_signs_everybody_out() {
    let mut fixture = signed_in();
    fixture.world.store(|store| store.wipe());
    assert!(is_signed_out(&fixture.use_tools().unwrap_err()));
    let error = fixture.refresh().unwrap_err();
    assert_eq!(error.error(), Some("invalid_grant"), "{error}");
    fixture.client.tokens = None;
    fixture.use_tools().unwrap();
}

#[test]
fn unavailable_store_loses_nothing() {
    let mut fixture = signed_in();
    fixture
        .world
        .options(|options| options.faults.store_down = 1000);
    let error = fixture.use_tools().unwrap_err();
    assert_eq!(error.status(), Some(503), "{error}");
    let error = fixture.refresh().unwrap_err();
    assert_eq!(error.status(), Some(503), "{error}");
    fixture
        .world
        .options(|options| options.faults.store_down = 0);
    fixture.use_tools().unwrap();
    fixture.refresh().unwrap();
}
