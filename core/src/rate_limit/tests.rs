//! Threat M17.

mod told;

use std::net::{IpAddr, Ipv6Addr};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn limits() -> RateLimits {
    RateLimits {
        token: Rate::new(6, SECOND * 6),
        tools: Rate::new(3, SECOND * 3),
        ..RateLimits::none()
    }
}

fn address(number: u64) -> Option<ClientAddress> {
    let network = Ipv6Addr::from_bits(u128::from(number) << 64);
    Some(ClientAddress::from(IpAddr::V6(network)))
}

fn token(client: u8) -> RateRequest {
    RateRequest {
        class: RateClass::Token,
        client: Some(StatedClient([client; 16])),
    }
}

/// How many of these are counted before one is refused, and how long that one must wait.
fn counted(
    table: &mut RateTable,
    address: Option<ClientAddress>,
    client: u8,
    now: Instant,
) -> (usize, Option<Duration>) {
    for number in 0..1000 {
        let counted = table.count_request(token(client), address, &limits(), now);
        if let Err(limited) = counted {
            return (number, Some(limited.wait));
        }
    }
    (1000, None)
}

// M17
#[test]
fn client_at_an_address_has_half_and_leaves_others_there_theirs() {
    let mut table = RateTable::default();
    let now = Instant(5_000);
    assert_eq!(
        counted(&mut table, address(1), 1, now),
        (3, Some(SECOND * 2))
    );
    // However often it goes on, the address has the rest for another one.
    assert_eq!(
        counted(&mut table, address(1), 1, now),
        (0, Some(SECOND * 2))
    );
    assert_eq!(
        counted(&mut table, address(1), 2, now),
        (3, Some(SECOND * 2))
    );
    // Then the address has had all of its own.
    assert_eq!(counted(&mut table, address(1), 3, now), (0, Some(SECOND)));
    assert_eq!(
        counted(&mut table, address(2), 1, now),
        (3, Some(SECOND * 2))
    );
}

// M17
#[test]
fn allowance_comes_back_evenly_and_never_more_than_all_of_it() {
    let mut table = RateTable::default();
    let request = |table: &mut RateTable, now| {
        let counted = table.count_user(Subject::of("alice"), &limits(), || now);
        counted.is_ok()
    };
    let later = |seconds: u64| Instant(1_000 + 1_000 * seconds);
    let burst = [(); 4].map(|()| request(&mut table, later(0)));
    assert_eq!(burst, [true, true, true, false]);
    assert_eq!(
        [(); 2].map(|()| request(&mut table, later(1))),
        [true, false]
    );
    let rested = [(); 4].map(|()| request(&mut table, later(1000)));
    assert_eq!(rested, [true, true, true, false]);
}

#[test]
fn user_over_the_limit_leaves_others_theirs() {
    let mut table = RateTable::default();
    let mut request = |subject: &str| {
        let counted = table.count_user(Subject::of(subject), &limits(), || Instant(0));
        counted.map_err(|limited| limited.log_event())
    };
    for _ in 0..3 {
        assert_eq!(request("alice"), Ok(Counted::Yes));
    }
    let line = request("alice").unwrap_err();
    assert_eq!(line.field(Field::Subject), Some("alice"));
    assert_eq!(line.field(Field::Rate), Some("tools"));
    assert_eq!(line.field(Field::RetryAfter), Some("1"));
    assert_eq!(request("bob"), Ok(Counted::Yes));
}

#[test]
fn request_from_where_no_address_stands_for_a_client_is_not_counted() {
    let mut table = RateTable::default();
    assert_eq!(counted(&mut table, None, 1, Instant(0)), (1000, None));
    let registration = RateRequest {
        class: RateClass::Registration,
        client: None,
    };
    for _ in 0..1000 {
        let counted = table.count_request(registration, address(1), &limits(), Instant(0));
        assert_eq!(counted, Ok(Counted::Yes));
    }
    assert!(table.whole_again.is_empty());
}

// M17
#[test]
fn full_table_refuses_nobody_and_still_counts_those_in_it() {
    let mut table = RateTable::default();
    let now = Instant(0);
    let request = RateRequest {
        class: RateClass::Token,
        client: None,
    };
    let mut count = |number, now| table.count_request(request, address(number), &limits(), now);
    for number in 0..limits::RATES {
        let number = u64::try_from(number).unwrap();
        assert_eq!(count(number, now), Ok(Counted::Yes));
    }
    for _ in 0..100 {
        assert_eq!(count(u64::MAX, now), Ok(Counted::TableFull));
    }
    let known = [(); 6].map(|()| count(7, now).is_ok());
    assert_eq!(known, [true, true, true, true, true, false]);
    // Who was away has their whole allowance again, and their places are free.
    let later = now.after(SECOND * 2);
    assert_eq!(count(u64::MAX, later), Ok(Counted::Yes));
    assert!(table.whole_again.len() < 10);
}
