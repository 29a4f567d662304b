//! Throttling, by who asked for it: Entra's token endpoint or Microsoft Graph, by `Retry-After`.
//!
//! The request that Entra throttles is not the only one that must: a request that is sent meanwhile counts
//! against the server again, and Entra takes a request loop (AADSTS50196) for an attack. So the wait is
//! published with what else is known of Entra, and every exchange looks before it asks.
//!
//! Source: RFC 9110 section 10.2.3; Microsoft Graph, "Throttling guidance"; Microsoft identity platform,
//! "Error handling in MSAL", `Retry-After`.

use std::{collections::BTreeMap, time::Duration};

use ::http::{HeaderMap, header};

use crate::{limits, time::Instant};

/// Which requests must wait.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Throttled {
    /// The redemption of codes at Entra: all of them, for the user is not known yet.
    CodeRedemption,
    /// The token refreshes of this user (`tid` and `oid`) at Entra.
    TokenRefresh(String),
    /// The requests of this user (`tid` and `oid`) to Graph.
    Graph(String),
}

/// The requests that must wait, and until when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Throttle(BTreeMap<Throttled, Instant>);

impl Throttle {
    /// Returns how long these requests must still wait; `None` if they may go.
    pub(crate) fn wait(&self, requests: &Throttled, now: Instant) -> Option<Duration> {
        let left = self.0.get(requests)?.since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Makes these requests wait until then. When the table is full, the shortest wait makes
    /// room.
    pub(crate) fn insert(&mut self, requests: Throttled, until: Instant, now: Instant) {
        self.0.retain(|_, until| *until > now);
        if self.0.len() >= limits::THROTTLED && !self.0.contains_key(&requests) {
            let first = self.0.iter().min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(requests, _)| requests.clone()) {
                self.0.remove(&first);
            }
        }
        let held = self.0.entry(requests).or_insert(until);
        *held = (*held).max(until);
    }
}

/// Returns how long a response wants the next request to wait, if it says so: whole seconds, no more than
/// [`limits::RETRY_AFTER`]. A date, which RFC 9110 allows and Microsoft does not send, is not read.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = Duration::from_secs(value.trim().parse().ok()?);
    Some(seconds.min(limits::RETRY_AFTER))
}

/// Returns whole seconds, rounded up, for a `Retry-After` of our own or for a sentence.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(user: usize) -> Throttled {
        Throttled::Graph(user.to_string())
    }

    #[test]
    fn wait_holds_for_one_user_until_it_is_over() {
        let mut throttle = Throttle::default();
        throttle.insert(graph(1), Instant(9_500), Instant(0));
        throttle.insert(graph(1), Instant(5_000), Instant(0));
        let wait = throttle.wait(&graph(1), Instant(2_000));
        assert_eq!(wait, Some(Duration::from_millis(7_500)));
        assert_eq!(wait.map(whole_seconds), Some(8));
        assert_eq!(throttle.wait(&graph(2), Instant(2_000)), None);
        let refresh = Throttled::TokenRefresh("1".to_owned());
        assert_eq!(throttle.wait(&refresh, Instant(2_000)), None);
        assert_eq!(throttle.wait(&graph(1), Instant(9_500)), None);
    }

    #[test]
    fn full_table_drops_whoever_waits_shortest() {
        let mut throttle = Throttle::default();
        for user in 0..limits::THROTTLED + 50 {
            let until = Instant(10_000 + u64::try_from(user).unwrap());
            throttle.insert(graph(user), until, Instant(0));
        }
        assert_eq!(throttle.0.len(), limits::THROTTLED);
        assert!(
            throttle
                .wait(&graph(limits::THROTTLED + 49), Instant(0))
                .is_some()
        );
        throttle.insert(graph(0), Instant(90_000), Instant(80_000));
        assert_eq!(throttle.0.len(), 1);
    }

    #[test]
    fn retry_after_is_whole_seconds_with_a_ceiling() {
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(of("7"), Some(7));
        assert_eq!(of("99999999"), Some(limits::RETRY_AFTER.as_secs()));
        assert_eq!(of("Wed, 21 Oct 2026 07:28:00 GMT"), None);
        assert_eq!(of("-1"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
