//! One refresh of Entra's keys at a time, however many wait for it (threat D9).
//!
//! ```text
//! Idle --newer metadata is needed--> InFlight --fetched--> Cooldown, a few minutes
//!                                        \--failed--> Cooldown, a moment
//! ```
//!
//! Whoever asks during the cooldown learns at once that there is nothing newer, so a flood of unknown
//! key ids costs no fetch. What was known stays known until something newer replaces it.

use std::{collections::VecDeque, sync::Arc};

use super::{HubOutput, Job, JobKind, NeedMetadata, asks::Waiter};
use crate::{
    env::EntraSnapshot,
    id::ExchangeId,
    limits,
    provider_metadata::ProviderMetadata,
    throttle::Throttled,
    time::{Instant, Now},
};

/// Who waits for the keys, and when they were last fetched.
#[derive(Debug, Default)]
pub(super) struct RefreshGate {
    state: State,
    /// The snapshot that was published last.
    published: EntraSnapshot,
    waiters: Vec<Waiter<NeedMetadata>>,
}

#[derive(Debug, Default)]
enum State {
    /// The job may be run.
    #[default]
    Idle,
    /// It runs.
    InFlight {
        /// Since when: a job that was lost does not keep others waiting.
        since: Instant,
    },
    /// It was run a while ago.
    Cooldown { until: Instant },
}

impl RefreshGate {
    #[cfg(test)]
    pub(super) fn of_snapshot(published: EntraSnapshot) -> Self {
        Self {
            published,
            ..Self::default()
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn need(
        &mut self,
        waiter: Waiter<NeedMetadata>,
        newer_than: u64,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        if self.published.revision > newer_than {
            out.push_back(waiter.answer(true));
            return;
        }
        let starts = match self.state {
            State::Idle => true,
            State::InFlight { since } => now.instant.since(since) >= limits::EXCHANGE_TIMEOUT,
            State::Cooldown { until } => {
                if now.instant < until {
                    out.push_back(waiter.answer(false));
                    return;
                }
                true
            }
        };
        if self.waiters.len() >= limits::KEYS_WAITERS {
            out.push_back(waiter.answer(false));
            return;
        }
        self.waiters.push(waiter);
        if starts {
            self.state = State::InFlight { since: now.instant };
            out.push_back(HubOutput::Spawn(Job(JobKind::RefreshEntraMetadata)));
        }
    }

    pub(super) fn fetched(
        &mut self,
        fetched_metadata: Option<Box<ProviderMetadata>>,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_fetched = fetched_metadata.is_some();
        let rest = if is_fetched {
            limits::KEYS_REFETCH
        } else {
            limits::KEYS_RETRY
        };
        let until = now.instant.after(rest);
        self.state = State::Cooldown { until };
        if let Some(fetched_metadata) = fetched_metadata {
            let published = &mut self.published;
            published.revision = published.revision.saturating_add(1);
            published.metadata = Some(Arc::from(fetched_metadata));
            published.fetched = now.instant;
            out.push_back(HubOutput::Publish(Arc::new(published.clone())));
        }
        let waiters = std::mem::take(&mut self.waiters);
        out.extend(waiters.into_iter().map(|waiter| waiter.answer(is_fetched)));
    }

    /// Makes these requests to Entra or Graph wait, those of all exchanges.
    pub(super) fn throttle(
        &mut self,
        requests: Throttled,
        until: Instant,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.published.throttle.insert(requests, until, now);
        out.push_back(HubOutput::Publish(Arc::new(self.published.clone())));
    }

    pub(super) fn forget(&mut self, id: ExchangeId) {
        self.waiters.retain(|waiter| waiter.exchange != id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        hub::{FromHub, FromHubKind, Hub, HubAnswer, ToHub, ToHubKind},
        testing::provider_metadata,
        ticket::{AskId, Ticket},
        time::UnixTime,
    };

    /// The hub alone, and a clock.
    struct Table {
        hub: Hub,
        now: Now,
    }

    impl Table {
        fn new() -> Self {
            let now = Now {
                instant: Instant(5000),
                unix: UnixTime(1_800_000_000),
            };
            let hub = Hub::new();
            Self { hub, now }
        }

        fn later(&mut self, duration: Duration) {
            self.now.instant = self.now.instant.after(duration);
        }

        fn send(&mut self, from: u64, message: ToHubKind) -> Vec<String> {
            self.hub.handle(ExchangeId(from), ToHub(message), self.now);
            let mut seen = Vec::new();
            loop {
                seen.push(match self.hub.poll() {
                    HubOutput::Spawn(_) => "start".to_owned(),
                    HubOutput::Publish(known) => format!("publish {}", known.revision),
                    HubOutput::Deliver(
                        to,
                        FromHub(FromHubKind::Answer(HubAnswer::NeedMetadata(answered))),
                    ) => format!("{} {}", to.0, answered.answer),
                    HubOutput::Deliver(..) => panic!("nobody else gets a message"),
                    HubOutput::Idle => return seen,
                });
            }
        }

        fn need(&mut self, from: u64, newer_than: u64) -> Vec<String> {
            let ticket = Ticket::new(AskId(0));
            self.send(from, ToHubKind::NeedMetadata { ticket, newer_than })
        }

        fn fetch(&mut self) -> Vec<String> {
            self.send(
                0,
                ToHubKind::MetadataFetched(Some(Box::new(provider_metadata()))),
            )
        }

        fn fail(&mut self) -> Vec<String> {
            self.send(0, ToHubKind::MetadataFetched(None))
        }
    }

    // D9: one fetch, and everybody is answered after the metadata is published.
    #[test]
    fn concurrent_waiters_share_one_fetch_of_keys() {
        let mut table = Table::new();
        assert_eq!(table.need(1, 0), ["start"]);
        for waiter in 2..5 {
            assert!(table.need(waiter, 0).is_empty());
        }
        table.hub.forget(ExchangeId(3));
        assert_eq!(table.fetch(), ["publish 1", "1 true", "2 true", "4 true"]);
    }

    #[test]
    fn request_for_known_newer_metadata_is_answered_at_once() {
        let mut table = Table::new();
        table.need(1, 0);
        table.fetch();
        assert_eq!(table.need(2, 0), ["2 true"]);
    }

    // D9: a flood of unknown key ids.
    #[test]
    fn unknown_key_ids_cause_one_fetch_in_five_minutes() {
        let mut table = Table::new();
        table.need(1, 0);
        table.fetch();
        for stranger in 2..50 {
            assert_eq!(table.need(stranger, 1), [format!("{stranger} false")]);
        }
        table.later(limits::KEYS_REFETCH);
        assert_eq!(table.need(2, 1), ["start"]);
        assert_eq!(table.fetch(), ["publish 2", "2 true"]);
    }

    // D14: an outage is asked about again soon, but not by every waiter.
    #[test]
    fn failed_fetch_is_retried_after_a_moment() {
        let mut table = Table::new();
        table.need(1, 0);
        table.need(2, 0);
        assert_eq!(table.fail(), ["1 false", "2 false"]);
        assert_eq!(table.need(3, 0), ["3 false"]);
        table.later(limits::KEYS_RETRY);
        assert_eq!(table.need(3, 0), ["start"]);
        assert_eq!(table.fetch(), ["publish 1", "3 true"]);
    }

    #[test]
    fn failed_refresh_keeps_the_metadata() {
        let mut table = Table::new();
        table.need(1, 0);
        table.fetch();
        table.later(limits::KEYS_REFETCH);
        table.need(2, 1);
        assert_eq!(table.fail(), ["2 false"], "nothing is published");
        assert_eq!(table.need(3, 0), ["3 true"], "what was known is known");
    }

    #[test]
    fn lost_refresh_job_is_run_again() {
        let mut table = Table::new();
        table.need(1, 0);
        table.later(limits::EXCHANGE_TIMEOUT);
        assert_eq!(table.need(2, 0), ["start"]);
        assert_eq!(table.fetch(), ["publish 1", "1 true", "2 true"]);
    }

    // M: bounded.
    #[test]
    fn waiters_over_the_limit_are_refused() {
        let mut table = Table::new();
        let limit = u64::try_from(limits::KEYS_WAITERS).unwrap();
        for waiter in 0..limit {
            table.need(waiter, 0);
        }
        assert_eq!(table.need(limit, 0), [format!("{limit} false")]);
    }
}
