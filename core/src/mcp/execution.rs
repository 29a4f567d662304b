//! The machine that answers requests, whatever they call and wherever the response goes.
//!
//! ```text
//! start --answered at once--> the output is finished
//!   +--it waits--> Execution --answered--------------------------------> the output is finished
//!                     +--too late, session revoked, nobody to answer--> cancelled, the output is finished
//! ```
//!
//! The three outputs share the deadline, the monitor of the session, cancellation and completion: the
//! response to a POST, the stream of HTTP+SSE, and a task.

mod ending;
mod http_sse_output;
mod output;
mod parked_output;

use std::{ops::ControlFlow, time::Duration};

pub(crate) use self::{
    http_sse_output::HttpSseOutput, output::Output, parked_output::ParkedOutput,
};
use super::{
    batch::{BatchCx, BatchEnd, BatchProgress, RequestBatch},
    invocation::{ClientProfile, ServerMessage},
    session::McpSession,
    session_monitor::{Due, SHORTEST_WAIT, SessionMonitor, SessionState},
    tasks::{TaskRunner, TaskStep},
    undelivered::Lookups,
};
use crate::{
    admit::caller::Caller,
    event::{Answer, Input},
    hub::{TaskUpdate, ToCall, ToHub, ToHubKind, ToTask},
    json_rpc::{Error, Request},
    log_event::LogEventId,
    step::{Cx, Progress},
    time::Instant,
};

/// Requests that are being answered.
#[derive(Debug)]
pub(crate) struct Execution {
    caller: Box<Caller>,
    mcp_session: Option<McpSession>,
    /// The requests; none once they are answered and a task has yet to be written.
    batch: Option<Box<RequestBatch>>,
    output: Output,
    monitor: SessionMonitor,
    /// The looks for what the client has told another replica.
    undelivered: Lookups,
    deadline: Instant,
}

/// How long calls may take. A backend's own limit comes first, for it says more.
fn call_timeout(cx: &Cx<'_>) -> Duration {
    let config = &cx.env.server.config;
    let gateway = cx.env.gateway();
    gateway.map_or(config.call_limits.call, |gateway| {
        // What opens its session has time of its own.
        gateway.call_timeout + gateway.limits.opening
    })
}

impl Execution {
    /// Begins to answer requests. Whether the scopes suffice was checked.
    pub(crate) fn start(
        client: ClientProfile,
        requests: Vec<Request>,
        mcp_session: Option<McpSession>,
        output: Output,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Progress<Box<Self>> {
        let now = cx.env.now.instant;
        let mut execution = Box::new(Self {
            monitor: SessionMonitor::new(&caller, cx),
            caller,
            mcp_session,
            batch: None,
            output,
            undelivered: Lookups::default(),
            deadline: now.after(call_timeout(cx)),
        });
        let mut messages = Vec::new();
        let bcx = &mut execution.batch_cx(&mut messages, cx);
        match RequestBatch::start(client, requests, bcx) {
            Progress::Pending(mut batch) => {
                let catalog = cx.env.catalog;
                if let Some((id, times)) = batch.become_task(&execution.caller, catalog) {
                    let runner = TaskRunner::start(id, times, &execution.caller, cx);
                    execution.output = Output::Task(Box::new(runner));
                    execution.deadline = now.after(cx.env.server.config.call_limits.task);
                }
                execution.batch_progress(Progress::Pending(batch), messages, cx)
            }
            ended => execution.batch_progress(ended, messages, cx),
        }
    }

    fn batch_cx<'a, 'b>(
        &'a self,
        messages: &'a mut Vec<ServerMessage>,
        cx: &'a mut Cx<'b>,
    ) -> BatchCx<'a, 'b> {
        BatchCx {
            caller: &self.caller,
            cx,
            messages,
        }
    }

    fn wait(mut self: Box<Self>, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        let task = match &mut self.output {
            Output::Task(task) => Some(task.wait(cx)),
            Output::Post(_) | Output::HttpSse(_) | Output::Parked(_) => None,
        };
        // What is over only waits until it is written.
        let batch = self.batch.as_ref().map(|batch| {
            let wake = self.monitor.wake().min(self.deadline);
            batch.wake().map_or(wake, |batch| batch.min(wake))
        });
        let wake = task.into_iter().chain(batch).min();
        let wake = wake.unwrap_or(self.deadline);
        // What a slow reader has held up may be due already.
        cx.wait_until(wake.max(cx.env.now.instant.after(SHORTEST_WAIT)));
        Progress::Pending(self)
    }

    pub(crate) fn handle(
        mut self: Box<Self>,
        input: Input,
        cx: &mut Cx<'_>,
    ) -> Progress<Box<Self>> {
        match input {
            Input::Answer(answer) => self.answered(answer, cx),
            Input::Tick => self.tick(cx),
            Input::Disconnected if self.output.survives_disconnect() => self.wait(cx),
            Input::Disconnected => self.abandon(cx),
            Input::Call(message) => self.call_message(message, cx),
            Input::Task(ToTask::SessionEnded) => self.revoked(cx),
            Input::Task(ToTask::Update(update)) => {
                if let Output::Task(task) = &mut self.output {
                    task.expect_update();
                }
                self.update(&update, cx)
            }
            Input::Process(_) => self.wait(cx),
            Input::ReplayTakenOver => {
                if let Output::Post(response) = &mut self.output {
                    response.taken_over(cx);
                }
                self.wait(cx)
            }
        }
    }

    /// Takes an answer: for the monitor of the session, for the output, or else for the requests.
    fn answered(mut self: Box<Self>, answer: Answer, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        let (caller, mcp_session) = (&self.caller, self.mcp_session.as_ref());
        let answer = match self.monitor.answered(answer, caller, mcp_session, cx) {
            ControlFlow::Break(state) => return self.session_looked_up(state, cx),
            ControlFlow::Continue(answer) => answer,
        };
        let whose = (
            self.caller.principal_id,
            self.mcp_session.as_ref().map(|one| one.id),
        );
        let answer = match self.undelivered.answered(answer, whose, cx) {
            ControlFlow::Break(found) => return self.undelivered_found(found, cx),
            ControlFlow::Continue(answer) => answer,
        };
        let is_over = self.batch.is_none();
        let answer = match &mut self.output {
            Output::Post(response) => match response.answered(answer, cx) {
                ControlFlow::Break(true) => return self.wait(cx),
                ControlFlow::Break(false) => return self.abandon(cx),
                ControlFlow::Continue(answer) => answer,
            },
            Output::HttpSse(output) => match output.answered(answer) {
                ControlFlow::Break(true) => return self.step(cx, RequestBatch::has_room),
                // The stream is gone, and the responses with it.
                ControlFlow::Break(false) => return self.abandon(cx),
                ControlFlow::Continue(answer) => answer,
            },
            Output::Parked(output) => match output.answered(answer) {
                ControlFlow::Break(()) => return self.step(cx, RequestBatch::has_room),
                ControlFlow::Continue(answer) => answer,
            },
            Output::Task(task) => match task.answered(answer, is_over, cx) {
                ControlFlow::Break(step) => return self.task_step(step, cx),
                ControlFlow::Continue(answer) => answer,
            },
        };
        self.step(cx, |batch, bcx| batch.handle(answer, bcx))
    }

    fn session_looked_up(
        mut self: Box<Self>,
        state: SessionState,
        cx: &mut Cx<'_>,
    ) -> Progress<Box<Self>> {
        match state {
            SessionState::Alive | SessionState::Outgrown => {
                self.look_for_undelivered(cx);
                self.wait(cx)
            }
            SessionState::Unverified => {
                cx.log(LogEventId::SessionUnverified);
                self.give_up(
                    "The session could not be verified for too long. Try again.",
                    cx,
                )
            }
            SessionState::McpSessionEnded => {
                let messages = self.cancel(cx);
                self.finish(Vec::new(), messages, cx)
            }
            SessionState::Revoked => {
                let session = self.caller.session.id;
                let progress = self.revoked(cx);
                cx.to_hub(ToHub(ToHubKind::EndSession(session)));
                progress
            }
        }
    }

    fn undelivered_found(
        self: Box<Self>,
        found: Option<ToCall>,
        cx: &mut Cx<'_>,
    ) -> Progress<Box<Self>> {
        let mut execution = match found {
            None => self,
            Some(message) => match self.call_message(message, cx) {
                Progress::Pending(execution) => execution,
                ended @ Progress::Ready(()) => return ended,
            },
        };
        execution.undelivered.next(cx);
        execution.wait(cx)
    }

    fn call_message(self: Box<Self>, message: ToCall, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        match message {
            ToCall::ClientResponse(id, result) => {
                self.step(cx, |batch, bcx| batch.client_response(id, result, bcx))
            }
            ToCall::Cancelled(id) => self.step(cx, |batch, bcx| batch.cancel_request(&id, bcx)),
            ToCall::Resumed(answers) => self.step(cx, |batch, bcx| batch.resumed(answers, bcx)),
            ToCall::BackendAsks(message) => {
                self.step(cx, |batch, bcx| batch.backend_asks(&message, bcx))
            }
            ToCall::ClientListens => self.step(cx, RequestBatch::client_listens),
            ToCall::ClientLeft => self.abandon(cx),
            ToCall::McpSessionEnded => self.step(cx, RequestBatch::end_mcp_session),
            ToCall::SessionEnded => self.revoked(cx),
        }
    }

    /// Nobody waits for the responses any more.
    fn abandon(mut self: Box<Self>, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        self.cancel(cx);
        Progress::Ready(())
    }

    fn task_step(self: Box<Self>, step: TaskStep, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        match step {
            TaskStep::Wait => self.wait(cx),
            TaskStep::Admitted => self.step(cx, RequestBatch::task_admitted),
            TaskStep::Update(update) => self.update(&update, cx),
            TaskStep::Abandoned => self.abandon(cx),
            TaskStep::Written => Progress::Ready(()),
        }
    }

    /// The client of a task updates it.
    fn update(mut self: Box<Self>, update: &TaskUpdate, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        if update.cancel {
            let messages = self.cancel(cx);
            return self.finish(Vec::new(), messages, cx);
        }
        let responses = &update.responses;
        self.step(cx, |batch, bcx| batch.update_input(responses, bcx))
    }

    /// Time has passed: for the requests first, so that nothing is asked of the store in the last step.
    fn tick(self: Box<Self>, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        let now = cx.env.now.instant;
        let wake = self.batch.as_ref().and_then(|batch| batch.wake());
        let progress = if now >= self.deadline && self.batch.is_some() {
            self.give_up("This took too long and was ended.", cx)
        } else if wake.is_some_and(|wake| now >= wake) {
            self.step(cx, RequestBatch::tick)
        } else {
            Progress::Pending(self)
        };
        match progress {
            Progress::Pending(execution) => execution.tick_output(cx),
            Progress::Ready(()) => Progress::Ready(()),
        }
    }

    /// Ends what was not answered with an error in these words.
    fn give_up(mut self: Box<Self>, why: &'static str, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        let Some(batch) = self.batch.take() else {
            return self.wait(cx);
        };
        let mut messages = Vec::new();
        let error = Error::new(Error::INTERNAL, why);
        let responses = batch.end(&error, &mut self.batch_cx(&mut messages, cx));
        self.finish(responses, messages, cx)
    }

    fn tick_output(mut self: Box<Self>, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        let is_over = self.batch.is_none();
        if let Output::Task(task) = &mut self.output {
            match task.tick(is_over, cx) {
                TaskStep::Wait => {}
                step => return self.task_step(step, cx),
            }
        }
        if is_over {
            // Its session matters no more: nothing is asked that nobody waits for.
            return self.wait(cx);
        }
        match self.monitor.tick(&self.caller, cx) {
            // The session lives, and the client may have a newer token already: the call goes on.
            Due::Nothing | Due::TokenExpired => {}
            Due::KeepAlive => self.output.keep_alive(self.mcp_session.as_ref(), cx),
        }
        self.wait(cx)
    }

    fn look_for_undelivered(&mut self, cx: &mut Cx<'_>) {
        if let (Some(session), Some(batch)) = (&self.mcp_session, &self.batch) {
            let whose = (self.caller.principal_id, session.id);
            let of_server = batch.awaited_responses();
            let lookups = &mut self.undelivered;
            lookups.start(whose, batch.unanswered(), of_server.into_iter(), cx);
        }
    }

    /// Lets the requests go on, if there are any.
    fn step(
        mut self: Box<Self>,
        cx: &mut Cx<'_>,
        step: impl FnOnce(Box<RequestBatch>, &mut BatchCx<'_, '_>) -> BatchProgress,
    ) -> Progress<Box<Self>> {
        let Some(batch) = self.batch.take() else {
            return self.wait(cx);
        };
        let mut messages = Vec::new();
        let progress = step(batch, &mut self.batch_cx(&mut messages, cx));
        self.batch_progress(progress, messages, cx)
    }

    fn batch_progress(
        mut self: Box<Self>,
        progress: BatchProgress,
        messages: Vec<ServerMessage>,
        cx: &mut Cx<'_>,
    ) -> Progress<Box<Self>> {
        match progress {
            Progress::Pending(batch) => {
                self.output.send(messages, self.mcp_session.as_ref(), cx);
                if let Output::Task(task) = &mut self.output {
                    task.progress(batch.invocation(), cx);
                }
                self.batch = Some(batch);
                self.wait(cx)
            }
            Progress::Ready(BatchEnd::Responses(responses)) => self.finish(responses, messages, cx),
            Progress::Ready(BatchEnd::SessionOver(responses, challenge)) => {
                let (session, is_of_entra) = (self.caller.session.id, self.caller.entra.is_some());
                let progress = self.session_over(responses, messages, challenge, cx);
                // Last, so that the stream which the responses are sent on ends after them. Of a token of Entra's only
                // that one is over: its caller may have another.
                if !is_of_entra {
                    cx.to_hub(ToHub(ToHubKind::EndSession(session)));
                }
                progress
            }
        }
    }
}
