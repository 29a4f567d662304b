//! The messages of exchanges to the hub and back, and what the hub has its runtime do.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Job;
use crate::{
    catalog::{ChangeNotification, ClientCapabilities, LogLevel},
    entra::facts::EntraFacts,
    env::EntraSnapshot,
    id::{ExchangeId, Owner, SessionId, StreamId},
    mcp::{Revision, json_rpc::Id},
};

/// A message to the hub.
#[derive(Debug)]
pub struct ToHub(pub(crate) ToHubKind);

impl ToHub {
    /// Something changed: whoever listens for it is told, whoever they are. A runtime may say so for an
    /// exchange that there never was.
    #[must_use]
    pub fn announce(change: ChangeNotification) -> Self {
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
        result: Option<Box<Value>>,
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
    Announce(ChangeNotification),
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
    ClientAnswered(StreamId, Option<Box<Value>>),
    /// The client has cancelled this request, or has left.
    Cancelled(Id),
    /// The level that was set, if one was.
    Level(Option<LogLevel>),
    /// The session is subscribed, or has too many subscriptions.
    Subscribed(bool),
    /// Something changed that this stream listens for.
    Changed(ChangeNotification),
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
    /// Hand this to that exchange as [`crate::event::Event::FromHub`]; drop it if the exchange is gone.
    Deliver(ExchangeId, FromHub),
    /// From now on this is what is known. Do this before the `Tell`s that follow.
    Publish(Arc<EntraSnapshot>),
    /// Run this errand.
    Spawn(Job),
    /// Nothing more.
    Idle,
}

/// Which transport a stream belongs to; their names are not interchangeable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// HTTP+SSE.
    Sse,
    /// The GET stream of Streamable HTTP.
    Streamable,
    /// The rest of the answer of a call, for a client that came back: it hears of nothing else.
    Rest,
    /// The answer of `subscriptions/listen` (2026-07-28), with what it listens for.
    Listen(Wants),
}

/// What a `subscriptions/listen` listens for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    pub(crate) tools: bool,
    pub(crate) prompts: bool,
    pub(crate) resources: bool,
    pub(crate) uris: BTreeSet<String>,
}

/// What `initialize` agreed on, on an HTTP+SSE stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) revision: Revision,
    /// What the client can be asked.
    pub(crate) client_capabilities: ClientCapabilities,
}

/// What the client of a task says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskTold {
    /// It is to end.
    pub(crate) cancel: bool,
    /// Answers to its questions.
    pub(crate) responses: Map<String, Value>,
}
