//! Devices without a browser that wait for their users (RFC 8628): how many there are, how often they poll, and how many
//! wrong user codes are typed (threat A15).
//!
//! What they wait for is here, if this replica is alone; else in the store, where every replica finds it. It is kept for
//! strangers, so this table bounds it: an address has a part of it. How often a device polls is known to the replica that
//! it asks.

mod records;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use self::records::Records;
pub(crate) use self::records::{OwnRecord, RecordConflict, RecordOperation};
use super::{
    DeviceMessage, HubOutput,
    allowances::{Allowance, Allowances, Holder, Rates},
    asks::Waiter,
};
use crate::{
    config::ClientAddress, device_authorization::DeviceName, id::ExchangeId, limits, time::Instant,
};

/// A device that began to wait here.
#[derive(Debug)]
struct Begun {
    address: Option<ClientAddress>,
    until: Instant,
}

/// A device that polls here.
#[derive(Debug)]
struct Polling {
    until: Instant,
    /// Before this a poll is too early.
    next: Instant,
    interval: Duration,
}

/// The devices, and how many wrong user codes may be typed.
#[derive(Debug)]
pub(super) struct DeviceAuthorizations {
    begun: BTreeMap<DeviceName, Begun>,
    records: Records,
    polling: BTreeMap<DeviceName, Polling>,
    /// Whose allowances were taken from for codes that are being looked up.
    typed: BTreeMap<ExchangeId, Vec<Holder>>,
    wrong_codes: Allowances,
}

impl Default for DeviceAuthorizations {
    fn default() -> Self {
        let of_one = Allowance {
            most: limits::WRONG_USER_CODES_OF_ADDRESS,
            recovery: limits::WRONG_USER_CODE_OF_ADDRESS_RECOVERY,
        };
        let rates = Rates {
            device: of_one,
            address: of_one,
            strangers: Allowance {
                most: limits::WRONG_USER_CODES,
                recovery: limits::WRONG_USER_CODE_RECOVERY,
            },
        };
        Self {
            begun: BTreeMap::new(),
            records: Records::default(),
            polling: BTreeMap::new(),
            typed: BTreeMap::new(),
            wrong_codes: Allowances::new(rates),
        }
    }
}

impl DeviceAuthorizations {
    pub(super) fn len(&self) -> usize {
        self.begun.len()
    }

    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: DeviceMessage,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.begun.retain(|_, device| now < device.until);
        match message {
            DeviceMessage::Begin {
                ticket,
                device,
                address,
            } => {
                let is_begun = self.begin(device, address, now);
                out.push_back(Waiter::new(from, ticket).answer(is_begun));
            }
            DeviceMessage::Record {
                ticket,
                name,
                operation,
            } => {
                let answer = self.records.perform(name, operation, now);
                out.push_back(Waiter::new(from, ticket).answer(answer));
            }
            DeviceMessage::End(device) => {
                self.begun.remove(&device);
                self.polling.remove(&device);
            }
            DeviceMessage::Type { ticket, browser } => {
                let taken = self.wrong_codes.take(browser, now);
                let allowed = taken.map(|taken| drop(self.typed.insert(from, taken)));
                out.push_back(Waiter::new(from, ticket).answer(allowed));
            }
            DeviceMessage::TypedRight => {
                let taken = self.typed.remove(&from).unwrap_or_default();
                self.wrong_codes.give_back(taken);
            }
            DeviceMessage::TypedWrongElsewhere(browser) => {
                // Whoever has nothing left has nothing left.
                let _ = self.wrong_codes.take(browser, now);
            }
            DeviceMessage::Poll { ticket, device } => {
                let is_early = self.poll(device, now);
                out.push_back(Waiter::new(from, ticket).answer(is_early));
            }
        }
    }

    /// An exchange looks up no code any more.
    pub(super) fn forget(&mut self, from: ExchangeId) {
        self.typed.remove(&from);
    }

    /// A device begins to wait; `false` if there are too many.
    fn begin(&mut self, device: DeviceName, address: Option<ClientAddress>, now: Instant) -> bool {
        let has_address = |begun: &&Begun| begun.address == address;
        let of_address = self.begun.values().filter(has_address).count();
        let is_full = self.begun.len() >= limits::DEVICE_AUTHORIZATIONS
            || (address.is_some() && of_address >= limits::DEVICE_AUTHORIZATIONS_OF_ADDRESS);
        if !is_full {
            let until = now.after(limits::DEVICE_CODE_LIFETIME);
            self.begun.insert(device, Begun { address, until });
        }
        !is_full
    }

    /// A device asks, and its user has not decided; whether it asks too early. Where there is no room to know that, it
    /// does not.
    fn poll(&mut self, device: DeviceName, now: Instant) -> bool {
        if !self.polling.contains_key(&device) && self.polling.len() >= limits::DEVICES_POLLING {
            self.polling.retain(|_, polling| now < polling.until);
            if self.polling.len() >= limits::DEVICES_POLLING {
                return false;
            }
        }
        let polling = self.polling.entry(device).or_insert(Polling {
            until: now.after(limits::DEVICE_CODE_LIFETIME),
            next: now,
            interval: limits::DEVICE_POLL_INTERVAL,
        });
        let is_early = now < polling.next;
        if is_early {
            let longer = polling.interval + limits::DEVICE_POLL_INTERVAL;
            polling.interval = longer.min(limits::DEVICE_POLL_INTERVAL_MAX);
        }
        polling.next = now.after(polling.interval - limits::DEVICE_POLL_LEEWAY);
        is_early
    }
}

#[cfg(test)]
mod tests;
