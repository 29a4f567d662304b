//! What is known of Entra, and of the identity by which this server proves itself to it: published as a snapshot, which
//! every exchange sees.
//!
//! What was known stays known until something newer replaces it. A flood of unknown key ids costs no fetch: see
//! `fetch_gate.rs`.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    HubOutput, IdentityTokenMessage, Job, JobKind, NeedIdentityToken, NeedMetadata, asks::Waiter,
    fetch_gate::FetchGate,
};
use crate::{
    env::EntraSnapshot,
    id::ExchangeId,
    identity_token::IdentityToken,
    limits,
    provider_metadata::ProviderMetadata,
    throttle::Throttled,
    time::{Instant, Now},
};

/// The snapshot that was published last, and who waits for another one.
#[derive(Debug, Default)]
pub(super) struct PublishedSnapshot {
    published: EntraSnapshot,
    metadata_gate: FetchGate<NeedMetadata>,
    token_gate: FetchGate<NeedIdentityToken>,
}

impl PublishedSnapshot {
    #[cfg(test)]
    pub(super) fn of_snapshot(published: EntraSnapshot) -> Self {
        Self {
            published,
            ..Self::default()
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.metadata_gate.waiting() + self.token_gate.waiting()
    }

    pub(super) fn need_metadata(
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
        if self.metadata_gate.need(waiter, now.instant, out) {
            out.push_back(HubOutput::Spawn(Job(JobKind::RefreshEntraMetadata)));
        }
    }

    pub(super) fn metadata_fetched(
        &mut self,
        metadata: Option<Box<ProviderMetadata>>,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_fetched = metadata.is_some();
        // What a server begins with was asked for by nobody who has seen an unknown key: the first of those may ask at once.
        let is_first = self.published.revision == 0;
        if let Some(metadata) = metadata {
            let published = &mut self.published;
            published.revision = published.revision.saturating_add(1);
            published.metadata = Some(Arc::from(metadata));
            published.fetched = now.instant;
            self.publish(out);
        }
        let rest = match (is_fetched, is_first) {
            (true, true) => Duration::ZERO,
            (true, false) => limits::KEYS_REFETCH,
            (false, _) => limits::KEYS_RETRY,
        };
        self.metadata_gate
            .fetched(is_fetched, rest, now.instant, out);
    }

    pub(super) fn identity_token(
        &mut self,
        from: ExchangeId,
        message: IdentityTokenMessage,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        match message {
            IdentityTokenMessage::Need { ticket, newer_than } => {
                let waiter = Waiter::new(from, ticket);
                self.need_identity_token(waiter, newer_than, now, out);
            }
            IdentityTokenMessage::Fetched(token) => self.identity_token_fetched(token, now, out),
        }
    }

    fn need_identity_token(
        &mut self,
        waiter: Waiter<NeedIdentityToken>,
        newer_than: u64,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        if self.published.identity_tokens > newer_than {
            out.push_back(waiter.answer(true));
            return;
        }
        if self.token_gate.need(waiter, now.instant, out) {
            out.push_back(HubOutput::Spawn(Job(JobKind::FetchIdentityToken)));
        }
    }

    fn identity_token_fetched(
        &mut self,
        token: Option<Box<IdentityToken>>,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_fetched = token.is_some();
        if let Some(token) = token {
            let published = &mut self.published;
            published.identity_tokens = published.identity_tokens.saturating_add(1);
            published.identity_token = Some(Arc::from(token));
            self.publish(out);
        }
        let rest = if is_fetched {
            limits::IDENTITY_TOKEN_REFETCH
        } else {
            limits::IDENTITY_TOKEN_RETRY
        };
        self.token_gate.fetched(is_fetched, rest, now.instant, out);
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
        self.publish(out);
    }

    pub(super) fn forget(&mut self, id: ExchangeId) {
        self.metadata_gate.forget(id);
        self.token_gate.forget(id);
    }

    fn publish(&self, out: &mut VecDeque<HubOutput>) {
        out.push_back(HubOutput::Publish(Arc::new(self.published.clone())));
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
                    HubOutput::Deliver(
                        to,
                        FromHub(FromHubKind::Answer(HubAnswer::NeedIdentityToken(answered))),
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

        fn need_identity_token(&mut self, from: u64, newer_than: u64) -> Vec<String> {
            let ticket = Ticket::new(AskId(0));
            self.send(
                from,
                ToHubKind::IdentityToken(IdentityTokenMessage::Need { ticket, newer_than }),
            )
        }

        fn identity_token(&mut self, is_fetched: bool) -> Vec<String> {
            let body = br#"{"access_token":"a.b.c","expires_in":3600}"#;
            let token = IdentityToken::read(body, None, self.now).unwrap();
            let token = is_fetched.then(|| Box::new(token));
            self.send(
                0,
                ToHubKind::IdentityToken(IdentityTokenMessage::Fetched(token)),
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
        // A key may be as new as the server's start.
        assert_eq!(table.need(2, 1), ["start"]);
        assert_eq!(table.fetch(), ["publish 2", "2 true"]);
        for stranger in 3..50 {
            assert_eq!(table.need(stranger, 2), [format!("{stranger} false")]);
        }
        table.later(limits::KEYS_REFETCH);
        assert_eq!(table.need(2, 2), ["start"]);
        assert_eq!(table.fetch(), ["publish 3", "2 true"]);
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

    #[test]
    fn concurrent_waiters_share_one_fetch_of_the_identity_token() {
        let mut table = Table::new();
        assert_eq!(table.need_identity_token(1, 0), ["start"]);
        assert!(table.need_identity_token(2, 0).is_empty());
        assert_eq!(
            table.need(3, 0),
            ["start"],
            "the metadata is another matter"
        );
        assert_eq!(
            table.identity_token(true),
            ["publish 0", "1 true", "2 true"]
        );
        assert_eq!(table.need_identity_token(4, 0), ["4 true"]);
        // One that ages is fetched anew, but Azure would give out the same one at first.
        assert_eq!(table.need_identity_token(5, 1), ["5 false"]);
        table.later(limits::IDENTITY_TOKEN_REFETCH);
        assert_eq!(table.need_identity_token(5, 1), ["start"]);
        assert_eq!(
            table.identity_token(false),
            ["5 false"],
            "the old one stays"
        );
        table.later(limits::IDENTITY_TOKEN_RETRY);
        assert_eq!(table.need_identity_token(6, 0), ["6 true"]);
        assert_eq!(table.need_identity_token(6, 1), ["start"]);
    }
}
