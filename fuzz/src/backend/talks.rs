//! What the backend says, on its way to the exchange that listens: with as much credit as that has given, and not a piece more.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use entra_mcp_core::{
    ask::{AskId, Child, ChildExit, ChildFault, Pull, PullFault, Ticket},
    exchange::ExchangeId,
};
use http::Response;

use super::{Key, identity::Caller};
use crate::{
    checks::Failure,
    clock::SimInstant,
    ids::Process,
    world::{SimEvent, State},
};

/// Something that is said.
#[derive(Debug)]
pub(crate) enum Said {
    /// The head of an answer.
    Head(Response<()>),
    /// A piece of it.
    Piece(Bytes),
    /// Its end.
    End(Result<(), PullFault>),
    /// A process runs.
    Started,
    /// A line of it.
    Line(Bytes),
    /// It has read what it was fed.
    Fed,
    /// A line of its error stream.
    Complaint(Bytes),
    /// It is over.
    Exit(Result<ChildExit, ChildFault>),
}

/// Who is spoken to.
#[derive(Debug)]
enum Ear {
    Pull(Ticket<Pull>),
    Child(Ticket<Child>),
}

/// An answer that is being given, or a process.
#[derive(Debug)]
pub(crate) struct Source {
    ear: Ear,
    /// How many pieces or lines may come.
    credit: u32,
    said: VecDeque<Said>,
    /// What needs no credit.
    beside: VecDeque<Said>,
    is_scheduled: bool,
    /// It says no more.
    pub(super) is_over: bool,
    /// Until when it reads what it was fed before.
    pub(super) reads_until: SimInstant,
    /// Whose process it is, as it was told.
    pub(super) user: Option<String>,
    /// Who calls a tool by it.
    pub(super) caller: Option<Caller>,
}

/// The most credit that is given ahead: more of it would bound nothing.
const CREDIT: u32 = 3;

impl Source {
    pub(super) fn of_pull(ticket: Ticket<Pull>) -> Self {
        Self::new(Ear::Pull(ticket))
    }

    pub(super) fn of_child(ticket: Ticket<Child>, user: Option<String>) -> Self {
        Self {
            user,
            ..Self::new(Ear::Child(ticket))
        }
    }

    fn new(ear: Ear) -> Self {
        Self {
            ear,
            credit: 0,
            said: VecDeque::new(),
            beside: VecDeque::new(),
            is_scheduled: false,
            is_over: false,
            reads_until: SimInstant::default(),
            user: None,
            caller: None,
        }
    }

    pub(super) fn is_process(&self) -> bool {
        matches!(self.ear, Ear::Child(_))
    }

    /// What is said next, if it may be.
    fn next(&mut self) -> Option<Said> {
        if let Some(said) = self.beside.pop_front() {
            return Some(said);
        }
        match self.said.front()? {
            Said::Piece(_) | Said::Line(_) => self.credit = self.credit.checked_sub(1)?,
            Said::End(_) if self.credit == 0 => return None,
            _ => {}
        }
        self.said.pop_front()
    }

    fn may_speak(&self) -> bool {
        let is_free = |said: &Said| {
            self.credit > 0 || !matches!(said, Said::Piece(_) | Said::Line(_) | Said::End(_))
        };
        !self.beside.is_empty() || self.said.front().is_some_and(is_free)
    }
}

impl State {
    fn source(&mut self, key: Key) -> Option<&mut Source> {
        self.backends.of(key)?.sources.get_mut(&key)
    }

    /// The backend says something after a while.
    pub(super) fn say(&mut self, key: Key, after: Duration, said: Said) {
        let at = self.moment.after(after);
        self.schedule(at, SimEvent::BackendSays(key, Box::new(said)));
    }

    /// It says something now; nothing after its end.
    pub(crate) fn backend_says(&mut self, key: Key, said: Said) {
        let Some(source) = self.source(key).filter(|source| !source.is_over) else {
            return;
        };
        source.is_over = matches!(said, Said::End(_) | Said::Exit(_));
        match said {
            Said::Fed | Said::Complaint(_) => source.beside.push_back(said),
            _ => source.said.push_back(said),
        }
        self.speak_soon(key);
    }

    /// It breaks off: what was not heard yet is lost.
    pub(super) fn break_off(&mut self, key: Key, end: Said) {
        if let Some(source) = self.source(key).filter(|source| !source.is_over) {
            source.said.clear();
            source.is_over = true;
            source.said.push_back(end);
            self.speak_soon(key);
        }
    }

    fn speak_soon(&mut self, key: Key) {
        let Some(source) = self.source(key) else {
            return;
        };
        if source.may_speak() && !std::mem::replace(&mut source.is_scheduled, true) {
            let within = Duration::from_millis(2);
            let after = self.choice.between(Duration::ZERO, within);
            self.schedule(self.moment.after(after), SimEvent::BackendIsHeard(key));
        }
    }

    /// The exchange hears the next that was said.
    pub(crate) fn backend_is_heard(&mut self, key: Key) {
        let (process, id, ..) = key;
        let Some(source) = self.source(key) else {
            return;
        };
        source.is_scheduled = false;
        let Some(said) = source.next() else {
            return;
        };
        if matches!(said, Said::End(_) | Said::Exit(_)) {
            let Some(backend) = self.backends.of(key) else {
                return;
            };
            let source = backend.sources.remove(&key);
            if source.as_ref().is_some_and(Source::is_process) {
                backend.end_of_process(key);
            }
            let event = match (said, source.map(|source| source.ear)) {
                (Said::End(end), Some(Ear::Pull(ticket))) => ticket.answer(end),
                (Said::Exit(exit), Some(Ear::Child(ticket))) => ticket.answer(exit),
                _ => return,
            };
            return self.deliver(process, id, event);
        }
        let event = match (&source.ear, said) {
            (Ear::Pull(ticket), Said::Head(head)) => ticket.head(head),
            (Ear::Pull(ticket), Said::Piece(piece)) => ticket.piece(piece),
            (Ear::Child(ticket), Said::Started) => ticket.started(4711),
            (Ear::Child(ticket), Said::Line(line)) => ticket.line(line),
            (Ear::Child(ticket), Said::Fed) => ticket.fed(),
            (Ear::Child(ticket), Said::Complaint(text)) => ticket.complaint(text),
            _ => return,
        };
        self.deliver(process, id, event);
        self.speak_soon(key);
    }

    /// One more piece or line may come.
    pub(crate) fn more(&mut self, process: Process, id: ExchangeId, ask: AskId) {
        let key = self.backends.key(process, id, ask);
        let Some(source) = self.source(key) else {
            return;
        };
        source.credit += 1;
        let credit = source.credit;
        if credit > CREDIT {
            let what = format!("{key:?} lets {credit} pieces come at once");
            self.fail(Failure::new("credit bounds bytes", what));
        }
        self.speak_soon(key);
    }

    /// The exchange wants nothing more of the backend by this ask.
    pub(crate) fn leave_backend(&mut self, process: Process, id: ExchangeId, ask: AskId) {
        let key = self.backends.key(process, id, ask);
        let Some(backend) = self.backends.of(key) else {
            return;
        };
        let left = backend.sources.remove(&key);
        if left.is_some_and(|source| source.is_process()) {
            backend.end_of_process(key);
        }
    }

    /// An exchange is over, and hears nothing any more. The processes that it ran have ended by then.
    pub(crate) fn leave_backends(&mut self, process: Process, id: ExchangeId) {
        let sources = self.backends.sources();
        let of_it = sources.filter(|((of, by, ..), _)| (*of, *by) == (process, id));
        let left: Vec<_> = of_it
            .map(|(key, source)| (key.2, source.is_process()))
            .collect();
        for (ask, is_process) in left {
            if is_process {
                let what = format!("{process:?} leaves a process of {id:?} alone");
                self.fail(Failure::new("processes end", what));
            }
            self.leave_backend(process, id, ask);
        }
    }

    /// A replica was killed: its connections break, and its processes see the end of their input.
    pub(crate) fn lose_backends(&mut self, process: Process) {
        let sources = self.backends.sources().map(|(key, _)| *key);
        let of_it: Vec<Key> = sources.filter(|key| key.0 == process).collect();
        for key in of_it {
            if let Some(backend) = self.backends.of(key) {
                backend.sources.remove(&key);
                backend.end_of_process(key);
            }
        }
    }
}
