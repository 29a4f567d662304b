//! Tests of the table of devices.

use std::net::IpAddr;

use super::*;
use crate::{
    config::ClientAddress,
    hub::{Browser, Hub},
    id::DeviceId,
    ticket::Ticket,
};

/// The table alone, and a clock.
struct Table {
    devices: DeviceAuthorizations,
    now: Instant,
    exchange: u64,
}

fn address(last: u8) -> Option<ClientAddress> {
    Some(ClientAddress::from(IpAddr::from([192, 0, 2, last])))
}

fn browser(address: Option<ClientAddress>) -> Browser {
    Browser {
        device: None,
        address,
    }
}

fn device(number: usize) -> DeviceName {
    let mut name = [0; 32];
    name[..8].copy_from_slice(&number.to_be_bytes());
    DeviceName(name)
}

impl Table {
    fn new() -> Self {
        Self {
            devices: DeviceAuthorizations::default(),
            now: Instant(1_000),
            exchange: 0,
        }
    }

    fn send(&mut self, message: DeviceMessage) {
        let mut out = VecDeque::new();
        let from = ExchangeId(self.exchange);
        self.devices.handle(from, message, self.now, &mut out);
    }

    /// Somebody types a code; whether it is looked up.
    fn types(&mut self, browser: Browser, is_right: bool) -> bool {
        self.exchange += 1;
        let before = self.devices.typed.len();
        let ticket = Ticket::new(crate::ask::AskId(0));
        self.send(DeviceMessage::Type { ticket, browser });
        let is_allowed = self.devices.typed.len() > before;
        if is_right {
            self.send(DeviceMessage::TypedRight);
        }
        self.devices.forget(ExchangeId(self.exchange));
        is_allowed
    }

    fn later(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }
}

#[test]
fn device_that_polls_too_often_is_slowed_down_up_to_a_minute() {
    let mut table = Table::new();
    let interval = limits::DEVICE_POLL_INTERVAL;
    let mut poll = |wait: Duration| {
        table.later(wait);
        table.devices.poll(device(1), table.now)
    };
    assert!(!poll(Duration::ZERO));
    assert!(!poll(interval));
    assert!(poll(interval / 2));
    assert!(poll(interval), "it was to wait for twice as long");
    for _ in 0..20 {
        assert!(poll(Duration::ZERO));
    }
    assert!(!poll(limits::DEVICE_POLL_INTERVAL_MAX));
}

// M1
#[test]
fn devices_that_poll_are_bounded_and_further_ones_are_not_slowed_down() {
    let mut table = Table::new();
    for number in 0..limits::DEVICES_POLLING {
        assert!(!table.devices.poll(device(number), table.now));
    }
    let one_more = device(limits::DEVICES_POLLING);
    for _ in 0..2 {
        assert!(!table.devices.poll(one_more, table.now));
    }
    assert!(table.devices.poll(device(0), table.now));
    table.later(limits::DEVICE_CODE_LIFETIME);
    assert!(!table.devices.poll(one_more, table.now));
    assert!(table.devices.poll(one_more, table.now));
    assert_eq!(table.devices.polling.len(), 1, "the others are over");
}

// A15
#[test]
fn guesses_of_user_codes_are_limited_by_browser_address_and_in_all() {
    let mut table = Table::new();
    for _ in 0..100 {
        assert!(
            table.types(browser(address(1)), true),
            "a right one is free"
        );
    }
    for _ in 0..limits::WRONG_USER_CODES_OF_ADDRESS {
        assert!(table.types(browser(address(1)), false));
    }
    assert!(!table.types(browser(address(1)), true));
    assert!(table.types(browser(address(2)), true));
    table.later(limits::WRONG_USER_CODE_OF_ADDRESS_RECOVERY);
    assert!(table.types(browser(address(1)), false));
    assert!(!table.types(browser(address(1)), false));
    let mut guesses = limits::WRONG_USER_CODES_OF_ADDRESS + 1;
    for last in 2..=255 {
        while table.types(browser(address(last)), false) {
            guesses += 1;
        }
    }
    let recovered = 41;
    assert!(guesses <= limits::WRONG_USER_CODES + recovered, "{guesses}");
    assert!(!table.types(browser(None), true));
    let known = Browser {
        device: Some(DeviceId([1; 16])),
        address: None,
    };
    assert!(table.types(known, true), "a user has signed in there");
    assert!(table.devices.typed.is_empty());
}

// A15, Q5
#[test]
fn guesses_on_another_replica_count_here() {
    let mut table = Table::new();
    for _ in 0..limits::WRONG_USER_CODES_OF_ADDRESS {
        table.send(DeviceMessage::TypedWrongElsewhere(browser(address(1))));
    }
    assert!(!table.types(browser(address(1)), true));
    assert!(table.types(browser(address(2)), true));
}

// M1
#[test]
fn devices_that_wait_are_bounded_by_address_and_in_all() {
    let mut table = Table::new();
    let mut number = 0;
    let mut begin = |table: &mut Table, from| {
        number += 1;
        table.devices.begin(device(number), from, table.now)
    };
    for _ in 0..limits::DEVICE_AUTHORIZATIONS_OF_ADDRESS {
        assert!(begin(&mut table, address(1)));
    }
    assert!(!begin(&mut table, address(1)));
    table.send(DeviceMessage::End(device(1)));
    assert!(begin(&mut table, address(1)), "one had its answer");
    while table.devices.len() < limits::DEVICE_AUTHORIZATIONS {
        assert!(begin(&mut table, None));
    }
    assert!(!begin(&mut table, address(2)));
    table.later(limits::DEVICE_CODE_LIFETIME);
    table.send(DeviceMessage::TypedRight);
    assert_eq!(table.devices.len(), 0);
    assert!(begin(&mut table, address(1)));
}

#[test]
fn exchange_that_ends_amid_a_look_up_leaves_nothing() {
    let mut hub = Hub::new();
    let browser = browser(None);
    let ticket = Ticket::new(crate::ask::AskId(0));
    let message = DeviceMessage::Type { ticket, browser };
    let now = crate::testing::TestServer::dev().now;
    let message = crate::hub::ToHub(crate::hub::ToHubKind::Device(message));
    hub.handle(ExchangeId(1), message, now);
    assert_eq!(hub.devices.typed.len(), 1);
    hub.forget(ExchangeId(1));
    assert_eq!(hub.devices.typed.len(), 0);
}
