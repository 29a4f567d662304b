//! How long what this server issues lasts.

use std::time::Duration;

use crate::limits;

/// How long what this server issues lasts; [`limits`] has what is usual and the bounds. What was made shorter counts at
/// once, for what was issued before, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code.
    pub code: Duration,
    /// A session token.
    pub session_token: Duration,
    /// A session without a refresh.
    pub session_idle: Duration,
    /// A session, however often it is refreshed.
    pub session_absolute: Duration,
    /// An approval that is remembered.
    pub consent: Duration,
    /// For how long a refresh token still gets the one that is good, once its successor was used: several processes of
    /// one client use one token.
    pub refresh_reuse: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: limits::AUTHORIZATION_CODE_LIFETIME,
            session_token: limits::SESSION_TOKEN_LIFETIME,
            session_idle: limits::SESSION_IDLE,
            session_absolute: limits::SESSION_ABSOLUTE,
            consent: limits::CONSENT_LIFETIME,
            refresh_reuse: limits::REFRESH_REUSE,
        }
    }
}
