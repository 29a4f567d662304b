//! The processes of the backend: each is fed lines, says lines, and ends when it is to, or later.

use std::time::Duration;

use bytes::Bytes;
use entra_mcp_core::{
    ask::{AskId, Child, ChildEnd, ChildExit, ChildFault, Ticket},
    exchange::ExchangeId,
};
use serde_json::Value;

use super::{
    Backend, Key,
    server::{Reply, Sent},
    talks::{Said, Source},
    weather,
};
use crate::{
    checks::Failure,
    ids::Process,
    world::{SimEvent, State},
};

/// By when a process is over whose input was closed.
const OVERDUE: Duration = Duration::from_secs(30);

/// How soon a process reads what it is fed.
const STARTING: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// The session of a process.
fn session(key: Key) -> String {
    format!("{key:?}")
}

impl Backend {
    pub(super) fn end_of_process(&mut self, key: Key) {
        self.server.end(&session(key));
    }
}

impl State {
    /// A process is started.
    pub(crate) fn spawn_backend(
        &mut self,
        process: Process,
        id: ExchangeId,
        ticket: Ticket<Child>,
        child: &Child,
    ) {
        let number = self.backends.running(&child.program);
        let key = (process, id, ticket.id(), number.unwrap_or(usize::MAX));
        let Some(backend) = self.backends.of(key) else {
            let event = ticket.answer(Err(ChildFault::NotFound));
            let at = self.moment.after(self.latency());
            return self.schedule(at, SimEvent::Deliver(process, id, event));
        };
        let user = child.environment.get("ENTRA_MCP_USER_OID");
        let user = user.map(|user| user.expose().clone());
        backend.sources.insert(key, Source::of_child(ticket, user));
        let values: Vec<_> = child.environment.values().collect();
        for value in values {
            self.check_what_backend_sees(key, value.expose().as_bytes());
        }
        let begun = STARTING.0;
        let after = self.choice.between(Duration::ZERO, begun);
        self.say(key, after, Said::Started);
        let (least, most) = STARTING;
        let ready = self.moment.after(self.choice.between(least, most));
        let sources = self.backends.of(key).map(|backend| &mut backend.sources);
        if let Some(source) = sources.and_then(|sources| sources.get_mut(&key)) {
            source.reads_until = ready;
        }
    }

    /// It is fed a line, which it reads a little later.
    pub(crate) fn feed(&mut self, process: Process, id: ExchangeId, ask: AskId, line: Bytes) {
        let key = self.backends.key(process, id, ask);
        let weather = self.backends.of(key).map(|backend| backend.weather);
        let after = weather::moment(weather.unwrap_or_default(), &mut self.choice);
        self.check_what_backend_sees(key, &line);
        let at = self.moment.after(after);
        let sources = self.backends.of(key).map(|backend| &mut backend.sources);
        let Some(source) = sources.and_then(|sources| sources.get_mut(&key)) else {
            return;
        };
        source.reads_until = source.reads_until.max(at);
        let at = source.reads_until;
        self.schedule(at, SimEvent::ProcessReads(key, line));
    }

    /// It reads a line.
    pub(crate) fn process_reads(&mut self, key: Key, line: &[u8]) {
        let Some(backend) = self.backends.of(key) else {
            return;
        };
        let weather = backend.weather;
        let Some(source) = backend.sources.get(&key).filter(|source| !source.is_over) else {
            return;
        };
        let user = source.user.clone();
        let lines = line.iter().filter(|byte| **byte == b'\n').count();
        let message = serde_json::from_slice::<Value>(line).ok();
        let (Some(message), 1) = (message, lines) else {
            let what = "a process is fed what is not one line of JSON";
            return self.fail(Failure::new("headers of our own", what));
        };
        let assertion = message.pointer("/params/_meta/entra-mcp~1assertion");
        let assertion = assertion.and_then(Value::as_str);
        let caller = assertion.and_then(|assertion| self.backends.verify(key, assertion));
        if let (Some(user), Some(caller)) = (&user, &caller)
            && *user != caller.oid
        {
            let what = format!("{caller:?} calls in a process of {user}");
            self.fail(Failure::new("sessions of the backend apart", what));
        }
        if let (Some(assertion), Some(caller)) = (assertion, &caller) {
            let name = self.backends.name_of_assertions(key);
            self.label_of_backend(assertion, &name, Some(&caller.oid));
        }
        self.say(key, Duration::ZERO, Said::Fed);
        if self.choice.chance(weather.restarts) {
            self.note("backend", "= a process crashes");
            return self.exits(key, Duration::ZERO, ChildExit::Code(1));
        }
        self.mutter(key, assertion);
        self.check_known(key, &message, caller.as_ref());
        let session = session(key);
        let Some(backend) = self.backends.of(key) else {
            return;
        };
        let sent = Sent {
            key,
            message: &message,
            session: Some(&session),
            caller,
            assertion,
            token: None,
            weather,
        };
        match backend.server.receive(&sent, &mut self.choice) {
            Err(failure) => self.fail(failure),
            Ok(Reply::Status(_)) => {}
            Ok(Reply::Says(says)) => {
                if !self.choice.chance(weather.silent) {
                    let think = weather::moment(weather, &mut self.choice);
                    self.say_more(key, think, &says);
                }
                if self.choice.chance(weather.cuts) {
                    let most = Duration::from_millis(400);
                    let after = self.choice.between(Duration::ZERO, most);
                    self.exits(key, after, ChildExit::Signal(11));
                }
            }
        }
        self.resume(key);
    }

    /// What is no message, and what is for the log.
    fn mutter(&mut self, key: Key, assertion: Option<&str>) {
        let weather = self.backends.of(key).map(|backend| backend.weather);
        let weather = weather.unwrap_or_default();
        if self.choice.chance(weather.garbage) {
            let lines = ["printed", "", "{\"jsonrpc\":", "[]", "null"];
            let line = *self.choice.pick(&lines);
            self.say(key, Duration::ZERO, Said::Line(Bytes::from(line)));
        }
        if self.choice.chance(weather.leaks) {
            let text = format!("I was told {}", assertion.unwrap_or("nothing"));
            self.say(key, Duration::ZERO, Said::Complaint(Bytes::from(text)));
        }
    }

    fn exits(&mut self, key: Key, after: Duration, exit: ChildExit) {
        let at = self.moment.after(after);
        let exit = Box::new(Said::Exit(Ok(exit)));
        self.schedule(at, SimEvent::BackendBreaksOff(key, exit));
    }

    /// It is to end: whether it does is a matter of how it was made.
    pub(crate) fn end_process(
        &mut self,
        process: Process,
        id: ExchangeId,
        ask: AskId,
        end: ChildEnd,
    ) {
        let key = self.backends.key(process, id, ask);
        let weather = self.backends.of(key).map(|backend| backend.weather);
        let is_stubborn = self.choice.chance(weather.unwrap_or_default().stubborn);
        let most = Duration::from_millis(500);
        let after = self.choice.between(Duration::ZERO, most);
        match end {
            ChildEnd::CloseInput => {
                let at = self.moment.after(OVERDUE);
                self.schedule(at, SimEvent::ProcessOverdue(key));
                if !is_stubborn {
                    self.exits(key, after, ChildExit::Code(0));
                }
            }
            ChildEnd::Terminate if is_stubborn => {}
            ChildEnd::Terminate => self.exits(key, after, ChildExit::Signal(15)),
            ChildEnd::Kill => self.exits(key, Duration::ZERO, ChildExit::Signal(9)),
        }
    }

    /// It must be over by now.
    pub(crate) fn process_is_overdue(&mut self, key: Key) {
        if self.is_process(key) {
            let what = format!("a process of {:?} goes on after its end", key.1);
            self.fail(Failure::new("processes end", what));
        }
    }
}
