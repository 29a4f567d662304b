//! All processes that run, so that none is left when the server ends, however it ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use rustix::process::Signal;

use super::{Process, watchdog::Watchdog};

/// All processes that run, so that none is left when the server ends. Clones are the same.
///
/// When the server is killed, the input of each ends; what has not ended two seconds later is killed with its group, where
/// there is a `/bin/sh`.
#[derive(Clone, Debug, Default)]
pub struct Processes(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
pub(super) struct Running {
    processes: BTreeMap<u32, Weak<Process>>,
    /// None before the first process, and where there is no shell.
    watchdog: Option<Watchdog>,
}

impl Running {
    fn watch(&mut self) {
        let groups = self.processes.iter();
        let groups = groups.filter(|(_, process)| process.strong_count() > 0);
        self.watchdog = Watchdog::start(groups.map(|(number, _)| *number)).ok();
    }
}

impl Processes {
    /// Kills every group that runs.
    pub fn kill_all(&self) {
        // Not under the lock: whoever waits for one of them holds it, and removes it here.
        let processes: Vec<_> = self.running().processes.values().cloned().collect();
        for process in processes.iter().filter_map(Weak::upgrade) {
            process.signal(Signal::KILL);
        }
    }

    /// Begins to watch, so that a process is known as soon as it runs.
    pub(super) fn watch(&self) {
        let mut running = self.running();
        if running.watchdog.is_none() {
            running.watch();
        }
    }

    pub(super) fn add(&self, number: u32, process: &Arc<Process>) {
        let mut running = self.running();
        running.processes.insert(number, Arc::downgrade(process));
        let told = running.watchdog.as_mut().is_some_and(|it| it.began(number));
        if !told {
            // Somebody has ended it.
            running.watchdog = None;
            running.watch();
        }
    }

    /// One has ended, and is still to be waited for: its number is no other's yet.
    pub(super) fn ended(&self, number: u32) {
        let mut running = self.running();
        running.processes.insert(number, Weak::new());
        if let Some(watchdog) = &mut running.watchdog {
            watchdog.ended(number);
        }
    }

    /// One that has ended was waited for.
    pub(super) fn remove(&self, number: u32) {
        self.running().processes.remove(&number);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn with_watchdog(&self, then: impl FnOnce(&mut Watchdog)) {
        then(self.running().watchdog.as_mut().expect("one has begun"));
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.running().processes.is_empty()
    }
}
