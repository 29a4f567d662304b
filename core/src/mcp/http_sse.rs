//! POST /message: a message of HTTP+SSE (2024-11-05), answered on its stream.
//!
//! ```text
//! Authenticate --session--> FindingStream --the stream is the caller's--> 202 --> Working --> delivered
//!    +--> 401            +--> 404                                        +--> the stream ends
//! ```
//!
//! The stream is found by the hub, and only if it is the caller's own: the `sessionId` is a name,
//! not a credential (threats I2, I4).
//!
//! Source: MCP specification 2024-11-05, basic/transports, HTTP with SSE.

#[cfg(test)]
mod tests;

use ::http::{Request, StatusCode};
use bytes::Bytes;

use super::{
    dispatch::{BatchProgress, BatchStep, RequestBatch, missing_scopes},
    inbound::{self, Origin},
    invocation::{ClientProfile, ServerMessage},
    lifecycle, v2024_11_05,
};
use crate::{
    admit::caller::{Authenticate, Caller},
    catalog::ClientCapabilities,
    event::Event,
    http::{form::Form, response},
    hub::{FromHub, FromHubKind, Negotiated, ToHub, ToHubKind},
    id::McpSessionId,
    json_rpc::{self, Error, Id, Incoming, Message, Refused, Response},
    limits,
    mcp::reply::refused,
    revision::Revision,
    route::Route,
    step::{Cx, Progress},
    time::Instant,
};

#[derive(Debug)]
pub(crate) enum PostMessage {
    Authenticating(Box<Waiting>),
    FindingStream(Box<FindingStream>),
    Working(Box<Working>),
}

/// The caller is looked up; the message waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    lookup: Authenticate,
    query: String,
    body: Bytes,
}

/// The hub looks for the stream; the message waits.
#[derive(Debug)]
pub(crate) struct FindingStream {
    caller: Box<Caller>,
    mcp_session: McpSessionId,
    body: Bytes,
}

/// 202 was answered; the requests are being answered.
#[derive(Debug)]
pub(crate) struct Working {
    caller: Box<Caller>,
    mcp_session: McpSessionId,
    batch: bool,
    work: RequestBatch,
    /// When it has taken too long.
    deadline: Instant,
}

impl PostMessage {
    pub(crate) fn start(lookup: Authenticate, request: &Request<Bytes>) -> Progress<Self> {
        Progress::Pending(Self::Authenticating(Box::new(Waiting {
            lookup,
            query: request.uri().query().unwrap_or_default().to_owned(),
            body: request.body().clone(),
        })))
    }

    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<Self> {
        match self {
            Self::Authenticating(waiting) => waiting.handle(event, cx),
            Self::FindingStream(finding) => finding.handle(event, cx),
            Self::Working(working) => working.handle(event, cx),
        }
    }

    /// Whether it wants its ticks.
    pub(crate) fn takes_ticks(&self) -> bool {
        matches!(self, Self::Working(_))
    }
}

impl Waiting {
    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let caller = match self.lookup.handle(event, cx) {
            Progress::Pending(lookup) => {
                let waiting = Self { lookup, ..self };
                return Progress::Pending(PostMessage::Authenticating(Box::new(waiting)));
            }
            Progress::Ready(Err(refusal)) => return cx.done(*refusal),
            Progress::Ready(Ok(caller)) => caller,
        };
        let query = Form::parse(self.query.as_bytes());
        let Ok(Some(name)) = query.one("sessionId") else {
            return cx.done(response::text(
                StatusCode::BAD_REQUEST,
                "Name the stream, once, in the query: ?sessionId=...\n",
            ));
        };
        let Some(mcp_session) = McpSessionId::parse(name) else {
            return cx.done(no_stream());
        };
        cx.to_hub(ToHub(ToHubKind::FindStream {
            mcp_session,
            principal: caller.principal_id,
        }));
        Progress::Pending(PostMessage::FindingStream(Box::new(FindingStream {
            caller,
            mcp_session,
            body: self.body,
        })))
    }
}

fn no_stream() -> ::http::Response<Bytes> {
    let words = "Session not found: open a new stream with GET /sse.\n";
    response::text(StatusCode::NOT_FOUND, words)
}

impl FindingStream {
    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        match event {
            Event::FromHub(FromHub(FromHubKind::StreamFound(Some(negotiated)))) => {
                self.found(negotiated, cx)
            }
            Event::FromHub(FromHub(FromHubKind::StreamFound(None))) => cx.done(no_stream()),
            _ => Progress::Pending(PostMessage::FindingStream(Box::new(self))),
        }
    }

    fn found(self, negotiated: Option<Negotiated>, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let refuse = |refusal, cx: &mut Cx<'_>| cx.done(refused(StatusCode::BAD_REQUEST, refusal));
        let (messages, batch) = match json_rpc::parse(&self.body) {
            Err(refusal) => return refuse(refusal, cx),
            Ok(Incoming::One(message)) => (vec![message], false),
            Ok(Incoming::Batch(messages))
                if negotiated.is_some_and(|negotiated| negotiated.revision.features().batches) =>
            {
                (messages, true)
            }
            Ok(Incoming::Batch(_)) => {
                let error = Error::invalid_request("There are no batches in this revision.");
                return refuse(Refused { id: None, error }, cx);
            }
        };
        if let [Message::Request(request)] = messages.as_slice()
            && request.method == "initialize"
        {
            return self.initialize(request, cx);
        }
        let from = Origin {
            principal: self.caller.principal_id,
            mcp_session: self.mcp_session,
        };
        let requests = inbound::route_messages(messages, from, cx);
        let catalog = &cx.env.server.catalog;
        let mut missing = requests
            .iter()
            .filter_map(|request| missing_scopes(request, &self.caller, catalog));
        if let Some(scopes) = missing.next() {
            let refusal = inbound::forbidden(Route::Message, &scopes, &self.caller, cx);
            return cx.done(refusal);
        }
        accepted(cx);
        if requests.is_empty() {
            return Progress::Ready(());
        }
        let is_ping = |method: &str| method == "ping";
        let negotiated = match negotiated {
            Some(negotiated) => negotiated,
            // Before `initialize` a ping only is answered (lifecycle, initialization).
            None if requests.iter().all(|request| is_ping(&request.method)) => Negotiated {
                revision: Revision::V2024_11_05,
                client_capabilities: ClientCapabilities::default(),
            },
            None => {
                let error = Error::invalid_request("The first request is `initialize`.");
                let id = requests.into_iter().next().map(|request| request.id);
                let answer = Response::error(id, error);
                return deliver(&[answer], batch, self.mcp_session, &self.caller, cx);
            }
        };
        let peer = ClientProfile {
            revision: negotiated.revision,
            client_capabilities: negotiated.client_capabilities,
            mcp_session: Some(self.mcp_session),
            streams: true,
            tasks: false,
        };
        let deadline = cx.env.now.instant.after(limits::CALL_TIMEOUT);
        let worked = RequestBatch::start(peer, requests, &self.caller, cx);
        Working::went(worked, (batch, deadline), self.mcp_session, self.caller, cx)
    }

    fn initialize(&self, request: &json_rpc::Request, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        accepted(cx);
        let id = request.id.clone();
        let answer = match lifecycle::initialize(&request.params, &cx.env.server.catalog) {
            Err(error) => Response::error(Some(id), error),
            Ok((revision, client_capabilities, result)) => {
                cx.to_hub(ToHub(ToHubKind::Negotiated {
                    mcp_session: self.mcp_session,
                    principal: self.caller.principal_id,
                    negotiated: Negotiated {
                        revision,
                        client_capabilities,
                    },
                }));
                Response::result(id, result)
            }
        };
        deliver(&[answer], false, self.mcp_session, &self.caller, cx)
    }
}

/// 202: the message was taken; its answer comes on the stream.
fn accepted(cx: &mut Cx<'_>) {
    cx.respond(response::text(StatusCode::ACCEPTED, "Accepted"));
}

impl Working {
    fn handle(self, event: Event, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let form = (self.batch, self.deadline);
        if matches!(event, Event::Tick) {
            let now = cx.env.now.instant;
            if now >= self.deadline {
                let answers = self.work.time_out(cx);
                return deliver(&answers, self.batch, self.mcp_session, &self.caller, cx);
            }
            if self.work.wake().is_none_or(|wake| now < wake) {
                return self.stay(cx);
            }
        }
        let worked = self.work.handle(event, &self.caller, cx);
        Self::went(worked, form, self.mcp_session, self.caller, cx)
    }

    fn stay(self, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let wake = self.work.wake();
        cx.wait_until(wake.map_or(self.deadline, |wake| wake.min(self.deadline)));
        Progress::Pending(PostMessage::Working(Box::new(self)))
    }

    fn went(
        worked: BatchProgress,
        (batch, deadline): (bool, Instant),
        mcp_session: McpSessionId,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Progress<PostMessage> {
        for outgoing in worked.outgoing {
            // There is nowhere to come back to: an HTTP+SSE stream is one for everything.
            if let ServerMessage::Json(json) = outgoing {
                cx.to_hub(to_stream(&json, mcp_session, &caller));
            }
        }
        match worked.step {
            BatchStep::Waiting(work) => Self {
                caller,
                mcp_session,
                batch,
                work: *work,
                deadline,
            }
            .stay(cx),
            BatchStep::Done(answers) => deliver(&answers, batch, mcp_session, &caller, cx),
            BatchStep::SessionOver(id) => session_over(id, mcp_session, &caller, cx),
        }
    }
}

fn to_stream(json: &str, mcp_session: McpSessionId, caller: &Caller) -> ToHub {
    ToHub(ToHubKind::Deliver {
        mcp_session,
        principal: caller.principal_id,
        bytes: v2024_11_05::message_event(json),
    })
}

fn deliver(
    answers: &[Response],
    batch: bool,
    mcp_session: McpSessionId,
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> Progress<PostMessage> {
    if answers.is_empty() {
        return Progress::Ready(());
    }
    let json = json_rpc::to_json(answers, batch);
    cx.to_hub(to_stream(&json, mcp_session, caller));
    Progress::Ready(())
}

/// The 202 is out, so the stream tells: an error, then its end. When the client opens a new one, it
/// gets the 401 that makes it sign in.
fn session_over(
    id: Id,
    mcp_session: McpSessionId,
    caller: &Caller,
    cx: &mut Cx<'_>,
) -> Progress<PostMessage> {
    let error = Error::new(
        Error::INTERNAL,
        "The sign-in has ended. Please sign in again.",
    );
    let answer = Response::error(Some(id), error);
    let next = deliver(&[answer], false, mcp_session, caller, cx);
    cx.to_hub(ToHub(ToHubKind::EndSession(caller.session.id)));
    next
}
