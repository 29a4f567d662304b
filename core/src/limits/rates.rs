//! How often things may be asked for (threat M17).

use std::{ops::RangeInclusive, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

/// How many registrations one address may send within [`RATE_WINDOW`]: some clients register at each start, and a
/// company of a thousand may start its working day behind one address.
pub const REGISTRATIONS_OF_ADDRESS: u32 = 120;

/// How many requests of browsers that sign in: each sign-in has three or four.
pub const SIGN_IN_REQUESTS_OF_ADDRESS: u32 = 600;

/// How many requests to the token, revocation and device authorization endpoints: a web site that is the client of ten
/// thousand users asks from few addresses, three times a second.
pub const TOKEN_REQUESTS_OF_ADDRESS: u32 = 1200;

/// How many requests to the MCP endpoints one user may send with one client: a thousand a second, which no model asks for
/// and a program that runs wild does.
pub const TOOL_REQUESTS_OF_USER: u32 = 60_000;

/// Within what time, unless another is set.
pub const RATE_WINDOW: Duration = MINUTE;

/// How many may be set.
pub const RATE_COUNTS: RangeInclusive<u32> = 1..=1_000_000;

/// Within what time they may be set.
pub const RATE_WINDOWS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(3600);

/// What one client at an address may have of what the address may: one half, so that a client that runs wild leaves
/// others there theirs.
pub const CLIENT_PART_OF_ADDRESS: u32 = 2;

/// How many addresses, clients and users are counted at once: 6 MB at most. They are forgotten once they have their
/// whole allowance again.
pub const RATES: usize = 65_536;

/// How often a replica tells the others what it has counted, where there are several and it has counted anything.
pub const RATES_TOLD_INTERVAL: Duration = Duration::from_secs(1);

/// Of how many addresses, clients and users it tells them each time: of those who have asked most.
pub const RATES_TOLD: usize = 4096;

/// How often at most a full table is looked through for those.
pub const RATES_SWEEP_INTERVAL: Duration = Duration::from_secs(1);
