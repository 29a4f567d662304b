//! Time, as the runtime gives it: the core never looks at a clock.
//!
//! Two clocks, because they answer different questions. The monotonic one never jumps and measures
//! how long something took; the wall clock is what tokens, cookies and other parties are dated by.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds on the runtime's monotonic clock, zero when the process started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// The instant `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(milliseconds))
    }

    /// The instant `duration` earlier, but not before zero.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(milliseconds))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Seconds since 1970-01-01 UTC on the wall clock (`NumericDate`, RFC 7519 section 2).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The time `duration` later, in whole seconds.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// The beginning of a day (`2027-05-31`) or a second of it (`2027-05-31T10:00:00Z`), in UTC (RFC 3339); `None` for anything else.
    ///
    /// ```
    /// use entra_mcp_wire::time::UnixTime;
    ///
    /// assert_eq!(UnixTime::of_date("1970-01-02"), Some(UnixTime(86_400)));
    /// assert_eq!(UnixTime::of_date("1970-01-02T00:00:01Z"), Some(UnixTime(86_401)));
    /// assert_eq!(UnixTime::of_date("2027-02-29"), None);
    /// assert_eq!(UnixTime::of_date("31.05.2027"), None);
    /// ```
    #[must_use]
    pub fn of_date(text: &str) -> Option<Self> {
        let read = |text: &str| text.parse::<der::DateTime>().ok();
        let time = read(text).or_else(|| read(&format!("{text}T00:00:00Z")))?;
        Some(Self(time.unix_duration().as_secs()))
    }

    /// Whether `now` lies in the `lifetime` that began at this time.
    ///
    /// A wall clock can be set back. What began "in the future" does not hold then, so that no step of the
    /// clock makes anything last longer; a `leeway` forgives clocks that differ a little.
    ///
    /// ```
    /// use std::time::Duration;
    /// use entra_mcp_wire::time::UnixTime;
    ///
    /// let (began, minute) = (UnixTime(1_000), Duration::from_secs(60));
    /// assert!(began.lasts(minute, UnixTime(1_059), Duration::ZERO));
    /// assert!(!began.lasts(minute, UnixTime(1_060), Duration::ZERO));
    /// assert!(!began.lasts(minute, UnixTime(999), Duration::ZERO));
    /// ```
    #[must_use]
    pub fn lasts(self, lifetime: Duration, now: Self, leeway: Duration) -> bool {
        self <= now.after(leeway) && now < self.after(lifetime)
    }

    /// Whether this end of a `lifetime` lies ahead of `now`, and no further than the lifetime (and the
    /// `leeway`) allows: as [`Self::lasts`], where only the end was stored.
    #[must_use]
    pub fn is_ahead(self, lifetime: Duration, now: Self, leeway: Duration) -> bool {
        now < self && self <= now.after(lifetime.saturating_add(leeway))
    }

    /// How long until this time, seen from `now`; zero if it has passed.
    #[must_use]
    pub fn until(self, now: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(now.0))
    }
}

impl std::fmt::Display for UnixTime {
    /// As ISO 8601 (RFC 3339): `2026-07-28T12:00:00Z`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        // Days to a date of the proleptic Gregorian calendar, in eras of 400 years that begin in March:
        // Howard Hinnant, "chrono-compatible low-level date algorithms".
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Both clocks, read once for each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock.
    pub instant: Instant,
    /// The wall clock.
    pub unix: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetime_ends_when_the_clock_is_set_back() {
        let (began, hour, leeway) = (
            UnixTime(100_000),
            Duration::from_secs(3600),
            Duration::from_secs(60),
        );
        let ends = began.after(hour);
        for (now, holds) in [
            (100_000, true),
            (103_599, true),
            (103_600, false),
            (99_940, true),
            (99_939, false),
            (0, false),
            (u64::MAX, false),
        ] {
            assert_eq!(began.lasts(hour, UnixTime(now), leeway), holds, "{now}");
            assert_eq!(ends.is_ahead(hour, UnixTime(now), leeway), holds, "{now}");
        }
    }

    #[test]
    fn unix_time_prints_as_iso_8601() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_785_240_000, "2026-07-28T12:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(UnixTime(seconds).to_string(), text);
        }
    }
}
