//! Servers that are processes: one for each session, and what becomes of it.

mod faults;
mod floods;
mod limits;
mod listens;
mod lives;
mod messages;
mod shared;
mod stream;

use std::sync::Arc;

use super::*;
use crate::{
    ask::{ChildEnd, ChildExit, ChildFault},
    config::{Backend, BackendCommand, BackendLimits, command_of_tests},
    secret::Secret,
};

fn command() -> BackendCommand {
    let mut command = command_of_tests("orders serve");
    for (name, value) in [("PATH", "/usr/bin"), ("ORDERS_KEY", "secret of orders")] {
        let value = Secret::new(value.to_owned());
        command.environment.insert(name.to_owned(), value);
    }
    command
}

/// A gateway in front of processes, of which there are three at most, for a minute without anything to do.
pub(super) fn world() -> World {
    let mut world = World::new();
    let mut gateway = gateway_of_tests(BackendIdentity::ASSERTION);
    gateway.backend = Backend::Stdio(Arc::new(command()));
    gateway.limits = BackendLimits::of_process();
    world.has_backend(gateway);
    world
}

/// Somebody's client begins a session; nothing has been answered yet.
fn initialize(world: &mut World, user: &str) -> ExchangeId {
    let capabilities = json!({"elicitation": {}, "roots": {"listChanged": true}});
    let body = initialize_with("2025-11-25", &capabilities);
    let request = world.request(user, "POST", "/mcp", &[], &body);
    world.begin(request)
}

/// The process of this number opens the session for which it was begun.
pub(super) fn opens(world: &mut World, process: usize) {
    world.starts(process);
    let sent = world.reads(process);
    assert_eq!(sent["method"], "initialize", "{sent}");
    let result: Value = serde_json::from_str(RESULT).unwrap();
    world.writes(process, answer(&sent, &result));
    assert_eq!(world.reads(process)["method"], "notifications/initialized");
}

pub(super) fn answer(sent: &Value, result: &Value) -> Value {
    json!({"result": result, "jsonrpc": "2.0", "id": sent["id"]})
}

/// A session with the process of this number; its name.
pub(super) fn begin(world: &mut World, user: &str, process: usize) -> String {
    let id = initialize(world, user);
    opens(world, process);
    let response = world.sent(id).response.as_ref().expect("it is answered");
    assert_eq!(response.status(), 200);
    testing::header(response, "mcp-session-id").to_owned()
}

/// What a failed call says.
fn words(world: &World, id: ExchangeId) -> String {
    let body = body_of(world, id);
    assert_eq!(body["result"]["isError"], json!(true), "{body}");
    body["result"]["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The status, the words of the error, and when to come again.
fn refused(world: &World, id: ExchangeId) -> (u16, String, Option<String>) {
    let response = world.sent(id).response.as_ref().expect("it is answered");
    let body = testing::json(response);
    let after = response.headers().get("retry-after");
    let after = after.map(|after| after.to_str().unwrap().to_owned());
    let message = body["error"]["message"].as_str().unwrap().to_owned();
    (response.status().as_u16(), message, after)
}
