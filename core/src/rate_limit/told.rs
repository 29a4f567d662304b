//! What replicas tell each other of what they have counted, so that the sum is what is judged.
//!
//! Each counts by itself, for a round trip with every request would cost more than it keeps out, and says about once a
//! second ([`limits::RATES_TOLD_INTERVAL`]) what it has counted since it said so last. Whoever hears it takes that from the same
//! allowances, below nothing if need be: what several replicas allowed in the second before they knew of each other is
//! paid back before any of them allows more. What is lost is not counted elsewhere.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
};

use serde::{Deserialize, Serialize};

use super::{Holder, RateTable, StatedClient, Subject, length, nanoseconds};
use crate::{limits, route::RateClass, time::Instant};

/// What was counted on one replica and is not told yet: in how many nanoseconds it would come back.
#[derive(Debug, Default)]
pub struct Untold(BTreeMap<Holder, u64>);

/// What another replica has counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountedElsewhere(Vec<(Name, u64)>);

/// A holder in a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Name {
    Address(RateClass, String),
    Client(RateClass, String, [u8; 16]),
    User(String),
}

impl From<Holder> for Name {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::Address(class, address) => Self::Address(class, address.to_string()),
            Holder::Client(class, address, client) => {
                Self::Client(class, address.to_string(), client.0)
            }
            Holder::User(subject) => Self::User(subject.to_string()),
        }
    }
}

impl Name {
    fn holder(&self) -> Option<Holder> {
        Some(match self {
            Self::Address(class, address) => Holder::Address(*class, address.parse().ok()?),
            Self::Client(class, address, client) => {
                Holder::Client(*class, address.parse().ok()?, StatedClient(*client))
            }
            Self::User(subject) => Holder::User(Subject::of(subject)),
        })
    }
}

impl Untold {
    pub(super) fn add(&mut self, holder: Holder, time: u64) {
        let has_room = self.0.len() < limits::RATES;
        match self.0.entry(holder) {
            Entry::Occupied(mut known) => *known.get_mut() = known.get().saturating_add(time),
            Entry::Vacant(free) if has_room => drop(free.insert(time)),
            Entry::Vacant(_) => {}
        }
    }

    /// What the other replicas are to be told, if there is anything: of [`limits::RATES_TOLD`] holders, those of whom the most
    /// was counted.
    pub(crate) fn for_others(self) -> Option<CountedElsewhere> {
        let mut counted: Vec<_> = self.0.into_iter().collect();
        if counted.len() > limits::RATES_TOLD {
            counted.sort_by_key(|(_, time)| Reverse(*time));
            counted.truncate(limits::RATES_TOLD);
        }
        let named = counted
            .into_iter()
            .map(|(holder, time)| (holder.into(), time));
        let named: Vec<_> = named.collect();
        (!named.is_empty()).then_some(CountedElsewhere(named))
    }
}

impl RateTable {
    /// Nobody is counted yet, and other replicas are to know what is.
    #[must_use]
    pub fn told_to_others() -> Self {
        Self {
            untold: Some(Untold::default()),
            ..Self::default()
        }
    }

    /// What was counted since this was asked last; `None` if nobody else is to know.
    pub fn take_untold(&mut self) -> Option<Untold> {
        self.untold.as_mut().map(std::mem::take)
    }

    /// Takes what another replica has counted from the same allowances. It did so within the interval before, and some of it
    /// has come back meanwhile.
    pub fn count_elsewhere(&mut self, counted: &CountedElsewhere, now: Instant) {
        let clock = nanoseconds(now);
        let since = clock.saturating_sub(length(limits::RATES_TOLD_INTERVAL));
        for (name, time) in &counted.0 {
            let Some(holder) = name.holder() else {
                continue;
            };
            let known = self.whole_again.get(&holder).copied();
            // Further than its window, if they have allowed too much together.
            let whole = known.unwrap_or_default().max(since).saturating_add(*time);
            if whole > clock && self.has_room_for(holder, now) {
                self.whole_again.insert(holder, whole);
            }
        }
    }
}
