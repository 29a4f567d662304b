//! What replicas tell each other: each message takes its own time to each of them, so that they come in any order, and
//! some never arrive.

use bytes::Bytes;
use entra_mcp_core::{exchange::ExchangeId, replicas};

use crate::{
    ids::Process,
    options::Fault,
    world::{SimEvent, State},
};

impl State {
    /// A replica tells all others.
    pub(super) fn publish(&mut self, from: Process, message: &Bytes) {
        let others: Vec<_> = self
            .replicas
            .iter()
            .filter_map(super::Replica::process)
            .filter(|process| process.replica != from.replica)
            .collect();
        for process in others {
            let is_lost = self.is_cut_off(from) || self.is_cut_off(process);
            if !self.injects(Fault::MessageLost) && !is_lost {
                let at = self.moment.after(self.latency());
                self.schedule(at, SimEvent::MessageArrives(process, message.clone()));
            }
        }
    }

    fn is_cut_off(&self, process: Process) -> bool {
        let partitions = &self.checks.ledger().partitions;
        partitions.is_without_others(process.replica)
    }

    /// It reaches one of them, if that is still the same process.
    pub(crate) fn message_arrives(&mut self, process: Process, message: &Bytes) {
        let moment = self.moment;
        if self.is_cut_off(process) {
            return;
        }
        let Some(replica) = self.process(process) else {
            return;
        };
        let now = replica.now(moment);
        let Some(running) = replica.running.as_mut() else {
            return;
        };
        let Some(message) = replicas::open_message(message, &running.server, now.unix) else {
            return;
        };
        // An exchange that never was, as in the runtimes.
        running.count += 1;
        let id = ExchangeId(running.count);
        running.hub.handle(id, message, now);
        self.note(&format!("r{}", process.replica), "= is told by another");
        self.poll_hub(process);
    }
}
