//! The processes that are servers behind the gateway (stdio): whose each is, and who waits for its answers.
//!
//! ```text
//! none --a session, or a request without one, needs it--> begun --> Running --no room, idle, its session is over--> Ending --> none
//! ```
//!
//! A process is of one principal (tenant, user, client), and serves one MCP session, or the principal's requests without one
//! (threat R5). What it says for a request waits here, in few bytes: beyond them the process waits.

mod call;
mod find;
mod listen;
mod members;
mod server_process;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use self::{call::Call, members::Members, server_process::Process};
use super::{
    HubOutput, ToProcess,
    asks::{DeliverToCall, ReadProcess, Waiter},
    process_failures::ProcessFailures,
};
use crate::{
    gateway::{
        MessageKind, OfProcess, ProcessCall, ProcessFault, ProcessName, ProcessOutput,
        ProcessOwner, RawMessage, ToServer,
    },
    id::{ExchangeId, PrincipalId, SessionId},
    limits,
    ticket::{AskId, Ticket},
    time::Instant,
};

/// How many processes there may be of a backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MostProcesses {
    pub(crate) in_all: usize,
    /// Of one user with one client.
    pub(crate) of_user: usize,
}

/// A message about a process.
#[derive(Debug)]
pub(crate) enum ProcessMessage {
    /// The sender has a message for it, of this owner; there may be so many processes in all.
    Send {
        ticket: Ticket<ReadProcess>,
        to: OfProcess,
        owner: Arc<ProcessOwner>,
        most: MostProcesses,
        message: Box<ToServer>,
    },
    /// The sender waits for what else is said for the request that it has sent by that ask.
    Read(Ticket<ReadProcess>, AskId),
    /// The sender waits no longer for the answer to that one.
    Leave(AskId),
    /// The sender wants what this process of this owner says for no request.
    Listen(Ticket<ReadProcess>, ProcessName, PrincipalId),
    /// It is needed no more.
    End(Ticket<ReadProcess>, ProcessName),
    /// About a process that the sender runs.
    Runs(ProcessName, RunsProcess),
}

/// A message of the exchange that runs a process.
#[derive(Debug)]
pub(crate) enum RunsProcess {
    /// It takes messages.
    Begun,
    /// It has said this for a request; the answer, perhaps. The sender is answered once there is room for more.
    Deliver {
        ticket: Ticket<DeliverToCall>,
        call: ProcessCall,
        message: Box<RawMessage>,
        is_answer: bool,
    },
    /// It answers this request itself, as the process has answered another.
    Answer(ProcessCall, Box<RawMessage>),
    /// There will be no answer to this request.
    Fail(ProcessCall, ProcessFault),
    /// This message was not passed on.
    NotSent(ProcessCall, ProcessOutput),
    /// It takes no more messages; whether it has ended by itself without having answered any, and how long
    /// the next one waits at most.
    Ending { has_failed: bool, longest: Duration },
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct ServerProcesses {
    processes: BTreeMap<ProcessName, Process>,
    calls: BTreeMap<ProcessCall, Call>,
    members: Members,
    failures: ProcessFailures,
    is_shutting_down: bool,
}

impl ServerProcesses {
    pub(super) fn handle(
        &mut self,
        from: ExchangeId,
        message: ProcessMessage,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        match message {
            ProcessMessage::Send {
                ticket,
                to,
                owner,
                most,
                message,
            } => {
                let waiter = Waiter::new(from, ticket);
                match self.find(from, to, owner, most, now, out) {
                    Ok(name) => self.send(waiter, &name, message, now, out),
                    Err(output) => out.push_back(waiter.answer(output)),
                }
            }
            ProcessMessage::Read(ticket, ask) => {
                let (call, waiter) = ((from, ask), Waiter::new(from, ticket));
                let Some(found) = self.calls.get_mut(&call) else {
                    return out.push_back(waiter.answer(ProcessOutput::Gone));
                };
                found.reader = Some(waiter);
                if found.hand_on(out) {
                    self.calls.remove(&call);
                }
            }
            ProcessMessage::Leave(ask) => self.leave((from, ask), out),
            ProcessMessage::Listen(ticket, name, owner) => {
                self.listen(Waiter::new(from, ticket), &name, owner, out);
            }
            ProcessMessage::End(ticket, name) => {
                match self.members.has(&name) {
                    true => {
                        let left = self.members.leave(&name);
                        self.end_all(left, out);
                    }
                    false => self.end_all(vec![name], out),
                }
                out.push_back(Waiter::new(from, ticket).answer(ProcessOutput::Sent));
            }
            ProcessMessage::Runs(name, message) => self.runs(from, &name, message, now, out),
        }
    }

    fn send(
        &mut self,
        waiter: Waiter<ReadProcess>,
        name: &ProcessName,
        mut message: Box<ToServer>,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let Some(process) = self.processes.get_mut(name) else {
            return;
        };
        process.used = now;
        if !matches!(message.message.kind(), MessageKind::Request { .. }) {
            process.tell(ToProcess::Send(message), out);
            return out.push_back(waiter.answer(ProcessOutput::Sent));
        }
        let id = (waiter.exchange, waiter.ticket.id());
        message.call = Some(id);
        let listens = message.listens;
        process.tell(ToProcess::Send(message), out);
        let call = Call {
            process: Arc::clone(name),
            said: Vec::new(),
            bytes: 0,
            end: None,
            reader: Some(waiter),
            writer: None,
            listens,
        };
        self.calls.insert(id, call);
    }

    fn runs(
        &mut self,
        from: ExchangeId,
        name: &ProcessName,
        message: RunsProcess,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let Some(process) = self.processes.get_mut(name) else {
            return;
        };
        match message {
            RunsProcess::Begun => {
                process.run_by = Some(from);
                for message in std::mem::take(&mut process.waiting) {
                    process.tell(message, out);
                }
            }
            RunsProcess::Deliver {
                ticket,
                call,
                message,
                is_answer,
            } => {
                process.used = now;
                let writer = Waiter::new(from, ticket);
                let Some(found) = self.calls.get_mut(&call) else {
                    return out.push_back(writer.answer(()));
                };
                found.bytes += message.text().len();
                found.said.push(*message);
                found.end = is_answer.then_some(Ok(()));
                found.writer = Some(writer);
                if found.hand_on(out) {
                    self.calls.remove(&call);
                } else if found.end.is_some() || found.bytes <= limits::PROCESS_WAITING_BYTES {
                    out.extend(found.writer.take().map(|writer| writer.answer(())));
                }
            }
            RunsProcess::Answer(call, message) => {
                if let Some(found) = self.calls.get_mut(&call) {
                    found.bytes += message.text().len();
                    found.said.push(*message);
                    found.end = Some(Ok(()));
                    if found.hand_on(out) {
                        self.calls.remove(&call);
                    }
                }
            }
            RunsProcess::Fail(call, fault) => self.fail(call, fault, out),
            RunsProcess::NotSent(call, output) => {
                let found = self.calls.remove(&call);
                let reader = found.and_then(|call| call.reader);
                out.extend(reader.map(|reader| reader.answer(output)));
            }
            RunsProcess::Ending {
                has_failed,
                longest,
            } => {
                process.is_ending = true;
                let principal = process.owner.principal;
                let has_failed = has_failed.then_some(longest);
                self.failures.ended(principal, has_failed, now);
            }
        }
    }

    fn fail(&mut self, call: ProcessCall, fault: ProcessFault, out: &mut VecDeque<HubOutput>) {
        if let Some(found) = self.calls.get_mut(&call) {
            found.end.get_or_insert(Err(fault));
            out.extend(found.writer.take().map(|writer| writer.answer(())));
            if found.hand_on(out) {
                self.calls.remove(&call);
            }
        }
    }

    fn leave(&mut self, id: ProcessCall, out: &mut VecDeque<HubOutput>) {
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        out.extend(call.writer.map(|writer| writer.answer(())));
        if let Some(process) = self.processes.get_mut(&call.process)
            && call.end.is_none()
        {
            process.tell(ToProcess::Left(id), out);
        }
    }

    /// The server shuts down: what has nothing to do ends, so that nobody waits for it.
    pub(super) fn shut_down(&mut self, out: &mut VecDeque<HubOutput>) {
        self.is_shutting_down = true;
        for process in self.processes.values_mut() {
            process.tell(ToProcess::ShutDown, out);
        }
    }

    /// The session with this process is open: it lives as long as that.
    pub(super) fn opened(&mut self, name: &str) {
        self.members.opened(name);
        if let Some(process) = self.processes.get_mut(name) {
            process.opened_by = None;
        }
    }

    /// A session was revoked: its processes end.
    pub(super) fn end_session(&mut self, session: SessionId, out: &mut VecDeque<HubOutput>) {
        let mut processes = self.processes.values_mut();
        let theirs = processes
            .by_ref()
            .filter(|process| process.owner.share.is_none() && process.owner.session == session);
        theirs.for_each(|process| process.end(out));
        let left = self.members.leave_session(session);
        self.end_all(left, out);
    }

    fn end_all(&mut self, names: Vec<ProcessName>, out: &mut VecDeque<HubOutput>) {
        for name in names {
            if let Some(process) = self.processes.get_mut(&name) {
                process.end(out);
            }
        }
    }

    /// An exchange has ended, however it did.
    pub(super) fn forget(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) {
        if self.processes.is_empty() && self.calls.is_empty() {
            return;
        }
        let own = self.calls.range((id, AskId(0))..=(id, AskId(u64::MAX)));
        let own: Vec<ProcessCall> = own.map(|(call, _)| *call).collect();
        for call in own {
            self.leave(call, out);
        }
        let left = self.members.leave_exchange(id);
        self.end_all(left, out);
        let mut run = None;
        for (name, process) in &mut self.processes {
            if process.opened_by == Some(id) {
                process.end(out);
            }
            if process.run_by == Some(id) {
                run = Some(Arc::clone(name));
            }
        }
        let Some(name) = run else {
            return;
        };
        self.processes.remove(&name);
        self.members.gone(&name);
        let of_it = self.calls.iter().filter(|(_, call)| call.process == name);
        let of_it: Vec<ProcessCall> = of_it.map(|(id, _)| *id).collect();
        for call in of_it {
            self.fail(call, ProcessFault::Ended, out);
        }
    }
}

#[cfg(test)]
mod tests;
