//! How long a connection is kept waiting for, whichever runtime serves it.

use std::time::Duration;

use entra_mcp_core::limits;

use crate::PermitKind;

/// The longest waits on a connection.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until the first byte of a request, after the first request.
    pub idle: Duration,
    /// Until the head is there.
    pub head: Duration,
    /// Until the body is there.
    pub body: Duration,
    /// Until a piece of a response is taken.
    pub write: Duration,
}

impl Timeouts {
    /// Of connections within the limit.
    pub const NORMAL: Self = Self {
        idle: limits::IDLE_TIMEOUT,
        head: limits::HEAD_TIMEOUT,
        body: limits::BODY_TIMEOUT,
        write: limits::WRITE_TIMEOUT,
    };

    /// Of connections over the limit, which get one answer.
    pub const OVERFLOW: Self = Self {
        idle: Duration::ZERO,
        head: Duration::from_secs(2),
        body: Duration::ZERO,
        write: Duration::from_secs(2),
    };

    /// Returns the timeouts of a connection.
    #[must_use]
    pub fn of(kind: PermitKind) -> Self {
        match kind {
            PermitKind::Normal => Self::NORMAL,
            PermitKind::Overflow => Self::OVERFLOW,
        }
    }
}
