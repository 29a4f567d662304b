//! How the response to a POST leaves: as JSON if nothing was sent before it, else as a stream.
//!
//! ```text
//! Json --a message, or it takes long--> Sse --the peer leaves, or the stream is closed--> Detached
//!   +--the responses--> JSON             +--the responses--> closed                         +--> kept
//! ```
//!
//! A stream is closed for a while only if the hub has agreed to keep its events.
//!
//! Within an MCP session each event of the stream has an id and is kept by the hub, so that a client
//! that was cut off, or told to come back, resumes it (`Last-Event-ID`).
//!
//! Source: MCP specification 2025-11-25, basic/transports, sending messages, resumability and
//! redelivery.

use std::ops::ControlFlow;

use ::http::{StatusCode, header};
use bytes::Bytes;

use crate::{
    admit::bearer,
    ask::Awaiting,
    event::Answer,
    http::response,
    hub::{OpenReplay, ToHub, ToHubKind},
    id::{SessionId, StreamId},
    json_rpc::{self, Error, Response},
    mcp::{
        event_id::EventId,
        invocation::{Challenge, ServerMessage},
        reply::json,
        session::McpSession,
        sse, v2026_07_28,
    },
    revision::Revision,
    route::Route,
    step::Cx,
};

/// What a client that comes back gets in place of a response that could not be kept.
const TOO_LARGE: &str = "The response was too large to be kept until the client came back.";

/// What is sent when nothing is kept for a client that comes back.
const NOT_RESUMABLE: &[u8] =
    b": too many responses are kept for this client; this one cannot be resumed\n\n";

/// How a response is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(super) batch: bool,
    pub(super) revision: Revision,
    /// Whether the client takes a stream.
    pub(super) streams: bool,
}

/// The response to a POST on its way.
#[derive(Debug)]
pub(crate) struct PostResponse {
    form: Form,
    /// The session of the caller: what is kept for the client ends with it.
    session: SessionId,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    /// Nothing was sent yet.
    Json,
    /// A stream is open; within an MCP session its events are kept.
    Sse(Option<ReplayWriter>),
    /// The client is not connected; what is sent is kept for it.
    Detached(ReplayWriter),
}

/// A stream whose events the hub keeps.
#[derive(Debug)]
struct ReplayWriter {
    stream: StreamId,
    next: u64,
    /// Whether the hub keeps them, until it has said that it does.
    opening: Option<Awaiting<OpenReplay>>,
    /// With which `retry` the stream is to be closed once they are kept.
    close_when_kept: Option<u64>,
}

impl ReplayWriter {
    fn next_id(&mut self) -> EventId {
        let number = self.next;
        self.next += 1;
        EventId {
            stream: self.stream,
            number,
        }
    }

    /// Keeps a message, and gives the event that it is.
    fn append(&mut self, json: &str, instead: Option<&str>, cx: &mut Cx<'_>) -> Bytes {
        let id = self.next_id();
        let event = sse::event_of(id, json);
        self.keep(id, event.clone(), instead, cx);
        event
    }

    fn keep(&self, id: EventId, event: Bytes, instead: Option<&str>, cx: &mut Cx<'_>) {
        cx.to_hub(ToHub(ToHubKind::AppendReplay {
            stream: id.stream,
            number: id.number,
            event,
            instead: instead.map(|json| sse::event_of(id, json)),
        }));
    }
}

impl PostResponse {
    pub(crate) fn new(form: Form, session: SessionId) -> Self {
        Self {
            form,
            session,
            mode: Mode::Json,
        }
    }

    /// Opens a stream, if none is open and the client takes one.
    pub(crate) fn open(&mut self, mcp_session: Option<&McpSession>, cx: &mut Cx<'_>) {
        if !matches!(self.mode, Mode::Json) || !self.form.streams {
            return;
        }
        cx.open(sse::head());
        let mut replay = mcp_session.map(|mcp_session| {
            let stream = StreamId(cx.entropy.bytes());
            let opening = cx.ask_hub(|ticket| ToHubKind::OpenReplay {
                ticket,
                stream,
                principal: mcp_session.principal,
                session: self.session,
                mcp_session: mcp_session.id,
            });
            ReplayWriter {
                stream,
                next: 0,
                opening: Some(opening),
                close_when_kept: None,
            }
        });
        if let (Some(replay), true) = (&mut replay, self.form.revision.features().priming) {
            let id = replay.next_id();
            let event = sse::priming(id);
            replay.keep(id, event.clone(), None, cx);
            cx.write(event);
        }
        self.mode = Mode::Sse(replay);
    }

    /// Sends messages before the response, on a stream that is opened for them. A client that takes no
    /// stream does not get them.
    pub(crate) fn send(
        &mut self,
        messages: Vec<ServerMessage>,
        session: Option<&McpSession>,
        cx: &mut Cx<'_>,
    ) {
        if !messages.is_empty() {
            self.open(session, cx);
        }
        for message in messages {
            match message {
                ServerMessage::Json(json) => self.event(&json, None, cx),
                ServerMessage::CloseStream(retry) => self.close_for_retry(retry, cx),
                // It is the response, and comes last.
                ServerMessage::InputRequired(..) => {}
            }
        }
    }

    fn event(&mut self, json: &str, instead: Option<&str>, cx: &mut Cx<'_>) {
        match &mut self.mode {
            Mode::Json => {}
            Mode::Sse(None) => cx.write(sse::event("message", json)),
            Mode::Sse(Some(replay)) => {
                let event = replay.append(json, instead, cx);
                cx.write(event);
            }
            Mode::Detached(replay) => drop(replay.append(json, instead, cx)),
        }
    }

    /// The client has resumed the response on another stream: this one ends, for a message goes to one stream.
    pub(crate) fn taken_over(&mut self, cx: &mut Cx<'_>) {
        self.mode = match std::mem::replace(&mut self.mode, Mode::Json) {
            Mode::Sse(Some(replay)) => {
                cx.close();
                Mode::Detached(replay)
            }
            mode => mode,
        };
    }

    /// Takes the hub's answer whether it keeps the events; another one is given back. `false` if there is
    /// nothing more to wait for.
    pub(crate) fn answered(
        &mut self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> ControlFlow<bool, Answer> {
        let opening = match &mut self.mode {
            Mode::Sse(Some(replay)) | Mode::Detached(replay) => {
                replay.opening.take_if(|one| one.id() == answer.ask())
            }
            Mode::Sse(None) | Mode::Json => None,
        };
        match opening {
            Some(opening) => {
                let is_kept = opening.into_answer(answer);
                ControlFlow::Break(self.replay_opened(is_kept, cx))
            }
            None => ControlFlow::Continue(answer),
        }
    }

    /// The hub has answered whether it keeps the events. If not, there is nothing for a client that comes back,
    /// and no event has an id from now on; `false` if the client has left already.
    fn replay_opened(&mut self, is_kept: bool, cx: &mut Cx<'_>) -> bool {
        match &mut self.mode {
            Mode::Json | Mode::Sse(None) => true,
            Mode::Sse(Some(replay)) if is_kept => {
                if let Some(retry) = replay.close_when_kept.take() {
                    self.close_for_retry(retry, cx);
                }
                true
            }
            Mode::Sse(Some(_)) => {
                cx.write(Bytes::from_static(NOT_RESUMABLE));
                self.mode = Mode::Sse(None);
                true
            }
            Mode::Detached(_) => is_kept,
        }
    }

    /// Closes the stream, but not the call: the client comes back for the rest, if that is kept for it.
    fn close_for_retry(&mut self, retry: u64, cx: &mut Cx<'_>) {
        if !self.form.revision.features().priming {
            return;
        }
        match std::mem::replace(&mut self.mode, Mode::Json) {
            Mode::Sse(Some(replay)) if replay.opening.is_none() => {
                cx.write(sse::retry(retry));
                cx.close();
                self.mode = Mode::Detached(replay);
            }
            Mode::Sse(Some(mut replay)) => {
                replay.close_when_kept = Some(retry);
                self.mode = Mode::Sse(Some(replay));
            }
            mode => self.mode = mode,
        }
    }

    /// Whether the response still has somewhere to go when the peer has disconnected: a stream whose events
    /// are kept has.
    pub(crate) fn survives_disconnect(&mut self) -> bool {
        match std::mem::replace(&mut self.mode, Mode::Json) {
            Mode::Sse(Some(replay)) | Mode::Detached(replay) => {
                self.mode = Mode::Detached(replay);
                true
            }
            Mode::Sse(None) | Mode::Json => false,
        }
    }

    /// Sends a comment, if there is a stream, that keeps the connection open.
    pub(crate) fn keep_alive(&self, cx: &mut Cx<'_>) {
        if matches!(self.mode, Mode::Sse(_)) {
            cx.write(Bytes::from_static(sse::KEEP_ALIVE));
        }
    }

    /// Sends the responses, and nothing after them. There are none if the client has cancelled its requests.
    pub(crate) fn finish(self, responses: &[Response], cx: &mut Cx<'_>) {
        if !matches!(self.mode, Mode::Json) {
            return self.end(responses, cx);
        }
        if responses.is_empty() {
            return cx.respond(response::empty(StatusCode::ACCEPTED));
        }
        // Of several each says for itself what is wrong.
        let retry_after = match responses {
            [one] if !self.form.batch => one.retry_after(),
            _ => None,
        };
        let status = match responses.first() {
            Some(_) if retry_after.is_some() => StatusCode::SERVICE_UNAVAILABLE,
            Some(first) if self.form.revision.features().stateless => {
                v2026_07_28::status_of(first.error_code())
            }
            _ => StatusCode::OK,
        };
        let mut response = json(status, json_rpc::to_json(responses, self.form.batch));
        let headers = response.headers_mut();
        headers.extend(retry_after.map(|seconds| (header::RETRY_AFTER, seconds.into())));
        cx.respond(response);
    }

    /// The session was revoked: answers 401 if nothing was sent yet; a stream ends with these errors.
    pub(crate) fn session_over(
        self,
        responses: &[Response],
        challenge: Challenge,
        cx: &mut Cx<'_>,
    ) {
        match self.mode {
            Mode::Json => cx.respond(match challenge {
                None => bearer::session_over(Route::Mcp, cx.env),
                Some(claims) => bearer::insufficient_claims(Route::Mcp, &claims, cx.env),
            }),
            Mode::Sse(_) | Mode::Detached(_) => self.end(responses, cx),
        }
    }

    /// Sends the responses on the stream and ends it.
    fn end(mut self, responses: &[Response], cx: &mut Cx<'_>) {
        for response in responses {
            let instead = response.error_instead(Error::new(Error::INTERNAL, TOO_LARGE));
            self.event(&response.to_json(), Some(&instead.to_json()), cx);
        }
        let (replay, is_sent) = match self.mode {
            Mode::Json => return,
            Mode::Sse(replay) => {
                cx.close();
                (replay, true)
            }
            Mode::Detached(replay) => (Some(replay), false),
        };
        if let Some(replay) = replay {
            cx.to_hub(ToHub(ToHubKind::CloseReplay {
                stream: replay.stream,
                is_sent,
            }));
        }
    }
}
