//! The output of an invocation that has become a task: first the task is written, then its request is
//! answered, then it goes on without its client, and its end is written.
//!
//! ```text
//! AwaitingAdmission --room--> Creating --written--> answered: "task" --> Running --over, and written--> done
//!    +--too many, or the store is down--> answered: an error
//! ```

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use ::http::StatusCode;
use serde_json::json;

use super::record::{self, Status, TaskOwner, TaskRecord};
use crate::{
    admit::caller::Caller,
    ask::{Ask, Awaiting, Guard, Store},
    catalog::TaskTimes,
    env::Server,
    event::Answer,
    hub::{AdmitTask, TableFull, TaskUpdate, TasksFull, ToHub, ToHubKind},
    id::TaskId,
    json_rpc::{Error, Id, Response},
    limits,
    mcp::{invocation::Invocation, reply::json as respond, v2026_07_28},
    step::Cx,
    time::Instant,
};

/// How often a task that waits for input looks whether some was left for it.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How often a task is written again, so that it is known to live.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// How often the status message of a task is written at most: nobody asks more often.
const MESSAGE_INTERVAL: Duration = Duration::from_secs(1);

/// The record of a task that runs, and its client.
#[derive(Debug)]
pub(crate) struct TaskRunner {
    request: Id,
    task: TaskId,
    owner: TaskOwner,
    record: TaskRecord,
    phase: Phase,
    /// Whether the hub has room for it.
    admission: Option<Awaiting<AdmitTask>>,
    /// The writing of the record that is under way, and whether the record has changed since.
    writing: Option<Awaiting<Store>>,
    /// How long the record was when it was written last.
    written_bytes: usize,
    is_dirty: bool,
    /// Whether somebody waits until an update is written.
    has_waiter: bool,
    /// The look whether an update was left.
    polling: Option<Awaiting<Store>>,
    next_poll: Instant,
    next_heartbeat: Instant,
    /// When a status message may be written next, and whether one waits for that.
    next_message: Instant,
    has_message: bool,
    began: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The hub counts.
    AwaitingAdmission,
    /// The record is written for the first time.
    Creating,
    /// The request is answered.
    Running,
}

/// What an event means for the invocation of a task.
#[derive(Debug)]
pub(crate) enum TaskStep {
    /// There is nothing to do for it.
    Wait,
    /// It may begin what has to wait.
    Admitted,
    /// The client has left an update.
    Update(TaskUpdate),
    /// There will be no task: the request is answered, or its client is gone.
    Abandoned,
    /// Its end is written.
    Written,
}

impl TaskRunner {
    /// Makes the request a task.
    pub(crate) fn start(request: Id, times: TaskTimes, caller: &Caller, cx: &mut Cx<'_>) -> Self {
        let task = TaskId(cx.entropy.bytes());
        let admission = cx.ask_hub(|ticket| ToHubKind::AdmitTask {
            ticket,
            task,
            principal: caller.principal_id,
            session: caller.session.id,
        });
        let now = cx.env.now;
        Self {
            request,
            task,
            owner: TaskOwner::of(caller, cx.env.server),
            record: TaskRecord::new(now.unix, times),
            phase: Phase::AwaitingAdmission,
            admission: Some(admission),
            writing: None,
            written_bytes: 0,
            is_dirty: false,
            has_waiter: false,
            polling: None,
            next_poll: now.instant.after(POLL_INTERVAL),
            next_heartbeat: now.instant.after(HEARTBEAT),
            next_message: now.instant,
            has_message: false,
            began: now.instant,
        }
    }

    /// Says when it wants to be woken, and tells whoever waits for an update that it is written.
    pub(crate) fn wait(&mut self, cx: &mut Cx<'_>) -> Instant {
        if self.has_waiter && self.writing.is_none() {
            self.has_waiter = false;
            cx.to_hub(ToHub(ToHubKind::TaskUpdateApplied));
        }
        let message = self.has_message.then_some(self.next_message);
        let others = self.next_heartbeat.min(self.next_poll);
        message.map_or(others, |message| message.min(others))
    }

    /// Whether it goes on when the peer has disconnected: before the response nobody knows of the task.
    pub(crate) fn survives_disconnect(&self) -> bool {
        self.phase == Phase::Running
    }

    /// The client updates the task, and waits until the update is written.
    pub(crate) fn expect_update(&mut self) {
        self.has_waiter = true;
    }

    /// Takes an answer that the task or its record waits for; another one is given back. `is_over` says whether
    /// the invocation is.
    pub(crate) fn answered(
        &mut self,
        answer: Answer,
        is_over: bool,
        cx: &mut Cx<'_>,
    ) -> ControlFlow<TaskStep, Answer> {
        let ask = answer.ask();
        let step = if let Some(admission) = self.admission.take_if(|one| one.id() == ask) {
            match admission.into_answer(answer) {
                Ok(()) => {
                    self.phase = Phase::Creating;
                    self.write(cx);
                    TaskStep::Admitted
                }
                Err(full) => self.abandon(too_many_tasks(full, cx.env.server), cx),
            }
        } else if let Some(writing) = self.writing.take_if(|one| one.id() == ask) {
            self.written(writing.into_answer(answer).is_ok(), is_over, cx)
        } else if let Some(polling) = self.polling.take_if(|one| one.id() == ask) {
            self.polled(polling.into_answer(answer), cx)
        } else {
            return ControlFlow::Continue(answer);
        };
        ControlFlow::Break(step)
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, is_over: bool, cx: &mut Cx<'_>) -> TaskStep {
        let now = cx.env.now.instant;
        if self.phase != Phase::Running && now >= self.began.after(limits::EXCHANGE_TIMEOUT) {
            return self.abandon(not_stored(), cx);
        }
        if is_over && now >= self.began.after(limits::TASK_TTL) {
            // A store that takes nothing for so long has forgotten the task by itself.
            return TaskStep::Written;
        }
        if now >= self.next_poll {
            let waits = matches!(self.record.status, Status::InputRequired(_));
            self.next_poll = now.after(if waits { POLL_INTERVAL } else { HEARTBEAT });
            if self.polling.is_none() && self.phase == Phase::Running {
                self.polling = Some(cx.store(Store::Take(record::update_key(self.task))));
            }
        }
        if self.has_message && now >= self.next_message {
            self.write_message(cx);
        }
        if now >= self.next_heartbeat {
            // A store that was down is written to again.
            self.next_heartbeat = now.after(HEARTBEAT);
            if self.phase == Phase::Running {
                self.write(cx);
            }
        }
        TaskStep::Wait
    }

    /// The request is answered by an error: there is no task.
    fn abandon(&self, error: Error, cx: &mut Cx<'_>) -> TaskStep {
        let response = Response::error(Some(self.request.clone()), error);
        cx.respond(respond(StatusCode::OK, response.to_json()));
        TaskStep::Abandoned
    }

    fn write(&mut self, cx: &mut Cx<'_>) {
        if self.writing.is_some() {
            self.is_dirty = true;
            return;
        }
        self.is_dirty = false;
        let put = self.record.put(self.task, &self.owner, Guard::Any, cx);
        if let Store::Put(_, record, _) = &put {
            self.written_bytes = record.bytes.len();
        }
        self.writing = Some(cx.store(put));
    }

    fn written(&mut self, is_good: bool, is_over: bool, cx: &mut Cx<'_>) -> TaskStep {
        if self.phase == Phase::Creating {
            if !is_good {
                return self.abandon(not_stored(), cx);
            }
            self.phase = Phase::Running;
            let mut result = self.record.begun().to_json(self.task);
            result.insert("resultType".to_owned(), json!("task"));
            let server_info = Arc::clone(cx.env.catalog.server_info());
            let response = Response::result_from(self.request.clone(), result, server_info);
            cx.respond(respond(StatusCode::OK, response.to_json()));
        }
        if self.is_dirty {
            self.write(cx);
        } else if is_good && is_over {
            let bytes = self.written_bytes;
            cx.to_hub(ToHub(ToHubKind::TaskStored { bytes }));
            return TaskStep::Written;
        }
        TaskStep::Wait
    }

    fn polled(&self, answer: <Store as Ask>::Answer, cx: &Cx<'_>) -> TaskStep {
        let stored = answer.ok().flatten();
        let keys = &cx.env.server.keys;
        let update =
            stored.and_then(|stored| TaskUpdate::open(self.task, &self.owner, &stored, keys));
        update.map_or(TaskStep::Wait, TaskStep::Update)
    }

    /// The invocation goes on, and may wait for input.
    pub(crate) fn progress(&mut self, invocation: Option<&Invocation>, cx: &mut Cx<'_>) {
        let requests = invocation.and_then(Invocation::input_requests);
        let status = requests.map_or(Status::Working, |requests| {
            Status::InputRequired(v2026_07_28::input_requests(requests))
        });
        let message = invocation.and_then(Invocation::status_message);
        self.set_message(message, cx);
        self.set_status(status, cx);
    }

    /// Takes what the tool says of how far it is. It is written at once where none was lately, so that a tool may say as much as it likes.
    fn set_message(&mut self, message: Option<&str>, cx: &mut Cx<'_>) {
        if message.is_none() || self.record.message.as_deref() == message {
            return;
        }
        self.record.message = message.map(str::to_owned);
        self.record.updated = cx.env.now.unix.max(self.record.updated);
        self.has_message = true;
        if cx.env.now.instant >= self.next_message {
            self.write_message(cx);
        }
    }

    fn write_message(&mut self, cx: &mut Cx<'_>) {
        if self.phase != Phase::Running {
            self.is_dirty = true;
        } else {
            self.next_message = cx.env.now.instant.after(MESSAGE_INTERVAL);
            self.write(cx);
        }
        self.has_message = false;
    }

    /// The invocation has ended with this response; it was cancelled if there is none.
    pub(crate) fn finish(&mut self, response: Option<Response>, cx: &mut Cx<'_>) {
        let status = match response.map(Response::into_outcome) {
            Some(Ok(result)) => Status::Completed(result),
            Some(Err(error)) => Status::Failed(json!(error)),
            None => Status::Cancelled,
        };
        // It said how far the task was.
        self.record.message = None;
        self.set_status(status, cx);
    }

    fn set_status(&mut self, status: Status, cx: &mut Cx<'_>) {
        if self.record.status != status {
            self.record.status = status;
            self.record.updated = cx.env.now.unix.max(self.record.updated);
            if self.phase == Phase::Running {
                self.write(cx);
            } else {
                self.is_dirty = true;
            }
        }
    }
}

fn not_stored() -> Error {
    let message = "The task cannot be stored at the moment. Please try again later.";
    Error::new(Error::INTERNAL, message)
}

fn too_many_tasks(full: TasksFull, server: &Server) -> Error {
    let message = match full {
        TasksFull::Running(TableFull::OfPrincipal) => format!(
            "Too many tasks: {} of yours run with this client. Wait for one to end, or cancel one.",
            server.config.capacity.tasks_per_user
        ),
        TasksFull::Stored(TableFull::OfPrincipal) => format!(
            "Too many tasks: of yours with this client, {} or {} MiB are stored at most. Each is deleted an hour \
             after it began.",
            limits::TASK_RECORDS_PER_PRINCIPAL,
            limits::TASK_RECORD_BYTES_PER_PRINCIPAL / (1024 * 1024)
        ),
        TasksFull::Running(TableFull::OfServer) | TasksFull::Stored(TableFull::OfServer) => {
            "The server has too many tasks. Please try again later.".to_owned()
        }
    };
    Error::with_message(Error::INTERNAL, message)
}
