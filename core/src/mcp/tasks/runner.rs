//! A task that runs: first it is written, then its request is answered, then it goes on without its
//! client.
//!
//! ```text
//! Counting --room--> Creating --written--> answered: "task" --> TaskRunner --over, and written--> done
//!    +--too many, or the store is down--> answered: an error
//! ```

use std::time::Duration;

use ::http::StatusCode;
use serde_json::{Value, json};

use super::record::{self, Status, TaskOwner, TaskRecord};
use crate::{
    admit::caller::Caller,
    ask::{Ask, Awaiting, Guard, Store},
    event::Event,
    hub::{FromHub, FromHubKind, TaskUpdate, ToHub, ToHubKind},
    id::TaskId,
    json_rpc::{Error, Request, Response},
    limits,
    mcp::{
        invocation::{Called, Invocation, InvocationCx},
        reply::json as respond,
        results,
        session_monitor::is_gone,
        v2026_07_28,
    },
    revision::Revision,
    step::{Cx, Progress},
    time::Instant,
};

/// How often a task that waits for answers looks whether some were left for it.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How often a task is written again, so that it is known to live.
const HEARTBEAT: Duration = Duration::from_secs(20);

const NOT_KEPT: &str = "The task cannot be kept at the moment.";

const SIGN_IN_ENDED: &str = "The sign-in has ended. Please sign in again.";

/// A task that runs.
#[derive(Debug)]
pub(crate) struct TaskRunner {
    caller: Box<Caller>,
    request: Request,
    task: TaskId,
    call: Option<Box<Invocation>>,
    record: TaskRecord,
    stage: Phase,
    /// The writing of the record that is under way, and whether it is already old.
    writing: Option<Awaiting<Store>>,
    is_dirty: bool,
    /// Whether somebody waits until what was told is written.
    has_waiter: bool,
    /// The look whether the session is still there.
    watching: Option<Awaiting<Store>>,
    /// The look whether something was left.
    looking: Option<Awaiting<Store>>,
    next_look: Instant,
    next_beat: Instant,
    /// When it began: all that is too long is counted from there.
    began: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The hub counts.
    Counting,
    /// The record is written for the first time.
    Creating,
    /// The request is answered.
    TaskRunner,
}

impl TaskRunner {
    /// Begins, with a call that has begun.
    pub(crate) fn start(
        mut call: Box<Invocation>,
        request: Request,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        call.becomes_task();
        let task = TaskId(cx.entropy.bytes());
        let principal = caller.principal_id;
        cx.to_hub(ToHub(ToHubKind::AdmitTask { task, principal }));
        let now = cx.env.now;
        Self {
            caller,
            request,
            task,
            call: Some(call),
            record: TaskRecord::new(now.unix),
            stage: Phase::Counting,
            writing: None,
            is_dirty: false,
            has_waiter: false,
            watching: None,
            looking: None,
            next_look: now.instant.after(POLL_INTERVAL),
            next_beat: now.instant.after(HEARTBEAT),
            began: now.instant,
        }
        .stay(cx)
    }

    fn stay(mut self, cx: &mut Cx<'_>) -> Progress<Self> {
        if self.has_waiter && self.writing.is_none() {
            self.has_waiter = false;
            cx.to_hub(ToHub(ToHubKind::TaskUpdateApplied));
        }
        let wake = self.next_beat.min(self.next_look);
        // What is over only waits until it is written.
        let wake = self.call.as_ref().map_or(wake, |call| {
            let wake = wake.min(self.began.after(limits::TASK_TIMEOUT));
            call.wake().map_or(wake, |call| call.min(wake))
        });
        cx.wait_until(wake);
        Progress::Pending(self)
    }

    pub(crate) fn handle(mut self, event: Event, cx: &mut Cx<'_>) -> Progress<Self> {
        match event {
            // Before the answer nobody knows of the task.
            Event::Disconnected if self.stage != Phase::TaskRunner => self.abandon(None, cx),
            Event::FromHub(FromHub(FromHubKind::TaskAdmitted(true))) => {
                self.stage = Phase::Creating;
                self.write(cx);
                self.stay(cx)
            }
            Event::FromHub(FromHub(FromHubKind::TaskAdmitted(false))) => {
                self.abandon(Some("There are too many tasks. End one first."), cx)
            }
            Event::FromHub(FromHub(FromHubKind::TaskUpdate(told))) => {
                self.has_waiter = true;
                self.told(*told, cx);
                self.stay(cx)
            }
            Event::Stored(answered)
                if self.writing.as_ref().is_some_and(|one| one.is(&answered)) =>
            {
                let answer = self
                    .writing
                    .take()
                    .and_then(|writing| writing.take(answered));
                self.written(answer.is_some_and(|answer| answer.is_ok()), cx)
            }
            Event::Stored(answered)
                if self.looking.as_ref().is_some_and(|one| one.is(&answered)) =>
            {
                let answer = self
                    .looking
                    .take()
                    .and_then(|looking| looking.take(answered));
                self.looked(answer, cx);
                self.stay(cx)
            }
            Event::Stored(answered)
                if self.watching.as_ref().is_some_and(|one| one.is(&answered)) =>
            {
                let answer = self.watching.take().and_then(|one| one.take(answered));
                if answer.is_some_and(|answer| is_gone(&answer, &self.caller, None, cx)) {
                    self.end(Status::Failed(error(Error::INTERNAL, SIGN_IN_ENDED)), cx);
                }
                self.stay(cx)
            }
            Event::Tick => self.tick(cx),
            event => {
                self.call_handles(event, cx);
                self.stay(cx)
            }
        }
    }

    fn tick(mut self, cx: &mut Cx<'_>) -> Progress<Self> {
        let now = cx.env.now.instant;
        if self.stage != Phase::TaskRunner && now >= self.began.after(limits::EXCHANGE_TIMEOUT) {
            return self.abandon(Some(NOT_KEPT), cx);
        }
        if self.call.is_none() && now >= self.began.after(limits::TASK_TTL) {
            // A store that takes nothing for so long has forgotten the task by itself.
            return Progress::Ready(());
        }
        if now >= self.began.after(limits::TASK_TIMEOUT) {
            self.end(
                Status::Failed(error(Error::INTERNAL, "The task took too long.")),
                cx,
            );
        }
        let wake = self.call.as_ref().and_then(|call| call.wake());
        if wake.is_some_and(|wake| now >= wake) {
            self.call_handles(Event::Tick, cx);
        }
        if now >= self.next_look {
            let waits = matches!(self.record.status, Status::InputRequired(_));
            self.next_look = now.after(if waits { POLL_INTERVAL } else { HEARTBEAT });
            if self.looking.is_none() && self.stage == Phase::TaskRunner {
                self.looking = Some(cx.store(Store::Take(record::update_key(self.task))));
            }
        }
        if now >= self.next_beat {
            // A store that was down is written to again.
            self.next_beat = now.after(HEARTBEAT);
            if self.stage == Phase::TaskRunner {
                self.write(cx);
                // A task outlives its token, but not the sign-in (threat I7).
                let session = self.caller.session.id.key();
                self.watching = Some(cx.store(Store::Get(session)));
            }
        }
        self.stay(cx)
    }

    /// The request is answered by an error, or not at all; there is no task.
    fn abandon(mut self, words: Option<&'static str>, cx: &mut Cx<'_>) -> Progress<Self> {
        if let Some(call) = self.call.take() {
            call.cancel(cx);
        }
        if let Some(words) = words {
            let error = Error::new(Error::INTERNAL, words);
            let answer = Response::error(Some(self.request.id), error);
            cx.respond(respond(StatusCode::OK, answer.to_json()));
        }
        Progress::Ready(())
    }

    fn write(&mut self, cx: &mut Cx<'_>) {
        if self.writing.is_some() {
            self.is_dirty = true;
            return;
        }
        self.is_dirty = false;
        let owner = TaskOwner::of(&self.caller, cx.env.server);
        let put = self.record.put(self.task, &owner, Guard::Any, cx);
        self.writing = Some(cx.store(put));
    }

    fn written(mut self, is_good: bool, cx: &mut Cx<'_>) -> Progress<Self> {
        if self.stage == Phase::Creating {
            if !is_good {
                return self.abandon(Some(NOT_KEPT), cx);
            }
            self.stage = Phase::TaskRunner;
            let mut result = TaskRecord::new(self.record.created).to_json(self.task);
            result.insert("resultType".to_owned(), json!("task"));
            let result = v2026_07_28::with_result_meta(result, &cx.env.server.catalog);
            let answer = Response::result(self.request.id.clone(), Value::Object(result));
            cx.respond(respond(StatusCode::OK, answer.to_json()));
        }
        if self.is_dirty {
            self.write(cx);
        } else if is_good && self.call.is_none() {
            return Progress::Ready(());
        }
        self.stay(cx)
    }

    fn looked(&mut self, answer: Option<<Store as Ask>::Answer>, cx: &mut Cx<'_>) {
        let stored = answer.and_then(Result::ok).flatten();
        let owner = TaskOwner::of(&self.caller, cx.env.server);
        let keys = &cx.env.server.keys;
        let told = stored.and_then(|stored| TaskUpdate::open(self.task, &owner, &stored, keys));
        if let Some(told) = told {
            self.told(told, cx);
        }
    }

    /// The client says something.
    fn told(&mut self, told: TaskUpdate, cx: &mut Cx<'_>) {
        if told.cancel {
            self.end(Status::Cancelled, cx);
            return;
        }
        if let Some(call) = self.call.take() {
            let mut out = Vec::new();
            let doing = &mut InvocationCx {
                caller: &self.caller,
                cx,
                out: &mut out,
            };
            let called = call.answer(&told.responses, doing);
            self.called(called, cx);
        }
    }

    fn call_handles(&mut self, event: Event, cx: &mut Cx<'_>) {
        if let Some(call) = self.call.take() {
            // What it would tell before its answer has no connection to go to.
            let mut out = Vec::new();
            let doing = &mut InvocationCx {
                caller: &self.caller,
                cx,
                out: &mut out,
            };
            let called = call.handle(event, doing);
            self.called(called, cx);
        }
    }

    fn called(&mut self, called: Called, cx: &mut Cx<'_>) {
        let status = match called {
            Called::Waiting(call) => {
                let status = match call.open_questions() {
                    Some(questions) => {
                        Status::InputRequired(v2026_07_28::input_requests(questions))
                    }
                    None => Status::Working,
                };
                self.call = Some(call);
                status
            }
            Called::Done(result) => {
                let revision = Revision::V2026_07_28;
                match results::finished(result, &self.request, revision, &self.caller, cx) {
                    Ok(result) => {
                        let catalog = &cx.env.server.catalog;
                        Status::Completed(v2026_07_28::with_result_meta(result, catalog))
                    }
                    Err(error) => Status::Failed(json!(error)),
                }
            }
            Called::SessionOver => Status::Failed(error(Error::INTERNAL, SIGN_IN_ENDED)),
            Called::Lacks(ability) => {
                Status::Failed(json!(v2026_07_28::missing_capability(ability.to_json())))
            }
            Called::Cancelled | Called::InputRequired(..) => Status::Cancelled,
        };
        self.set_status(status, cx);
    }

    /// It ends without the call's own doing.
    fn end(&mut self, status: Status, cx: &mut Cx<'_>) {
        if let Some(call) = self.call.take() {
            call.cancel(cx);
            self.set_status(status, cx);
        }
    }

    fn set_status(&mut self, status: Status, cx: &mut Cx<'_>) {
        if self.record.status != status {
            self.record.status = status;
            self.record.updated = cx.env.now.unix.max(self.record.updated);
            if self.stage == Phase::TaskRunner {
                self.write(cx);
            } else {
                self.is_dirty = true;
            }
        }
    }
}

fn error(code: i32, words: &'static str) -> Value {
    json!(Error::new(code, words))
}
