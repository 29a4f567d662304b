//! How much is served at once.

use crate::limits;

/// How much is served at once; [`limits`] has what is usual and the bounds. What a user has is counted for each of their clients.
///
/// ```
/// use entra_mcp_core::{config::Capacity, limits};
///
/// assert_eq!(Capacity::default().calls_per_user, limits::CALLS_PER_PRINCIPAL);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// How many connections are open at once. The runtime counts, and has fewer where the process may not have as many descriptors.
    pub connections: usize,
    /// The most bytes of the body of a request with MCP messages.
    pub message_bytes: usize,
    /// How many calls of one user with one client may be in flight.
    pub calls_per_user: usize,
    /// How many tasks of one user with one client may run.
    pub tasks_per_user: usize,
    /// How many streams of one user with one client may be open.
    pub streams_per_user: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS,
            message_bytes: limits::MESSAGE_BODY_BYTES,
            calls_per_user: limits::CALLS_PER_PRINCIPAL,
            tasks_per_user: limits::TASKS_PER_PRINCIPAL,
            streams_per_user: limits::STREAMS_PER_PRINCIPAL,
        }
    }
}
