//! What backends are told that needs no answer: so much at once of each session and of each backend; the rest waits, and beyond its bounds
//! something of it is dropped (threat R17).
//!
//! ```text
//! told --there is room--> a job tells it --the job ends--> the next that waits
//!   \--there is none--> it waits --its session is over, or there is no room to wait--> dropped
//! ```
//!
//! A backend that asks faster than it takes answers costs itself answers: those that this server gives at once, such as to `ping`, are the
//! first to be dropped. What a user has answered, and that a session is over, is not dropped for them.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use super::{HubOutput, Job, JobKind};
use crate::{
    endpoint::Endpoint,
    gateway::{Telling, TellingKind, TellingName},
    id::ExchangeId,
    limits,
    time::Instant,
};

/// How long a job may take to begin, before its place is another's: it was not started.
const BEGINNING: Duration = Duration::from_secs(60);

/// What shares the bounds of a session: that session, or an exchange where the backend has given it no name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Session(Arc<str>),
    Exchange(ExchangeId),
}

/// Who knows the name of a session may use it.
impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(_) => f.write_str("Session"),
            Self::Exchange(id) => write!(f, "{id:?}"),
        }
    }
}

#[derive(Debug, Default)]
struct OfLane {
    under_way: usize,
    waiting: VecDeque<Box<Telling>>,
    bytes: usize,
    /// How much was dropped since something was told.
    dropped: u64,
    /// Whether it is among those whose turn comes.
    has_turn: bool,
}

#[derive(Debug, Default)]
struct OfBackend {
    lanes: BTreeMap<Lane, OfLane>,
    /// Those of which something waits and may be told next, in their turn.
    turns: VecDeque<Lane>,
    under_way: usize,
    waiting: usize,
    bytes: usize,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Tellings {
    backends: BTreeMap<Endpoint, OfBackend>,
    under_way: BTreeMap<TellingName, (Endpoint, Lane)>,
    /// The jobs that have not begun, and until when they may.
    starting: BTreeMap<TellingName, Instant>,
    jobs: BTreeMap<ExchangeId, TellingName>,
    last: u64,
    now: Instant,
}

impl Tellings {
    /// How much is under way or waits.
    pub(super) fn len(&self) -> usize {
        let waiting = self.backends.values().map(|backend| backend.waiting);
        self.under_way.len() + waiting.sum::<usize>()
    }

    /// It is this late. Places of jobs that were never begun are free again.
    pub(super) fn tick(&mut self, now: Instant, out: &mut VecDeque<HubOutput>) {
        self.now = now;
        while let Some((name, until)) = self.starting.first_key_value()
            && *until <= now
        {
            let name = *name;
            self.ended(name, out);
        }
    }

    /// A backend is to be told something, by this exchange.
    pub(super) fn tell(
        &mut self,
        from: ExchangeId,
        telling: Box<Telling>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let endpoint = telling.endpoint;
        let lane = match &telling.request.session {
            Some(name) => Lane::Session(Arc::clone(name)),
            None => Lane::Exchange(from),
        };
        let backend = self.backends.entry(endpoint).or_default();
        backend.wait(&lane, telling);
        backend.take_turn(lane);
        self.start(endpoint, out);
    }

    /// The job of this name has begun.
    pub(super) fn begun(&mut self, from: ExchangeId, name: TellingName) {
        if self.starting.remove(&name).is_some() {
            self.jobs.insert(from, name);
        }
    }

    /// An exchange has ended: the job, perhaps.
    pub(super) fn forget(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) {
        if let Some(name) = self.jobs.remove(&id) {
            self.ended(name, out);
        }
    }

    fn ended(&mut self, name: TellingName, out: &mut VecDeque<HubOutput>) {
        self.starting.remove(&name);
        let Some((endpoint, lane)) = self.under_way.remove(&name) else {
            return;
        };
        if let Some(backend) = self.backends.get_mut(&endpoint) {
            backend.under_way -= 1;
            if let Some(of_lane) = backend.lanes.get_mut(&lane) {
                of_lane.under_way -= 1;
            }
            backend.take_turn(lane);
        }
        self.start(endpoint, out);
    }

    /// Tells as much as there is room for.
    fn start(&mut self, endpoint: Endpoint, out: &mut VecDeque<HubOutput>) {
        let Some(backend) = self.backends.get_mut(&endpoint) else {
            return;
        };
        while backend.under_way < limits::BACKEND_TELLINGS
            && let Some(lane) = backend.turns.pop_front()
        {
            if let Some(telling) = backend.next_of(&lane) {
                self.last += 1;
                let name = TellingName(self.last);
                self.under_way.insert(name, (endpoint, lane.clone()));
                self.starting.insert(name, self.now.after(BEGINNING));
                out.push_back(HubOutput::Spawn(Job(JobKind::TellBackend(name, telling))));
            }
            backend.take_turn(lane);
        }
        if backend.lanes.is_empty() {
            self.backends.remove(&endpoint);
        }
    }
}

impl OfBackend {
    /// Lets something wait, if there is room; or in place of what was answered at once.
    fn wait(&mut self, lane: &Lane, telling: Box<Telling>) {
        let of_lane = self.lanes.entry(lane.clone()).or_default();
        if telling.kind == TellingKind::SessionOver {
            // Nothing else matters to it any more.
            self.waiting -= of_lane.waiting.len();
            self.bytes -= of_lane.bytes;
            (of_lane.bytes, of_lane.dropped) = (0, 0);
            of_lane.waiting.clear();
        }
        let bytes = telling.request.body.len();
        let is_full = |of_lane: &OfLane, waiting: usize, all: usize| match telling.kind {
            TellingKind::SessionOver => waiting >= 2 * limits::BACKEND_TELLINGS_WAITING,
            TellingKind::AtOnce | TellingKind::OfClient => {
                of_lane.waiting.len() >= limits::BACKEND_TELLINGS_WAITING_OF_SESSION
                    || of_lane.bytes.saturating_add(bytes)
                        > limits::BACKEND_TELLING_BYTES_OF_SESSION
                    || waiting >= limits::BACKEND_TELLINGS_WAITING
                    || all.saturating_add(bytes) > limits::BACKEND_TELLING_BYTES
            }
        };
        while is_full(of_lane, self.waiting, self.bytes) {
            let oldest = match telling.kind {
                TellingKind::AtOnce | TellingKind::SessionOver => None,
                TellingKind::OfClient => {
                    let mut waiting = of_lane.waiting.iter();
                    waiting.position(|one| one.kind == TellingKind::AtOnce)
                }
            };
            let dropped = oldest.and_then(|place| of_lane.waiting.remove(place));
            of_lane.dropped = of_lane.dropped.saturating_add(1);
            let Some(dropped) = dropped else {
                return;
            };
            let bytes = dropped.request.body.len();
            of_lane.bytes -= bytes;
            self.bytes -= bytes;
            self.waiting -= 1;
        }
        of_lane.bytes += bytes;
        self.bytes += bytes;
        self.waiting += 1;
        of_lane.waiting.push_back(telling);
    }

    /// What is to be told next of these.
    fn next_of(&mut self, lane: &Lane) -> Option<Box<Telling>> {
        let of_lane = self.lanes.get_mut(lane)?;
        let mut telling = of_lane.waiting.pop_front()?;
        let bytes = telling.request.body.len();
        of_lane.bytes -= bytes;
        of_lane.under_way += 1;
        of_lane.has_turn = false;
        telling.dropped = std::mem::take(&mut of_lane.dropped);
        self.bytes -= bytes;
        self.waiting -= 1;
        self.under_way += 1;
        Some(telling)
    }

    /// Waits for its turn, if there is something to tell and room for it; and is forgotten if there is nothing.
    fn take_turn(&mut self, lane: Lane) {
        let Some(of_lane) = self.lanes.get_mut(&lane) else {
            return;
        };
        if of_lane.under_way == 0 && of_lane.waiting.is_empty() {
            self.lanes.remove(&lane);
            return;
        }
        let may_be_told =
            of_lane.under_way < limits::BACKEND_TELLINGS_OF_SESSION && !of_lane.waiting.is_empty();
        if may_be_told && !std::mem::replace(&mut of_lane.has_turn, true) {
            self.turns.push_back(lane);
        }
    }
}

#[cfg(test)]
mod tests;
