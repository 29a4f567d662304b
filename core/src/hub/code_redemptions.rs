//! How often strangers can make this server ask Entra (threat D14): a sign-in redeems a code once, also where
//! that failed, and only so many codes are redeemed that Entra then refuses.
//!
//! Anybody can begin sign-ins and come back with made-up codes, and only Entra can say that they are made
//! up. So every redemption takes one from an allowance, which gets it back if Entra redeems the code. Browsers
//! in which nobody has signed in yet share one allowance. A browser in which a user has signed in has one of
//! its own (OWASP, "Device cookies"), so that strangers cannot keep out those who sign in again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{BeginCodeRedemption, HubOutput, asks::Waiter};
use crate::{
    id::{DeviceId, ExchangeId, SessionId},
    limits,
    time::Instant,
};

/// Why a code may not be redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedemptionRefused {
    /// The sign-in has had its redemption.
    Spent,
    /// Not now, but after this.
    Busy(Duration),
}

/// The sign-ins that had their redemption, those under way, and what is left to whom.
#[derive(Debug, Default)]
pub(super) struct CodeRedemptions {
    /// The sign-ins that had their redemption, by the session that they would begin.
    spent: BTreeSet<SessionId>,
    /// The same by when they may be forgotten, the first one first.
    forgotten: VecDeque<(Instant, SessionId)>,
    under_way: BTreeMap<ExchangeId, Option<DeviceId>>,
    /// The allowances that are not whole, by when they will be (the generic cell rate algorithm).
    whole_again: BTreeMap<Option<DeviceId>, Instant>,
}

impl CodeRedemptions {
    /// How many are under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// How many sign-ins are remembered.
    pub(super) fn spent(&self) -> usize {
        self.spent.len()
    }

    pub(super) fn begin(
        &mut self,
        waiter: Waiter<BeginCodeRedemption>,
        sign_in: SessionId,
        device: Option<DeviceId>,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let verdict = self.admit(waiter.exchange, sign_in, device, now);
        out.push_back(waiter.answer(verdict));
    }

    fn admit(
        &mut self,
        from: ExchangeId,
        sign_in: SessionId,
        device: Option<DeviceId>,
        now: Instant,
    ) -> Result<(), RedemptionRefused> {
        while let Some((until, spent)) = self.forgotten.front()
            && *until <= now
        {
            self.spent.remove(spent);
            self.forgotten.pop_front();
        }
        if self.spent.contains(&sign_in) {
            return Err(RedemptionRefused::Spent);
        }
        let is_full = self.under_way.len() >= limits::CODE_REDEMPTIONS
            || self.spent.len() >= limits::SPENT_SIGN_INS;
        if is_full {
            return Err(RedemptionRefused::Busy(limits::CODE_REDEMPTION_RETRY));
        }
        self.whole_again.retain(|_, whole| *whole > now);
        let has_room = self.whole_again.len() < limits::DEVICES;
        let device = device.filter(|id| has_room || self.whole_again.contains_key(&Some(*id)));
        let (most, recovery) = allowance(device);
        let whole = self.whole_again.entry(device).or_insert(now);
        let left_after = now.after(recovery * most.saturating_sub(1));
        let wait = whole.since(left_after);
        if !wait.is_zero() {
            return Err(RedemptionRefused::Busy(wait));
        }
        *whole = whole.after(recovery);
        let until = now.after(limits::SIGN_IN_TIMEOUT + limits::CLOCK_LEEWAY);
        self.spent.insert(sign_in);
        self.forgotten.push_back((until, sign_in));
        self.under_way.insert(from, device);
        Ok(())
    }

    /// Entra has redeemed the code: it counts as nothing.
    pub(super) fn redeemed(&mut self, from: ExchangeId) {
        if let Some(device) = self.under_way.remove(&from)
            && let Some(whole) = self.whole_again.get_mut(&device)
        {
            *whole = whole.before(allowance(device).1);
        }
    }

    /// The exchange waits for Entra no more.
    pub(super) fn end(&mut self, from: ExchangeId) {
        self.under_way.remove(&from);
    }
}

/// Returns how many codes that Entra refuses a browser may send, and after what time it may send one more.
fn allowance(device: Option<DeviceId>) -> (u32, Duration) {
    match device {
        Some(_) => (
            limits::REFUSED_CODES_OF_DEVICE,
            limits::REFUSED_CODE_OF_DEVICE_RECOVERY,
        ),
        None => (
            limits::REFUSED_CODES_OF_STRANGERS,
            limits::REFUSED_CODE_OF_STRANGERS_RECOVERY,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table alone, and a clock.
    #[derive(Default)]
    struct Table {
        redemptions: CodeRedemptions,
        now: Instant,
        exchange: u64,
    }

    impl Table {
        fn begin(&mut self, sign_in: u64, device: Option<u8>) -> Result<(), RedemptionRefused> {
            self.exchange += 1;
            let mut id = [0; 16];
            id[..8].copy_from_slice(&sign_in.to_be_bytes());
            let device = device.map(|device| DeviceId([device; 16]));
            let from = ExchangeId(self.exchange);
            self.redemptions
                .admit(from, SessionId::new(id), device, self.now)
        }

        /// Entra refuses the code of the last one.
        fn refused(&mut self) {
            self.redemptions.end(ExchangeId(self.exchange));
        }

        /// Begins sign-ins whose codes Entra refuses, until one must wait; how many there were.
        fn flood(&mut self, first: u64, device: Option<u8>) -> u64 {
            for sign_in in first.. {
                if self.begin(sign_in, device).is_err() {
                    return sign_in - first;
                }
                self.refused();
            }
            unreachable!()
        }

        fn later(&mut self, duration: Duration) {
            self.now = self.now.after(duration);
        }
    }

    // D14
    #[test]
    fn sign_in_redeems_once_until_it_is_over() {
        let mut table = Table::default();
        assert_eq!(table.begin(1, None), Ok(()));
        assert_eq!(table.begin(1, None), Err(RedemptionRefused::Spent));
        table.refused();
        table.later(limits::SIGN_IN_TIMEOUT);
        assert_eq!(table.begin(1, None), Err(RedemptionRefused::Spent));
        table.later(limits::CLOCK_LEEWAY);
        assert_eq!(table.begin(1, None), Ok(()));
        assert_eq!(table.redemptions.spent(), 1);
    }

    // D14
    #[test]
    fn flood_of_made_up_codes_is_bounded_in_rate() {
        let mut table = Table::default();
        let burst = u64::from(limits::REFUSED_CODES_OF_STRANGERS);
        assert_eq!(table.flood(0, None), burst);
        let wait = limits::REFUSED_CODE_OF_STRANGERS_RECOVERY;
        assert_eq!(table.begin(burst, None), Err(RedemptionRefused::Busy(wait)));
        table.later(wait * 10);
        assert_eq!(table.flood(burst, None), 10);
    }

    // D14: the flood of strangers keeps no one out who has signed in before, and the reverse.
    #[test]
    fn known_browser_redeems_while_strangers_flood() {
        let mut table = Table::default();
        let burst = table.flood(0, None);
        for _ in 0..100 {
            assert_eq!(table.begin(10_000 + table.exchange, Some(1)), Ok(()));
            table.redemptions.redeemed(ExchangeId(table.exchange));
        }
        let most = u64::from(limits::REFUSED_CODES_OF_DEVICE);
        assert_eq!(table.flood(20_000, Some(1)), most);
        assert_eq!(table.flood(30_000, Some(2)), most);
        table.later(limits::REFUSED_CODE_OF_STRANGERS_RECOVERY * 100);
        assert_eq!(table.flood(40_000, None), burst);
    }

    // D14
    #[test]
    fn good_codes_cost_nothing() {
        let mut table = Table::default();
        for sign_in in 0..1000 {
            assert_eq!(table.begin(sign_in, None), Ok(()));
            table.redemptions.redeemed(ExchangeId(table.exchange));
        }
        assert_eq!(table.redemptions.under_way(), 0);
    }

    // D14
    #[test]
    fn redemptions_under_way_are_bounded_in_all() {
        let mut table = Table::default();
        let mut begun = 0;
        'all: for device in 0..=255 {
            for _ in 0..limits::REFUSED_CODES_OF_DEVICE {
                match table.begin(begun, Some(device)) {
                    Ok(()) => begun += 1,
                    Err(RedemptionRefused::Busy(wait)) => {
                        assert_eq!(wait, limits::CODE_REDEMPTION_RETRY);
                        break 'all;
                    }
                    Err(RedemptionRefused::Spent) => panic!("each is new"),
                }
            }
        }
        assert_eq!(table.redemptions.under_way(), limits::CODE_REDEMPTIONS);
        table.refused();
        table.redemptions.end(ExchangeId(1));
        assert_eq!(table.begin(begun, None), Ok(()));
    }
}
