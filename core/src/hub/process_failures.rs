//! Owners whose processes end without having answered anything: the next one is not begun at once.

use std::{collections::BTreeMap, time::Duration};

use crate::{id::PrincipalId, limits, time::Instant};

/// How often in a row it went wrong, and until when there is no next one.
#[derive(Debug)]
struct Failures {
    count: u32,
    until: Instant,
}

/// Those of whom it is known.
#[derive(Debug, Default)]
pub(super) struct ProcessFailures(BTreeMap<PrincipalId, Failures>);

impl ProcessFailures {
    /// In how many seconds the next one may be begun; `None`: now.
    pub(super) fn rest(&self, principal: PrincipalId, now: Instant) -> Option<u64> {
        let failures = self.0.get(&principal)?;
        let rest = failures.until.since(now);
        (failures.until > now).then(|| rest.as_millis().div_ceil(1000).try_into().unwrap_or(1))
    }

    /// One has ended, and has failed if the next one waits this long at most: after the first that has answered nothing there is none
    /// for a second, then for two, four and so on.
    pub(super) fn ended(
        &mut self,
        principal: PrincipalId,
        has_failed: Option<Duration>,
        now: Instant,
    ) {
        let Some(longest) = has_failed else {
            self.0.remove(&principal);
            return;
        };
        if self.0.len() >= limits::PROCESS_FAILURES && !self.0.contains_key(&principal) {
            let oldest = self.0.iter().min_by_key(|(_, failures)| failures.until);
            if let Some(oldest) = oldest.map(|(principal, _)| *principal) {
                self.0.remove(&oldest);
            }
        }
        let failures = self.0.entry(principal);
        let failures = failures.or_insert(Failures {
            count: 0,
            until: now,
        });
        let seconds = 1_u64 << failures.count.min(16);
        failures.count += 1;
        failures.until = now.after(Duration::from_secs(seconds).min(longest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_doubles_the_rest_up_to_half_a_minute() {
        let mut failures = ProcessFailures::default();
        let (alice, bob) = (PrincipalId([1; 32]), PrincipalId([2; 32]));
        let mut now = Instant(0);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            failures.ended(alice, Some(limits::PROCESS_REST), now);
            assert_eq!(failures.rest(alice, now), Some(seconds));
            assert_eq!(failures.rest(bob, now), None);
            now = now.after(Duration::from_secs(seconds));
            assert_eq!(failures.rest(alice, now), None);
        }
        failures.ended(alice, None, now);
        failures.ended(alice, Some(limits::PROCESS_REST), now);
        assert_eq!(failures.rest(alice, now), Some(1));
    }

    #[test]
    fn few_owners_are_remembered() {
        let mut failures = ProcessFailures::default();
        for number in 0..limits::PROCESS_FAILURES + 1 {
            let mut principal = [0; 32];
            principal[..8].copy_from_slice(&number.to_be_bytes());
            let rest = Some(limits::PROCESS_REST);
            failures.ended(PrincipalId(principal), rest, Instant(number as u64));
        }
        assert_eq!(failures.0.len(), limits::PROCESS_FAILURES);
    }
}
