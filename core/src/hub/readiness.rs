//! Whether this replica is ready for requests: how often that is looked up, and what was found last. Anybody may ask, so
//! the store is asked once in a while, however many do.

use std::collections::VecDeque;

use super::{HubOutput, asks::Waiter};
use crate::{hub::asks::AskReadiness, limits, ticket::Ticket, time::Instant};

/// A message about the readiness of this replica.
#[derive(Debug)]
pub(crate) enum ReadinessMessage {
    /// The sender wants to know it.
    Ask(Ticket<AskReadiness>),
    /// The server is about to end: all streams end, and none is opened.
    ShutDown,
    /// The sender has looked: what is not ready, if anything.
    Found(Option<NotReady>),
}

/// Why a replica is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReady {
    /// It is about to end.
    ShuttingDown,
    /// Nobody has looked before, and somebody is about to.
    Unknown,
    /// The store cannot be asked.
    Store,
    /// Entra's metadata is not known.
    Entra,
}

/// What the hub knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownReadiness {
    /// It was looked up a moment ago.
    Known(Option<NotReady>),
    /// The sender is to look.
    Look,
}

/// What was found last.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    is_shutting_down: bool,
    /// When somebody was last told to look.
    asked: Option<Instant>,
    /// `None` until somebody has looked.
    found: Option<Option<NotReady>>,
}

impl Readiness {
    pub(super) fn shut_down(&mut self) {
        self.is_shutting_down = true;
    }

    pub(super) fn ask(
        &mut self,
        waiter: Waiter<AskReadiness>,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_fresh = |asked: Instant| now.since(asked) < limits::READINESS_INTERVAL;
        let answer = if self.is_shutting_down {
            KnownReadiness::Known(Some(NotReady::ShuttingDown))
        } else if self.asked.is_some_and(is_fresh) {
            KnownReadiness::Known(self.found.unwrap_or(Some(NotReady::Unknown)))
        } else {
            self.asked = Some(now);
            KnownReadiness::Look
        };
        out.push_back(waiter.answer(answer));
    }

    pub(super) fn found(&mut self, found: Option<NotReady>) {
        self.found = Some(found);
    }
}
