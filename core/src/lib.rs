//! The pure core of entra-mcp: MCP messages, OAuth towards MCP clients, Entra's steps and session
//! mapping, as events in and actions out.
//!
//! Nothing here opens a socket, reads a clock, draws a random number or starts a thread. A runtime
//! does, and drives an [`exchange::Exchange`] for each request. [`event`], [`action`] and [`ask`]
//! are the whole contract; [`exchange`] tells it in five lines.

pub mod action;
pub mod admit;
pub mod ask;
pub mod catalog;
pub mod client_setup;
pub mod config;
mod entra;
pub mod env;
pub mod error_responses;
pub mod event;
pub mod exchange;
mod fault;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http;
pub mod hub;
mod id;
pub mod limits;
pub mod log_event;
mod mcp;
mod oauth;
mod pages;
pub mod planted;
pub mod request_head;
pub mod route;
mod session;
mod step;
#[cfg(test)]
mod testing;
mod throttle;
pub mod tools;

pub use entra_mcp_wire::{entropy, keys, secret, time};
