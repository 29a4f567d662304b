//! The job that runs a server as a process and speaks with it by lines: one JSON-RPC message each (stdio).
//!
//! ```text
//! Running --its session is over, it has had nothing to do, it closes a stream--> Closing --5 s--> Terminating --2 s--> Killing
//!    \_____________________________________________________________________________________________________________/ it ends
//! ```
//!
//! Of its messages each goes to the request that it is for; answers by their id, progress by its token. What it asks of the client, and
//! what is for no request, goes to the oldest request in flight, and if there is none, it is answered at once. Whatever else
//! it writes is skipped.
//!
//! Source: MCP specification 2025-11-25, basic/transports, stdio; basic/lifecycle, shutdown.

mod calls;
mod error_stream;
mod feed;
mod initialized;
mod routing;
mod unread;

use std::{sync::Arc, time::Duration};

use serde_json::json;

use self::{calls::Calls, error_stream::ErrorStream, initialized::Initialized, unread::Unread};
use crate::{
    ask::{Awaiting, Child, ChildEnd, ChildExit, ChildFault, ChildMessage},
    config::{BackendCommand, Gateway},
    event::{Answer, Input},
    gateway::{
        CredentialGuard, MessageKind, ProcessCall, ProcessFault, ProcessOutput, RunProcess,
        ToServer,
    },
    hub::{DeliverToCall, ProcessMessage, RunsProcess, ToHub, ToHubKind, ToProcess},
    json_rpc::Id,
    limits,
    log_event::{Field, LogEvent, LogEventId},
    planted::Planted,
    secret::Secret,
    step::{Cx, Progress},
    time::Instant,
};

/// A process.
#[derive(Debug)]
pub(crate) struct StdioServer {
    run: RunProcess,
    child: Awaiting<Child>,
    pid: Option<u32>,
    stage: Stage,
    calls: Calls,
    /// What was handed on and not taken yet: until then no line is read.
    delivering: Option<Awaiting<DeliverToCall>>,
    unread: Unread,
    /// Whether the next line may come once it has read what it was answered.
    owes_line: bool,
    guard: CredentialGuard,
    errors: ErrorStream,
    initialized: Initialized,
    /// How many of its lines were no messages.
    skipped: u64,
    has_answered: bool,
    /// Since when there has been nothing to do.
    idle_since: Instant,
    is_shutting_down: bool,
    began: Instant,
}

/// How far its end has come.
#[derive(Debug)]
enum Stage {
    Running,
    /// This was done, and what comes next is due then.
    Ending(ChildEnd, Instant),
}

/// What is run.
fn command<'a>(cx: &Cx<'a>) -> Option<&'a Arc<BackendCommand>> {
    cx.env.gateway()?.command()
}

impl StdioServer {
    pub(crate) fn start(run: RunProcess, cx: &mut Cx<'_>) -> Progress<Self> {
        let gateway = cx.env.gateway();
        let Some((gateway, command)) = gateway.and_then(|one| Some((one, one.command()?))) else {
            return Progress::Ready(());
        };
        let mut environment = command.environment.clone();
        for (name, value) in &run.owner.environment {
            environment.insert(name.clone(), Secret::new(value.clone()));
        }
        let child = cx.spawn(Child {
            program: command.program.clone(),
            arguments: command.arguments.clone(),
            environment,
            folder: command.folder.clone(),
            user: command.user,
            line_limit: gateway.answer_bytes,
        });
        cx.more(&child);
        let now = cx.env.now.instant;
        let process = Self {
            run,
            child,
            pid: None,
            stage: Stage::Running,
            calls: Calls::default(),
            delivering: None,
            unread: Unread::default(),
            owes_line: false,
            guard: guard(command),
            errors: ErrorStream::new(now, gateway.limits.log_lines),
            initialized: Initialized::default(),
            skipped: 0,
            has_answered: false,
            idle_since: now,
            is_shutting_down: false,
            began: now,
        };
        process.to_hub(RunsProcess::Begun, cx);
        process.wait(cx);
        Progress::Pending(process)
    }

    pub(crate) fn handle(mut self, input: Input, cx: &mut Cx<'_>) -> Progress<Self> {
        match input {
            Input::Answer(Answer::Child(said)) => self.said(said.message, cx),
            Input::Answer(answer @ Answer::ChildEnded(_)) => return self.ended(answer, cx),
            Input::Answer(answer) => {
                if let Some(delivering) = self.delivering.take() {
                    delivering.into_answer(answer);
                    self.next_line(cx);
                }
            }
            Input::Process(ToProcess::Send(message)) => self.send(*message, cx),
            Input::Process(ToProcess::Listen(call)) => self.calls.listen(call),
            Input::Process(ToProcess::Left(call)) => self.left(call, cx),
            Input::Process(ToProcess::ShutDown) => self.is_shutting_down = true,
            Input::Process(ToProcess::End) | Input::Disconnected => self.close(false, cx),
            Input::Tick | Input::Call(_) | Input::Task(_) | Input::ReplayTakenOver => {}
        }
        self.tick(cx);
        self.wait(cx);
        Progress::Pending(self)
    }

    fn said(&mut self, message: ChildMessage, cx: &mut Cx<'_>) {
        match message {
            ChildMessage::Started(pid) => {
                self.pid = Some(pid);
                let subject = self.run.owner.subject.clone();
                let event = self.event(LogEventId::GatewayProcessStarted, cx);
                cx.log(event.with(Field::Subject, subject));
            }
            ChildMessage::Line(line) => self.line(&line, cx),
            ChildMessage::TooLong => self.line_too_long(cx),
            ChildMessage::Complaint(text) => self.complaint(&text, cx),
            ChildMessage::Fed => {
                self.unread.read();
                if std::mem::take(&mut self.owes_line) {
                    self.next_line(cx);
                }
            }
            // It cannot be asked any more, or cannot answer.
            ChildMessage::InputClosed | ChildMessage::OutputClosed => {
                self.close(!self.has_answered, cx);
            }
        }
    }

    /// Passes a message on to the process.
    fn send(&mut self, sent: ToServer, cx: &mut Cx<'_>) {
        let refusal = match &self.stage {
            Stage::Ending(..) => Some(ProcessOutput::Gone),
            Stage::Running if self.unread.is_full() => {
                Some(ProcessOutput::Full(1, "it does not read what it is sent"))
            }
            Stage::Running => None,
        };
        if let Some(output) = refusal {
            if let Some(call) = sent.call {
                self.to_hub(RunsProcess::NotSent(call, output), cx);
            }
            return;
        }
        if !self.passes(&sent, cx) {
            return;
        }
        if let Some(assertion) = sent.assertion {
            self.guard.add_recent(assertion);
        }
        match sent.message.kind() {
            MessageKind::Request { id, method } => {
                let Some(call) = sent.call else {
                    return;
                };
                let until = cx.env.now.instant.after(sent.within);
                // Before its session is open a client is asked nothing.
                let may_be_asked = !matches!(&**method, "initialize" | "server/discover");
                let id = id.clone();
                match sent.listens {
                    true => self.calls.begin_listening(id, call, until),
                    false => self.calls.begin(id, call, until, may_be_asked),
                }
            }
            // Nobody waits for it any more.
            MessageKind::Response { id, .. } if !self.calls.settle_question(id.as_ref()) => return,
            MessageKind::Response { .. } | MessageKind::Notification { .. } => {}
        }
        self.feed(sent.message.text(), cx);
    }

    /// Nobody waits any longer for the answer to a request.
    fn left(&mut self, call: ProcessCall, cx: &mut Cx<'_>) {
        if self.calls.leave_listener(call) {
            for question in self.calls.take_questions_of_nobody() {
                self.refuse(&question, "The client has left.", cx);
            }
        }
        if let Some((id, may_be_asked)) = self.calls.leave(call) {
            self.over(&id, may_be_asked, "The client has cancelled it.", cx);
        }
    }

    /// The process is told that a request is over that it has not answered.
    fn over(&mut self, id: &Id, is_told: bool, reason: &str, cx: &mut Cx<'_>) {
        if is_told && matches!(self.stage, Stage::Running) {
            let params = json!({"requestId": id, "reason": reason});
            let method = "notifications/cancelled";
            let told = json!({"jsonrpc": "2.0", "method": method, "params": params});
            self.feed(&told.to_string(), cx);
        }
        self.call_ended(cx);
    }

    /// A request is over, however it ended.
    fn call_ended(&mut self, cx: &mut Cx<'_>) {
        self.idle_since = cx.env.now.instant;
        self.check_initialized(cx);
        for question in self.calls.take_questions_of_nobody() {
            self.refuse(&question, "The call has ended.", cx);
        }
        for call in self.calls.take_too_long() {
            self.to_hub(RunsProcess::Fail(call, ProcessFault::TooLarge), cx);
        }
    }

    /// Ends the process: it has to end by itself first.
    fn close(&mut self, has_failed: bool, cx: &mut Cx<'_>) {
        if !matches!(self.stage, Stage::Running) {
            return;
        }
        let waiting = self.initialized.take_waiting();
        for call in self.calls.take_all().into_iter().chain(waiting) {
            self.to_hub(RunsProcess::Fail(call, ProcessFault::Ended), cx);
        }
        let longest = longest_rest(cx);
        self.to_hub(
            RunsProcess::Ending {
                has_failed,
                longest,
            },
            cx,
        );
        cx.end_child(&self.child, ChildEnd::CloseInput);
        let due = cx.env.now.instant.after(limits::PROCESS_CLOSING);
        self.stage = Stage::Ending(ChildEnd::CloseInput, due);
        // What it still says is for nobody.
        if self.delivering.take().is_some() || std::mem::take(&mut self.owes_line) {
            cx.more(&self.child);
        }
    }

    fn tick(&mut self, cx: &mut Cx<'_>) {
        let now = cx.env.now.instant;
        match self.stage {
            Stage::Running => {
                for (id, call, is_told) in self.calls.take_late(now) {
                    self.to_hub(RunsProcess::Fail(call, ProcessFault::TimedOut), cx);
                    self.over(&id, is_told, "It took too long.", cx);
                }
                if self.idle_until(cx).is_some_and(|until| now >= until) {
                    self.close(false, cx);
                }
            }
            Stage::Ending(done, due) if now >= due => {
                let next = match done {
                    ChildEnd::CloseInput => ChildEnd::Terminate,
                    ChildEnd::Terminate | ChildEnd::Kill => ChildEnd::Kill,
                };
                if !cx.env.server.has(Planted::ProcessesNotKilled) {
                    cx.end_child(&self.child, next);
                }
                self.stage = Stage::Ending(next, now.after(limits::PROCESS_TERMINATING));
            }
            Stage::Ending(..) => {}
        }
    }

    /// Until when it may have nothing to do; `None` while it has.
    fn idle_until(&self, cx: &Cx<'_>) -> Option<Instant> {
        let idle = match command(cx) {
            Some(command) if !self.is_shutting_down => command.idle,
            _ => limits::PROCESS_IDLE_AT_SHUTDOWN,
        };
        self.calls.is_empty().then(|| self.idle_since.after(idle))
    }

    fn wait(&self, cx: &mut Cx<'_>) {
        let until = match self.stage {
            Stage::Running => self.idle_until(cx).or(self.calls.next_deadline()),
            Stage::Ending(_, due) => Some(due),
        };
        cx.wait_until(until.unwrap_or(self.idle_since.after(limits::PROCESS_IDLE)));
    }

    /// It is no more.
    fn ended(mut self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let was_running = matches!(self.stage, Stage::Running);
        let waiting = self.initialized.take_waiting();
        let calls = self.calls.take_all().into_iter().chain(waiting);
        let has_failed = was_running && !self.has_answered;
        self.tell_held(cx);
        self.tell_unlogged(cx);
        let ended = self.event(LogEventId::GatewayProcessEnded, cx);
        let failed = self.event(LogEventId::GatewayProcessFailed, cx);
        let (name, skipped) = (Arc::clone(&self.run.name), self.skipped);
        let took = cx.env.now.instant.since(self.began);
        let longest = longest_rest(cx);
        let exit = self.child.into_answer(answer);
        let fault = match exit {
            Ok(_) => ProcessFault::Ended,
            Err(_) => ProcessFault::NotStarted,
        };
        let mut tell = |message| {
            let message = ProcessMessage::Runs(Arc::clone(&name), message);
            cx.to_hub(ToHub(ToHubKind::Process(message)));
        };
        for call in calls {
            tell(RunsProcess::Fail(call, fault));
        }
        if was_running {
            tell(RunsProcess::Ending {
                has_failed,
                longest,
            });
        }
        let event = if was_running { failed } else { ended };
        cx.log(
            event
                .with(Field::Reason, reason(exit))
                .with(Field::Count, skipped.to_string())
                .with(Field::Milliseconds, took.as_millis().to_string()),
        );
        Progress::Ready(())
    }

    /// A line of the log about it.
    fn event(&self, id: LogEventId, cx: &Cx<'_>) -> LogEvent {
        let gateway = cx.env.gateway();
        let event = LogEvent::new(id);
        let event = event.with(
            Field::Backend,
            gateway.map(Gateway::shown).unwrap_or_default(),
        );
        match self.pid {
            Some(pid) => event.with(Field::Pid, pid.to_string()),
            None => event,
        }
    }

    fn to_hub(&self, message: RunsProcess, cx: &mut Cx<'_>) {
        let message = ProcessMessage::Runs(Arc::clone(&self.run.name), message);
        cx.to_hub(ToHub(ToHubKind::Process(message)));
    }
}

/// How long the next process waits at most after this one has failed.
fn longest_rest(cx: &Cx<'_>) -> Duration {
    let gateway = cx.env.gateway();
    gateway.map_or(limits::PROCESS_REST, |gateway| gateway.limits.restart)
}

/// Finds the secrets of the environment in what comes back (threat R3).
fn guard(command: &BackendCommand) -> CredentialGuard {
    let mut guard = CredentialGuard::default();
    for secret in command.secrets() {
        guard.add(Arc::new(secret.clone()));
    }
    guard
}

/// How it ended, in words.
fn reason(exit: Result<ChildExit, ChildFault>) -> String {
    match exit {
        Ok(ChildExit::Code(code)) => format!("exit code {code}"),
        Ok(ChildExit::Signal(signal)) => format!("signal {signal}"),
        Err(fault) => fault.as_str().to_owned(),
    }
}
