//! MCP: the transports and the messages of every revision.

mod caller;
mod calling;
mod calls;
mod dispatch;
mod event_id;
mod headers;
mod incoming;
pub(crate) mod json_rpc;
mod lifecycle;
mod lists;
pub(crate) mod message;
mod notify;
mod request_state;
mod results;
mod revision;
mod session;
pub(crate) mod sse;
pub(crate) mod stream;
pub(crate) mod streamable;
mod tasks;
#[cfg(test)]
pub(crate) mod testing;
mod v2024_11_05;
mod v2026_07_28;
mod watch;

#[cfg(feature = "fuzzing")]
pub(crate) use self::event_id::EventId;
pub(crate) use self::{caller::Caller, revision::Revision};
