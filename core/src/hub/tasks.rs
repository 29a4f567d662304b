//! The tasks that run on this server: bounded for each owner and in all; who is told what their client
//! says.

use std::collections::{BTreeMap, VecDeque};

use super::{FromHub, FromHubKind, HubOutput, counts::Counts};
use crate::{
    hub::TaskTold,
    id::{ExchangeId, Owner, StreamId},
    limits,
};

/// The tasks.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    by_id: BTreeMap<StreamId, (ExchangeId, Owner)>,
    by_exchange: BTreeMap<ExchangeId, StreamId>,
    of_owner: Counts,
    /// By the exchange that runs a task, those that told it something and wait until that was taken.
    waiting: BTreeMap<ExchangeId, Vec<ExchangeId>>,
}

impl Tasks {
    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// A task begins, if there is room.
    pub(super) fn begin(
        &mut self,
        from: ExchangeId,
        task: StreamId,
        owner: Owner,
        out: &mut VecDeque<HubOutput>,
    ) {
        let room =
            self.of_owner.of(owner) < limits::TASKS_PER_OWNER && self.by_id.len() < limits::TASKS;
        if room {
            self.of_owner.add(owner);
            self.by_id.insert(task, (from, owner));
            self.by_exchange.insert(from, task);
        }
        out.push_back(HubOutput::Deliver(
            from,
            FromHub(FromHubKind::TaskBegun(room)),
        ));
    }

    /// Hands what its client says to a task of this owner, or tells that none runs here, or that too many
    /// wait for it already.
    pub(super) fn tell(
        &mut self,
        from: ExchangeId,
        task: StreamId,
        owner: Owner,
        told: Box<TaskTold>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let worker = self.by_id.get(&task).filter(|(_, of)| *of == owner);
        let Some((worker, _)) = worker else {
            out.push_back(heard(from, false));
            return;
        };
        let waiting = self.waiting.entry(*worker).or_default();
        if waiting.len() >= limits::MAILBOX_MESSAGES {
            out.push_back(heard(from, false));
            return;
        }
        waiting.push(from);
        let told = FromHub(FromHubKind::TaskTold(told));
        out.push_back(HubOutput::Deliver(*worker, told));
    }

    /// A task has taken what it was told: whoever asks now finds it done.
    pub(super) fn taken(&mut self, from: ExchangeId, out: &mut VecDeque<HubOutput>) {
        for waiter in self.waiting.remove(&from).into_iter().flatten() {
            out.push_back(heard(waiter, true));
        }
    }

    /// Forgets the task of an exchange that is over.
    pub(super) fn leave(&mut self, from: ExchangeId, out: &mut VecDeque<HubOutput>) {
        self.taken(from, out);
        let task = self.by_exchange.remove(&from);
        if let Some((_, owner)) = task.and_then(|task| self.by_id.remove(&task)) {
            self.of_owner.remove(owner);
        }
    }
}

fn heard(to: ExchangeId, is_heard: bool) -> HubOutput {
    HubOutput::Deliver(to, FromHub(FromHubKind::TaskHeard(is_heard)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Owner = Owner([1; 32]);
    const BOB: Owner = Owner([2; 32]);

    fn task(number: u64) -> StreamId {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        StreamId(name)
    }

    // I4
    #[test]
    fn a_task_hears_its_owner_only() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        tasks.begin(ExchangeId(1), task(1), ALICE, &mut out);
        out.clear();
        tasks.tell(ExchangeId(2), task(1), BOB, Box::default(), &mut out);
        assert_eq!(out.len(), 1);
        out.clear();
        tasks.tell(ExchangeId(2), task(1), ALICE, Box::default(), &mut out);
        assert_eq!(out.len(), 1);
        tasks.taken(ExchangeId(1), &mut out);
        tasks.taken(ExchangeId(1), &mut out);
        assert_eq!(out.len(), 2);
    }

    // M: bounded.
    #[test]
    fn so_many_wait_for_a_task_that_takes_nothing() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        tasks.begin(ExchangeId(1), task(1), ALICE, &mut out);
        for number in 2..200 {
            tasks.tell(ExchangeId(number), task(1), ALICE, Box::default(), &mut out);
        }
        assert_eq!(
            tasks.waiting[&ExchangeId(1)].len(),
            limits::MAILBOX_MESSAGES
        );
        tasks.leave(ExchangeId(1), &mut out);
        assert!(tasks.waiting.is_empty() && tasks.of_owner.is_empty());
    }

    // M: bounded.
    #[test]
    fn so_many_tasks_run_and_ending_one_makes_room() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        let limit = u64::try_from(limits::TASKS_PER_OWNER).unwrap();
        for number in 0..=limit {
            tasks.begin(ExchangeId(number), task(number), ALICE, &mut out);
        }
        assert_eq!(tasks.len(), limits::TASKS_PER_OWNER);
        tasks.leave(ExchangeId(0), &mut out);
        tasks.begin(ExchangeId(limit), task(limit), ALICE, &mut out);
        assert_eq!(tasks.len(), limits::TASKS_PER_OWNER);
        assert!(tasks.by_exchange.len() == tasks.by_id.len());
    }
}
