//! What is held for the requests of users' sessions: for each session, and in all. Pure.

use std::collections::BTreeMap;

use entra_mcp_core::limits;

use super::{SessionKey, table::OverLimit};

#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// No session is here that has nothing.
    sessions: BTreeMap<SessionKey, SessionCounts>,
    remainders_in_all: usize,
    body_bytes_in_all: usize,
    response_bytes_in_all: usize,
}

/// What is held for a session.
#[derive(Debug, Default, PartialEq, Eq)]
struct SessionCounts {
    /// The requests that are worked on after their response.
    remainders: usize,
    /// The bytes of the bodies of its requests.
    body_bytes: usize,
    /// The bytes of responses that are not written yet.
    response_bytes: usize,
}

impl Sessions {
    /// Whether a session may have one more request, which may be worked on after its response.
    pub(super) fn may_remain(&self, session: SessionKey) -> Result<(), OverLimit> {
        let of_session = self.of_session(session).remainders;
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
        self.change_session(session, |counts| counts.remainders += 1);
        self.remainders_in_all += 1;
    }

    /// Counts it out again.
    pub(super) fn end_remainder(&mut self, session: SessionKey) {
        self.remainders_in_all -= 1;
        self.change_session(session, |counts| counts.remainders -= 1);
    }

    /// Counts bytes of the bodies of a session's requests, if that many more may be held.
    pub(super) fn hold_body(&mut self, session: SessionKey, bytes: usize) -> Result<(), OverLimit> {
        let of_session = self.of_session(session).body_bytes;
        if of_session.saturating_add(bytes) > limits::SESSION_BODY_BYTES {
            return Err(OverLimit::Session);
        }
        if self.body_bytes_in_all.saturating_add(bytes) > limits::USER_BODY_BYTES {
            return Err(OverLimit::Server);
        }
        self.change_session(session, |counts| counts.body_bytes += bytes);
        self.body_bytes_in_all += bytes;
        Ok(())
    }

    /// Counts them out again.
    pub(super) fn release_body(&mut self, session: SessionKey, bytes: usize) {
        self.change_session(session, |counts| counts.body_bytes -= bytes);
        self.body_bytes_in_all -= bytes;
    }

    /// Counts bytes of a response that waits to be written, if that many more may.
    pub(super) fn hold_response(
        &mut self,
        session: SessionKey,
        bytes: usize,
    ) -> Result<(), OverLimit> {
        let of_session = self.of_session(session).response_bytes;
        // Whoever has none is not refused for what others do.
        let has_one = of_session > 0;
        if has_one && of_session.saturating_add(bytes) > limits::SESSION_RESPONSE_BYTES {
            return Err(OverLimit::Session);
        }
        let in_all = self.response_bytes_in_all;
        if has_one && in_all.saturating_add(bytes) > limits::RESPONSE_BYTES {
            return Err(OverLimit::Server);
        }
        self.change_session(session, |counts| counts.response_bytes += bytes);
        self.response_bytes_in_all += bytes;
        Ok(())
    }

    /// Counts them out again.
    pub(super) fn release_response(&mut self, session: SessionKey, bytes: usize) {
        self.change_session(session, |counts| counts.response_bytes -= bytes);
        self.response_bytes_in_all -= bytes;
    }

    fn of_session(&self, session: SessionKey) -> &SessionCounts {
        const NOTHING: &SessionCounts = &SessionCounts {
            remainders: 0,
            body_bytes: 0,
            response_bytes: 0,
        };
        self.sessions.get(&session).unwrap_or(NOTHING)
    }

    fn change_session(&mut self, session: SessionKey, change: impl FnOnce(&mut SessionCounts)) {
        let counts = self.sessions.entry(session).or_default();
        change(counts);
        if *counts == SessionCounts::default() {
            self.sessions.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // M5
    #[test]
    fn open_requests_are_bounded_for_a_session_and_refused_to_no_other() {
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
        assert!(!table.sessions.contains_key(&session(1)));
    }

    // M5
    #[test]
    fn bodies_are_bounded_for_a_session_and_in_all_and_no_user_takes_all() {
        let mut table = Sessions::default();
        let session =
            |number: usize| SessionKey::from(u128::try_from(number).unwrap().to_be_bytes());
        let most = limits::SESSION_BODY_BYTES;
        for number in 0..limits::SESSIONS_PER_USER {
            assert_eq!(table.hold_body(session(number), most), Ok(()));
            assert_eq!(table.hold_body(session(number), 1), Err(OverLimit::Session));
        }
        let last = limits::USER_BODY_BYTES / most;
        for number in limits::SESSIONS_PER_USER..last {
            assert_eq!(table.hold_body(session(number), most), Ok(()));
        }
        let over = table.hold_body(session(last), 1);
        assert_eq!(over, Err(OverLimit::Server));
        table.release_body(session(0), most);
        assert_eq!(table.hold_body(session(last), most), Ok(()));
        assert!(!table.sessions.contains_key(&session(0)));
    }

    // M5
    #[test]
    fn responses_that_nobody_reads_are_bounded_for_a_session_and_in_all() {
        let mut table = Sessions::default();
        let session =
            |number: usize| SessionKey::from(u128::try_from(number).unwrap().to_be_bytes());
        let most = limits::SESSION_RESPONSE_BYTES;
        let last = limits::RESPONSE_BYTES / most;
        for number in 0..last {
            assert_eq!(table.hold_response(session(number), most), Ok(()));
            let over = table.hold_response(session(number), 1);
            assert_eq!(over, Err(OverLimit::Session));
        }
        // One alone is sent, whatever others do and however long it is.
        let other = session(last);
        assert_eq!(table.hold_response(other, most + 1), Ok(()));
        table.release_response(other, most);
        assert_eq!(table.hold_response(other, 1), Err(OverLimit::Server));
        table.release_response(session(0), most);
        assert!(!table.sessions.contains_key(&session(0)));
        assert_eq!(table.hold_response(other, 1), Ok(()));
    }
}
