//! A bound on the lines that strangers can cause (threat M14): of a burst the first are written, the
//! others counted, and one line says how many there were.

use std::{collections::BTreeMap, time::Duration};

use super::{Field, LogEvent, LogEventId};
use crate::limits::{LOG_BURST, LOG_BURST_WINDOW};

/// Counts the lines of each event. Its clock is any that does not go back.
#[derive(Debug, Default)]
pub struct Throttle {
    bursts: BTreeMap<LogEventId, Burst>,
}

#[derive(Debug)]
struct Burst {
    began: Duration,
    lines: u64,
}

impl Throttle {
    /// Returns whether a line of this event is to be written now.
    pub fn admits(&mut self, id: LogEventId, now: Duration) -> bool {
        if !id.is_throttled() {
            return true;
        }
        let burst = self.bursts.entry(id).or_insert(Burst {
            began: now,
            lines: 0,
        });
        burst.lines = burst.lines.saturating_add(1);
        burst.lines <= id.burst()
    }

    /// Forgets the bursts that are over, and returns a line for each of which lines were left out.
    /// Call it before each line and now and then.
    pub fn summaries(&mut self, now: Duration) -> Vec<LogEvent> {
        let mut lines = Vec::new();
        self.bursts.retain(|id, burst| {
            let is_over = now.saturating_sub(burst.began) >= LOG_BURST_WINDOW;
            if is_over && burst.lines > id.burst() {
                let count = burst.lines - id.burst();
                let line = LogEvent::new(LogEventId::LogThrottled);
                let line = line.with(Field::Event, id.as_str());
                lines.push(line.with(Field::Count, count.to_string()));
            }
            !is_over
        });
        lines
    }
}

impl LogEventId {
    /// Returns how many lines of a burst are written; the others are counted.
    pub(super) fn burst(self) -> u64 {
        match self {
            // The first one says all.
            Self::SignInLimited | Self::RateLimited | Self::RateTableFull => 1,
            _ => LOG_BURST,
        }
    }

    /// Returns whether lines of a burst are left out and counted: of everything that strangers can
    /// cause. What only users and the server itself can cause is written always.
    #[must_use]
    pub fn is_throttled(self) -> bool {
        !matches!(
            self,
            Self::SignInCompleted
                | Self::ConsentApproved
                | Self::CodeReplayed
                | Self::RefreshTokenReplayed
                | Self::SessionEnded
                | Self::ConsentWithdrawn
                | Self::GraphNewTokenRefused
                | Self::ServerFailed
                | Self::ServerPanicked
                | Self::RuntimeMisuse
                | Self::RuntimeUnknownAction
                | Self::SignalsUnavailable
                | Self::LogThrottled
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_of_unauthenticated_lines_is_cut_and_counted_once() {
        let mut throttle = Throttle::default();
        let refused = LogEventId::AuthorizationRefused;
        let written = (0..10_000).filter(|_| throttle.admits(refused, Duration::ZERO));
        assert_eq!(written.count() as u64, LOG_BURST);
        assert!(throttle.summaries(Duration::ZERO).is_empty());
        let summaries = throttle.summaries(LOG_BURST_WINDOW);
        let [line] = summaries.as_slice() else {
            panic!("one line: {summaries:?}");
        };
        assert_eq!(line.field(Field::Event), Some("authorization.refused"));
        assert_eq!(
            line.field(Field::Count),
            Some((10_000 - LOG_BURST).to_string().as_str())
        );
        assert!(throttle.summaries(LOG_BURST_WINDOW).is_empty());
        assert!(throttle.admits(refused, LOG_BURST_WINDOW));
    }

    // D14
    #[test]
    fn burst_of_limited_sign_ins_is_one_line_and_a_count() {
        let mut throttle = Throttle::default();
        let limited = LogEventId::SignInLimited;
        let written = (0..50).filter(|_| throttle.admits(limited, Duration::ZERO));
        assert_eq!(written.count(), 1);
        let summaries = throttle.summaries(LOG_BURST_WINDOW);
        assert_eq!(summaries[0].field(Field::Count), Some("49"));
    }

    #[test]
    fn lines_of_users_and_of_the_server_are_never_cut() {
        let mut throttle = Throttle::default();
        for id in [
            LogEventId::SignInCompleted,
            LogEventId::SessionEnded,
            LogEventId::ServerPanicked,
        ] {
            assert!((0..1000).all(|_| throttle.admits(id, Duration::ZERO)));
        }
    }
}
