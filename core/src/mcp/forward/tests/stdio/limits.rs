//! What a process may take, if its operator has set something else.

use std::time::Duration;

use super::*;
use crate::config::BackendLimits;

fn world_with(set: impl FnOnce(&mut BackendLimits)) -> World {
    let mut world = world();
    let gateway = world.server.server.config.gateway.as_mut().unwrap();
    set(&mut gateway.limits);
    world
}

// R16
#[test]
fn user_has_as_many_processes_as_are_set() {
    let mut world = world_with(|limits| limits.processes_per_user = 1);
    initialize(&mut world, "alice");
    let id = initialize(&mut world, "alice");
    let (status, words, _) = refused(&world, id);
    assert!(status == 503 && words.contains("is busy"), "{words}");
    assert_eq!(world.processes.len(), 1);
    initialize(&mut world, "bob");
    assert_eq!(world.processes.len(), 2);
}

// R16
#[test]
fn process_that_does_not_begin_in_the_time_that_is_set_fails_its_session() {
    let mut world = world_with(|limits| limits.opening = Duration::from_secs(3));
    let id = initialize(&mut world, "alice");
    world.starts(0);
    world.wait(2);
    assert!(world.sent(id).response.is_none());
    world.wait(1);
    let (status, words, _) = refused(&world, id);
    assert!(status == 503 && words.contains("in time"), "{words}");
}

// R16
#[test]
fn next_process_waits_no_longer_than_is_set() {
    let mut world = world_with(|limits| limits.restart = Duration::from_secs(2));
    for (number, wait) in [(0, 1), (1, 2), (2, 2)] {
        initialize(&mut world, "alice");
        assert_eq!(world.processes.len(), number + 1);
        world.exits(number, Ok(ChildExit::Code(1)));
        let id = initialize(&mut world, "alice");
        let (_, _, after) = refused(&world, id);
        assert_eq!(after, Some(wait.to_string()));
        world.wait(wait);
    }
}

// R17
#[test]
fn as_many_lines_of_its_error_stream_are_logged_as_are_set() {
    let mut world = world_with(|limits| limits.log_lines = 3);
    begin(&mut world, "alice", 0);
    world.complains(0, "one\ntwo\nthree\nfour\n");
    assert_eq!(logged(&world, LogEventId::GatewayProcessSaid).len(), 3);
}
