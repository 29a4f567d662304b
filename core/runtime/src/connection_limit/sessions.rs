//! What is held for the requests of users' sessions: for each session, and in all. Pure.

use std::collections::BTreeMap;

use entra_mcp_core::limits;

use super::{SessionKey, table::OverLimit};

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// The requests that are worked on after their response. No session is here that has none.
    remainders: BTreeMap<SessionKey, usize>,
    remainders_in_all: usize,
}

impl Sessions {
    /// Whether a session may have one more request, which may be worked on after its response.
    pub(super) fn may_remain(&self, session: SessionKey) -> Result<(), OverLimit> {
        let of_session = self.remainders.get(&session).copied().unwrap_or_default();
        if of_session >= limits::REMAINDERS_PER_SESSION {
            return Err(OverLimit::Session);
        }
        // Whoever has none is not refused for what others do.
        if of_session > 0 && self.remainders_in_all >= limits::REMAINDERS {
            return Err(OverLimit::Server);
        }
        Ok(())
    }

    /// Counts a request that is worked on after its response.
    pub(super) fn remain(&mut self, session: SessionKey) {
        *self.remainders.entry(session).or_default() += 1;
        self.remainders_in_all += 1;
    }

    /// Counts it out again.
    pub(super) fn end_remainder(&mut self, session: SessionKey) {
        self.remainders_in_all -= 1;
        if let Some(count) = self.remainders.get_mut(&session) {
            *count -= 1;
            if *count == 0 {
                self.remainders.remove(&session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // M5
    #[test]
    fn requests_that_go_on_are_bounded_for_a_session_and_refused_to_no_other() {
        let mut table = Sessions::default();
        let session =
            |number: usize| SessionKey::from(u128::try_from(number).unwrap().to_be_bytes());
        for _ in 0..limits::REMAINDERS_PER_SESSION {
            assert_eq!(table.may_remain(session(0)), Ok(()));
            table.remain(session(0));
        }
        assert_eq!(table.may_remain(session(0)), Err(OverLimit::Session));
        for number in 1..=limits::REMAINDERS - limits::REMAINDERS_PER_SESSION {
            table.remain(session(number));
        }
        assert_eq!(table.may_remain(session(1)), Err(OverLimit::Server));
        assert_eq!(table.may_remain(session(limits::REMAINDERS)), Ok(()));
        table.end_remainder(session(0));
        assert_eq!(table.may_remain(session(1)), Ok(()));
        assert_eq!(table.may_remain(session(0)), Ok(()));
        table.end_remainder(session(1));
        assert!(!table.remainders.contains_key(&session(1)));
    }
}
