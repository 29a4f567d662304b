//! MCP: the transports and the messages of every revision.

pub(crate) mod message;
pub(crate) mod stream;
pub(crate) mod streamable;
