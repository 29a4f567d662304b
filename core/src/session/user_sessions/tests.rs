//! As many sessions as a user may have, and one more.

use std::time::Duration;

use super::*;
use crate::{
    mcp::testing::World,
    session::record::Session,
    testing::{entropy, session_of},
};

fn id(number: usize) -> SessionId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    SessionId::new(bytes)
}

fn session(number: usize) -> Session {
    let (mut session, _) = session_of("alice", "a client");
    session.id = id(number);
    session
}

/// Room is made for a session.
fn make_room(world: &mut World, number: usize) -> Result<(), Fault> {
    let session = session(number);
    let about = AboutSession {
        client_name: None,
        verified_by: VerifiedBy::Nobody,
        destination: String::new(),
        scope: String::new(),
        since: world.server.now.unix,
        address: None,
    };
    let listed = ListedSession {
        id: session.id,
        about: Some(about),
    };
    world.run_step(
        |cx| UserSessions::make_room(&session.user, listed, cx),
        UserSessions::handle,
    )
}

/// Alice signs in: room is made, and the session stored.
fn sign_in(world: &mut World, number: usize) -> Result<(), Fault> {
    make_room(world, number)?;
    let session = session(number);
    let expires = session.expires(world.server.now.unix, &crate::config::Lifetimes::default());
    let keys = world.server.server.keys.clone();
    let put = session.put(Guard::Any, expires, &keys, &mut entropy(5));
    world.ask(put).unwrap();
    Ok(())
}

fn lives(world: &World, number: usize) -> bool {
    world.store.contains_key(&id(number).key().0)
}

fn filled() -> World {
    let mut world = World::new();
    for number in 0..limits::SESSIONS_PER_USER {
        sign_in(&mut world, number).unwrap();
        world.server.now.unix = world.server.now.unix.after(Duration::from_secs(60));
    }
    world
}

// M5
#[test]
fn sign_in_over_the_limit_ends_the_session_that_was_used_longest_ago() {
    let mut world = filled();
    // The first is refreshed meanwhile: the second was not used for longer.
    sign_in(&mut world, 0).unwrap();
    let limit = limits::SESSIONS_PER_USER;
    sign_in(&mut world, limit).unwrap();
    let alive: Vec<_> = (0..=limit).filter(|one| lives(&world, *one)).collect();
    let all_but_the_second: Vec<_> = (0..=limit).filter(|one| *one != 1).collect();
    assert_eq!(alive, all_but_the_second);
}

// M5: a session of this second may have a code that is still to be redeemed.
#[test]
fn sign_ins_of_one_second_end_the_earliest_of_them() {
    let mut world = World::new();
    let limit = limits::SESSIONS_PER_USER;
    for number in 0..limit + 5 {
        sign_in(&mut world, number).unwrap();
    }
    let alive: Vec<_> = (0..limit + 5).filter(|one| lives(&world, *one)).collect();
    assert_eq!(alive, Vec::from_iter(5..limit + 5));
}

// M5: who signs out makes room.
#[test]
fn ended_session_makes_room_and_no_other_ends() {
    let mut world = filled();
    world.store.remove(&id(7).key().0);
    sign_in(&mut world, limits::SESSIONS_PER_USER).unwrap();
    assert!((0..limits::SESSIONS_PER_USER).all(|one| one == 7 || lives(&world, one)));
}

// A4: an operator who ends sessions by their user finds it.
#[test]
fn session_that_another_replica_is_about_to_write_stays_on_a_full_list() {
    let mut world = filled();
    let limit = limits::SESSIONS_PER_USER;
    make_room(&mut world, limit).unwrap();
    sign_in(&mut world, limit + 1).unwrap();
    let keys = world.server.server.keys.clone();
    assert!(list_of(&world, &keys).contains(&id(limit)));
    // It was never written: later it leaves, and nothing that lives has to end for it.
    let wait = limits::LISTED_BEFORE_WRITTEN + Duration::from_secs(1);
    world.server.now.unix = world.server.now.unix.after(wait);
    sign_in(&mut world, limit + 2).unwrap();
    assert!(!list_of(&world, &keys).contains(&id(limit)));
    assert!(
        (2..limit)
            .chain(limit + 1..limit + 3)
            .all(|one| lives(&world, one))
    );
}

// M5
#[test]
fn list_of_sessions_that_are_still_to_be_written_is_bounded() {
    let mut world = World::new();
    let limit = limits::SESSIONS_PER_USER;
    for number in 0..limit + 5 {
        make_room(&mut world, number).unwrap();
    }
    let keys = world.server.server.keys.clone();
    assert_eq!(
        list_of(&world, &keys),
        Vec::from_iter((5..limit + 5).map(id))
    );
}

#[test]
fn conflicting_sign_in_is_listed_in_the_end() {
    let mut world = filled();
    world.conflicts = 1;
    sign_in(&mut world, limits::SESSIONS_PER_USER).unwrap();
    assert!(!lives(&world, 0), "{:?}", world.store.keys());
    assert!(lives(&world, 2));
}

#[test]
fn store_that_is_down_is_a_fault() {
    let mut world = filled();
    world.store_is_down = true;
    assert_eq!(sign_in(&mut world, 99), Err(Fault::Store));
}

fn list_of(world: &World, keys: &Keyring) -> Vec<SessionId> {
    let key = key(&session(0).user, keys);
    let listed = world
        .store
        .get(&key.0)
        .map(|stored| listed_under(&key, stored, keys));
    listed.into_iter().flatten().map(|one| one.id).collect()
}

// M5, F15: what was listed under a former master key counts, and is listed under the present one from then on.
#[test]
fn sessions_from_before_a_change_of_the_key_count() {
    let mut world = filled();
    let former = world.server.server.keys.clone();
    world.server.change_key();
    let limit = limits::SESSIONS_PER_USER;
    for number in limit..limit + 2 {
        sign_in(&mut world, number).unwrap();
    }
    let alive: Vec<_> = (0..limit + 2).filter(|one| lives(&world, *one)).collect();
    assert_eq!(alive, Vec::from_iter(2..limit + 2));
    assert_eq!(list_of(&world, &former), []);
    world.server.drop_former_key();
    let listed = list_of(&world, &world.server.server.keys);
    assert_eq!(listed, Vec::from_iter((2..limit + 2).map(id)));
}

// M5: replicas with and without the new key have each written a full list.
#[test]
fn two_full_lists_become_one_of_the_allowed_length() {
    let mut world = filled();
    let limit = limits::SESSIONS_PER_USER;
    let mut old = world.server.server.keys.clone();
    world.server.drop_former_key();
    for number in limit..2 * limit {
        sign_in(&mut world, number).unwrap();
    }
    world.server.change_key();
    sign_in(&mut world, 2 * limit).unwrap();
    let alive = (0..=2 * limit).filter(|one| lives(&world, *one));
    assert_eq!(alive.count(), limit);
    std::mem::swap(&mut world.server.server.keys, &mut old);
    assert_eq!(list_of(&world, &world.server.server.keys), []);
}

#[test]
fn list_is_moved_without_a_sign_in() {
    let mut world = filled();
    world.server.change_key();
    let user = session(0).user.clone();
    let moved = world.run_step(
        |cx| UserSessions::move_former(&user, cx),
        UserSessions::handle,
    );
    moved.unwrap();
    world.server.drop_former_key();
    let listed = list_of(&world, &world.server.server.keys);
    assert_eq!(
        listed,
        Vec::from_iter((0..limits::SESSIONS_PER_USER).map(id))
    );
}
