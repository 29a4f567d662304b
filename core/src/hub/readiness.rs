//! Whether this replica is ready for requests: how often that is looked up, and what was found last. Anybody may ask, so
//! the store is asked once in a while, however many do.

use std::collections::VecDeque;

use super::{HubOutput, Job, JobKind, asks::Waiter};
use crate::{hub::asks::AskReadiness, limits, ticket::Ticket, time::Instant};

/// A message about the readiness of this replica.
#[derive(Debug)]
pub(crate) enum ReadinessMessage {
    /// The sender wants to know it, and if there is a backend that can be asked, whether that is there.
    Ask {
        ticket: Ticket<AskReadiness>,
        has_backend: bool,
    },
    /// The server is about to end: all streams end, and none is opened.
    ShutDown,
    /// The sender has looked: what is not ready, if anything.
    Found(Option<NotReady>),
    /// The sender has asked the backend, and it has answered, or has not.
    FoundBackend { answers: bool },
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
    Known(Option<NotReady>, KnownBackend),
    /// The sender is to look.
    Look(KnownBackend),
}

/// What is known of the backend. It makes no replica unready: others have no other backend, and signing in goes on without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KnownBackend {
    /// There is none that can be asked.
    #[default]
    None,
    /// Nobody has asked it yet.
    Unknown,
    /// It has answered, or has not.
    Asked { answers: bool },
}

/// What was found last.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    is_shutting_down: bool,
    /// When somebody was last told to look.
    asked: Option<Instant>,
    /// `None` until somebody has looked.
    found: Option<Option<NotReady>>,
    /// When the backend was asked last, and whether it has answered.
    backend_asked: Option<Instant>,
    backend_answers: Option<bool>,
}

impl Readiness {
    pub(super) fn shut_down(&mut self) {
        self.is_shutting_down = true;
    }

    pub(super) fn ask(
        &mut self,
        waiter: Waiter<AskReadiness>,
        has_backend: bool,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_fresh = |asked: Instant| now.since(asked) < limits::READINESS_INTERVAL;
        let backend = self.backend(has_backend, now, out);
        let answer = if self.is_shutting_down {
            KnownReadiness::Known(Some(NotReady::ShuttingDown), backend)
        } else if self.asked.is_some_and(is_fresh) {
            KnownReadiness::Known(self.found.unwrap_or(Some(NotReady::Unknown)), backend)
        } else {
            self.asked = Some(now);
            KnownReadiness::Look(backend)
        };
        out.push_back(waiter.answer(answer));
    }

    /// What is known of the backend, which is asked now and then while somebody wants to know it.
    fn backend(
        &mut self,
        has_backend: bool,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) -> KnownBackend {
        if !has_backend {
            return KnownBackend::None;
        }
        let is_fresh = |asked: Instant| now.since(asked) < limits::BACKEND_PROBE_INTERVAL;
        if !self.backend_asked.is_some_and(is_fresh) && !self.is_shutting_down {
            self.backend_asked = Some(now);
            out.push_back(HubOutput::Spawn(Job(JobKind::ProbeBackend)));
        }
        match self.backend_answers {
            None => KnownBackend::Unknown,
            Some(answers) => KnownBackend::Asked { answers },
        }
    }

    pub(super) fn found_backend(&mut self, answers: bool) {
        self.backend_answers = Some(answers);
    }

    pub(super) fn found(&mut self, found: Option<NotReady>) {
        self.found = Some(found);
    }
}
