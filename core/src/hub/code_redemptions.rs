//! How often strangers can make this server ask Entra (threat D14): a sign-in redeems a code once, also where
//! that failed, and only so many codes are redeemed that Entra then refuses.
//!
//! Anybody can begin sign-ins and come back with made-up codes, and only Entra can say that they are made
//! up. So every redemption takes one from an allowance, which gets it back if Entra redeems the code.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    BeginCodeRedemption, HubOutput, RedemptionRefused,
    allowances::{Allowance, Allowances, Browser, Holder, Rates},
    asks::Waiter,
};
use crate::{
    id::{ExchangeId, SessionId},
    limits,
    time::Instant,
};

/// How many codes that Entra refuses each may send.
const RATES: Rates = Rates {
    device: Allowance {
        most: limits::REFUSED_CODES_OF_DEVICE,
        recovery: limits::REFUSED_CODE_OF_DEVICE_RECOVERY,
    },
    address: Allowance {
        most: limits::REFUSED_CODES_OF_ADDRESS,
        recovery: limits::REFUSED_CODE_OF_ADDRESS_RECOVERY,
    },
    strangers: Allowance {
        most: limits::REFUSED_CODES_OF_STRANGERS,
        recovery: limits::REFUSED_CODE_OF_STRANGERS_RECOVERY,
    },
};

/// The sign-ins that had their redemption, those under way, and what is left to whom.
#[derive(Debug)]
pub(super) struct CodeRedemptions {
    /// The sign-ins that had their redemption, by the session that they would begin.
    spent: BTreeSet<SessionId>,
    /// The same by when they may be forgotten, the first one first.
    forgotten: VecDeque<(Instant, SessionId)>,
    /// Those under way, and whose allowances they took from.
    under_way: BTreeMap<ExchangeId, Vec<Holder>>,
    allowances: Allowances,
}

impl Default for CodeRedemptions {
    fn default() -> Self {
        Self {
            spent: BTreeSet::new(),
            forgotten: VecDeque::new(),
            under_way: BTreeMap::new(),
            allowances: Allowances::new(RATES),
        }
    }
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
        browser: Browser,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let verdict = self.admit(waiter.exchange, sign_in, browser, now);
        out.push_back(waiter.answer(verdict));
    }

    fn admit(
        &mut self,
        from: ExchangeId,
        sign_in: SessionId,
        browser: Browser,
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
        let holders = self.allowances.take(browser, now);
        let holders = holders.map_err(RedemptionRefused::Busy)?;
        let until = now.after(limits::SIGN_IN_TIMEOUT + limits::CLOCK_LEEWAY);
        self.spent.insert(sign_in);
        self.forgotten.push_back((until, sign_in));
        self.under_way.insert(from, holders);
        Ok(())
    }

    /// Entra has refused a code of this browser to another replica. Whoever has nothing left has nothing left.
    pub(super) fn refused_elsewhere(&mut self, browser: Browser, now: Instant) {
        let _ = self.allowances.take(browser, now);
    }

    /// Entra has redeemed the code: it counts as nothing.
    pub(super) fn redeemed(&mut self, from: ExchangeId) {
        let holders = self.under_way.remove(&from).unwrap_or_default();
        self.allowances.give_back(holders);
    }

    /// The exchange waits for Entra no more.
    pub(super) fn end(&mut self, from: ExchangeId) {
        self.under_way.remove(&from);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{config::ClientAddress, id::DeviceId};

    /// The table alone, and a clock.
    #[derive(Default)]
    struct Table {
        redemptions: CodeRedemptions,
        now: Instant,
        exchange: u64,
        address: Option<ClientAddress>,
    }

    fn address(last: u8) -> Option<ClientAddress> {
        let address = std::net::IpAddr::from([192, 0, 2, last]);
        Some(ClientAddress::from(address))
    }

    impl Table {
        fn begin(&mut self, sign_in: u64, device: Option<u8>) -> Result<(), RedemptionRefused> {
            self.exchange += 1;
            let mut id = [0; 16];
            id[..8].copy_from_slice(&sign_in.to_be_bytes());
            let browser = Browser {
                device: device.map(|device| DeviceId([device; 16])),
                address: self.address,
            };
            let from = ExchangeId(self.exchange);
            self.redemptions
                .admit(from, SessionId::new(id), browser, self.now)
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
    fn flood_from_one_address_leaves_others_their_sign_ins() {
        let mut table = Table {
            address: address(1),
            ..Table::default()
        };
        let most = u64::from(limits::REFUSED_CODES_OF_ADDRESS);
        assert_eq!(table.flood(0, None), most);
        let wait = limits::REFUSED_CODE_OF_ADDRESS_RECOVERY;
        assert_eq!(table.begin(999, None), Err(RedemptionRefused::Busy(wait)));
        assert_eq!(table.flood(1000, Some(1)), 5, "a known browser there");
        table.address = address(2);
        assert_eq!(table.flood(2000, None), most);
        table.address = address(1);
        table.later(wait * 3);
        assert_eq!(table.flood(3000, None), 3);
    }

    // D14
    #[test]
    fn flood_from_many_addresses_is_bounded_in_rate() {
        let mut table = Table::default();
        let mut refused = 0;
        for last in 0..=255 {
            table.address = address(last);
            refused += table.flood(1000 * u64::from(last), None);
        }
        assert_eq!(refused, u64::from(limits::REFUSED_CODES_OF_STRANGERS));
        assert!(table.redemptions.allowances.len() < 70);
    }

    // D14
    #[test]
    fn good_codes_cost_nothing() {
        let mut table = Table {
            address: address(1),
            ..Table::default()
        };
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
