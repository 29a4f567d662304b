//! How long what is issued lasts: what is usual, and the bounds of what can be set.

use std::{ops::RangeInclusive, time::Duration};

/// For how long a refresh token that was replaced still gets the one that is good, once its successor was used (threat
/// E6). A stolen one works as long, and none beyond an hour; with nothing it ends when its successor is used.
pub const REFRESH_REUSE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

/// What is usual: processes that share a token were seen to use it for over a minute after one of them had.
pub const REFRESH_REUSE_DEFAULT: Duration = Duration::from_secs(120);

/// For how long such a token gets the one that is good while its successor was not used: the answer was lost, and
/// the client comes back when it can.
pub const REFRESH_UNUSED: Duration = Duration::from_secs(3600);

/// How many refresh tokens before the one that is good are remembered: as many as have shares that open their
/// session. Each is some 150 bytes of the record.
pub const REFRESH_GENERATIONS: usize = super::SESSION_SHARES;
