//! A store of the program's own, in place of the file.

use std::fmt::Debug;

use entra_mcp_core::{
    ask::{Key, Store, StoreFault, Stored},
    time::UnixTime,
};

/// Keeps records for a server, for `Config::store`. What it is given is sealed: it sees no token and no name.
///
/// Only one server writes to it. Every change is made in one step, so that of two that take a record, or that write one with the
/// same [`Guard`](entra_mcp_core::ask::Guard), one has it. Once a write is answered it is durable, and every look-up that begins
/// after that sees it. Each `Put` gives a version that the key never had. A record that has expired is as if it were not
/// there.
pub trait CustomStore: Send + Sync + Debug {
    /// Does what is asked, at this time. It may wait: a thread that may is given to it.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Conflict`] if the guard of a `Put` does not hold: nothing was written then. [`StoreFault::Unavailable`] if the store
    /// cannot be read or written.
    fn answer(&self, ask: Store, now: UnixTime) -> Result<Option<Stored>, StoreFault>;

    /// Returns the keys of all records that begin like this, those that have expired with them or not.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    fn keys(&self, prefix: &str) -> Result<Vec<Key>, StoreFault>;

    /// Deletes what has expired, if that is not done elsewhere. It is called every few minutes.
    fn purge_expired(&self, now: UnixTime) {
        let _ = now;
    }
}
