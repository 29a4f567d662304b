//! How often browsers may have this server ask others (threats D14, M15), by the generic cell rate algorithm.
//!
//! A browser in which a user has signed in has an allowance of its own (OWASP, "Device cookies"), so that strangers
//! cannot keep out those who sign in again. All other browsers share one, and each address has a part of it, so that
//! a flood from one address leaves the rest to others.

use std::{collections::BTreeMap, time::Duration};

use crate::{config::ClientAddress, id::DeviceId, limits, time::Instant};

/// Which browser wants something, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Browser {
    /// Its name, if a user has signed in there before.
    pub(crate) device: Option<DeviceId>,
    /// Where it is.
    pub(crate) address: Option<ClientAddress>,
}

/// Who has an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Device(DeviceId),
    Address(ClientAddress),
    /// All browsers in which no user has signed in.
    Strangers,
}

/// How much there is in a row, and after what time one more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) most: u32,
    pub(super) recovery: Duration,
}

/// What each kind of holder may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) device: Allowance,
    pub(super) address: Allowance,
    pub(super) strangers: Allowance,
}

/// What is left to whom.
#[derive(Debug)]
pub(super) struct Allowances {
    rates: Rates,
    /// The allowances that are not whole, by when they will be.
    whole_again: BTreeMap<Holder, Instant>,
}

impl Allowances {
    /// Nothing was taken yet.
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            rates,
            whole_again: BTreeMap::new(),
        }
    }

    /// Takes one for this browser, and says from whose allowances.
    ///
    /// # Errors
    ///
    /// How long until there is one.
    pub(super) fn take(&mut self, browser: Browser, now: Instant) -> Result<Vec<Holder>, Duration> {
        self.whole_again.retain(|_, whole| *whole > now);
        let holders = self.holders(browser);
        let waits = holders.iter().map(|holder| self.wait(*holder, now));
        if let Some(wait) = waits.max().filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        for holder in &holders {
            let recovery = self.rates.of(*holder).recovery;
            let whole = self.whole_again.entry(*holder).or_insert(now);
            *whole = whole.after(recovery);
        }
        Ok(holders)
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&mut self, holders: Vec<Holder>) {
        for holder in holders {
            if let Some(whole) = self.whole_again.get_mut(&holder) {
                *whole = whole.before(self.rates.of(holder).recovery);
            }
        }
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.whole_again.len()
    }

    /// There are few addresses: each has taken what all strangers together may.
    fn holders(&self, browser: Browser) -> Vec<Holder> {
        let has_room = self.whole_again.len() < limits::DEVICES;
        let device = browser.device.map(Holder::Device);
        if let Some(device) = device
            && (has_room || self.whole_again.contains_key(&device))
        {
            return vec![device];
        }
        let address = browser.address.map(Holder::Address);
        address.into_iter().chain([Holder::Strangers]).collect()
    }

    /// How long until there is something left of an allowance.
    fn wait(&self, holder: Holder, now: Instant) -> Duration {
        let Allowance { most, recovery } = self.rates.of(holder);
        let left_after = now.after(recovery * most.saturating_sub(1));
        let whole = self.whole_again.get(&holder);
        whole.map_or(Duration::ZERO, |whole| whole.since(left_after))
    }
}

impl Rates {
    fn of(&self, holder: Holder) -> Allowance {
        match holder {
            Holder::Device(_) => self.device,
            Holder::Address(_) => self.address,
            Holder::Strangers => self.strangers,
        }
    }
}
