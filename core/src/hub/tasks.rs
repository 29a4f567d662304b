//! The tasks that run on this server, and those that have ended and are stored: bounded for each owner and in
//! all, in number and in bytes; and the updates of their clients.

use std::collections::{BTreeMap, VecDeque};

use super::{
    AdmitTask, FromHub, FromHubKind, HubOutput, TableFull, TasksFull, ToTask, UpdateTask,
    asks::Waiter, counts::Counts,
};
use crate::{
    config::Capacity,
    hub::TaskUpdate,
    id::{ExchangeId, PrincipalId, SessionId, TaskId},
    limits,
    time::Instant,
};

#[derive(Debug, Default)]
pub(super) struct Tasks {
    capacity: Capacity,
    by_id: BTreeMap<TaskId, RunningTask>,
    by_exchange: BTreeMap<ExchangeId, TaskId>,
    of_principal: Counts,
    /// The tasks that have ended.
    stored: BTreeMap<TaskId, StoredTask>,
    /// By the exchange that runs a task, those that have sent it an update and wait until it is applied.
    waiting: BTreeMap<ExchangeId, Vec<Waiter<UpdateTask>>>,
}

#[derive(Debug)]
struct RunningTask {
    runner: ExchangeId,
    principal: PrincipalId,
    session: SessionId,
    began: Instant,
}

#[derive(Debug)]
struct StoredTask {
    principal: PrincipalId,
    bytes: usize,
    expires: Instant,
}

impl Tasks {
    /// Nothing yet, and room for this much.
    pub(super) fn with_capacity(capacity: Capacity) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Admits a task, if there is room, and answers whether it was.
    pub(super) fn admit(
        &mut self,
        waiter: Waiter<AdmitTask>,
        task: TaskId,
        (principal, session): (PrincipalId, SessionId),
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.stored.retain(|_, stored| now < stored.expires);
        let admitted = self.check_room(principal);
        if admitted.is_ok() {
            self.of_principal.add(principal);
            let running = RunningTask {
                runner: waiter.exchange,
                principal,
                session,
                began: now,
            };
            self.by_id.insert(task, running);
            self.by_exchange.insert(waiter.exchange, task);
        }
        out.push_back(waiter.answer(admitted));
    }

    /// Whether one more task of this owner may run: it may become as large as any.
    fn check_room(&self, principal: PrincipalId) -> Result<(), TasksFull> {
        let (of_principal, running) = (self.of_principal.of(principal), self.by_id.len());
        if of_principal >= self.capacity.tasks_per_user {
            return Err(TasksFull::Running(TableFull::OfPrincipal));
        }
        if running >= limits::TASKS {
            return Err(TasksFull::Running(TableFull::OfServer));
        }
        let has_room = |running: usize, stored: &mut dyn Iterator<Item = usize>, count, bytes| {
            let running = running + 1;
            let sum = (running, running.saturating_mul(limits::TASK_BYTES));
            let sum = stored.fold(sum, |(count, bytes), one| (count + 1, bytes + one));
            sum.0 <= count && sum.1 <= bytes
        };
        let bytes = |stored: &StoredTask| stored.bytes;
        let (count, most) = (
            limits::TASK_RECORDS_PER_PRINCIPAL,
            limits::TASK_RECORD_BYTES_PER_PRINCIPAL,
        );
        let own = self
            .stored
            .values()
            .filter(|one| one.principal == principal);
        if !has_room(of_principal, &mut own.map(bytes), count, most) {
            return Err(TasksFull::Stored(TableFull::OfPrincipal));
        }
        let (count, most) = (limits::TASK_RECORDS, limits::TASK_RECORD_BYTES);
        if !has_room(running, &mut self.stored.values().map(bytes), count, most) {
            return Err(TasksFull::Stored(TableFull::OfServer));
        }
        Ok(())
    }

    /// The task of an exchange is over, and its record of so many bytes is stored.
    pub(super) fn stored(&mut self, from: ExchangeId, bytes: usize) {
        let task = self.by_exchange.get(&from);
        if let Some((task, running)) = task.and_then(|task| self.by_id.get_key_value(task)) {
            let stored = StoredTask {
                principal: running.principal,
                bytes,
                expires: running.began.after(limits::TASK_TTL),
            };
            self.stored.insert(*task, stored);
        }
    }

    /// A session was revoked: the tasks that it began end.
    pub(super) fn end_session(&self, session: SessionId, out: &mut VecDeque<HubOutput>) {
        for task in self.by_id.values().filter(|task| task.session == session) {
            out.push_back(deliver(task.runner, ToTask::SessionEnded));
        }
    }

    /// Hands an update to a task of this owner, or says that none runs here, or that too many updates wait
    /// for it already.
    pub(super) fn update(
        &mut self,
        waiter: Waiter<UpdateTask>,
        task: TaskId,
        principal: PrincipalId,
        update: Box<TaskUpdate>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let running = self.by_id.get(&task);
        let Some(running) = running.filter(|running| running.principal == principal) else {
            out.push_back(waiter.answer(false));
            return;
        };
        let waiting = self.waiting.entry(running.runner).or_default();
        if waiting.len() >= limits::TASK_UPDATES {
            out.push_back(waiter.answer(false));
            return;
        }
        waiting.push(waiter);
        out.push_back(deliver(running.runner, ToTask::Update(update)));
    }

    /// A task has applied its updates: whoever asks now finds them done.
    pub(super) fn applied(&mut self, from: ExchangeId, out: &mut VecDeque<HubOutput>) {
        for waiter in self.waiting.remove(&from).into_iter().flatten() {
            out.push_back(waiter.answer(true));
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

fn deliver(to: ExchangeId, message: ToTask) -> HubOutput {
    HubOutput::Deliver(to, FromHub(FromHubKind::Task(message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hub::{HubAnswer, HubAsk},
        ticket::{AskId, Ticket},
    };

    const ALICE: PrincipalId = PrincipalId([1; 32]);
    const BOB: PrincipalId = PrincipalId([2; 32]);

    const SESSION: SessionId = SessionId::new([3; 16]);
    const NOW: Instant = Instant(1_000);

    fn waiter<A: HubAsk>(number: u64) -> Waiter<A> {
        Waiter::new(ExchangeId(number), Ticket::new(AskId(0)))
    }

    fn task(number: u64) -> TaskId {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        TaskId(name)
    }

    // I4
    #[test]
    fn task_is_updated_by_its_owner_only() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        tasks.admit(waiter(1), task(1), (ALICE, SESSION), NOW, &mut out);
        out.clear();
        tasks.update(waiter(2), task(1), BOB, Box::default(), &mut out);
        assert_eq!(out.len(), 1);
        out.clear();
        tasks.update(waiter(2), task(1), ALICE, Box::default(), &mut out);
        assert_eq!(out.len(), 1);
        tasks.applied(ExchangeId(1), &mut out);
        tasks.applied(ExchangeId(1), &mut out);
        assert_eq!(out.len(), 2);
    }

    // M: bounded.
    #[test]
    fn updates_that_wait_for_a_task_are_bounded() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        tasks.admit(waiter(1), task(1), (ALICE, SESSION), NOW, &mut out);
        for number in 2..200 {
            tasks.update(waiter(number), task(1), ALICE, Box::default(), &mut out);
        }
        assert_eq!(tasks.waiting[&ExchangeId(1)].len(), limits::TASK_UPDATES);
        tasks.forget(ExchangeId(1), &mut out);
        assert!(tasks.waiting.is_empty() && tasks.of_principal.is_empty());
    }

    // M: as many as are set.
    #[test]
    fn tasks_of_one_user_are_as_many_as_are_set() {
        let mut out = VecDeque::new();
        let mut tasks = Tasks::with_capacity(Capacity {
            tasks_per_user: 2,
            ..Capacity::default()
        });
        for number in 0..5 {
            let owner = (ALICE, SESSION);
            tasks.admit(waiter(number), task(number), owner, NOW, &mut out);
        }
        assert_eq!(tasks.len(), 2);
    }

    // M: bounded.
    #[test]
    fn tasks_are_bounded_and_ending_one_makes_room() {
        let (mut tasks, mut out) = (Tasks::default(), VecDeque::new());
        let limit = u64::try_from(limits::TASKS_PER_PRINCIPAL).unwrap();
        for number in 0..=limit {
            tasks.admit(
                waiter(number),
                task(number),
                (ALICE, SESSION),
                NOW,
                &mut out,
            );
        }
        assert_eq!(tasks.len(), limits::TASKS_PER_PRINCIPAL);
        tasks.forget(ExchangeId(0), &mut out);
        tasks.admit(waiter(limit), task(limit), (ALICE, SESSION), NOW, &mut out);
        assert_eq!(tasks.len(), limits::TASKS_PER_PRINCIPAL);
        assert!(tasks.by_exchange.len() == tasks.by_id.len());
    }

    /// Whether a task is admitted; it ends at once with a record of so many bytes.
    fn run(
        tasks: &mut Tasks,
        number: u64,
        owner: PrincipalId,
        bytes: usize,
        now: Instant,
    ) -> Result<(), TasksFull> {
        let (mut out, exchange) = (VecDeque::new(), ExchangeId(number));
        tasks.admit(
            waiter(number),
            task(number),
            (owner, SESSION),
            now,
            &mut out,
        );
        tasks.stored(exchange, bytes);
        let admitted = out.pop_back();
        tasks.forget(exchange, &mut out);
        match admitted {
            Some(HubOutput::Deliver(
                _,
                FromHub(FromHubKind::Answer(HubAnswer::AdmitTask(admitted))),
            )) => admitted.answer,
            other => panic!("it is answered, not {other:?}"),
        }
    }

    // M5: tasks that have ended are stored until their time is over.
    #[test]
    fn stored_tasks_are_bounded_in_number_and_bytes_until_they_expire() {
        let full = Err(TasksFull::Stored(TableFull::OfPrincipal));
        let mut tasks = Tasks::default();
        let limit = u64::try_from(limits::TASK_RECORDS_PER_PRINCIPAL).unwrap();
        for number in 0..limit {
            assert_eq!(run(&mut tasks, number, ALICE, 100, NOW), Ok(()));
        }
        assert_eq!(run(&mut tasks, limit, ALICE, 100, NOW), full);
        for number in 0..u64::from(32_u8) {
            assert_eq!(
                run(&mut tasks, 1000 + number, BOB, limits::TASK_BYTES, NOW),
                Ok(())
            );
        }
        assert_eq!(run(&mut tasks, 2000, BOB, 100, NOW), full);
        let later = NOW.after(limits::TASK_TTL);
        assert_eq!(run(&mut tasks, limit, ALICE, 100, later), Ok(()));
        assert_eq!(run(&mut tasks, 2000, BOB, 100, later), Ok(()));
        assert_eq!(tasks.stored.len(), 2);
    }
}
