//! What MCP sessions of the older revisions have asked for: their log level and the resources that they
//! are subscribed to. Bounded for each owner and in all; the oldest session goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::LogLevel,
    id::{Owner, StreamId},
    limits,
};

/// The wishes, by MCP session (for HTTP+SSE, by stream).
#[derive(Debug, Default)]
pub(super) struct Wishes {
    sessions: BTreeMap<StreamId, Wished>,
    last: u64,
}

#[derive(Debug)]
struct Wished {
    owner: Owner,
    order: u64,
    level: Option<LogLevel>,
    uris: BTreeSet<String>,
}

impl Wishes {
    /// How many sessions have wishes.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    fn of(&mut self, session: StreamId, owner: Owner) -> Option<&mut Wished> {
        if !self.sessions.contains_key(&session) {
            let of_owner = self
                .sessions
                .values()
                .filter(|wished| wished.owner == owner);
            if of_owner.count() >= limits::SESSION_SETTINGS_PER_OWNER {
                self.drop_oldest(|wished| wished.owner == owner);
            }
            if self.sessions.len() >= limits::SESSION_SETTINGS {
                self.drop_oldest(|_| true);
            }
            self.last = self.last.saturating_add(1);
            let wished = Wished {
                owner,
                order: self.last,
                level: None,
                uris: BTreeSet::new(),
            };
            self.sessions.insert(session, wished);
        }
        let wished = self.sessions.get_mut(&session)?;
        (wished.owner == owner).then_some(wished)
    }

    fn drop_oldest(&mut self, of: impl Fn(&Wished) -> bool) {
        let candidates = self.sessions.iter().filter(|(_, wished)| of(wished));
        let oldest = candidates.min_by_key(|(_, wished)| wished.order);
        if let Some(session) = oldest.map(|(session, _)| *session) {
            self.sessions.remove(&session);
        }
    }

    pub(super) fn set_level(&mut self, session: StreamId, owner: Owner, level: LogLevel) {
        if let Some(wished) = self.of(session, owner) {
            wished.level = Some(level);
        }
    }

    /// The level that was set, if one was.
    pub(super) fn level(&self, session: StreamId, owner: Owner) -> Option<LogLevel> {
        let wished = self.sessions.get(&session)?;
        wished.level.filter(|_| wished.owner == owner)
    }

    /// Whether the session is subscribed now: not, if it has too many subscriptions.
    pub(super) fn subscribe(&mut self, session: StreamId, owner: Owner, uri: String) -> bool {
        let Some(wished) = self.of(session, owner) else {
            return false;
        };
        let room = wished.uris.len() < limits::SUBSCRIPTIONS || wished.uris.contains(&uri);
        if room {
            wished.uris.insert(uri);
        }
        room
    }

    pub(super) fn unsubscribe(&mut self, session: StreamId, owner: Owner, uri: &str) {
        if let Some(wished) = self.sessions.get_mut(&session)
            && wished.owner == owner
        {
            wished.uris.remove(uri);
        }
    }

    /// Whether a session is subscribed to a resource.
    pub(super) fn listens(&self, session: StreamId, owner: Owner, uri: &str) -> bool {
        let wished = self.sessions.get(&session);
        wished.is_some_and(|wished| wished.owner == owner && wished.uris.contains(uri))
    }

    pub(super) fn end(&mut self, session: StreamId, owner: Owner) {
        if self
            .sessions
            .get(&session)
            .is_some_and(|wished| wished.owner == owner)
        {
            self.sessions.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Owner = Owner([1; 32]);
    const BOB: Owner = Owner([2; 32]);

    fn session(number: usize) -> StreamId {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        StreamId(name)
    }

    // I4: a session is its owner's, whoever knows its name.
    #[test]
    fn nobody_changes_or_sees_the_wishes_of_another() {
        let mut wishes = Wishes::default();
        wishes.set_level(session(1), ALICE, LogLevel::Debug);
        wishes.set_level(session(1), BOB, LogLevel::Error);
        assert!(!wishes.subscribe(session(1), BOB, "a://b".to_owned()));
        assert_eq!(wishes.level(session(1), ALICE), Some(LogLevel::Debug));
        assert_eq!(wishes.level(session(1), BOB), None);
        wishes.end(session(1), BOB);
        assert_eq!(wishes.len(), 1);
        wishes.end(session(1), ALICE);
        assert_eq!(wishes.len(), 0);
    }

    #[test]
    fn a_subscription_lasts_until_it_is_taken_back() {
        let mut wishes = Wishes::default();
        assert!(wishes.subscribe(session(1), ALICE, "a://b".to_owned()));
        assert!(wishes.listens(session(1), ALICE, "a://b"));
        assert!(!wishes.listens(session(1), BOB, "a://b"));
        wishes.unsubscribe(session(1), ALICE, "a://b");
        assert!(!wishes.listens(session(1), ALICE, "a://b"));
    }

    // M: bounded.
    #[test]
    fn wishes_are_bounded() {
        let mut wishes = Wishes::default();
        for number in 0..100 {
            wishes.set_level(session(number), ALICE, LogLevel::Info);
        }
        assert_eq!(wishes.len(), limits::SESSION_SETTINGS_PER_OWNER);
        assert_eq!(wishes.level(session(0), ALICE), None);
        for number in 0..limits::SUBSCRIPTIONS {
            assert!(wishes.subscribe(session(99), ALICE, number.to_string()));
        }
        assert!(!wishes.subscribe(session(99), ALICE, "one more".to_owned()));
        for number in 0..limits::SESSION_SETTINGS + 10 {
            let mut owner = [7; 32];
            owner[..8].copy_from_slice(&number.to_be_bytes());
            wishes.set_level(session(1000 + number), Owner(owner), LogLevel::Info);
        }
        assert_eq!(wishes.len(), limits::SESSION_SETTINGS);
    }
}
