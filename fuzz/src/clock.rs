//! The one clock of a world. It moves only when the world moves it.

use std::time::Duration;

use entra_mcp_core::time::{Instant, Now, UnixTime};

/// Milliseconds since the world began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SimInstant(pub u64);

impl SimInstant {
    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0 + u64::try_from(duration.as_millis()).expect("a short time"))
    }
}

/// What the wall clock said when the world began: 2026-11-02 08:00 UTC.
pub const BEGINNING: u64 = 1_793_606_400;

/// What a process that started at `started` reads at `moment` from both its clocks, when its wall
/// clock is `skew` seconds off.
#[must_use]
pub fn read(moment: SimInstant, started: SimInstant, skew: i64) -> Now {
    let seconds = BEGINNING + moment.0 / 1000;
    Now {
        instant: Instant(moment.0.saturating_sub(started.0)),
        unix: UnixTime(seconds.saturating_add_signed(skew)),
    }
}
