//! What clients of the revisions with sessions have subscribed to: each stream knows it of its MCP session, as the record of the
//! sign-in says.
//!
//! A request may read that record just before somebody changes it, and ask for a stream just after. So what was told lately is
//! remembered, and given to streams that begin then.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    catalog::LogLevel,
    id::{McpSessionId, ResourceId, SessionId},
    limits,
    time::Instant,
};

/// What an MCP session is subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subscriptions {
    /// The number of the settings in the record of the sign-in: whoever changes them gives them a larger one.
    pub(crate) number: u64,
    pub(crate) resources: BTreeSet<ResourceId>,
}

/// What a client sets within an MCP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingChange {
    /// From which level on lines of the log are sent.
    Level(LogLevel),
    Subscribe(ResourceId),
    Unsubscribe(ResourceId),
}

/// Whose subscriptions they are: the sign-in's, within this MCP session.
pub(crate) type Subscriber = (SessionId, McpSessionId);

/// What was told within the time that a request may take to become a stream.
#[derive(Debug, Default)]
pub(super) struct ToldSubscriptions {
    /// The first one was told first.
    told: VecDeque<(Instant, Subscriber, Subscriptions)>,
}

impl ToldSubscriptions {
    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    /// Remembers it. If there are too many, the first goes: a stream that begins then finds out when it next looks at its session.
    pub(super) fn tell(&mut self, whose: Subscriber, subscriptions: Subscriptions, now: Instant) {
        if self
            .get(whose)
            .is_some_and(|known| known.number >= subscriptions.number)
        {
            return;
        }
        self.told.retain(|(_, other, _)| *other != whose);
        let is_over = |told: Instant| now.since(told) >= limits::EXCHANGE_TIMEOUT;
        while self.told.front().is_some_and(|(told, ..)| is_over(*told))
            || self.told.len() >= limits::TOLD_SUBSCRIPTIONS
        {
            self.told.pop_front();
        }
        self.told.push_back((now, whose, subscriptions));
    }

    /// What was told last.
    pub(super) fn get(&self, whose: Subscriber) -> Option<&Subscriptions> {
        let found = self.told.iter().find(|(_, other, _)| *other == whose);
        found.map(|(.., subscriptions)| subscriptions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(number: usize) -> Subscriber {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        (SessionId::new([1; 16]), McpSessionId(name))
    }

    fn subscriptions(number: u64) -> Subscriptions {
        Subscriptions {
            number,
            resources: BTreeSet::new(),
        }
    }

    // M5
    #[test]
    fn latest_subscriptions_are_remembered_for_a_while_and_bounded() {
        let mut told = ToldSubscriptions::default();
        let now = Instant(0);
        for number in [2, 3, 1] {
            told.tell(whose(0), subscriptions(number), now);
        }
        assert_eq!(told.get(whose(0)), Some(&subscriptions(3)));
        for number in 1..=limits::TOLD_SUBSCRIPTIONS {
            told.tell(whose(number), subscriptions(1), now);
        }
        assert_eq!(told.get(whose(0)), None);
        assert_eq!(told.len(), limits::TOLD_SUBSCRIPTIONS);
        let later = now.after(limits::EXCHANGE_TIMEOUT);
        told.tell(whose(0), subscriptions(1), later);
        assert_eq!(told.len(), 1);
    }
}
