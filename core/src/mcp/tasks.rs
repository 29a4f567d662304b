//! Tasks (`io.modelcontextprotocol/tasks`, 2026-07-28): calls that go on after their request was answered.
//!
//! A task is a record in the store, sealed and bound to its owner; one exchange runs it and is the only
//! one that writes the record, and goes on writing it as long as it lives, so that a task whose server
//! is gone is soon gone too. What its client says reaches the exchange through the hub, or, from another
//! replica, through a second record that the exchange looks at.
//!
//! Source: the tasks extension of MCP 2026-07-28 (SEP-2663).

mod record;
mod request;
mod runner;
#[cfg(test)]
mod tests;

use serde_json::json;

pub(crate) use self::{
    request::TaskRequest,
    runner::{TaskRunner, TaskStep},
};
use super::v2026_07_28;
use crate::json_rpc::Error;

/// The client did not say that it knows tasks.
pub(crate) fn unknown_to_client() -> Error {
    v2026_07_28::missing_capability(json!({"extensions": {v2026_07_28::TASKS: {}}}))
}
