//! What replicas tell each other.

use super::*;
use crate::rate_limit::{CountedElsewhere, Untold};

fn tell(table: &mut RateTable) -> Option<CountedElsewhere> {
    table.take_untold().and_then(Untold::for_others)
}

fn user(table: &mut RateTable, name: &str, now: Instant) -> bool {
    table
        .count_user(Subject::of(name), &limits(), || now)
        .is_ok()
}

#[test]
fn replica_tells_what_it_has_counted_once() {
    let (mut here, mut there) = (RateTable::told_to_others(), RateTable::told_to_others());
    let now = Instant(5_000);
    assert_eq!(tell(&mut here), None);
    for _ in 0..2 {
        assert!(user(&mut here, "alice", now));
    }
    assert_eq!(
        counted(&mut here, address(1), 1, now),
        (3, Some(SECOND * 2))
    );
    let told = tell(&mut here).unwrap();
    // As it is when another replica reads it.
    let text = serde_json::to_string(&told).unwrap();
    assert_eq!(
        serde_json::from_str::<CountedElsewhere>(&text).unwrap(),
        told
    );
    there.count_elsewhere(&told, now);
    assert_eq!(tell(&mut here), None);
    assert_eq!(tell(&mut there), None, "what was heard is not told again");
    // A second has come back meanwhile of what is left of three.
    let left = [(); 3].map(|()| user(&mut there, "alice", now));
    assert_eq!(left, [true, true, false]);
    assert!(user(&mut there, "bob", now));
    assert_eq!(counted(&mut there, address(1), 1, now), (0, Some(SECOND)));
    assert_eq!(counted(&mut there, address(1), 2, now).0, 3);
    assert_eq!(counted(&mut there, address(2), 1, now).0, 3);
}

#[test]
fn table_of_the_only_replica_tells_nothing() {
    let mut table = RateTable::default();
    assert!(user(&mut table, "alice", Instant(0)));
    assert_eq!(tell(&mut table), None);
}

// M17
#[test]
fn what_replicas_allowed_before_they_knew_of_each_other_is_paid_back() {
    let mut tables = [(); 3].map(|()| RateTable::told_to_others());
    let mut allowed = 0;
    for tick in 0..600 {
        let now = Instant(10_000 + 100 * tick);
        for table in &mut tables {
            allowed += u32::from(user(table, "alice", now));
        }
        if tick % 10 == 9 {
            let told = tables.each_mut().map(tell);
            for (teller, told) in told.iter().enumerate() {
                let others = tables.iter_mut().enumerate();
                for (_, table) in others.filter(|(other, _)| *other != teller) {
                    told.iter()
                        .for_each(|told| table.count_elsewhere(told, now));
                }
            }
        }
    }
    // Three at once on each of three, and then one a second.
    assert!((60..=60 + 9).contains(&allowed), "{allowed}");
}

// M17
#[test]
fn those_of_whom_most_was_counted_are_told_where_they_are_many() {
    let mut table = RateTable::told_to_others();
    let now = Instant(5_000);
    for number in 0..limits::RATES_TOLD + 10 {
        assert!(user(&mut table, &format!("user {number}"), now));
    }
    assert!(user(&mut table, "alice", now) && user(&mut table, "alice", now));
    let told = tell(&mut table).unwrap();
    let mut other = RateTable::told_to_others();
    other.count_elsewhere(&told, now);
    assert!(other.len() <= limits::RATES_TOLD);
    let left = [(); 3].map(|()| user(&mut other, "alice", now));
    assert_eq!(left, [true, true, false]);
}

#[test]
fn subject_is_read_as_it_was_written() {
    let subject = Subject::of("a-subject_of_43_characters_in_base64url_text");
    assert_eq!(Subject::of(&subject.to_string()), subject);
}
