//! Devices without a browser that wait for their users (RFC 8628).
//!
//! The table is small and in memory: what a stranger asks for leaves no record in the store. An address has a part
//! of it, and so many wrong user codes (threat A15).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    Browser, DeviceMessage, HubOutput,
    allowances::{Allowance, Allowances, Rates},
    asks::Waiter,
};
use crate::{
    device_authorization::{DeviceAuthorization, DeviceDecision, DevicePoll, UserCode},
    id::ExchangeId,
    limits,
    time::Instant,
};

#[derive(Debug)]
struct Entry {
    authorization: Arc<DeviceAuthorization>,
    until: Instant,
    /// Before this a poll is too early.
    next_poll: Instant,
    interval: Duration,
    decision: Option<DeviceDecision>,
}

/// The devices, and how many wrong user codes may be typed.
#[derive(Debug)]
pub(super) struct DeviceAuthorizations {
    devices: BTreeMap<UserCode, Entry>,
    by_device_code: BTreeMap<[u8; 32], UserCode>,
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
            devices: BTreeMap::new(),
            by_device_code: BTreeMap::new(),
            wrong_codes: Allowances::new(rates),
        }
    }
}

impl DeviceAuthorizations {
    pub(super) fn len(&self) -> usize {
        self.devices.len()
    }

    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: DeviceMessage,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.expire(now);
        out.push_back(match message {
            DeviceMessage::Begin {
                ticket,
                user_code,
                authorization,
            } => {
                let is_begun = self.begin(user_code, authorization, now);
                Waiter::new(from, ticket).answer(is_begun)
            }
            DeviceMessage::Find {
                ticket,
                user_code,
                browser,
            } => {
                let found = self.find(user_code, browser, now);
                Waiter::new(from, ticket).answer(found)
            }
            DeviceMessage::Decide {
                ticket,
                user_code,
                decision,
            } => {
                let is_waiting = self.decide(user_code, decision);
                Waiter::new(from, ticket).answer(is_waiting)
            }
            DeviceMessage::Poll {
                ticket,
                device_code,
                client,
            } => {
                let answer = self.poll(device_code, client, now);
                Waiter::new(from, ticket).answer(answer)
            }
        });
    }

    /// A device begins to wait; `false` if there are too many.
    fn begin(
        &mut self,
        user_code: UserCode,
        authorization: DeviceAuthorization,
        now: Instant,
    ) -> bool {
        let address = authorization.address;
        let has_address = |entry: &&Entry| entry.authorization.address == address;
        let of_address = self.devices.values().filter(has_address).count();
        let is_full = self.devices.len() >= limits::DEVICE_AUTHORIZATIONS
            || (address.is_some() && of_address >= limits::DEVICE_AUTHORIZATIONS_OF_ADDRESS)
            || self.devices.contains_key(&user_code);
        if !is_full {
            let interval = limits::DEVICE_POLL_INTERVAL;
            self.by_device_code
                .insert(authorization.device_code, user_code);
            let entry = Entry {
                authorization: Arc::new(authorization),
                until: now.after(limits::DEVICE_CODE_LIFETIME),
                next_poll: now,
                interval,
                decision: None,
            };
            self.devices.insert(user_code, entry);
        }
        !is_full
    }

    /// A user has typed a code: a right one costs nothing.
    fn find(
        &mut self,
        user_code: Option<UserCode>,
        browser: Browser,
        now: Instant,
    ) -> Result<Option<Arc<DeviceAuthorization>>, Duration> {
        let taken = self.wrong_codes.take(browser, now)?;
        let undecided = user_code
            .and_then(|code| self.devices.get(&code))
            .filter(|entry| entry.decision.is_none());
        let found = undecided.map(|entry| Arc::clone(&entry.authorization));
        if found.is_some() {
            self.wrong_codes.give_back(taken);
        }
        Ok(found)
    }

    /// The user has decided; `false` if the device waits no more. Deciding again changes nothing.
    fn decide(&mut self, user_code: UserCode, decision: DeviceDecision) -> bool {
        let entry = self.devices.get_mut(&user_code);
        let is_waiting = entry.is_some();
        if let Some(entry) = entry
            && entry.decision.is_none()
        {
            entry.decision = Some(decision);
        }
        is_waiting
    }

    /// A device asks. What was decided is told once.
    fn poll(&mut self, device_code: [u8; 32], client: [u8; 32], now: Instant) -> DevicePoll {
        let Some(user_code) = self.by_device_code.get(&device_code).copied() else {
            return DevicePoll::Expired;
        };
        let entry = self.devices.get_mut(&user_code);
        let Some(entry) = entry.filter(|entry| entry.authorization.client == client) else {
            return DevicePoll::Expired;
        };
        let is_early = now < entry.next_poll;
        match (entry.decision.take(), is_early) {
            (None, false) => {
                entry.next_poll = now.after(entry.interval - limits::DEVICE_POLL_LEEWAY);
                DevicePoll::Pending
            }
            (None, true) => {
                let longer = entry.interval + limits::DEVICE_POLL_INTERVAL;
                entry.interval = longer.min(limits::DEVICE_POLL_INTERVAL_MAX);
                entry.next_poll = now.after(entry.interval - limits::DEVICE_POLL_LEEWAY);
                DevicePoll::SlowDown
            }
            (Some(decision), _) => {
                self.devices.remove(&user_code);
                self.by_device_code.remove(&device_code);
                decision.map_or(DevicePoll::Denied, DevicePoll::Approved)
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        let by_device_code = &mut self.by_device_code;
        self.devices.retain(|_, entry| {
            let lives = now < entry.until;
            if !lives {
                by_device_code.remove(&entry.authorization.device_code);
            }
            lives
        });
    }
}

#[cfg(test)]
mod tests;
