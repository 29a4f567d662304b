//! The ids of requests that no proxy has named.

use std::sync::atomic::{AtomicU64, Ordering};

use entra_mcp_core::request_id::RequestId;

use crate::seed;

/// What the numbers are apart: odd, so that none comes twice.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes ids: one after the other, without asking the operating system again. They look random, for who reads them aloud, but
/// need not be: an id proves nothing.
#[derive(Debug)]
pub(crate) struct RequestIds(AtomicU64);

impl RequestIds {
    /// Begins where no other process does.
    pub(crate) fn new() -> Self {
        let [a, b, c, d, e, f, g, h, ..] = seed::bytes();
        Self(AtomicU64::new(u64::from_le_bytes([a, b, c, d, e, f, g, h])))
    }

    /// Returns the next id.
    pub(crate) fn next(&self) -> RequestId {
        let counted = self.0.fetch_add(STEP, Ordering::Relaxed);
        // SplitMix64: no two numbers give the same.
        let mixed = (counted ^ (counted >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        RequestId::own(mixed ^ (mixed >> 31))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_id_comes_twice() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let ids = (0..1000).flat_map(|_| [one.next(), other.next()]);
        let ids: BTreeSet<String> = ids.map(|id| id.to_string()).collect();
        assert_eq!(ids.len(), 2000);
    }
}
