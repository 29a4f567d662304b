//! The processes of a test that are servers behind a gateway: they are fed lines, and write what the test says.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::Value;

use super::World;
use crate::{
    action::Action,
    ask::{AskId, Child, ChildEnd, ChildExit, ChildFault, Ticket},
    event::Event,
    hub::ToHub,
    id::ExchangeId,
};

/// Those that were begun, in their order.
#[derive(Default)]
pub(crate) struct Processes(Vec<Process>);

/// A process.
pub(crate) struct Process {
    run_by: ExchangeId,
    ask: AskId,
    /// None once it has ended.
    ticket: Option<Ticket<Child>>,
    pub(crate) child: Child,
    fed: VecDeque<String>,
    /// How it was ended so far.
    pub(crate) ends: Vec<ChildEnd>,
    /// How many lines may come.
    credit: usize,
}

impl Processes {
    pub(super) fn perform(&mut self, id: ExchangeId, action: Action) {
        match action {
            Action::Spawn(ticket, child) => self.0.push(Process {
                run_by: id,
                ask: ticket.id(),
                ticket: Some(ticket),
                child: *child,
                fed: VecDeque::new(),
                ends: Vec::new(),
                credit: 0,
            }),
            Action::Feed(ask, bytes) => {
                let line = String::from_utf8(bytes.to_vec()).unwrap();
                assert_eq!(line.find('\n'), Some(line.len() - 1), "one line: {line:?}");
                self.find(id, ask).unwrap().fed.push_back(line);
            }
            Action::End(ask, end) => self.find(id, ask).unwrap().ends.push(end),
            other => panic!("nothing of a process: {other:?}"),
        }
    }

    pub(super) fn more(&mut self, id: ExchangeId, ask: AskId) {
        if let Some(process) = self.find(id, ask) {
            process.credit += 1;
        }
    }

    fn find(&mut self, id: ExchangeId, ask: AskId) -> Option<&mut Process> {
        let mut processes = self.0.iter_mut();
        processes.find(|process| process.run_by == id && process.ask == ask)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Process {
    /// What it is fed next, as it is written.
    pub(crate) fn fed_next(&self) -> &str {
        self.fed.front().expect("it is fed")
    }
}

impl World {
    /// The server shuts down.
    pub(crate) fn shut_down(&mut self) {
        let now = self.server.now;
        self.hub.handle(ExchangeId(999), ToHub::shut_down(), now);
        self.run_hub();
    }

    /// The process that was begun as this one.
    pub(crate) fn process(&mut self, number: usize) -> &mut Process {
        &mut self.processes.0[number]
    }

    fn says(&mut self, number: usize, say: impl FnOnce(&Ticket<Child>) -> Event) {
        let process = &self.processes.0[number];
        let event = say(process.ticket.as_ref().expect("it runs"));
        self.handle(process.run_by, event);
    }

    /// It runs.
    pub(crate) fn starts(&mut self, number: usize) {
        self.says(number, |ticket| ticket.started(4711));
    }

    /// The message that it was fed next, which it reads.
    pub(crate) fn reads(&mut self, number: usize) -> Value {
        let line = self.process(number).fed.pop_front().expect("it is fed");
        self.says(number, Ticket::fed);
        serde_json::from_str(&line).unwrap()
    }

    /// Whether it has read all.
    pub(crate) fn has_read_all(&mut self, number: usize) -> bool {
        self.process(number).fed.is_empty()
    }

    /// It writes a line.
    pub(crate) fn writes(&mut self, number: usize, line: impl ToString) {
        let process = self.process(number);
        assert!(process.credit > 0, "a line may come");
        process.credit -= 1;
        let line = Bytes::from(line.to_string());
        self.says(number, |ticket| ticket.line(line));
    }

    /// It writes one that is too long.
    pub(crate) fn writes_too_long(&mut self, number: usize) {
        self.process(number).credit -= 1;
        self.says(number, Ticket::too_long);
    }

    /// Whether it may write another line.
    pub(crate) fn may_write(&mut self, number: usize) -> bool {
        self.process(number).credit > 0
    }

    /// It writes to its error stream.
    pub(crate) fn complains(&mut self, number: usize, text: &str) {
        let text = Bytes::from(text.to_owned());
        self.says(number, |ticket| ticket.complaint(text));
    }

    /// It closes its output.
    pub(crate) fn closes_output(&mut self, number: usize) {
        self.says(number, Ticket::output_closed);
    }

    /// It ends, or could not be started.
    pub(crate) fn exits(&mut self, number: usize, exit: Result<ChildExit, ChildFault>) {
        let process = self.process(number);
        let (run_by, ticket) = (process.run_by, process.ticket.take());
        self.handle(run_by, ticket.expect("it runs").answer(exit));
    }
}
