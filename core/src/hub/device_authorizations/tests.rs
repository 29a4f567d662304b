//! Tests of the table of devices.

use std::net::IpAddr;

use super::*;
use crate::{
    config::ClientAddress,
    entropy::{Entropy, Seed},
    id::DeviceId,
    secret::Secret,
    time::UnixTime,
};

const CLIENT: [u8; 32] = [7; 32];

/// The table alone, and a clock.
struct Table {
    devices: DeviceAuthorizations,
    entropy: Entropy,
    now: Instant,
}

fn address(last: u8) -> Option<ClientAddress> {
    Some(ClientAddress::from(IpAddr::from([192, 0, 2, last])))
}

impl Table {
    fn new() -> Self {
        Self {
            devices: DeviceAuthorizations::default(),
            entropy: Entropy::new(&Seed::new([3; 32])),
            now: Instant(1_000),
        }
    }

    /// Begins one; its user code, unless there are too many.
    fn begin(&mut self, device_code: [u8; 32], address: Option<ClientAddress>) -> Option<UserCode> {
        let user_code = UserCode::new(&mut self.entropy);
        let authorization = DeviceAuthorization {
            device_code,
            client: CLIENT,
            request: Vec::new(),
            address,
            begun: UnixTime(0),
        };
        let is_begun = self.devices.begin(user_code, authorization, self.now);
        is_begun.then_some(user_code)
    }

    fn decide(&mut self, user_code: UserCode, code: Option<&str>) {
        let decision = code.map(|code| Secret::new(code.to_owned()));
        self.devices.decide(user_code, decision);
    }

    fn poll(&mut self, device_code: [u8; 32]) -> String {
        self.devices.expire(self.now);
        match self.devices.poll(device_code, CLIENT, self.now) {
            DevicePoll::Approved(code) => format!("approved {}", code.expose()),
            other => format!("{other:?}"),
        }
    }

    fn look_up(&mut self, code: Option<UserCode>, from: Option<ClientAddress>) -> &'static str {
        self.devices.expire(self.now);
        let browser = Browser {
            device: None,
            address: from,
        };
        match self.devices.find(code, browser, self.now) {
            Ok(Some(_)) => "found",
            Ok(None) => "wrong",
            Err(_) => "wait",
        }
    }

    fn later(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
    }
}

#[test]
fn device_is_told_once_what_its_user_decided() {
    let mut table = Table::new();
    let code = table.begin([1; 32], None).unwrap();
    assert_eq!(table.poll([1; 32]), "Pending");
    assert_eq!(table.look_up(Some(code), None), "found");
    table.decide(code, Some("a code"));
    table.decide(code, None);
    assert_eq!(table.look_up(Some(code), None), "wrong", "it is decided");
    assert_eq!(table.poll([1; 32]), "approved a code");
    assert_eq!(table.poll([1; 32]), "Expired");
    let code = table.begin([2; 32], None).unwrap();
    table.decide(code, None);
    assert_eq!(table.poll([2; 32]), "Denied");
    assert_eq!(table.devices.len(), 0);
}

#[test]
fn device_of_another_client_is_not_told() {
    let mut table = Table::new();
    let code = table.begin([1; 32], None).unwrap();
    table.decide(code, Some("a code"));
    let other = table.devices.poll([1; 32], [8; 32], table.now);
    assert!(matches!(other, DevicePoll::Expired));
    assert_eq!(table.poll([1; 32]), "approved a code");
}

#[test]
fn device_that_polls_too_often_is_slowed_down_up_to_a_minute() {
    let mut table = Table::new();
    table.begin([1; 32], None).unwrap();
    let interval = limits::DEVICE_POLL_INTERVAL;
    assert_eq!(table.poll([1; 32]), "Pending");
    table.later(interval);
    assert_eq!(table.poll([1; 32]), "Pending");
    table.later(interval / 2);
    assert_eq!(table.poll([1; 32]), "SlowDown");
    table.later(interval);
    assert_eq!(
        table.poll([1; 32]),
        "SlowDown",
        "it was to wait for twice as long"
    );
    for _ in 0..20 {
        assert_eq!(table.poll([1; 32]), "SlowDown");
    }
    table.later(limits::DEVICE_POLL_INTERVAL_MAX);
    assert_eq!(table.poll([1; 32]), "Pending");
}

#[test]
fn device_code_expires() {
    let mut table = Table::new();
    let code = table.begin([1; 32], None).unwrap();
    table.later(limits::DEVICE_CODE_LIFETIME - Duration::from_millis(1));
    assert_eq!(table.poll([1; 32]), "Pending");
    table.later(Duration::from_millis(1));
    assert_eq!(table.look_up(Some(code), None), "wrong");
    assert_eq!(table.poll([1; 32]), "Expired");
    assert!(table.devices.by_device_code.is_empty());
}

// A15
#[test]
fn guesses_of_user_codes_are_limited_by_browser_address_and_in_all() {
    let mut table = Table::new();
    let code = table.begin([1; 32], None).unwrap();
    for _ in 0..limits::WRONG_USER_CODES_OF_ADDRESS {
        assert_eq!(table.look_up(None, address(1)), "wrong");
    }
    assert_eq!(table.look_up(Some(code), address(1)), "wait");
    assert_eq!(table.look_up(Some(code), address(2)), "found");
    table.later(limits::WRONG_USER_CODE_OF_ADDRESS_RECOVERY);
    assert_eq!(table.look_up(None, address(1)), "wrong");
    assert_eq!(table.look_up(None, address(1)), "wait");
    let mut guesses = limits::WRONG_USER_CODES_OF_ADDRESS + 1;
    for last in 2..=255 {
        while table.look_up(None, address(last)) == "wrong" {
            guesses += 1;
        }
    }
    let recovered = 41;
    assert!(guesses <= limits::WRONG_USER_CODES + recovered, "{guesses}");
    assert_eq!(table.look_up(Some(code), None), "wait");
    let known = Browser {
        device: Some(DeviceId([1; 16])),
        address: None,
    };
    let found = table.devices.find(Some(code), known, table.now);
    assert!(matches!(found, Ok(Some(_))), "a user has signed in there");
}

// M1
#[test]
fn devices_that_wait_are_bounded_by_address_and_in_all() {
    let mut table = Table::new();
    let mut device_code = [0_u8; 32];
    let mut next = |table: &mut Table, from| {
        for byte in &mut device_code {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        table.begin(device_code, from).is_some()
    };
    for _ in 0..limits::DEVICE_AUTHORIZATIONS_OF_ADDRESS {
        assert!(next(&mut table, address(1)));
    }
    assert!(!next(&mut table, address(1)));
    while table.devices.len() < limits::DEVICE_AUTHORIZATIONS {
        assert!(next(&mut table, None));
    }
    assert!(!next(&mut table, address(2)));
    table.later(limits::DEVICE_CODE_LIFETIME);
    table.devices.expire(table.now);
    assert!(next(&mut table, address(1)));
    assert_eq!(table.devices.len(), 1);
}
