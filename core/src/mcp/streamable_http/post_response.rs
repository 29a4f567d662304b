//! How the answer of a POST leaves: as JSON if nothing was to be said before it, else as a stream.
//!
//! ```text
//! Whole --a message, or it takes long--> Streaming --the peer leaves, or is sent away--> Away
//!   +--the answers--> JSON                  +--the answers--> closed                      +--> kept
//! ```
//!
//! Within an MCP session each event of the stream has an id and is kept by the hub, so that a client
//! that was cut off, or sent away, comes back for the rest (`Last-Event-ID`).
//!
//! Source: MCP specification 2025-11-25, basic/transports, sending messages, resumability and
//! redelivery.

use ::http::StatusCode;
use bytes::Bytes;

use super::json;
use crate::{
    http::response,
    hub::{ToHub, ToHubKind},
    id::StreamId,
    mcp::{
        Revision,
        event_id::EventId,
        invocation::Outgoing,
        json_rpc::{self, Response},
        session::McpSession,
        sse, v2026_07_28,
    },
    step::Cx,
};

/// How an answer is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) batch: bool,
    pub(super) revision: Revision,
    /// Whether the client takes a stream.
    pub(super) streams: bool,
}

/// The answer on its way.
#[derive(Debug)]
pub(super) struct Answering {
    form: Form,
    way: Way,
}

#[derive(Debug)]
enum Way {
    /// Nothing was said yet.
    Whole,
    /// A stream is open; within an MCP session it is kept.
    Streaming(Option<KeptStream>),
    /// The client is away; what is said is kept for it.
    Away(KeptStream),
}

/// A stream that the hub keeps.
#[derive(Debug)]
struct KeptStream {
    name: StreamId,
    next: u64,
}

impl KeptStream {
    fn id(&mut self) -> EventId {
        let number = self.next;
        self.next += 1;
        EventId {
            stream: self.name,
            number,
        }
    }

    fn keep(&self, event: Bytes, cx: &mut Cx<'_>) {
        let stream = self.name;
        cx.to_hub(ToHub(ToHubKind::Keep { stream, event }));
    }
}

impl Answering {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            way: Way::Whole,
        }
    }

    /// Begins a stream, if that has not been done and the client takes one.
    pub(super) fn open(&mut self, session: Option<&McpSession>, cx: &mut Cx<'_>) {
        if !matches!(self.way, Way::Whole) || !self.form.streams {
            return;
        }
        cx.open(sse::head());
        let mut kept = session.map(|session| {
            let name = StreamId(cx.entropy.bytes());
            cx.to_hub(ToHub(ToHubKind::KeepStream {
                stream: name,
                owner: session.owner,
                session: session.id,
            }));
            KeptStream { name, next: 0 }
        });
        if let (Some(kept), true) = (&mut kept, self.form.revision.features().priming) {
            let event = sse::priming(kept.id());
            kept.keep(event.clone(), cx);
            cx.write(event);
        }
        self.way = Way::Streaming(kept);
    }

    /// Says something before the answer, on a stream that is opened for it. A client that takes no stream
    /// does not hear it.
    pub(super) fn say(
        &mut self,
        outgoing: Vec<Outgoing>,
        session: Option<&McpSession>,
        cx: &mut Cx<'_>,
    ) {
        if !outgoing.is_empty() {
            self.open(session, cx);
        }
        for outgoing in outgoing {
            match outgoing {
                Outgoing::Message(json) => self.event(&json, cx),
                Outgoing::Reconnect(after) => self.send_away(after, cx),
            }
        }
    }

    fn event(&mut self, json: &str, cx: &mut Cx<'_>) {
        match &mut self.way {
            Way::Whole => {}
            Way::Streaming(None) => cx.write(sse::event("message", json)),
            Way::Streaming(Some(kept)) => {
                let event = sse::event_of(kept.id(), json);
                kept.keep(event.clone(), cx);
                cx.write(event);
            }
            Way::Away(kept) => {
                let event = sse::event_of(kept.id(), json);
                kept.keep(event, cx);
            }
        }
    }

    /// The connection ends, the call does not: the client comes back for the rest.
    fn send_away(&mut self, after: u64, cx: &mut Cx<'_>) {
        if !self.form.revision.features().priming {
            return;
        }
        match std::mem::replace(&mut self.way, Way::Whole) {
            Way::Streaming(Some(kept)) => {
                cx.write(sse::retry(after));
                cx.close();
                self.way = Way::Away(kept);
            }
            way => self.way = way,
        }
    }

    /// Whether the peer's leaving is the end of it. A stream that is kept goes on without it.
    pub(super) fn peer_left(&mut self) -> bool {
        match std::mem::replace(&mut self.way, Way::Whole) {
            Way::Streaming(Some(kept)) | Way::Away(kept) => {
                self.way = Way::Away(kept);
                false
            }
            Way::Streaming(None) | Way::Whole => true,
        }
    }

    /// A comment, if there is a stream, that keeps the connection awake.
    pub(super) fn keep_awake(&self, cx: &mut Cx<'_>) {
        if matches!(self.way, Way::Streaming(_)) {
            cx.write(Bytes::from_static(sse::KEEP_ALIVE));
        }
    }

    /// The answers: nothing comes after them. There are none, if the client has cancelled what it asked.
    pub(super) fn finish(mut self, answers: &[Response], cx: &mut Cx<'_>) {
        if matches!(self.way, Way::Whole) && answers.is_empty() {
            cx.respond(response::empty(StatusCode::ACCEPTED));
            return;
        }
        if matches!(self.way, Way::Whole) {
            let status = match answers.first() {
                Some(answer) if self.form.revision.features().stateless => {
                    v2026_07_28::status_of(answer.error_code())
                }
                _ => StatusCode::OK,
            };
            cx.respond(json(status, json_rpc::to_json(answers, self.form.batch)));
            return;
        }
        for answer in answers {
            self.event(&answer.to_json(), cx);
        }
        self.end(cx);
    }

    /// The end of a stream; `false` if there is none, and the answer is still to be given.
    pub(super) fn end(self, cx: &mut Cx<'_>) -> bool {
        let kept = match self.way {
            Way::Whole => return false,
            Way::Streaming(kept) => {
                cx.close();
                kept
            }
            Way::Away(kept) => Some(kept),
        };
        if let Some(kept) = kept {
            cx.to_hub(ToHub(ToHubKind::KeptAll { stream: kept.name }));
        }
        true
    }
}
