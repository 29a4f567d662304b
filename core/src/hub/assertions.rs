//! Assertions for backends: the keys that they are signed with, and those that were signed a moment ago.
//!
//! One job reads or makes the keys, however many wait for them. They are read again now and then, for another replica may have
//! made the next one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    HubOutput, Job, JobKind,
    asks::{FindAssertion, NeedSigningKeys, Waiter},
};
use crate::{
    gateway::SigningKeys, id::ExchangeId, limits, secret::Secret, ticket::Ticket, time::Instant,
};

/// A message about assertions.
#[derive(Debug)]
pub(crate) enum AssertionMessage {
    /// The sender needs the keys.
    NeedKeys(Ticket<NeedSigningKeys>),
    /// The job has the keys, or has failed.
    Keys(Option<Arc<SigningKeys>>),
    /// The sender needs the assertion that says this.
    Find(Ticket<FindAssertion>, [u8; 32]),
    /// The sender has signed it.
    Signed([u8; 32], Arc<Secret<String>>),
}

/// What is known, and who waits.
#[derive(Debug, Default)]
pub(super) struct Assertions {
    keys: Option<Arc<SigningKeys>>,
    /// Until when the job is not run again.
    rests_until: Instant,
    /// Since when the job runs: one that was lost keeps nobody waiting for ever.
    runs_since: Option<Instant>,
    waiters: Vec<Waiter<NeedSigningKeys>>,
    signed: BTreeMap<[u8; 32], (Arc<Secret<String>>, Instant)>,
}

impl Assertions {
    /// How many were signed.
    pub(super) fn len(&self) -> usize {
        self.signed.len()
    }

    /// How many exchanges wait for the keys.
    pub(super) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: AssertionMessage,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        match message {
            AssertionMessage::NeedKeys(ticket) => {
                self.need_keys(Waiter::new(from, ticket), now, out);
            }
            AssertionMessage::Keys(keys) => self.have_keys(keys, now, out),
            AssertionMessage::Find(ticket, digest) => {
                let signed = self.find(&digest, now);
                out.push_back(Waiter::new(from, ticket).answer(signed));
            }
            AssertionMessage::Signed(digest, assertion) => self.signed(digest, assertion, now),
        }
    }

    fn need_keys(
        &mut self,
        waiter: Waiter<NeedSigningKeys>,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        if now < self.rests_until || self.waiters.len() >= limits::KEYS_WAITERS {
            out.push_back(waiter.answer(self.keys.clone()));
            return;
        }
        self.waiters.push(waiter);
        let is_lost = |since: Instant| now.since(since) >= limits::EXCHANGE_TIMEOUT;
        if self.runs_since.is_none_or(is_lost) {
            self.runs_since = Some(now);
            out.push_back(HubOutput::Spawn(Job(JobKind::ReadSigningKeys)));
        }
    }

    fn have_keys(
        &mut self,
        keys: Option<Arc<SigningKeys>>,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.runs_since = None;
        let rest = match keys.is_some() {
            true => limits::ASSERTION_KEYS_REREAD,
            false => limits::ASSERTION_KEYS_REST,
        };
        self.rests_until = now.after(rest);
        // Those that were known sign on while the store is away.
        self.keys = keys.or(self.keys.take());
        for waiter in std::mem::take(&mut self.waiters) {
            out.push_back(waiter.answer(self.keys.clone()));
        }
    }

    fn find(&self, digest: &[u8; 32], now: Instant) -> Option<Arc<Secret<String>>> {
        let (assertion, until) = self.signed.get(digest)?;
        (now < *until).then(|| Arc::clone(assertion))
    }

    fn signed(&mut self, digest: [u8; 32], assertion: Arc<Secret<String>>, now: Instant) {
        if self.signed.len() >= limits::ASSERTIONS {
            self.signed.retain(|_, (_, until)| now < *until);
        }
        if self.signed.len() >= limits::ASSERTIONS {
            let oldest = self.signed.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(digest) = oldest.map(|(digest, _)| *digest) {
                self.signed.remove(&digest);
            }
        }
        let until = now.after(limits::ASSERTION_REUSE);
        self.signed.insert(digest, (assertion, until));
    }

    pub(super) fn forget(&mut self, id: ExchangeId) {
        self.waiters.retain(|waiter| waiter.exchange != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hub::{FromHub, FromHubKind, HubAnswer},
        ticket::AskId,
    };

    fn at(seconds: u64) -> Instant {
        Instant(0).after(std::time::Duration::from_secs(seconds))
    }

    fn assertion(number: usize) -> Arc<Secret<String>> {
        Arc::new(Secret::new(number.to_string()))
    }

    fn digest(number: usize) -> [u8; 32] {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    fn need(table: &mut Assertions, id: u64, now: Instant) -> VecDeque<HubOutput> {
        let mut out = VecDeque::new();
        let ticket = Ticket::new(AskId(0));
        table.handle(
            ExchangeId(id),
            AssertionMessage::NeedKeys(ticket),
            now,
            &mut out,
        );
        out
    }

    fn has_keys(output: &HubOutput) -> bool {
        match output {
            HubOutput::Deliver(
                _,
                FromHub(FromHubKind::Answer(HubAnswer::NeedSigningKeys(answered))),
            ) => answered.answer.is_some(),
            other => panic!("an answer, not {other:?}"),
        }
    }

    #[test]
    fn keys_are_read_once_for_all_who_wait_and_again_after_an_hour() {
        let mut table = Assertions::default();
        assert!(matches!(
            need(&mut table, 1, at(0)).as_slices(),
            ([HubOutput::Spawn(_)], [])
        ));
        assert!(need(&mut table, 2, at(1)).is_empty());
        let mut out = VecDeque::new();
        let keys = AssertionMessage::Keys(Some(Arc::default()));
        table.handle(ExchangeId(3), keys, at(2), &mut out);
        assert!(out.len() == 2 && out.iter().all(has_keys));
        assert!(need(&mut table, 4, at(3601)).iter().all(has_keys));
        assert_eq!(need(&mut table, 5, at(3602)).len(), 1);
        // The store is away: what is known is good.
        let mut out = VecDeque::new();
        table.handle(
            ExchangeId(6),
            AssertionMessage::Keys(None),
            at(3603),
            &mut out,
        );
        assert!(out.iter().all(has_keys));
    }

    #[test]
    fn job_that_was_lost_is_run_again() {
        let mut table = Assertions::default();
        need(&mut table, 1, at(0));
        let later = at(0).after(limits::EXCHANGE_TIMEOUT);
        assert_eq!(need(&mut table, 2, later).len(), 1);
    }

    #[test]
    fn assertion_is_sent_again_for_half_a_minute() {
        let mut table = Assertions::default();
        table.signed(digest(1), assertion(1), at(0));
        assert_eq!(table.find(&digest(1), at(29)).unwrap().expose(), "1");
        assert!(table.find(&digest(1), at(30)).is_none());
        assert!(table.find(&digest(2), at(0)).is_none());
    }

    // M5
    #[test]
    fn oldest_assertion_makes_room_in_a_full_table() {
        let mut table = Assertions::default();
        for number in 0..=limits::ASSERTIONS {
            let now = at(0).after(std::time::Duration::from_millis(number as u64));
            table.signed(digest(number), assertion(number), now);
        }
        assert_eq!(table.signed.len(), limits::ASSERTIONS);
        assert!(table.find(&digest(0), at(1)).is_none());
        assert!(table.find(&digest(1), at(1)).is_some());
    }
}
