//! How long what this server says may be kept, and for whom.
//!
//! Source: MCP specification 2026-07-28, schema, `CacheableResult`.

use std::time::Duration;

/// For whom something may be kept that a client was told (`cacheScope`, since 2026-07-28).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheScope {
    /// For the user who was told it, by their client.
    #[default]
    Private,
    /// For everybody, by whoever passes it on: it holds nothing that is one user's.
    Public,
}

/// How long something may be kept, and for whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caching {
    pub(crate) time: Duration,
    pub(crate) scope: CacheScope,
}

impl Caching {
    /// The same for the user alone.
    pub(crate) fn private(self) -> Self {
        Self {
            scope: CacheScope::Private,
            ..self
        }
    }
}
