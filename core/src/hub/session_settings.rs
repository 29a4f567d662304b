//! The log level and the resource subscriptions of MCP sessions of the older revisions. Bounded for each
//! owner and in all; the oldest session goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::LogLevel,
    id::{McpSessionId, PrincipalId},
    limits,
};

/// The settings, by MCP session.
#[derive(Debug, Default)]
pub(super) struct SessionSettings {
    sessions: BTreeMap<McpSessionId, Settings>,
    last: u64,
}

#[derive(Debug)]
struct Settings {
    principal: PrincipalId,
    order: u64,
    level: Option<LogLevel>,
    uris: BTreeSet<String>,
}

impl SessionSettings {
    /// How many sessions have settings.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    fn of(&mut self, session: McpSessionId, principal: PrincipalId) -> Option<&mut Settings> {
        if !self.sessions.contains_key(&session) {
            let of_principal = self
                .sessions
                .values()
                .filter(|settings| settings.principal == principal);
            if of_principal.count() >= limits::SESSION_SETTINGS_PER_PRINCIPAL {
                self.drop_oldest(|settings| settings.principal == principal);
            }
            if self.sessions.len() >= limits::SESSION_SETTINGS {
                self.drop_oldest(|_| true);
            }
            self.last = self.last.saturating_add(1);
            let settings = Settings {
                principal,
                order: self.last,
                level: None,
                uris: BTreeSet::new(),
            };
            self.sessions.insert(session, settings);
        }
        let settings = self.sessions.get_mut(&session)?;
        (settings.principal == principal).then_some(settings)
    }

    fn drop_oldest(&mut self, of: impl Fn(&Settings) -> bool) {
        let candidates = self.sessions.iter().filter(|(_, settings)| of(settings));
        let oldest = candidates.min_by_key(|(_, settings)| settings.order);
        if let Some(session) = oldest.map(|(session, _)| *session) {
            self.sessions.remove(&session);
        }
    }

    pub(super) fn set_level(
        &mut self,
        session: McpSessionId,
        principal: PrincipalId,
        level: LogLevel,
    ) {
        if let Some(settings) = self.of(session, principal) {
            settings.level = Some(level);
        }
    }

    /// The level that was set, if one was.
    pub(super) fn level(&self, session: McpSessionId, principal: PrincipalId) -> Option<LogLevel> {
        let settings = self.sessions.get(&session)?;
        settings.level.filter(|_| settings.principal == principal)
    }

    /// Whether the session is subscribed now: not, if it has too many subscriptions.
    pub(super) fn subscribe(
        &mut self,
        session: McpSessionId,
        principal: PrincipalId,
        uri: String,
    ) -> bool {
        let Some(settings) = self.of(session, principal) else {
            return false;
        };
        let has_room = settings.uris.len() < limits::SUBSCRIPTIONS || settings.uris.contains(&uri);
        if has_room {
            settings.uris.insert(uri);
        }
        has_room
    }

    pub(super) fn unsubscribe(&mut self, session: McpSessionId, principal: PrincipalId, uri: &str) {
        if let Some(settings) = self.sessions.get_mut(&session)
            && settings.principal == principal
        {
            settings.uris.remove(uri);
        }
    }

    /// Whether a session is subscribed to a resource.
    pub(super) fn is_subscribed(
        &self,
        session: McpSessionId,
        principal: PrincipalId,
        uri: &str,
    ) -> bool {
        let settings = self.sessions.get(&session);
        settings.is_some_and(|one| one.principal == principal && one.uris.contains(uri))
    }

    pub(super) fn end(&mut self, session: McpSessionId, principal: PrincipalId) {
        let settings = self.sessions.get(&session);
        if settings.is_some_and(|settings| settings.principal == principal) {
            self.sessions.remove(&session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PrincipalId = PrincipalId([1; 32]);
    const BOB: PrincipalId = PrincipalId([2; 32]);

    fn session(number: usize) -> McpSessionId {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        McpSessionId(name)
    }

    // I4: a session is its owner's, whoever knows its name.
    #[test]
    fn session_settings_are_their_owners_only() {
        let mut settings = SessionSettings::default();
        settings.set_level(session(1), ALICE, LogLevel::Debug);
        settings.set_level(session(1), BOB, LogLevel::Error);
        assert!(!settings.subscribe(session(1), BOB, "a://b".to_owned()));
        assert_eq!(settings.level(session(1), ALICE), Some(LogLevel::Debug));
        assert_eq!(settings.level(session(1), BOB), None);
        settings.end(session(1), BOB);
        assert_eq!(settings.len(), 1);
        settings.end(session(1), ALICE);
        assert_eq!(settings.len(), 0);
    }

    #[test]
    fn a_subscription_lasts_until_unsubscribe() {
        let mut settings = SessionSettings::default();
        assert!(settings.subscribe(session(1), ALICE, "a://b".to_owned()));
        assert!(settings.is_subscribed(session(1), ALICE, "a://b"));
        assert!(!settings.is_subscribed(session(1), BOB, "a://b"));
        settings.unsubscribe(session(1), ALICE, "a://b");
        assert!(!settings.is_subscribed(session(1), ALICE, "a://b"));
    }

    // M: bounded.
    #[test]
    fn session_settings_are_bounded() {
        let mut settings = SessionSettings::default();
        for number in 0..100 {
            settings.set_level(session(number), ALICE, LogLevel::Info);
        }
        assert_eq!(settings.len(), limits::SESSION_SETTINGS_PER_PRINCIPAL);
        assert_eq!(settings.level(session(0), ALICE), None);
        for number in 0..limits::SUBSCRIPTIONS {
            assert!(settings.subscribe(session(99), ALICE, number.to_string()));
        }
        assert!(!settings.subscribe(session(99), ALICE, "one more".to_owned()));
        for number in 0..limits::SESSION_SETTINGS + 10 {
            let mut principal = [7; 32];
            principal[..8].copy_from_slice(&number.to_be_bytes());
            settings.set_level(
                session(1000 + number),
                PrincipalId(principal),
                LogLevel::Info,
            );
        }
        assert_eq!(settings.len(), limits::SESSION_SETTINGS);
    }
}
