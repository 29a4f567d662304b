//! Records that are put together of parts of others.

use super::*;

// G3: nobody puts together a record of parts of others, be they of the same session.
#[test]
fn record_whose_parts_are_of_different_writings_does_not_open() {
    let mut alice = SignedIn::new();
    let first = alice.redeem();
    let (id, before) = copied(&alice);
    let second = refreshed(&mut alice, &first);
    let (_, now) = copied(&alice);
    let shares = [share_of(&alice, &first), share_of(&alice, &second)];
    let parts = |stored: &Stored| {
        let mut from = Reader::new(&stored.record.bytes[1..]);
        let mut part = || from.bytes().unwrap().to_vec();
        ([part(), part(), part()], from.rest().to_vec())
    };
    let ((old, _), (new, entra)) = (parts(&before), parts(&now));
    let whole = |chosen: [&Vec<u8>; 3]| {
        let mut record = Writer::new();
        record.array(&[VERSION]);
        chosen.into_iter().for_each(|part| record.bytes(part));
        record.rest(&entra);
        let mut stored = now.clone();
        stored.record.bytes = record.finish().to_vec().into();
        (id, stored)
    };
    let [head, locks, body] = &new;
    assert!(opens(&alice, &whole([head, locks, body]), &shares[1]));
    let fewer = locks[LOCK_BYTES..].to_vec();
    let more = [&locks[..], &old[1]].concat();
    for other in [
        [&old[0], locks, body],
        [head, &old[1], body],
        [head, locks, &old[2]],
        [head, &fewer, body],
        [head, &more, body],
        [&Vec::new(), locks, body],
    ] {
        for share in &shares {
            assert!(!opens(&alice, &whole(other), share));
        }
    }
}
