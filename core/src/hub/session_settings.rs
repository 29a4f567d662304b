//! The log level and the resource subscriptions of MCP sessions of the older revisions: bounded for each owner
//! and in all, in number and in bytes. Only what was not used for a while makes room for others.

use std::collections::{BTreeMap, BTreeSet};

use super::{SettingsFull, TableFull};
use crate::{
    catalog::LogLevel,
    id::{McpSessionId, PrincipalId},
    limits,
    time::Instant,
};

/// The settings, by MCP session.
#[derive(Debug, Default)]
pub(super) struct SessionSettings {
    sessions: BTreeMap<McpSessionId, Settings>,
}

#[derive(Debug)]
struct Settings {
    principal: PrincipalId,
    used: Instant,
    level: Option<LogLevel>,
    uris: BTreeSet<String>,
    /// The bytes of all of them.
    bytes: usize,
}

impl SessionSettings {
    /// How many sessions have settings.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// The settings of a session, which has them from now on. `None` if it is another owner's.
    fn of(
        &mut self,
        (session, principal): (McpSessionId, PrincipalId),
        now: Instant,
    ) -> Result<Option<&mut Settings>, TableFull> {
        if !self.sessions.contains_key(&session) {
            if self.of_principal(principal).count() >= limits::SESSION_SETTINGS_PER_PRINCIPAL {
                self.make_room(|settings| settings.principal == principal, now)
                    .ok_or(TableFull::OfPrincipal)?;
            }
            if self.sessions.len() >= limits::SESSION_SETTINGS {
                self.make_room(|_| true, now).ok_or(TableFull::OfServer)?;
            }
        }
        let settings = self.sessions.entry(session).or_insert_with(|| Settings {
            principal,
            used: now,
            level: None,
            uris: BTreeSet::new(),
            bytes: 0,
        });
        if settings.principal != principal {
            return Ok(None);
        }
        settings.used = now;
        Ok(Some(settings))
    }

    fn of_principal(&self, principal: PrincipalId) -> impl Iterator<Item = &Settings> {
        let all = self.sessions.values();
        all.filter(move |settings| settings.principal == principal)
    }

    /// Forgets the session that was used longest ago, if that is long ago.
    fn make_room(&mut self, of: impl Fn(&Settings) -> bool, now: Instant) -> Option<()> {
        let candidates = self.sessions.iter().filter(|(_, settings)| of(settings));
        let (session, settings) = candidates.min_by_key(|(_, settings)| settings.used)?;
        let session = *session;
        let is_idle = now.since(settings.used) >= limits::SESSION_SETTINGS_IDLE;
        is_idle.then(|| self.sessions.remove(&session)).map(|_| ())
    }

    /// Sets the level from which on messages of the log are sent.
    pub(super) fn set_level(
        &mut self,
        owner: (McpSessionId, PrincipalId),
        level: LogLevel,
        now: Instant,
    ) -> Result<(), SettingsFull> {
        if let Some(settings) = self.of(owner, now).map_err(SettingsFull::Sessions)? {
            settings.level = Some(level);
        }
        Ok(())
    }

    /// The level that was set, if one was.
    pub(super) fn level(
        &mut self,
        session: McpSessionId,
        principal: PrincipalId,
        now: Instant,
    ) -> Option<LogLevel> {
        let settings = self.sessions.get_mut(&session)?;
        if settings.principal != principal {
            return None;
        }
        settings.used = now;
        settings.level
    }

    /// Subscribes a session to a resource.
    pub(super) fn subscribe(
        &mut self,
        owner: (McpSessionId, PrincipalId),
        uri: String,
        now: Instant,
    ) -> Result<(), SettingsFull> {
        let bytes = |settings: &Settings| settings.bytes;
        let of_principal: usize = self.of_principal(owner.1).map(bytes).sum();
        let all: usize = self.sessions.values().map(bytes).sum();
        let Some(settings) = self.of(owner, now).map_err(SettingsFull::Sessions)? else {
            return Ok(());
        };
        if settings.uris.contains(&uri) {
            return Ok(());
        }
        if settings.uris.len() >= limits::SUBSCRIPTIONS {
            return Err(SettingsFull::Subscriptions);
        }
        if of_principal + uri.len() > limits::SUBSCRIPTION_BYTES_PER_PRINCIPAL {
            return Err(SettingsFull::Bytes(TableFull::OfPrincipal));
        }
        if all + uri.len() > limits::SUBSCRIPTION_BYTES {
            return Err(SettingsFull::Bytes(TableFull::OfServer));
        }
        settings.bytes += uri.len();
        settings.uris.insert(uri);
        Ok(())
    }

    pub(super) fn unsubscribe(&mut self, session: McpSessionId, principal: PrincipalId, uri: &str) {
        if let Some(settings) = self.sessions.get_mut(&session)
            && settings.principal == principal
            && settings.uris.remove(uri)
        {
            settings.bytes -= uri.len();
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

    const NOW: Instant = Instant(1_000);

    // I4: a session is its owner's, whoever knows its name.
    #[test]
    fn session_settings_are_their_owners_only() {
        let mut settings = SessionSettings::default();
        let (alices, bobs) = ((session(1), ALICE), (session(1), BOB));
        settings.set_level(alices, LogLevel::Debug, NOW).unwrap();
        settings.set_level(bobs, LogLevel::Error, NOW).unwrap();
        settings.subscribe(bobs, "a://b".to_owned(), NOW).unwrap();
        assert!(!settings.is_subscribed(session(1), ALICE, "a://b"));
        assert!(!settings.is_subscribed(session(1), BOB, "a://b"));
        let debug = Some(LogLevel::Debug);
        assert_eq!(settings.level(session(1), ALICE, NOW), debug);
        assert_eq!(settings.level(session(1), BOB, NOW), None);
        settings.end(session(1), BOB);
        assert_eq!(settings.len(), 1);
        settings.end(session(1), ALICE);
        assert_eq!(settings.len(), 0);
    }

    #[test]
    fn subscription_lasts_until_unsubscribe() {
        let mut settings = SessionSettings::default();
        let owner = (session(1), ALICE);
        settings.subscribe(owner, "a://b".to_owned(), NOW).unwrap();
        assert!(settings.is_subscribed(session(1), ALICE, "a://b"));
        assert!(!settings.is_subscribed(session(1), BOB, "a://b"));
        settings.unsubscribe(session(1), ALICE, "a://b");
        assert!(!settings.is_subscribed(session(1), ALICE, "a://b"));
    }

    fn principal(number: usize) -> PrincipalId {
        let mut principal = [7; 32];
        principal[..8].copy_from_slice(&number.to_be_bytes());
        PrincipalId(principal)
    }

    // M5: who has settings keeps them while they are used; who wants too many is refused.
    #[test]
    fn session_settings_are_bounded() {
        let mut settings = SessionSettings::default();
        let mut set = |number, principal, now| {
            let stored = settings.set_level((session(number), principal), LogLevel::Info, now);
            (stored, settings.len())
        };
        let limit = limits::SESSION_SETTINGS_PER_PRINCIPAL;
        for number in 0..limit {
            assert_eq!(set(number, ALICE, NOW).0, Ok(()));
        }
        let full = |of| Err(SettingsFull::Sessions(of));
        assert_eq!(
            set(limit, ALICE, NOW),
            (full(TableFull::OfPrincipal), limit)
        );
        let later = NOW.after(limits::SESSION_SETTINGS_IDLE);
        assert_eq!(set(0, ALICE, later), (Ok(()), limit));
        assert_eq!(
            set(limit, ALICE, later),
            (Ok(()), limit),
            "one that was idle goes"
        );
        let all = limits::SESSION_SETTINGS;
        for number in limit..all {
            assert_eq!(set(1000 + number, principal(number), later).0, Ok(()));
        }
        assert_eq!(set(all * 2, BOB, NOW), (full(TableFull::OfServer), all));
        assert!(settings.level(session(0), ALICE, later).is_some());
    }

    // M5
    #[test]
    fn subscriptions_are_bounded_in_number_and_bytes() {
        let mut settings = SessionSettings::default();
        let mut subscribe = |number: usize, principal, uri: usize, bytes: usize| {
            let uri = format!("{uri:0>bytes$}");
            settings.subscribe((session(number), principal), uri, NOW)
        };
        for uri in 0..limits::SUBSCRIPTIONS {
            assert_eq!(subscribe(1, ALICE, uri, 10), Ok(()));
        }
        assert_eq!(
            subscribe(1, ALICE, 0, 10),
            Ok(()),
            "it is subscribed already"
        );
        assert_eq!(
            subscribe(1, ALICE, 100, 10),
            Err(SettingsFull::Subscriptions)
        );
        let long = limits::RESOURCE_URI_BYTES;
        let fit = limits::SUBSCRIPTION_BYTES_PER_PRINCIPAL / long;
        for uri in 0..fit {
            assert_eq!(subscribe(2 + uri / 32, BOB, uri, long), Ok(()));
        }
        let full = Err(SettingsFull::Bytes(TableFull::OfPrincipal));
        assert_eq!(subscribe(99, BOB, fit, long), full);
    }
}
