//! What a client has set within its MCP sessions of the older revisions: from which level on it is sent lines of the log, and
//! the resources that it has subscribed to (threat M5).
//!
//! It stands in the record of the sign-in, which each request and each stream looks up anyway: so it is the same on every replica
//! and after a restart, costs no look-up of its own, and ends with the sign-in. Of a resource the record has a hash, so that
//! it stays short; nothing asks for more than whether it is the one that has changed.

use std::collections::BTreeSet;

use super::codec::{Reader, Writer};
use crate::{
    catalog::LogLevel,
    hub::{SettingChange, SettingsFull, Subscriptions},
    id::{McpSessionId, ResourceId},
    limits,
    time::UnixTime,
};

/// The level until a client says otherwise.
const DEFAULT_LEVEL: LogLevel = LogLevel::Info;

/// The settings of all MCP sessions of a sign-in; of those that have any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct McpSettings {
    /// Which settings these are: each change gives them a larger number, also after a failover of the store that lost some.
    number: u64,
    /// Those that were changed last are at the end.
    sessions: Vec<Settings>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Settings {
    id: McpSessionId,
    changed: UnixTime,
    level: LogLevel,
    resources: BTreeSet<ResourceId>,
}

impl McpSettings {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether there are none, and never were.
    pub(crate) fn is_empty(&self) -> bool {
        self.number == 0
    }

    fn of(&self, id: McpSessionId) -> Option<&Settings> {
        self.sessions.iter().find(|one| one.id == id)
    }

    /// From which level on an MCP session is sent lines of the log.
    pub(crate) fn level(&self, id: McpSessionId) -> LogLevel {
        self.of(id).map_or(DEFAULT_LEVEL, |one| one.level)
    }

    /// What an MCP session is subscribed to.
    pub(crate) fn subscriptions(&self, id: McpSessionId) -> Subscriptions {
        let resources = self.of(id).map(|one| one.resources.clone());
        Subscriptions {
            number: self.number,
            resources: resources.unwrap_or_default(),
        }
    }

    /// Changes a setting, if there is room; says whether it was otherwise before.
    pub(crate) fn change(
        &mut self,
        id: McpSessionId,
        change: SettingChange,
        now: UnixTime,
    ) -> Result<bool, SettingsFull> {
        let is_subscribed = |one: ResourceId| {
            let settings = self.of(id);
            settings.is_some_and(|settings| settings.resources.contains(&one))
        };
        let is_set = match change {
            SettingChange::Level(level) => self.level(id) == level,
            SettingChange::Subscribe(resource) => is_subscribed(resource),
            SettingChange::Unsubscribe(resource) => !is_subscribed(resource),
        };
        if is_set {
            return Ok(false);
        }
        let mut settings = self.make_room(id, change, now)?;
        settings.changed = now;
        match change {
            SettingChange::Level(level) => settings.level = level,
            SettingChange::Subscribe(resource) => drop(settings.resources.insert(resource)),
            SettingChange::Unsubscribe(resource) => drop(settings.resources.remove(&resource)),
        }
        self.sessions.retain(|one| one.id != id);
        if settings.level != DEFAULT_LEVEL || !settings.resources.is_empty() {
            self.sessions.push(settings);
        }
        self.number = (self.number + 1).max(now.0.saturating_mul(1000));
        Ok(true)
    }

    /// The settings of an MCP session, for a change for which there is room. Those that nobody has changed for long make some.
    fn make_room(
        &mut self,
        id: McpSessionId,
        change: SettingChange,
        now: UnixTime,
    ) -> Result<Settings, SettingsFull> {
        let settings = self.of(id).cloned();
        let is_known = settings.is_some();
        let settings = settings.unwrap_or(Settings {
            id,
            changed: now,
            level: DEFAULT_LEVEL,
            resources: BTreeSet::new(),
        });
        let subscribes = matches!(change, SettingChange::Subscribe(_));
        if subscribes && settings.resources.len() >= limits::SUBSCRIPTIONS {
            return Err(SettingsFull::Subscriptions);
        }
        if !is_known && self.sessions.len() >= limits::MCP_SESSION_SETTINGS {
            self.forget_idle(id, now).ok_or(SettingsFull::Sessions)?;
        }
        while subscribes && self.all_resources() >= limits::SUBSCRIPTIONS_PER_SIGN_IN {
            let forgotten = self.forget_idle(id, now);
            forgotten.ok_or(SettingsFull::SubscriptionsOfSignIn)?;
        }
        Ok(settings)
    }

    fn all_resources(&self) -> usize {
        let counts = self.sessions.iter().map(|one| one.resources.len());
        counts.sum()
    }

    /// Forgets the settings of another MCP session that were changed longest ago, if that is long ago.
    fn forget_idle(&mut self, but: McpSessionId, now: UnixTime) -> Option<()> {
        let place = self.sessions.iter().position(|one| one.id != but)?;
        let changed = self.sessions.get(place)?.changed;
        let (idle, leeway) = (limits::MCP_SESSION_SETTINGS_IDLE, limits::CLOCK_LEEWAY);
        let is_idle = !changed.lasts(idle, now, leeway);
        is_idle.then(|| drop(self.sessions.remove(place)))
    }

    /// The MCP session has ended.
    pub(crate) fn end(&mut self, id: McpSessionId) {
        self.sessions.retain(|one| one.id != id);
    }

    /// All of it.
    pub(super) fn write(&self, to: &mut Writer) {
        let mut bytes = Vec::new();
        bytes.extend(self.number.to_be_bytes());
        for one in &self.sessions {
            bytes.extend(one.id.0);
            bytes.extend(one.changed.0.to_be_bytes());
            let count = u8::try_from(one.resources.len()).expect("crate::limits bounds them");
            bytes.extend([one.level.number(), count]);
            bytes.extend(one.resources.iter().flat_map(|resource| resource.0));
        }
        to.bytes(&bytes);
    }

    /// Reads what [`Self::write`] wrote.
    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut from = Reader::new(from.bytes()?);
        let number = from.number()?;
        let mut sessions = Vec::new();
        while !from.is_empty() {
            let (id, changed) = (McpSessionId(from.array()?), UnixTime(from.number()?));
            let [level, count] = from.array()?;
            let resources = (0..count).map(|_| Some(ResourceId(from.array()?)));
            sessions.push(Settings {
                id,
                changed,
                level: LogLevel::of_number(level)?,
                resources: resources.collect::<Option<_>>()?,
            });
        }
        Some(Self { number, sessions })
    }
}

#[cfg(test)]
mod tests;
