//! Sessions that were opened a moment ago: who shows the same token again needs not have the record opened again.
//!
//! What opening a record results in depends on its bytes and on the share of the token. So it is looked up in the store at every
//! request, and its token is verified; only where both are the same as before, byte by byte, is what came of them then taken
//! again. What opens anything else is not kept: no token, share, key or code (threat G4).

use std::{any::Any, collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use crate::{id::SessionId, keys::MAC_BYTES, limits::OPENED_SESSION_BYTES};

/// What an entry costs besides its record, at most, in which all stands that is kept.
const ENTRY_BYTES: usize = 512;

/// A session that was opened, and by what.
#[derive(Clone)]
pub struct OpenedSession {
    pub(crate) session: SessionId,
    /// The signature of the token, which was verified. The token does not follow from it.
    pub(crate) token: [u8; MAC_BYTES],
    /// The record as it was stored: sealed.
    pub(crate) record: Bytes,
    /// What the session says. Only what opens records knows its type.
    pub(crate) known: Arc<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for OpenedSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenedSession({:?})", self.session)
    }
}

impl OpenedSession {
    /// What it holds in memory, in bytes: about twice its record, which may not be kept elsewhere.
    fn len(&self) -> usize {
        ENTRY_BYTES + 2 * self.record.len()
    }
}

/// Those of one process, bounded by their bytes: [`OPENED_SESSION_BYTES`].
///
/// A runtime keeps one behind a lock, and shows it each request ([`crate::admit::Admission::recognize`]).
#[derive(Debug, Default)]
pub struct OpenedSessions {
    /// What is used moves into the new half; when that is full, the old one is dropped and the new one becomes the old one.
    new: BTreeMap<SessionId, OpenedSession>,
    new_bytes: usize,
    old: BTreeMap<SessionId, OpenedSession>,
}

impl OpenedSessions {
    /// Keeps one, in place of what is kept of the same session.
    pub fn insert(&mut self, opened: OpenedSession) {
        let bytes = opened.len();
        if bytes > OPENED_SESSION_BYTES / 2 {
            return;
        }
        if self.new_bytes + bytes > OPENED_SESSION_BYTES / 2 {
            self.age();
        }
        self.old.remove(&opened.session);
        self.new_bytes += bytes;
        if let Some(before) = self.new.insert(opened.session, opened) {
            self.new_bytes -= before.len();
        }
    }

    /// Drops what was not used since the last time. Call it every few minutes.
    pub fn age(&mut self) {
        self.old = std::mem::take(&mut self.new);
        self.new_bytes = 0;
    }

    /// What is kept of a session.
    pub(crate) fn get(&mut self, session: SessionId) -> Option<OpenedSession> {
        if let Some(opened) = self.new.get(&session) {
            return Some(opened.clone());
        }
        let opened = self.old.remove(&session)?;
        self.insert(opened.clone());
        Some(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(number: u32, bytes: usize) -> OpenedSession {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        OpenedSession {
            session: SessionId::new(id),
            token: [7; MAC_BYTES],
            record: vec![8; bytes].into(),
            known: Arc::new(number),
        }
    }

    #[test]
    fn opened_sessions_are_bounded_and_those_stay_that_are_used() {
        let mut sessions = OpenedSessions::default();
        for number in 0..10_000 {
            sessions.insert(opened(number, 1000));
            assert!(sessions.get(opened(0, 0).session).is_some());
        }
        let all = sessions.new.values().chain(sessions.old.values());
        let bytes: usize = all.map(OpenedSession::len).sum();
        assert!(bytes <= OPENED_SESSION_BYTES, "{bytes}");
        sessions.insert(opened(20_000, OPENED_SESSION_BYTES));
        assert!(sessions.get(opened(20_000, 0).session).is_none());
    }

    #[test]
    fn session_that_is_not_used_is_dropped() {
        let mut sessions = OpenedSessions::default();
        sessions.insert(opened(1, 10));
        sessions.insert(opened(2, 10));
        sessions.age();
        assert!(sessions.get(opened(2, 0).session).is_some());
        sessions.age();
        assert!(sessions.get(opened(1, 0).session).is_none());
        assert!(sessions.get(opened(2, 0).session).is_some());
        assert_eq!(sessions.new_bytes, opened(2, 10).len());
    }

    // G4
    #[test]
    fn debug_output_of_an_opened_session_is_its_id() {
        let text = format!("{:?}", opened(1, 10));
        assert!(text.starts_with("OpenedSession(SessionId"), "{text}");
    }
}
