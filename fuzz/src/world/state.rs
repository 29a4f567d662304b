//! Everything that there is in a world, its actors apart.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entra_mcp_core::entropy::Seed;

use super::schedule::SimEvent;
use crate::{
    backend::Backends,
    checks::{Checks, Failure},
    choice::Choice,
    clock::SimInstant,
    entra::Entra,
    ids::{Process, TaskId},
    net::Net,
    observation::Observation,
    options::{Fault, Options},
    replica::Replica,
    server::Keys,
    sites::Sites,
    store::MemoryStore,
    trace::Trace,
};

pub(crate) struct State {
    pub(crate) moment: SimInstant,
    pub(crate) choice: Choice,
    pub(crate) options: Options,
    pub(crate) queue: BTreeMap<(SimInstant, u64), SimEvent>,
    pub(crate) sequence: u64,
    pub(crate) net: Net,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) keys: Keys,
    pub(crate) store: MemoryStore,
    pub(crate) entra: Entra,
    pub(crate) sites: Sites,
    pub(crate) backends: Backends,
    pub(crate) checks: Checks,
    pub(crate) trace: Trace,
    pub(crate) log: Vec<String>,
    pub(crate) woken: BTreeSet<TaskId>,
    pub(crate) current: TaskId,
    tasks: u64,
    failure: Option<Failure>,
}

impl State {
    pub(crate) fn new(options: Options, choice: Choice) -> Self {
        let mut state = Self {
            moment: SimInstant::default(),
            choice,
            queue: BTreeMap::new(),
            sequence: 0,
            net: Net::default(),
            replicas: Vec::new(),
            keys: Keys::default(),
            store: MemoryStore::default(),
            entra: Entra::new(&options, &Seed::new([11; 32])),
            sites: Sites::default(),
            backends: Backends::default(),
            checks: Checks::new(),
            trace: Trace::default(),
            log: Vec::new(),
            woken: BTreeSet::new(),
            current: TaskId(0),
            tasks: 0,
            failure: None,
            options,
        };
        let backends = Backends::new(&state.options, &mut state.choice);
        backends.label(state.checks.ledger_mut());
        state.backends = backends;
        state.checks.ledger_mut().unkindness = state.options.unkindness.clone();
        state.checks.ledger_mut().is_shared = state.options.replicas > 1;
        for index in 0..state.options.replicas {
            let replica = Replica::new(index, &state.options);
            state.replicas.push(replica);
            state.start(index);
        }
        state
    }

    pub(crate) fn new_task(&mut self) -> TaskId {
        self.tasks += 1;
        let id = TaskId(self.tasks);
        self.woken.insert(id);
        id
    }

    pub(crate) fn next_task(&mut self) -> Option<TaskId> {
        let next = self.woken.pop_first()?;
        self.current = next;
        Some(next)
    }

    pub(crate) fn note(&mut self, who: &str, what: &str) {
        self.trace.add(self.moment, who, what);
    }

    /// Shows something to every check.
    pub(crate) fn see(&mut self, seen: &Observation<'_>) {
        if let Err(failure) = self.checks.see(seen, self.moment) {
            self.fail(failure);
        }
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.trace.add(self.moment, "FAILURE", &failure.to_string());
        self.failure.get_or_insert(failure);
    }

    pub(crate) fn verdict(&mut self) -> Result<(), Failure> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Whether a fault is injected now.
    pub(crate) fn injects(&mut self, fault: Fault) -> bool {
        let once = match &mut self.options.once {
            Some((wanted, 0)) if *wanted == fault => true,
            Some((wanted, left)) if *wanted == fault => {
                *left -= 1;
                false
            }
            _ => false,
        };
        if once {
            self.options.once = None;
        }
        let injected = once || self.choice.chance(self.options.faults.rate(fault));
        if injected {
            self.checks.ledger_mut().count("faults");
            self.note("faults", &format!("= {fault:?}"));
        }
        injected
    }

    /// How long something takes on its way.
    pub(crate) fn latency(&mut self) -> Duration {
        let (least, most) = self.options.latency;
        self.choice.between(least, most)
    }

    /// The replica, if it still is that process.
    pub(crate) fn process(&mut self, process: Process) -> Option<&mut Replica> {
        self.replicas
            .get_mut(process.replica)
            .filter(|replica| replica.process() == Some(process))
    }
}
