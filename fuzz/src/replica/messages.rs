//! What replicas tell each other: each message takes its own time to each of them, so that they come in any order, and
//! some never arrive.

use bytes::Bytes;
use entra_mcp_core::{
    entropy::Seed,
    exchange::ExchangeId,
    limits,
    replicas::{self, FromReplica},
};

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

    /// A replica tells the others what it has counted under the limits of rate, and does so again.
    pub(crate) fn tell_rates(&mut self, process: Process) {
        let seed = Seed::new(self.choice.material());
        let moment = self.moment;
        let Some(replica) = self.process(process) else {
            return;
        };
        let now = replica.now(moment).unix;
        let Some(running) = replica.running.as_mut() else {
            return;
        };
        let untold = running.rates.take_untold();
        let sealed =
            untold.and_then(|untold| replicas::seal_rates(untold, &running.server, now, &seed));
        if let Some(sealed) = sealed {
            self.publish(process, &sealed);
        }
        let next = moment.after(limits::RATES_TOLD_INTERVAL);
        self.schedule(next, SimEvent::TellRates(process));
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
        let message = match replicas::open_message(message, &running.server, now.unix) {
            Some(FromReplica::Hub(message)) => message,
            Some(FromReplica::Rates(counted)) => {
                return running.rates.count_elsewhere(&counted, now.instant);
            }
            None => return,
        };
        // An exchange that never was, as in the runtimes.
        running.count += 1;
        let id = ExchangeId(running.count);
        running.hub.handle(id, message, now);
        self.note(&format!("r{}", process.replica), "= is told by another");
        self.poll_hub(process);
    }
}
