//! What one backend may take.

use std::time::Duration;

use crate::limits;

/// What one backend may take; [`limits`] has what is usual, the bounds and the reasons.
///
/// ```
/// use entra_mcp_core::{config::BackendLimits, limits};
/// assert_eq!(BackendLimits::of_address().opening, limits::BACKEND_OPENING);
/// assert_eq!(BackendLimits::of_process().opening, limits::PROCESS_OPENING);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendLimits {
    /// How long a connection to it may take.
    pub connect: Duration,
    /// How long it may send nothing once it has begun to answer.
    pub silence: Duration,
    /// How long it may take until a session is open; of a process, until it has begun, too.
    pub opening: Duration,
    /// How long a session of it lasts that nobody uses.
    pub session_idle: Duration,
    /// How many messages it may send before the answer to one call.
    pub messages: usize,
    /// How many processes there are of one user with one client.
    pub processes_per_user: usize,
    /// The longest that the next process waits after those before have failed.
    pub restart: Duration,
    /// How many lines of a process' error stream are logged in a minute.
    pub log_lines: u32,
}

impl BackendLimits {
    /// What is usual for one at an address.
    #[must_use]
    pub fn of_address() -> Self {
        Self {
            connect: limits::BACKEND_CONNECT,
            silence: limits::BACKEND_IDLE,
            opening: limits::BACKEND_OPENING,
            session_idle: limits::BACKEND_SESSION_IDLE,
            messages: limits::BACKEND_MESSAGES,
            processes_per_user: limits::PROCESSES_OF_PRINCIPAL,
            restart: limits::PROCESS_REST,
            log_lines: limits::PROCESS_COMPLAINTS,
        }
    }

    /// What is usual for a process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            opening: limits::PROCESS_OPENING,
            ..Self::of_address()
        }
    }
}
