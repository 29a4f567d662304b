//! The hub: the little that exchanges share, behind the runtime's one mutex.
//!
//! It knows who listens on which stream and who waits for Entra's keys, and does table operations
//! only: no parsing, no JSON, no signatures. Exchanges and the hub speak by messages that only
//! they understand; a runtime carries them.

mod flight;
mod streams;

use std::{collections::VecDeque, sync::Arc};

pub(crate) use self::streams::{Owner, StreamId, StreamKind};
use self::{flight::Flight, streams::Streams};
use crate::{
    entra::facts::EntraFacts,
    env::Known,
    exchange::{Errand, ExchangeId},
    mcp::Revision,
    session::SessionId,
    time::Now,
};

/// A message to the hub.
#[derive(Debug)]
pub struct ToHub(pub(crate) ToHubKind);

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
    /// The client of this stream and the server have agreed on this revision.
    Agreed {
        stream: StreamId,
        owner: Owner,
        revision: Revision,
    },
    /// Hand these bytes to the stream, if it is this owner's.
    Deliver {
        stream: StreamId,
        owner: Owner,
        bytes: bytes::Bytes,
    },
    /// End the streams of this session: it was revoked.
    EndSession(SessionId),
    /// End this stream, if it is this owner's.
    EndStream { stream: StreamId, owner: Owner },
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
    /// The stream is there, with the revision that was agreed on, if any was; or it is not.
    StreamFound(Option<Option<Revision>>),
    /// Bytes for this stream.
    Deliver(bytes::Bytes),
    /// This stream is to end.
    EndStream,
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
            ToHubKind::LeaveStream => self.streams.leave(from),
            ToHubKind::FindStream { stream, owner } => self.streams.find(from, stream, owner, out),
            ToHubKind::Agreed {
                stream,
                owner,
                revision,
            } => self.streams.agree(stream, owner, revision),
            ToHubKind::Deliver {
                stream,
                owner,
                bytes,
            } => {
                self.streams.deliver(stream, owner, bytes, out);
            }
            ToHubKind::EndSession(session) => self.streams.end_session(session, out),
            ToHubKind::EndStream { stream, owner } => self.streams.end(stream, owner, out),
        }
    }

    /// Forgets an exchange that ended, however it ended.
    pub fn forget(&mut self, id: ExchangeId) {
        self.flight.forget(id);
        self.streams.leave(id);
    }

    /// What to do next.
    pub fn poll(&mut self) -> HubOutput {
        self.outputs.pop_front().unwrap_or(HubOutput::Idle)
    }
}
