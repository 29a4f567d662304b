//! What a step may look at and may not change: the server's own settings, what is known of Entra,
//! and the time.

use std::sync::Arc;

use crate::{config::Config, entra::facts::EntraFacts, keys::Keyring, time::Now};

/// Everything a step of an exchange sees besides its own state.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    /// Settings and keys, checked once at the start and never changed.
    pub server: &'a Server,
    /// What is known of Entra: the newest snapshot that the hub published.
    pub known: &'a Known,
    /// Both clocks, read once for this event.
    pub now: Now,
}

/// The immutable part of the server.
#[derive(Debug)]
pub struct Server {
    /// The settings.
    pub config: Config,
    /// The keys.
    pub keys: Keyring,
}

/// What is known of Entra: its metadata and signing keys, once they were fetched.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Counts the snapshots; 0 is the empty one.
    pub(crate) revision: u64,
    /// Metadata and keys, shared by all snapshots that did not change them.
    pub(crate) entra: Option<Arc<EntraFacts>>,
}
