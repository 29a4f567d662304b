//! How many connections are open at once (threat M10).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use entra_mcp_core::limits;

/// The limit of connections of one service, and how many are open.
#[derive(Debug)]
pub struct ConnectionLimit {
    open: AtomicUsize,
    limit: usize,
}

/// Which connections a permit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermitKind {
    /// There was room: requests are served.
    Normal,
    /// The limit was reached: the connection gets one answer, 503 to most requests.
    Overflow,
}

/// The right to hold a connection open, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    kind: PermitKind,
}

impl ConnectionLimit {
    /// Allows this many connections, and a few more that are answered with 503.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            open: AtomicUsize::new(0),
            limit,
        }
    }

    /// Returns a permit for one more connection; `None` if it is to be closed unanswered.
    pub fn acquire(self: &Arc<Self>) -> Option<ConnectionPermit> {
        let before = self.open.fetch_add(1, Ordering::AcqRel);
        let permit = |kind| ConnectionPermit {
            limit: Arc::clone(self),
            kind,
        };
        if before < self.limit {
            return Some(permit(PermitKind::Normal));
        }
        // Counted out again when the permit is dropped, which it is if it is not returned.
        let overflow = permit(PermitKind::Overflow);
        (before < self.limit + limits::OVERFLOW_CONNECTIONS).then_some(overflow)
    }
}

impl ConnectionPermit {
    /// Returns which connections it is for.
    #[must_use]
    pub fn kind(&self) -> PermitKind {
        self.kind
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limit.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // M10, M13
    #[test]
    fn connections_over_the_limit_get_503() {
        let limit = Arc::new(ConnectionLimit::new(2));
        let mut normal: Vec<_> = (0..2).map(|_| limit.acquire().unwrap()).collect();
        assert!(
            normal
                .iter()
                .all(|permit| permit.kind() == PermitKind::Normal)
        );
        let overflow: Vec<_> = (0..limits::OVERFLOW_CONNECTIONS)
            .map(|_| limit.acquire().unwrap())
            .collect();
        assert!(
            overflow
                .iter()
                .all(|permit| permit.kind() == PermitKind::Overflow)
        );
        assert!(limit.acquire().is_none());
        drop(overflow);
        assert_eq!(limit.acquire().unwrap().kind(), PermitKind::Overflow);
        normal.pop();
        assert_eq!(limit.acquire().unwrap().kind(), PermitKind::Normal);
    }
}
