//! How a server ends that is asked to.

use std::time::Duration;

use crate::limits;

/// How a server ends that is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// How long it goes on accepting requests, not ready any more, until a balancer has seen that.
    pub delay: Duration,
    /// How long the requests under way then have.
    pub timeout: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            timeout: limits::SHUTDOWN_TIMEOUT,
        }
    }
}
