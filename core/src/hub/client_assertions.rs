//! The assertions of clients that were used: each proves who a client is once (RFC 7523 section 3; threat E14).
//!
//! They are known to this replica, until they are over; where others share the store, a record there is known to all.

use std::collections::BTreeMap;

use crate::{id::AssertionId, limits, time::UnixTime};

/// Why an assertion proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AssertionRefused {
    /// It was used before.
    Used,
    /// Too many were used lately, by this client or in all.
    TooMany,
}

/// The assertions that were used, by client, and until when each must be known.
#[derive(Debug, Default)]
pub(super) struct ClientAssertions {
    used: BTreeMap<[u8; 32], BTreeMap<[u8; 32], UnixTime>>,
    count: usize,
}

impl ClientAssertions {
    /// How many were used.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Uses an assertion, if it was not used before.
    pub(super) fn take(
        &mut self,
        id: AssertionId,
        until: UnixTime,
        now: UnixTime,
    ) -> Result<(), AssertionRefused> {
        let of_client = self.used.get(&id.client);
        if of_client.is_some_and(|used| used.contains_key(&id.jti)) {
            return Err(AssertionRefused::Used);
        }
        if self.is_full(&id) {
            self.forget_those_over(now);
        }
        if self.is_full(&id) {
            return Err(AssertionRefused::TooMany);
        }
        let of_client = self.used.entry(id.client).or_default();
        of_client.insert(id.jti, until);
        self.count += 1;
        Ok(())
    }

    fn is_full(&self, id: &AssertionId) -> bool {
        let of_client = self.used.get(&id.client).map_or(0, BTreeMap::len);
        self.count >= limits::CLIENT_ASSERTIONS || of_client >= limits::CLIENT_ASSERTIONS_OF_CLIENT
    }

    fn forget_those_over(&mut self, now: UnixTime) {
        for of_client in self.used.values_mut() {
            // What was used while the clock was far ahead is over, too: it is refused by its own `exp`.
            let lifetime = limits::SIGNED_CLIENT_ASSERTION_LIFETIME;
            let leeway = 2 * limits::CLOCK_LEEWAY;
            of_client.retain(|_, until| until.is_ahead(lifetime, now, leeway));
        }
        self.used.retain(|_, of_client| !of_client.is_empty());
        self.count = self.used.values().map(BTreeMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(client: u8, number: usize) -> AssertionId {
        let mut jti = [0; 32];
        jti[..8].copy_from_slice(&number.to_be_bytes());
        AssertionId {
            client: [client; 32],
            jti,
        }
    }

    // E14, M15
    #[test]
    fn assertion_is_taken_once_and_no_client_takes_the_room_of_others() {
        let (now, until) = (UnixTime(1000), UnixTime(1600));
        let mut assertions = ClientAssertions::default();
        for number in 0..limits::CLIENT_ASSERTIONS_OF_CLIENT {
            assert_eq!(assertions.take(id(1, number), until, now), Ok(()));
            let again = assertions.take(id(1, number), until, now);
            assert_eq!(again, Err(AssertionRefused::Used));
        }
        let more = id(1, limits::CLIENT_ASSERTIONS_OF_CLIENT);
        assert_eq!(
            assertions.take(more, until, now),
            Err(AssertionRefused::TooMany)
        );
        assert_eq!(assertions.take(id(2, 0), until, now), Ok(()));
        let (now, until) = (until, UnixTime(2200));
        assert_eq!(assertions.take(more, until, now), Ok(()));
        assert_eq!(assertions.count, 1, "what is over is forgotten");
        for number in 1..limits::CLIENT_ASSERTIONS {
            let client = u8::try_from(number % 200).unwrap() + 3;
            assert_eq!(assertions.take(id(client, number), until, now), Ok(()));
        }
        let one_more = assertions.take(id(2, 1), until, now);
        assert_eq!(one_more, Err(AssertionRefused::TooMany));
    }

    // Q3
    #[test]
    fn room_taken_while_the_clock_was_ahead_is_given_back_when_it_is_set_back() {
        let (ahead, now) = (UnixTime(1_000_000), UnixTime(1000));
        let mut assertions = ClientAssertions::default();
        for number in 0..limits::CLIENT_ASSERTIONS_OF_CLIENT {
            let until = ahead.after(limits::SIGNED_CLIENT_ASSERTION_LIFETIME);
            assert_eq!(assertions.take(id(1, number), until, ahead), Ok(()));
        }
        let next = id(1, limits::CLIENT_ASSERTIONS_OF_CLIENT);
        assert_eq!(assertions.take(next, UnixTime(1600), now), Ok(()));
    }
}
