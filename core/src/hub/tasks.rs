//! The tasks that run on this server, bounded for each owner and in all, and the updates of their clients.

use std::collections::{BTreeMap, VecDeque};

use super::{FromHub, FromHubKind, HubOutput, TableFull, counts::Counts};
use crate::{
    hub::TaskUpdate,
    id::{ExchangeId, PrincipalId, SessionId, TaskId},
    limits,
};

/// The tasks.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    by_id: BTreeMap<TaskId, RunningTask>,
    by_exchange: BTreeMap<ExchangeId, TaskId>,
    of_principal: Counts,
    /// By the exchange that runs a task, those that have sent it an update and wait until it is applied.
    waiting: BTreeMap<ExchangeId, Vec<ExchangeId>>,
}

#[derive(Debug)]
struct RunningTask {
    runner: ExchangeId,
    principal: PrincipalId,
    session: SessionId,
}

impl Tasks {
    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Admits a task, if there is room, and answers whether it was.
    pub(super) fn admit(
        &mut self,
        from: ExchangeId,
        task: TaskId,
        (principal, session): (PrincipalId, SessionId),
        out: &mut VecDeque<HubOutput>,
    ) {
        let admitted = if self.of_principal.of(principal) >= limits::TASKS_PER_PRINCIPAL {
            Err(TableFull::OfPrincipal)
        } else if self.by_id.len() >= limits::TASKS {
            Err(TableFull::OfServer)
        } else {
            self.of_principal.add(principal);
            let running = RunningTask {
                runner: from,
                principal,
                session,
            };
            self.by_id.insert(task, running);
            self.by_exchange.insert(from, task);
            Ok(())
        };
        out.push_back(deliver(from, FromHubKind::TaskAdmitted(admitted)));
    }

    /// A session was revoked: the tasks that it began end.
    pub(super) fn end_session(&self, session: SessionId, out: &mut VecDeque<HubOutput>) {
        for task in self.by_id.values().filter(|task| task.session == session) {
            out.push_back(deliver(task.runner, FromHubKind::SessionEnded));
        }
    }

    /// Hands an update to a task of this owner, or says that none runs here, or that too many updates wait
    /// for it already.
    pub(super) fn update(
        &mut self,
        from: ExchangeId,
        task: TaskId,
        principal: PrincipalId,
        update: Box<TaskUpdate>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let running = self.by_id.get(&task);
        let Some(running) = running.filter(|running| running.principal == principal) else {
            out.push_back(routed(from, false));
            return;
        };
        let waiting = self.waiting.entry(running.runner).or_default();
        if waiting.len() >= limits::TASK_UPDATES {
            out.push_back(routed(from, false));
            return;
        }
        waiting.push(from);
        out.push_back(deliver(running.runner, FromHubKind::TaskUpdate(update)));
    }

    /// A task has applied its updates: whoever asks now finds them done.
    pub(super) fn applied(&mut self, from: ExchangeId, out: &mut VecDeque<HubOutput>) {
        for waiter in self.waiting.remove(&from).into_iter().flatten() {
            out.push_back(routed(waiter, true));
        }
    }

    /// Forgets the task of an exchange that is over.
    pub(super) fn forget(&mut self, from: ExchangeId, out: &mut VecDeque<HubOutput>) {
        self.applied(from, out);
        let task = self.by_exchange.remove(&from);
        if let Some(running) = task.and_then(|task| self.by_id.remove(&task)) {
            self.of_principal.remove(running.principal);
        }
    }
}

fn routed(to: ExchangeId, is_routed: bool) -> HubOutput {
    deliver(to, FromHubKind::TaskUpdateRouted(is_routed))
}

fn deliver(to: ExchangeId, message: FromHubKind) -> HubOutput {
    HubOutput::Deliver(to, FromHub(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PrincipalId = PrincipalId([1; 32]);
    const BOB: PrincipalId = PrincipalId([2; 32]);

    const SESSION: SessionId = SessionId::new([3; 16]);

    fn task(number: u64) -> TaskId {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        TaskId(name)
    }

    // I4
    #[test]
    fn a_task_is_updated_by_its_owner_only() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        tasks.admit(ExchangeId(1), task(1), (ALICE, SESSION), &mut out);
        out.clear();
        tasks.update(ExchangeId(2), task(1), BOB, Box::default(), &mut out);
        assert_eq!(out.len(), 1);
        out.clear();
        tasks.update(ExchangeId(2), task(1), ALICE, Box::default(), &mut out);
        assert_eq!(out.len(), 1);
        tasks.applied(ExchangeId(1), &mut out);
        tasks.applied(ExchangeId(1), &mut out);
        assert_eq!(out.len(), 2);
    }

    // M: bounded.
    #[test]
    fn updates_that_wait_for_a_task_are_bounded() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        tasks.admit(ExchangeId(1), task(1), (ALICE, SESSION), &mut out);
        for number in 2..200 {
            tasks.update(ExchangeId(number), task(1), ALICE, Box::default(), &mut out);
        }
        assert_eq!(tasks.waiting[&ExchangeId(1)].len(), limits::TASK_UPDATES);
        tasks.forget(ExchangeId(1), &mut out);
        assert!(tasks.waiting.is_empty() && tasks.of_principal.is_empty());
    }

    // M: bounded.
    #[test]
    fn tasks_are_bounded_and_ending_one_makes_room() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        let limit = u64::try_from(limits::TASKS_PER_PRINCIPAL).unwrap();
        for number in 0..=limit {
            tasks.admit(ExchangeId(number), task(number), (ALICE, SESSION), &mut out);
        }
        assert_eq!(tasks.len(), limits::TASKS_PER_PRINCIPAL);
        tasks.forget(ExchangeId(0), &mut out);
        tasks.admit(ExchangeId(limit), task(limit), (ALICE, SESSION), &mut out);
        assert_eq!(tasks.len(), limits::TASKS_PER_PRINCIPAL);
        assert!(tasks.by_exchange.len() == tasks.by_id.len());
    }
}
