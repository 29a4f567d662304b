//! How much is served at once.

use entra_mcp_core::{config::Capacity, limits};

use super::{
    error::ConfigError,
    given::{CALLS_PER_USER, CONNECTIONS, Given, MESSAGE_BYTES, STREAMS_PER_USER, TASKS_PER_USER},
    lifetimes::count,
};

/// Reads all of it; each has bounds.
pub(super) fn read(given: &Given, errors: &mut Vec<ConfigError>) -> Capacity {
    let usual = Capacity::default();
    let mut read = |setting, bounds, usual| count(given, setting, bounds, errors).unwrap_or(usual);
    Capacity {
        connections: read(&CONNECTIONS, limits::CONNECTIONS_BOUNDS, usual.connections),
        message_bytes: read(
            &MESSAGE_BYTES,
            limits::MESSAGE_BODY_BYTES_BOUNDS,
            usual.message_bytes,
        ),
        calls_per_user: read(
            &CALLS_PER_USER,
            limits::CALLS_PER_PRINCIPAL_BOUNDS,
            usual.calls_per_user,
        ),
        tasks_per_user: read(
            &TASKS_PER_USER,
            limits::TASKS_PER_PRINCIPAL_BOUNDS,
            usual.tasks_per_user,
        ),
        streams_per_user: read(
            &STREAMS_PER_USER,
            limits::STREAMS_PER_PRINCIPAL_BOUNDS,
            usual.streams_per_user,
        ),
    }
}
