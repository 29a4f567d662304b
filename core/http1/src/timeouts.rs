//! How long a connection waits for its peer.

use std::time::Duration;

/// The longest waits of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until the first byte of a request, after the first request.
    pub idle: Duration,
    /// Until the head is there: from the start of the connection for the first, from its first byte for the
    /// others (threat M6).
    pub head: Duration,
    /// Until the body is there.
    pub body: Duration,
    /// Until the peer has taken a piece of a response (threat M7).
    pub write: Duration,
}
