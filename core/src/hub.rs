//! The hub: the little that exchanges share, behind the runtime's one mutex.
//!
//! It knows who listens on which stream, what is kept for clients that come back, what MCP sessions wish
//! for, which calls and tasks go on, and who waits for Entra's keys. It does table operations only: no
//! parsing, no JSON, no signatures. Exchanges and the hub speak by messages that only they understand; a
//! runtime carries them.

mod counts;
mod in_flight;
mod job;
mod message;
mod metadata_refresh;
mod replay;
mod session_settings;
mod streams;
mod tasks;

use std::collections::VecDeque;

use self::{
    in_flight::Calls, metadata_refresh::Flight, replay::Kept, session_settings::Wishes,
    streams::Streams, tasks::Tasks,
};
pub use self::{
    job::Job,
    message::{FromHub, HubOutput, ToHub},
};
pub(crate) use self::{
    job::JobKind,
    message::{Agreed, FromHubKind, StreamKind, TaskTold, ToHubKind, Wants},
};
use crate::{id::ExchangeId, time::Now};

/// The shared tables.
#[derive(Debug, Default)]
pub struct Hub {
    flight: Flight,
    streams: Streams,
    kept: Kept,
    calls: Calls,
    wishes: Wishes,
    tasks: Tasks,
    outputs: VecDeque<HubOutput>,
}

/// How full the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubStats {
    /// Open streams.
    pub streams: usize,
    /// The most of them that one owner holds.
    pub of_one_owner: usize,
    /// Exchanges that wait for Entra's keys.
    pub waiting: usize,
    /// Streams that are kept for clients that come back.
    pub kept: usize,
    /// Calls that take a while.
    pub calls: usize,
    /// MCP sessions whose wishes are remembered.
    pub wishes: usize,
    /// Tasks that run.
    pub tasks: usize,
}

impl Hub {
    /// How full the tables are.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        let (streams, of_one_owner) = self.streams.load();
        HubStats {
            streams,
            of_one_owner,
            waiting: self.flight.waiting(),
            kept: self.kept.len(),
            calls: self.calls.len(),
            wishes: self.wishes.len(),
            tasks: self.tasks.len(),
        }
    }

    /// An empty hub.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a message of an exchange. Poll until idle afterwards.
    pub fn handle(&mut self, from: ExchangeId, message: ToHub, now: Now) {
        let out = &mut self.outputs;
        match message.0 {
            ToHubKind::WantEntra { newer_than } => self.flight.want(from, newer_than, now, out),
            ToHubKind::LearnedEntra(facts) => self.flight.learned(facts, now, out),
            ToHubKind::OpenStream {
                stream,
                owner,
                session,
                kind,
            } => {
                self.streams.open(from, stream, owner, session, kind, out);
            }
            ToHubKind::LeaveStream => self.leave(from),
            ToHubKind::FindStream { stream, owner } => self.streams.find(from, stream, owner, out),
            ToHubKind::Agreed {
                stream,
                owner,
                agreed,
            } => self.streams.agree(stream, owner, agreed),
            ToHubKind::Deliver {
                stream,
                owner,
                bytes,
            } => {
                self.streams.deliver(stream, owner, bytes, out);
            }
            ToHubKind::EndSession(session) => self.streams.end_session(session, out),
            ToHubKind::EndStream { stream, owner } => {
                self.streams.end(stream, owner, out);
                self.kept.end_session(stream, owner, out);
                self.wishes.end(stream, owner);
                self.calls.cancel_all(owner, stream, out);
            }
            message => self.handle_call(from, message, now),
        }
    }

    /// Messages of calls, and of sessions about calls.
    fn handle_call(&mut self, from: ExchangeId, message: ToHubKind, now: Now) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::KeepStream {
                stream,
                owner,
                session,
            } => self.kept.begin((stream, session), owner, now, out),
            ToHubKind::Keep { stream, event } => self.kept.keep(stream, event, out),
            ToHubKind::KeptAll { stream } => self.kept.end(stream, now, out),
            ToHubKind::Resume { at, owner, session } => {
                self.kept.resume(from, at, owner, session, out);
            }
            ToHubKind::Calling {
                owner,
                session,
                request,
            } => self.calls.begin(from, owner, session, request),
            ToHubKind::Asked(question) => self.calls.ask(from, question),
            ToHubKind::Answer {
                owner,
                session,
                question,
                result,
            } => self.calls.answer((owner, session), question, result, out),
            ToHubKind::CancelRequest {
                owner,
                session,
                request,
            } => self.calls.cancel(owner, session, &request, out),
            ToHubKind::WantsLevel { owner, session } => {
                let level = self.wishes.level(session, owner);
                out.push_back(HubOutput::Deliver(from, FromHub(FromHubKind::Level(level))));
            }
            ToHubKind::SetLevel {
                owner,
                session,
                level,
            } => self.wishes.set_level(session, owner, level),
            ToHubKind::Subscribe {
                owner,
                session,
                uri,
            } => {
                let room = self.wishes.subscribe(session, owner, uri);
                out.push_back(HubOutput::Deliver(
                    from,
                    FromHub(FromHubKind::Subscribed(room)),
                ));
            }
            ToHubKind::Unsubscribe {
                owner,
                session,
                uri,
            } => self.wishes.unsubscribe(session, owner, &uri),
            ToHubKind::BeginTask { task, owner } => self.tasks.begin(from, task, owner, out),
            ToHubKind::TellTask { task, owner, told } => {
                self.tasks.tell(from, task, owner, told, out);
            }
            ToHubKind::TaskTaken => self.tasks.taken(from, out),
            ToHubKind::Announce(change) => self.streams.announce(&change, &self.wishes, out),
            // The other half of the table, listed so that nothing new is forgotten in either.
            ToHubKind::WantEntra { .. }
            | ToHubKind::LearnedEntra(_)
            | ToHubKind::OpenStream { .. }
            | ToHubKind::LeaveStream
            | ToHubKind::FindStream { .. }
            | ToHubKind::Agreed { .. }
            | ToHubKind::Deliver { .. }
            | ToHubKind::EndSession(_)
            | ToHubKind::EndStream { .. } => {}
        }
    }

    /// A stream is left. What was asked on an HTTP+SSE stream has nowhere to go without it.
    fn leave(&mut self, id: ExchangeId) {
        if let Some((stream, owner)) = self.streams.sse_of(id) {
            self.wishes.end(stream, owner);
            self.calls.cancel_all(owner, stream, &mut self.outputs);
        }
        self.streams.leave(id);
        self.kept.leave(id);
    }

    /// Forgets an exchange that ended, however it ended. Poll until idle afterwards.
    pub fn forget(&mut self, id: ExchangeId) {
        self.flight.forget(id);
        self.leave(id);
        self.calls.leave(id);
        self.tasks.leave(id, &mut self.outputs);
    }

    /// What to do next.
    pub fn poll(&mut self) -> HubOutput {
        self.outputs.pop_front().unwrap_or(HubOutput::Idle)
    }
}
