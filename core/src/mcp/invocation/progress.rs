//! Progress notifications: a handler may report as often as it likes. A burst is sent as it comes; of what
//! follows faster than the operator allows ([`limits::PROGRESS_INTERVAL`] unless set) the last report is sent.
//!
//! Source: MCP specification 2025-11-25, basic/utilities/progress: the value grows with each notification, and
//! both sides limit the rate.

use std::time::Duration;

use crate::{limits, time::Instant};

/// The reports of one invocation.
#[derive(Debug)]
pub(super) struct ProgressReports {
    /// The shortest time between two of them, after a burst.
    interval: Duration,
    /// The progress that was reported last.
    last: f64,
    /// When the allowance would be whole again; it is used up one burst before that.
    allowance: Instant,
    /// The notification that waits until there is an allowance.
    held: Option<String>,
}

impl ProgressReports {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: f64::NEG_INFINITY,
            allowance: Instant::default(),
            held: None,
        }
    }

    /// Whether this is progress: more than before.
    pub(super) fn grows(&mut self, progress: f64) -> bool {
        let grows = progress.is_finite() && progress > self.last;
        if grows {
            self.last = progress;
        }
        grows
    }

    /// Takes a notification, and returns it if it may be sent now.
    pub(super) fn report(&mut self, json: String, now: Instant) -> Option<String> {
        self.held = Some(json);
        self.due(now)
    }

    /// When the notification that waits may be sent.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.held.as_ref().map(|_| self.next())
    }

    fn next(&self) -> Instant {
        let burst = self.interval * (limits::PROGRESS_BURST - 1);
        Instant::default().after(self.allowance.since(Instant::default().after(burst)))
    }

    /// Returns the notification that waits, if it may be sent now.
    pub(super) fn due(&mut self, now: Instant) -> Option<String> {
        if now < self.next() {
            return None;
        }
        let json = self.held.take()?;
        self.allowance = self.allowance.max(now).after(self.interval);
        Some(json)
    }

    /// Returns the notification that waits: the response follows.
    pub(super) fn last(&mut self) -> Option<String> {
        self.held.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(count: u32, now: Instant) -> (ProgressReports, usize) {
        let mut reports = ProgressReports::new(limits::PROGRESS_INTERVAL);
        let sent = (0..count).filter_map(|number| reports.report(number.to_string(), now));
        let sent = sent.count();
        (reports, sent)
    }

    // M5: a burst goes out at once, and then the last report of each interval.
    #[test]
    fn reports_over_the_burst_are_coalesced() {
        let now = Instant(1_000_000);
        let (mut reports, sent) = reports(1000, now);
        assert_eq!(sent, usize::try_from(limits::PROGRESS_BURST).unwrap());
        let next = now.after(limits::PROGRESS_INTERVAL);
        assert_eq!(reports.wake(), Some(next));
        assert_eq!(reports.due(now), None);
        assert_eq!(reports.due(next), Some("999".to_owned()));
        assert_eq!((reports.due(next), reports.wake()), (None, None));
    }

    #[test]
    fn slow_reports_are_all_sent() {
        let (mut reports, mut now) = (ProgressReports::new(limits::PROGRESS_INTERVAL), Instant(5));
        for number in 0..1000 {
            assert!(reports.report(number.to_string(), now).is_some());
            now = now.after(limits::PROGRESS_INTERVAL);
        }
    }

    #[test]
    fn operator_says_how_often_reports_are_sent() {
        let (now, interval) = (Instant(9), Duration::from_secs(1));
        let mut reports = ProgressReports::new(interval);
        let sent = (0..100).filter_map(|number| reports.report(number.to_string(), now));
        assert_eq!(
            sent.count(),
            usize::try_from(limits::PROGRESS_BURST).unwrap()
        );
        assert_eq!(reports.wake(), Some(now.after(interval)));
    }

    #[test]
    fn last_report_is_sent_before_the_response() {
        let (mut reports, _) = reports(100, Instant(7));
        assert_eq!(reports.last(), Some("99".to_owned()));
        assert_eq!(reports.last(), None);
    }

    #[test]
    fn progress_that_does_not_grow_is_none() {
        let mut reports = ProgressReports::new(limits::PROGRESS_INTERVAL);
        assert!(reports.grows(1.0));
        for progress in [1.0, 0.5, f64::NAN, f64::INFINITY] {
            assert!(!reports.grows(progress));
        }
        assert!(reports.grows(1.5));
    }
}
