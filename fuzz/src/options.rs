//! What a run is like: how many replicas, how slow the network, which faults there are and how
//! often. Drawn anew for each run, some faults are switched off altogether (swarm testing): a fault
//! that always occurs hides what another would find.

use std::{collections::BTreeSet, time::Duration};

use entra_mcp_core::{catalog::Catalog, config::RateLimits, env::Server};

use crate::{
    backend::{BackendKind, Place},
    choice::Choice,
    unkindness::Unkindness,
};

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address of the server.
    pub public_url: String,
    /// How many replicas serve it.
    pub replicas: usize,
    /// How long anything takes on its way, at least and at most.
    pub latency: (Duration, Duration),
    /// What goes wrong.
    pub faults: Faults,
    /// What goes wrong once: this, after so many chances for it were passed over.
    pub once: Option<(Fault, u64)>,
    /// Whether a replica is a process of `runtime-blocking`, with a thread for each exchange.
    pub is_blocking: bool,
    /// Whether the server proves its identity to Entra with a federated token, or with several replicas a managed identity, not
    /// with a secret.
    pub has_federated_token: bool,
    /// In what the runtimes are as unkind as they really are.
    pub unkindness: BTreeSet<Unkindness>,
    /// What each server offers.
    pub catalog: fn() -> Catalog,
    /// The server behind this one, if it is a gateway.
    pub backend: Option<BackendKind>,
    /// A second one: then each is at an endpoint of its own.
    pub second: Option<BackendKind>,
    /// How often things may be asked for.
    pub rate_limits: RateLimits,
    /// What is done to each server before it starts; tests of the checks plant bugs with it.
    pub prepare: fn(Server) -> Server,
}

/// How often what goes wrong, in a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A connection breaks before the request arrives.
    pub cut_before: u32,
    /// A connection breaks when a piece of the answer is sent: the answer is lost.
    pub cut_in: u32,
    /// A peer reads so slowly that the runtime gives it up.
    pub slow_reader: u32,
    /// An outbound request never arrives.
    pub fetch_lost: u32,
    /// An outbound request is done, and its answer lost.
    pub fetch_response_lost: u32,
    /// An outbound request takes longer than its deadline.
    pub fetch_late: u32,
    /// The store does not answer and has done nothing.
    pub store_down: u32,
    /// The store has done what was asked, and says that it has not.
    pub store_response_lost: u32,
    /// A guarded write fails although nobody else wrote.
    pub store_conflict: u32,
    /// A process is killed between two steps, and started again at once.
    pub killed: u32,
    /// A message of one replica to another never arrives.
    pub message_lost: u32,
}

/// Something that goes wrong; [`Faults`] says how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// [`Faults::cut_before`].
    CutBefore,
    /// [`Faults::cut_in`].
    CutIn,
    /// [`Faults::slow_reader`].
    SlowReader,
    /// [`Faults::fetch_lost`].
    FetchLost,
    /// [`Faults::fetch_response_lost`].
    FetchResponseLost,
    /// [`Faults::fetch_late`].
    FetchLate,
    /// [`Faults::store_down`].
    StoreDown,
    /// [`Faults::store_response_lost`].
    StoreResponseLost,
    /// [`Faults::store_conflict`].
    StoreConflict,
    /// [`Faults::killed`].
    Killed,
    /// [`Faults::message_lost`].
    MessageLost,
}

impl Fault {
    /// All that there are.
    pub const ALL: [Self; 11] = [
        Self::CutBefore,
        Self::CutIn,
        Self::SlowReader,
        Self::FetchLost,
        Self::FetchResponseLost,
        Self::FetchLate,
        Self::StoreDown,
        Self::StoreResponseLost,
        Self::StoreConflict,
        Self::Killed,
        Self::MessageLost,
    ];
}

impl Faults {
    pub(crate) fn rate(&self, fault: Fault) -> u32 {
        match fault {
            Fault::CutBefore => self.cut_before,
            Fault::CutIn => self.cut_in,
            Fault::SlowReader => self.slow_reader,
            Fault::FetchLost => self.fetch_lost,
            Fault::FetchResponseLost => self.fetch_response_lost,
            Fault::FetchLate => self.fetch_late,
            Fault::StoreDown => self.store_down,
            Fault::StoreResponseLost => self.store_response_lost,
            Fault::StoreConflict => self.store_conflict,
            Fault::Killed => self.killed,
            Fault::MessageLost => self.message_lost,
        }
    }
}

/// Of forty worlds, those from this one on are gateways: one of each kind.
const GATEWAYS_FROM: usize = 32;

fn untouched(server: Server) -> Server {
    server
}

impl Options {
    /// One replica on loopback, everything takes a millisecond, nothing goes wrong.
    #[must_use]
    pub fn faultless() -> Self {
        let soon = Duration::from_millis(1);
        Self {
            public_url: "http://localhost:3001".to_owned(),
            replicas: 1,
            latency: (soon, soon),
            faults: Faults::default(),
            once: None,
            is_blocking: false,
            has_federated_token: false,
            unkindness: Unkindness::ON.into(),
            catalog: entra_mcp_core::tools::catalog,
            backend: None,
            second: None,
            rate_limits: RateLimits::none(),
            prepare: untouched,
        }
    }

    /// The same with everything that a server can offer.
    #[must_use]
    pub fn with_everything(mut self) -> Self {
        self.catalog = crate::tools::everything;
        self
    }

    /// The same with more replicas.
    #[must_use]
    pub fn with_replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Whether the world is unkind in this.
    #[must_use]
    pub fn has(&self, unkindness: Unkindness) -> bool {
        self.unkindness.contains(&unkindness)
    }

    /// The servers behind this one, if it is a gateway.
    #[must_use]
    pub fn backends(&self) -> Vec<(Place, BackendKind)> {
        let all = [self.backend, self.second.filter(|_| self.backend.is_some())];
        let kinds: Vec<_> = all.into_iter().flatten().collect();
        let count = kinds.len();
        let numbered = kinds.into_iter().enumerate();
        let places = numbered.map(|(number, kind)| (Place::of(number, count), kind));
        places.collect()
    }

    /// The same at another address.
    #[must_use]
    pub fn at(mut self, public_url: &str) -> Self {
        public_url.clone_into(&mut self.public_url);
        self
    }

    /// Drawn: two or three replicas, a network of any temper, some faults.
    #[must_use]
    pub fn draw(choice: &mut Choice) -> Self {
        // One draw for both: what a seed or an input means does not change with the other.
        let drawn = choice.below(40);
        let url = match drawn % 2 {
            0 => "https://mcp.example.com",
            _ => "http://localhost:3001",
        };
        let kind = usize::try_from(drawn)
            .ok()
            .and_then(|drawn| drawn.checked_sub(GATEWAYS_FROM));
        let backend = kind.and_then(|kind| BackendKind::ALL.get(kind));
        let backend = backend.map(|(_, kind)| *kind);
        let second = backend
            .filter(|_| choice.chance(500))
            .map(|_| choice.pick(&BackendKind::ALL).1);
        let most = *choice.pick(&[20, 200, 2000]);
        let mut often = || {
            if choice.chance(500) {
                0
            } else {
                *choice.pick(&[2, 10, 50])
            }
        };
        let mut faults = Faults {
            cut_before: often(),
            cut_in: often(),
            slow_reader: often(),
            fetch_lost: often(),
            fetch_response_lost: often(),
            fetch_late: often(),
            store_down: often(),
            store_response_lost: often(),
            store_conflict: often(),
            // Fault injection kills, less often than at every step.
            killed: 0,
            message_lost: 0,
        };
        // Up to replicas that never hear of each other.
        faults.message_lost = *choice.pick(&[0, 0, 10, 200, 1000]);
        Self {
            public_url: url.to_owned(),
            replicas: 1 + usize::from(choice.chance(800)) + usize::from(choice.chance(300)),
            latency: (Duration::from_millis(1), Duration::from_millis(most)),
            faults,
            once: None,
            is_blocking: choice.chance(400),
            has_federated_token: choice.chance(400),
            unkindness: Unkindness::ON.into(),
            catalog: crate::tools::everything,
            backend,
            second,
            rate_limits: RateLimits::none(),
            prepare: untouched,
        }
    }
}
