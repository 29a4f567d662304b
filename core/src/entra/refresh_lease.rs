//! Of all replicas that share the store, one at a time asks Entra for new tokens of a session.
//!
//! ```text
//! start --written for the first time--> the lease is held --tokens are stored--> released
//!    \--another one holds it--> pause --> the session is read again: it has new tokens, or else start
//! ```
//!
//! Whoever holds the lease may die. So nobody waits longer than [`limits::REFRESH_LEASE`], by their own clock that never
//! goes back: then Entra is asked without it. Two who ask at once are no harm, as before there were leases: the store's
//! version decides whose tokens are stored.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    ask::{Awaiting, Guard, Key, Record, Store},
    id::SessionId,
    limits,
    pause::Pause,
    step::Cx,
    time::Instant,
};

/// What an exchange knows of the lease of a session.
#[derive(Debug, Default)]
pub(crate) enum RefreshLease {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It is its own.
    Held(SessionId),
    /// Another one has it.
    Elsewhere(Patience),
    /// It asks for something that it shares with nobody.
    NotNeeded,
}

/// How long to wait for another one yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    until: Instant,
    pause: Duration,
}

impl RefreshLease {
    /// Tries to take it; `None` if Entra may be asked now.
    pub(super) fn take(&self, session: SessionId, cx: &mut Cx<'_>) -> Option<Awaiting<Store>> {
        let is_needed = match self {
            Self::Unknown => cx.env.server.has_replicas(),
            Self::Elsewhere(patience) => cx.env.now.instant < patience.until,
            Self::Held(_) | Self::NotNeeded => false,
        };
        if !is_needed {
            return None;
        }
        let record = Record {
            bytes: Bytes::new(),
            expires: cx.env.now.unix.after(limits::REFRESH_LEASE),
        };
        Some(cx.store(Store::Put(key(session), record, Guard::Absent)))
    }

    /// Another one has it, and is waited for.
    pub(super) fn taken_by_another(self, now: Instant) -> Self {
        Self::Elsewhere(match self {
            Self::Elsewhere(patience) => Patience {
                pause: (patience.pause * 2).min(limits::REFRESH_LEASE_LONGEST_PAUSE),
                ..patience
            },
            Self::Unknown | Self::Held(_) | Self::NotNeeded => Patience {
                until: now.after(limits::REFRESH_LEASE),
                pause: limits::REFRESH_LEASE_PAUSE,
            },
        })
    }

    /// Waits a little for the other one.
    pub(crate) fn pause(&self, cx: &mut Cx<'_>) -> Awaiting<Pause> {
        cx.pause(match self {
            Self::Elsewhere(patience) => patience.pause,
            Self::Unknown | Self::Held(_) | Self::NotNeeded => limits::REFRESH_LEASE_PAUSE,
        })
    }

    /// Lets others ask Entra: what it said is stored, or it said nothing.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>) {
        if let Self::Held(session) = self {
            let key = key(*session);
            // Nobody waits for the answer; if it is not done, the lease ends by itself.
            drop(cx.store(Store::Delete(key)));
            *self = Self::Unknown;
        }
    }
}

fn key(session: SessionId) -> Key {
    Key(format!("refresh-lease/{session}"))
}

#[cfg(test)]
mod tests;
