//! How long what this server issues lasts.

use std::time::Duration;

use crate::limits;

/// How long what this server issues lasts. [`limits`] has the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// For how long a refresh token still gets the one that is good, once its successor was used
    /// ([`limits::REFRESH_REUSE`]): several processes of one client use one token.
    pub refresh_reuse: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            refresh_reuse: limits::REFRESH_REUSE_DEFAULT,
        }
    }
}
