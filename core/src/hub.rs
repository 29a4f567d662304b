//! The hub: the little that exchanges share, behind the runtime's one mutex.
//!
//! It knows who listens on which stream, what is kept for clients that come back, what MCP sessions wish
//! for, which calls and tasks go on, and who waits for Entra's keys. It does table operations only: no
//! parsing, no JSON, no signatures. Exchanges and the hub speak by messages that only they understand; a
//! runtime carries them.

mod calls;
mod counts;
mod flight;
mod job;
mod kept;
mod streams;
mod tasks;
mod wishes;

use std::{collections::VecDeque, sync::Arc};

pub use self::job::Errand;
pub(crate) use self::job::ErrandKind;
pub(crate) use self::streams::{Agreed, Owner, StreamId, StreamKind, Wants};
use self::{
    calls::Calls, flight::Flight, kept::Kept, streams::Streams, tasks::Tasks, wishes::Wishes,
};
use crate::{
    catalog::{Change, LogLevel},
    entra::facts::EntraFacts,
    env::Known,
    id::ExchangeId,
    mcp::{TaskTold, json_rpc::Id},
    session::SessionId,
    time::Now,
};

/// A message to the hub.
#[derive(Debug)]
pub struct ToHub(pub(crate) ToHubKind);

impl ToHub {
    /// Something changed: whoever listens for it is told, whoever they are. A runtime may say so for an
    /// exchange that there never was.
    #[must_use]
    pub fn announce(change: Change) -> Self {
        Self(ToHubKind::Announce(change))
    }
}

#[derive(Debug)]
pub(crate) enum ToHubKind {
    /// I wait for facts of Entra newer than this revision of what is known.
    WantEntra { newer_than: u64 },
    /// The errand learned this, or failed.
    LearnedEntra(Option<Box<EntraFacts>>),
    /// I am a stream of this owner and session: count me, tell me what is for me.
    OpenStream {
        stream: StreamId,
        owner: Owner,
        session: SessionId,
        kind: StreamKind,
    },
    /// I was a stream and am gone.
    LeaveStream,
    /// Is there a stream of this name that listens by HTTP+SSE and is this owner's?
    FindStream { stream: StreamId, owner: Owner },
    /// The client of this stream and the server have agreed on this.
    Agreed {
        stream: StreamId,
        owner: Owner,
        agreed: Agreed,
    },
    /// Hand these bytes to the stream, if it is this owner's.
    Deliver {
        stream: StreamId,
        owner: Owner,
        bytes: bytes::Bytes,
    },
    /// End the streams of this session: it was revoked.
    EndSession(SessionId),
    /// End this MCP session's streams, if it is this owner's, and forget what it wished for.
    EndStream { stream: StreamId, owner: Owner },
    /// Keep what I send on this stream from now on, for the client of this MCP session to come back.
    KeepStream {
        stream: StreamId,
        owner: Owner,
        session: StreamId,
    },
    /// Keep this event of that stream.
    Keep {
        stream: StreamId,
        event: bytes::Bytes,
    },
    /// That stream has ended.
    KeptAll { stream: StreamId },
    /// What followed this event of this stream?
    Resume {
        at: (StreamId, u64),
        owner: Owner,
        session: StreamId,
    },
    /// I answer this request of this MCP session, and it takes a while.
    Calling {
        owner: Owner,
        session: StreamId,
        request: Id,
    },
    /// I have asked the client this.
    Asked(StreamId),
    /// The client has answered a question: with a result, or not.
    Answer {
        owner: Owner,
        session: StreamId,
        question: StreamId,
        result: Option<Box<serde_json::Value>>,
    },
    /// The client cancels this request.
    CancelRequest {
        owner: Owner,
        session: StreamId,
        request: Id,
    },
    /// Which lines of the log does this MCP session want?
    WantsLevel { owner: Owner, session: StreamId },
    /// This MCP session wants these lines of the log.
    SetLevel {
        owner: Owner,
        session: StreamId,
        level: LogLevel,
    },
    /// This MCP session subscribes to this resource.
    Subscribe {
        owner: Owner,
        session: StreamId,
        uri: String,
    },
    /// This MCP session subscribes to it no more.
    Unsubscribe {
        owner: Owner,
        session: StreamId,
        uri: String,
    },
    /// Tell everybody who listens for it.
    Announce(Change),
    /// I run this task of this owner.
    BeginTask { task: StreamId, owner: Owner },
    /// My task has taken what it was told.
    TaskTaken,
    /// The client of this task says this.
    TellTask {
        task: StreamId,
        owner: Owner,
        told: Box<TaskTold>,
    },
}

/// A message from the hub.
#[derive(Debug)]
pub struct FromHub(pub(crate) FromHubKind);

#[derive(Debug)]
pub(crate) enum FromHubKind {
    /// The wait for Entra's facts is over; `false` if they could not be learned, or not again so
    /// soon.
    EntraKnown(bool),
    /// The stream is counted, or there are too many.
    StreamOpened(bool),
    /// The stream is there, with what was agreed on, if anything was; or it is not.
    StreamFound(Option<Option<Agreed>>),
    /// Bytes for this stream.
    Deliver(bytes::Bytes),
    /// This stream is to end.
    EndStream,
    /// What followed, and whether the stream goes on; or there is no such stream or event.
    Resumed(Option<(Vec<bytes::Bytes>, bool)>),
    /// The client has answered this question: with a result, or not.
    ClientAnswered(StreamId, Option<Box<serde_json::Value>>),
    /// The client has cancelled this request, or has left.
    Cancelled(Id),
    /// The level that was set, if one was.
    Level(Option<LogLevel>),
    /// The session is subscribed, or has too many subscriptions.
    Subscribed(bool),
    /// Something changed that this stream listens for.
    Changed(Change),
    /// The task may run, or there are too many.
    TaskBegun(bool),
    /// The task has taken what it was told, or does not run on this server.
    TaskHeard(bool),
    /// What the client of this task says.
    TaskTold(Box<TaskTold>),
}

/// What the runtime is to do for the hub.
#[derive(Debug)]
#[must_use]
pub enum HubOutput {
    /// Hand this to that exchange as [`crate::event::Event::Told`]; drop it if the exchange is gone.
    Tell(ExchangeId, FromHub),
    /// From now on this is what is known. Do this before the `Tell`s that follow.
    Publish(Arc<Known>),
    /// Run this errand.
    Start(Errand),
    /// Nothing more.
    Idle,
}

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
pub struct Load {
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
    pub fn load(&self) -> Load {
        let (streams, of_one_owner) = self.streams.load();
        Load {
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
                out.push_back(HubOutput::Tell(from, FromHub(FromHubKind::Level(level))));
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
                out.push_back(HubOutput::Tell(
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
