//! What a process does that is a backend.

use std::time::Duration;

use super::{super::stdio as processes, Outcome, Row, client::LISTED, row};
use crate::{
    ask::{ChildExit, ChildFault},
    limits,
    log_event::LogEventId,
    mcp::testing::World,
};
use serde_json::{Value, json};

/// How long a call may take.
pub(super) const CALL: Duration = Duration::from_secs(5);

pub(super) fn world() -> World {
    processes::world()
}

pub(super) fn begin(world: &mut World) -> String {
    processes::begin(world, "alice", 0)
}

pub(super) fn opens(world: &mut World) {
    processes::opens(world, 0);
}

/// Answers with this result what it was asked last.
fn answers(world: &mut World, process: usize, sent: &Value, result: &str) {
    let result: Value = serde_json::from_str(result).unwrap();
    world.writes(process, processes::answer(sent, &result));
}

/// It says what it is, and gives a list, for requests without a session.
pub(super) fn is_discovered_and_lists(world: &mut World) {
    world.starts(0);
    let sent = world.reads(0);
    assert_eq!(sent["method"], "server/discover", "{sent}");
    answers(world, 0, &sent, super::DISCOVERED);
    let sent = world.reads(0);
    answers(world, 0, &sent, LISTED);
}

/// What it does with what it was asked, by its number.
type Does = fn(&mut World, usize);

const ERROR: &str = r#"{"code":-32602,"message":"no such tool","data":{"a":1.50}}"#;

/// It writes what is no message, answers nothing that it was asked, and then what it was.
fn garbage(world: &mut World, process: usize) {
    let sent = world.reads(process);
    for line in ["a banner\u{1b}[0m", "{\"detail\":1}", "[1]"] {
        world.writes(process, line);
    }
    let other = json!({"jsonrpc": "2.0", "id": 99, "result": {"isError": true}});
    world.writes(process, other);
    answers(world, process, &sent, LISTED);
}

pub(super) fn rows() -> Vec<Row<Does>> {
    use LogEventId::{GatewayFailed, GatewayProcessFailed, GatewayProcessSkipped};
    let fails = |line| (GatewayFailed, line);
    let does: [(_, Does, _, _); 4] = [
        (
            "it ends by itself",
            |world, process| world.exits(process, Ok(ChildExit::Code(3))),
            "may have done its work",
            (GatewayProcessFailed, "exit code 3"),
        ),
        (
            "it is killed",
            |world, process| world.exits(process, Ok(ChildExit::Signal(9))),
            "may have done its work",
            (GatewayProcessFailed, "signal 9"),
        ),
        (
            "it closes its output",
            World::closes_output,
            "may have done its work",
            fails("it ended before it answered"),
        ),
        (
            "an answer that is too long",
            World::writes_too_long,
            "too large to be passed on",
            fails("its answer is too large"),
        ),
    ];
    let mut rows: Vec<Row<Does>> = does
        .into_iter()
        .map(|(what, does, words, log)| row(what, does, words, log))
        .collect();
    let cannot: Does = |world, process| world.exits(process, Err(ChildFault::NotFound));
    rows.push(Row {
        retry_after: Some("5"),
        is_anew: true,
        ..row(
            "it cannot be started",
            cannot,
            "cannot be reached. Try again in a minute",
            fails("it cannot be reached"),
        )
    });
    let stops: Does = |world, process| {
        world.reads(process);
        world.wait(CALL.as_secs().max(limits::PROCESS_OPENING.as_secs()));
    };
    rows.push(Row {
        told: Some("notifications/cancelled"),
        ..row(
            "no answer in time",
            stops,
            "did not answer in time",
            fails("it did not answer in time"),
        )
    });
    rows.push(Row {
        outcome: Outcome::Answer,
        ..row(
            "lines that are no messages, and answers to nothing",
            garbage as Does,
            "",
            (GatewayProcessSkipped, "a banner"),
        )
    });
    rows
}

/// The error of a process is the client's, and no line of the log but that of the call.
pub(super) fn with_error(world: &mut World, process: usize) -> &'static str {
    let sent = world.reads(process);
    let error: Value = serde_json::from_str(ERROR).unwrap();
    world.writes(
        process,
        json!({"jsonrpc": "2.0", "id": sent["id"], "error": error}),
    );
    ERROR
}
