//! Whether this replica is ready for requests: how often that is looked up, and what was found last. Anybody may ask, so
//! the store is asked once in a while, however many do.

use std::collections::{BTreeMap, VecDeque};

use super::{HubOutput, Job, JobKind, asks::Waiter};
use crate::{endpoint::Endpoint, hub::asks::AskReadiness, limits, ticket::Ticket, time::Instant};

/// A message about the readiness of this replica.
#[derive(Debug)]
pub(crate) enum ReadinessMessage {
    /// The sender wants to know it, and of the backends at these endpoints, which can be asked, whether they are there.
    Ask {
        ticket: Ticket<AskReadiness>,
        backends: Vec<Endpoint>,
    },
    /// The server is about to end: all streams end, and none is opened.
    ShutDown,
    /// The sender has looked: what is not ready, if anything.
    Found(Option<NotReady>),
    /// The sender has asked the backend of this endpoint, and it has answered, or has not.
    FoundBackend(Endpoint, bool),
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KnownReadiness {
    /// It was looked up a moment ago.
    Known(Option<NotReady>, KnownBackends),
    /// The sender is to look.
    Look(KnownBackends),
}

/// Whether backends that can be asked have answered; `None`: nobody has asked yet. They make no replica unready: others have no other
/// backends, and signing in goes on without them.
pub(crate) type KnownBackends = Vec<(Endpoint, Option<bool>)>;

/// What was found last.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    is_shutting_down: bool,
    /// When somebody was last told to look.
    asked: Option<Instant>,
    /// `None` until somebody has looked.
    found: Option<Option<NotReady>>,
    /// When each backend was asked last, and whether it has answered.
    backends: BTreeMap<Endpoint, (Instant, Option<bool>)>,
}

impl Readiness {
    pub(super) fn shut_down(&mut self) {
        self.is_shutting_down = true;
    }

    pub(super) fn ask(
        &mut self,
        waiter: Waiter<AskReadiness>,
        backends: Vec<Endpoint>,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_fresh = |asked: Instant| now.since(asked) < limits::READINESS_INTERVAL;
        let backends = backends.into_iter();
        let backends = backends.map(|one| (one, self.backend(one, now, out)));
        let backends: KnownBackends = backends.collect();
        let answer = if self.is_shutting_down {
            KnownReadiness::Known(Some(NotReady::ShuttingDown), backends)
        } else if self.asked.is_some_and(is_fresh) {
            KnownReadiness::Known(self.found.unwrap_or(Some(NotReady::Unknown)), backends)
        } else {
            self.asked = Some(now);
            KnownReadiness::Look(backends)
        };
        out.push_back(waiter.answer(answer));
    }

    /// Whether a backend has answered, which is asked now and then while somebody wants to know it.
    fn backend(
        &mut self,
        endpoint: Endpoint,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) -> Option<bool> {
        let found = self.backends.get(&endpoint).copied();
        let answers = found.and_then(|(_, answers)| answers);
        let is_fresh = |(asked, _)| now.since(asked) < limits::BACKEND_PROBE_INTERVAL;
        if !found.is_some_and(is_fresh) && !self.is_shutting_down {
            self.backends.insert(endpoint, (now, answers));
            let probe = Job(JobKind::ProbeBackend(endpoint));
            out.push_back(HubOutput::Spawn(probe));
        }
        answers
    }

    pub(super) fn found_backend(&mut self, endpoint: Endpoint, answers: bool) {
        if let Some((_, found)) = self.backends.get_mut(&endpoint) {
            *found = Some(answers);
        }
    }

    pub(super) fn found(&mut self, found: Option<NotReady>) {
        self.found = Some(found);
    }
}
