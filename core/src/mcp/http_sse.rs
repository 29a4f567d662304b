//! POST /message: a message of HTTP+SSE (2024-11-05), answered on its stream.
//!
//! ```text
//! Authenticate --session--> FindingStream --the stream is the caller's--> 202 --> Executing --> delivered
//!    +--> 401                    +--> 404                                 |       +--> the stream ends
//!                                                                         +--> Notifying (a gateway only) --> Executing
//!                                                                         +--> Initializing (a gateway only) --> delivered
//! ```
//!
//! The stream is found by the hub, and only if it is the caller's own: the `sessionId` is a name,
//! not a credential (threats I2, I4). While its client does not read, the message waits before it is accepted.
//!
//! Source: MCP specification 2024-11-05, basic/transports, HTTP with SSE.

#[cfg(test)]
mod tests;

use ::http::StatusCode;
use bytes::Bytes;
use entra_mcp_http1::RequestHead;

use super::{
    audit,
    authenticate::Authenticate,
    dispatch::missing_scopes,
    execution::{Execution, HttpSseOutput, Output},
    forward::{ClientNotification, InitializeFrom, Initializing, Notified},
    inbound::{self, Origin, Routed},
    invocation::ClientProfile,
    lifecycle,
};
use crate::{
    admit::caller::Caller,
    ask::Awaiting,
    catalog::{ClientCapabilities, ClientInfo},
    event::{Answer, Input},
    http::{form::Form, response},
    hub::{FindRefusal, FindStream, Negotiated, ToHub, ToHubKind},
    id::McpSessionId,
    json_rpc::{self, Error, Incoming, Message, Refused, Response},
    mcp::reply::refused,
    revision::Revision,
    route::Route,
    step::{Cx, Progress},
};

#[derive(Debug)]
pub(crate) enum PostMessage {
    Authenticating(Box<Waiting>),
    FindingStream(Box<FindingStream>),
    Executing(Box<Execution>),
    /// The backend opens a session (a gateway only).
    Initializing(Box<Initializing>),
    /// The backend is told something (a gateway only).
    Notifying(Box<Notifying>),
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
    awaiting: Awaiting<FindStream>,
}

/// A message for a stream that was found.
struct ReceivedMessage {
    caller: Box<Caller>,
    mcp_session: McpSessionId,
    body: Bytes,
}

impl PostMessage {
    pub(crate) fn start(lookup: Authenticate, head: &RequestHead, body: Bytes) -> Progress<Self> {
        Progress::Pending(Self::Authenticating(Box::new(Waiting {
            lookup,
            query: head.uri.query().unwrap_or_default().to_owned(),
            body,
        })))
    }

    pub(crate) fn handle(self, input: Input, cx: &mut Cx<'_>) -> Progress<Self> {
        match (self, input) {
            (Self::Executing(execution), input) => {
                execution.handle(input, cx).map_pending(Self::Executing)
            }
            (Self::Authenticating(waiting), Input::Answer(answer)) => waiting.handle(answer, cx),
            (Self::FindingStream(finding), Input::Answer(answer)) => finding.handle(answer, cx),
            (Self::Initializing(state), Input::Answer(answer)) => state
                .handle(answer, cx)
                .map_pending(|state| Self::Initializing(Box::new(state))),
            (Self::Notifying(state), Input::Answer(answer)) => state.handle(answer, cx),
            // The message is taken though its sender has left. It is no call before it is.
            (
                state @ (Self::Authenticating(_)
                | Self::FindingStream(_)
                | Self::Initializing(_)
                | Self::Notifying(_)),
                Input::Tick
                | Input::Disconnected
                | Input::Call(_)
                | Input::Task(_)
                | Input::Process(_)
                | Input::ReplayTakenOver,
            ) => Progress::Pending(state),
        }
    }

    /// Whether it wants its ticks.
    pub(crate) fn wants_ticks(&self) -> bool {
        matches!(self, Self::Executing(_))
    }
}

impl Waiting {
    fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let caller = match self.lookup.handle(answer, cx) {
            Progress::Pending(lookup) => {
                let waiting = Box::new(Self { lookup, ..self });
                return Progress::Pending(PostMessage::Authenticating(waiting));
            }
            Progress::Ready(Ok(caller)) => caller,
            Progress::Ready(Err(refusal)) => return cx.done(*refusal),
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
        let awaiting = cx.ask_hub(|ticket| ToHubKind::FindStream {
            ticket,
            mcp_session,
            principal: caller.principal_id,
            session: caller.session.id,
            token_expires: caller.expires,
        });
        Progress::Pending(PostMessage::FindingStream(Box::new(FindingStream {
            caller,
            mcp_session,
            body: self.body,
            awaiting,
        })))
    }
}

fn no_stream() -> ::http::Response<Bytes> {
    let message = "Session not found: open a new stream with GET /sse.\n";
    response::text(StatusCode::NOT_FOUND, message)
}

impl FindingStream {
    fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let Self {
            caller,
            mcp_session,
            body,
            awaiting,
        } = self;
        match awaiting.into_answer(answer) {
            Ok(negotiated) => {
                let message = ReceivedMessage {
                    caller,
                    mcp_session,
                    body,
                };
                message.process(negotiated, cx)
            }
            Err(FindRefusal::NotFound) => cx.done(no_stream()),
            Err(FindRefusal::Busy) => cx.done(response::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many messages wait for this stream to be read. Read it, and try again.\n",
            )),
        }
    }
}

impl ReceivedMessage {
    fn process(self, negotiated: Option<Negotiated>, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let (mut messages, batch) = match self.messages(negotiated.as_ref()) {
            Err(refusal) => return cx.done(refused(StatusCode::BAD_REQUEST, refusal)),
            Ok(read) => read,
        };
        let begins = |message: &mut Message| matches!(message, Message::Request(request) if request.method == "initialize");
        if messages.len() == 1
            && let Some(Message::Request(request)) = messages.pop_if(begins)
        {
            if cx.env.gateway().is_none() {
                return self.initialize(&request, cx);
            }
            accepted(cx);
            let from = InitializeFrom::HttpSse(self.output(false));
            return Initializing::start(request, from, self.caller, cx)
                .map_pending(|state| PostMessage::Initializing(Box::new(state)));
        }
        let tells = ClientNotification::is_among(&messages, cx);
        let from = Origin {
            principal: self.caller.principal_id,
            mcp_session: self.mcp_session,
        };
        // A client stays with the replica that has its stream, and so its calls.
        let Routed { requests, .. } = inbound::route_messages(messages, from, cx);
        let mut missing = requests
            .iter()
            .filter_map(|request| Some((request, missing_scopes(request, &self.caller, cx.env)?)));
        if let Some((request, scopes)) = missing.next() {
            audit::refused_at_gateway(request, &self.caller, cx);
            let refusal = inbound::forbidden(Route::Message, &scopes, &self.caller, cx);
            return cx.done(refusal);
        }
        accepted(cx);
        let requests = Accepted {
            mcp_session: self.mcp_session,
            requests,
            batch,
            negotiated,
        };
        match tells {
            true => {
                let notified = ClientNotification::start(self.mcp_session, self.caller, cx);
                Notifying::notified(notified, requests, cx)
            }
            false => requests.answer(self.caller, cx),
        }
    }

    /// What the body holds, and whether it is a batch.
    fn messages(&self, negotiated: Option<&Negotiated>) -> Result<(Vec<Message>, bool), Refused> {
        match json_rpc::parse(&self.body)? {
            Incoming::One(message) => Ok((vec![message], false)),
            Incoming::Batch(messages)
                if negotiated.is_some_and(|negotiated| negotiated.revision.features().batches) =>
            {
                Ok((messages, true))
            }
            Incoming::Batch(_) => {
                let error = Error::invalid_request("There are no batches in this revision.");
                Err(Refused { id: None, error })
            }
        }
    }

    fn output(&self, batch: bool) -> HttpSseOutput {
        output(self.mcp_session, &self.caller, batch)
    }

    fn initialize(&self, request: &json_rpc::Request, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        accepted(cx);
        let id = request.id.clone();
        let answer = match lifecycle::initialize(&request.params, &self.caller, cx.env.catalog) {
            Err(error) => Response::error(Some(id), error),
            Ok((revision, client_capabilities, result)) => {
                cx.to_hub(ToHub(ToHubKind::Negotiated {
                    mcp_session: self.mcp_session,
                    principal: self.caller.principal_id,
                    negotiated: Negotiated::new(
                        revision,
                        client_capabilities,
                        lifecycle::client_info(request.params.get("clientInfo")),
                    ),
                }));
                Response::result(id, result)
            }
        };
        self.output(false).finish(&[answer], cx);
        Progress::Ready(())
    }
}

fn output(mcp_session: McpSessionId, caller: &Caller, batch: bool) -> HttpSseOutput {
    HttpSseOutput {
        mcp_session,
        principal: caller.principal_id,
        batch,
        delivering: None,
    }
}

/// The requests of a message that was taken.
#[derive(Debug)]
struct Accepted {
    mcp_session: McpSessionId,
    requests: Vec<json_rpc::Request>,
    batch: bool,
    negotiated: Option<Negotiated>,
}

impl Accepted {
    fn answer(self, mut caller: Box<Caller>, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let requests = self.requests;
        if requests.is_empty() {
            return Progress::Ready(());
        }
        let output = output(self.mcp_session, &caller, self.batch);
        let is_ping = |method: &str| method == "ping";
        let negotiated = match self.negotiated {
            Some(negotiated) => negotiated,
            // Before `initialize` a ping only is answered (lifecycle, initialization).
            None if requests.iter().all(|request| is_ping(&request.method)) => {
                let capabilities = ClientCapabilities::default();
                Negotiated::new(Revision::V2024_11_05, capabilities, ClientInfo::default())
            }
            None => {
                let error = Error::invalid_request("The first request is `initialize`.");
                let id = requests.into_iter().next().map(|request| request.id);
                let answer = Response::error(id, error);
                output.finish(&[answer], cx);
                return Progress::Ready(());
            }
        };
        caller.client_info = negotiated.client_info;
        let client = ClientProfile {
            revision: negotiated.revision,
            client_capabilities: negotiated.client_capabilities,
            mcp_session: Some(self.mcp_session),
            streams: true,
            shares_stream: true,
            tasks: false,
            security_schemes: false,
            level: Some(negotiated.level),
            has_set: false,
        };
        let output = Output::HttpSse(output);
        Execution::start(client, requests, None, output, caller, cx)
            .map_pending(PostMessage::Executing)
    }
}

/// The backend is told what a client tells it; the requests beside it wait.
#[derive(Debug)]
pub(crate) struct Notifying {
    notification: ClientNotification,
    requests: Accepted,
}

impl Notifying {
    fn notified(notified: Notified, requests: Accepted, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        match notified {
            Progress::Pending(notification) => {
                Progress::Pending(PostMessage::Notifying(Box::new(Self {
                    notification,
                    requests,
                })))
            }
            Progress::Ready(caller) => requests.answer(caller, cx),
        }
    }

    fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<PostMessage> {
        let notified = self.notification.handle(answer, cx);
        Self::notified(notified, self.requests, cx)
    }
}

/// 202: the message was taken; its answer comes on the stream.
fn accepted(cx: &mut Cx<'_>) {
    cx.respond(response::text(StatusCode::ACCEPTED, "Accepted"));
}
