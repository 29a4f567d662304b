//! How long a connection waits for its peer, whichever runtime serves it.

use std::time::Duration;

use entra_mcp_core::limits;
use entra_mcp_http1::Timeouts;

use crate::PermitKind;

/// Of connections within the limit.
const NORMAL: Timeouts = Timeouts {
    idle: limits::IDLE_TIMEOUT,
    head: limits::HEAD_TIMEOUT,
    body: limits::BODY_TIMEOUT,
    write: limits::WRITE_TIMEOUT,
};

/// Of connections over the limit, which get one answer.
const OVERFLOW: Timeouts = Timeouts {
    idle: Duration::ZERO,
    head: Duration::from_secs(2),
    body: Duration::ZERO,
    write: Duration::from_secs(2),
};

/// Returns the timeouts of a connection.
#[must_use]
pub fn timeouts_of(kind: PermitKind) -> Timeouts {
    match kind {
        PermitKind::Normal => NORMAL,
        PermitKind::Overflow => OVERFLOW,
    }
}
