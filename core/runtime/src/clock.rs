//! The two clocks of `entra_mcp_core::time`, as the operating system has them.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime},
};

use entra_mcp_core::time::{self, Now, UnixTime};

/// No process lives longer: a time that the clock can tell.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 100);

/// When the monotonic clock is zero.
static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Reads both clocks. All of a process share one zero, so that what one has read another may go by.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts the monotonic clock at zero, if none was started before.
    #[must_use]
    pub fn start() -> Self {
        Self { start: *ZERO }
    }

    /// Both clocks, read now.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            instant: self.instant(),
            unix: self.unix(),
        }
    }

    /// The monotonic clock, read now.
    #[must_use]
    pub fn instant(&self) -> time::Instant {
        let milliseconds = self.start.elapsed().as_millis();
        time::Instant(u64::try_from(milliseconds).unwrap_or(u64::MAX))
    }

    /// The wall clock, read now.
    #[must_use]
    pub fn unix(&self) -> UnixTime {
        // A wall clock before 1970 is as wrong as one at 1970: every token is then from the future.
        let unix = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        UnixTime(unix)
    }

    /// An instant of the core's monotonic clock, as the standard library has it.
    #[must_use]
    pub fn at(&self, instant: time::Instant) -> Instant {
        self.start + Duration::from_millis(instant.0).min(LONGEST)
    }

    /// How long until an instant of the core's monotonic clock; zero if it has passed.
    #[must_use]
    pub fn until(&self, instant: time::Instant) -> Duration {
        instant.since(self.instant())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_monotonic_and_of_this_century() {
        let clock = Clock::start();
        let (first, second) = (clock.now(), clock.now());
        assert!(first.instant <= second.instant);
        assert!(first.unix.0 > 1_700_000_000);
        assert_eq!(clock.until(first.instant), Duration::ZERO);
        assert!(clock.at(second.instant) <= Instant::now());
        assert!(clock.at(time::Instant(u64::MAX)) > Instant::now());
    }
}
