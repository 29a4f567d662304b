//! How long what is issued lasts: what is usual, and the bounds of what can be set.

use std::{ops::RangeInclusive, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long an authorization code is good for: it is redeemed at once (RFC 9700 section 2.1.1).
pub const AUTHORIZATION_CODE_LIFETIME: Duration = MINUTE;

/// Below it a slow client loses the race; RFC 6749 section 4.1.2 recommends ten minutes at most.
pub const AUTHORIZATION_CODE_BOUNDS: RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(600);

/// How long a code lasts at least that a user copies from a page.
pub const COPIED_CODE_LIFETIME: Duration = Duration::from_secs(300);

/// How long a session token is good for (threat E12).
pub const SESSION_TOKEN_LIFETIME: Duration = HOUR;

/// Clients refresh up to five minutes before a token ends, so that below it they refresh all the time. Some never
/// refresh at all, and their users sign in as often as a token ends; but until then nobody notices a user who was
/// disabled in Entra (threat D10).
pub const SESSION_TOKEN_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(300)..=DAY;

/// How long a session lasts without a refresh.
pub const SESSION_IDLE: Duration = Duration::from_secs(14 * 24 * 3600);

/// Below it no session outlasts a break; Entra's own refresh tokens end after 90 days without use.
pub const SESSION_IDLE_BOUNDS: RangeInclusive<Duration> =
    HOUR..=Duration::from_secs(90 * 24 * 3600);

/// How long a session lasts at most.
pub const SESSION_ABSOLUTE: Duration = Duration::from_secs(90 * 24 * 3600);

/// From an hour, so that users are asked no oftener, to a year.
pub const SESSION_ABSOLUTE_BOUNDS: RangeInclusive<Duration> = HOUR..=YEAR;

/// How long an approval is remembered in a browser.
pub const CONSENT_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// From a minute, which is as good as never, to a year.
pub const CONSENT_BOUNDS: RangeInclusive<Duration> = MINUTE..=YEAR;

/// For how long a refresh token that was replaced still gets the one that is good, once its successor was used
/// (threat E6): processes that share a token were seen to use it for over a minute after one of them had.
pub const REFRESH_REUSE: Duration = Duration::from_secs(120);

/// A stolen one works as long, and none beyond an hour; with nothing it ends when its successor is used.
pub const REFRESH_REUSE_BOUNDS: RangeInclusive<Duration> = Duration::ZERO..=HOUR;

/// For how long such a token gets the one that is good while its successor was not used: the answer was lost, and
/// the client comes back when it can.
pub const REFRESH_UNUSED: Duration = HOUR;

/// How many refresh tokens before the one that is good are remembered: as many as have shares that open their
/// session. Each is some 150 bytes of the record.
pub const REFRESH_GENERATIONS: usize = super::SESSION_SHARES;

/// How long a browser may show and end what a user has connected, after they have signed in for that: whoever comes to
/// it later signs in anew.
pub const CONNECTIONS_LIFETIME: Duration = Duration::from_secs(600);
