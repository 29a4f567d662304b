//! POST /mcp: messages and their answers.

use ::http::{HeaderValue, StatusCode};

use super::{
    Streamable,
    keeping::Keeping,
    post_response::{Form, PostResponse},
};
use crate::{
    admit::caller::Caller,
    event::Answer,
    http::response,
    json_rpc::{self, Error, Incoming, Message, Refused, Request, Response},
    mcp::{
        audit,
        dispatch::missing_scopes,
        execution::{Execution, Output},
        forward::{self, ClientNotification, InitializeFrom, Initializing, Notified},
        headers,
        inbound::{self, Origin, Routed},
        invocation::ClientProfile,
        lifecycle,
        reply::{json, refused},
        security_schemes,
        session::{self, McpSession, named_session},
        sse_stream::Stream,
        v2026_07_28::{self, subscriptions},
    },
    route::Route,
    step::{Cx, Progress},
};

/// Answers a POST of this caller.
pub(super) fn start(
    headers: &headers::McpHeaders,
    body: &[u8],
    caller: Box<Caller>,
    cx: &mut Cx<'_>,
) -> Progress<Streamable> {
    let incoming = match json_rpc::parse(body) {
        Ok(incoming) => incoming,
        Err(refusal) => return cx.done(refused(StatusCode::BAD_REQUEST, refusal)),
    };
    let params = match &incoming {
        Incoming::One(Message::Request(request)) => Some(&request.params),
        Incoming::One(Message::Notification(notification)) => Some(&notification.params),
        _ => None,
    };
    if v2026_07_28::is_modern(headers, params) {
        return modern(headers, incoming, caller, cx);
    }
    match incoming {
        Incoming::One(Message::Request(request)) if request.method == "initialize" => {
            match cx.env.gateway() {
                Some(_) => Initializing::start(request, InitializeFrom::Post, caller, cx)
                    .map_pending(|state| Streamable::Initializing(Box::new(state))),
                None => initialize(request, &caller, cx),
            }
        }
        incoming => in_session(headers, incoming, caller, cx),
    }
}

/// A message of 2026-07-28: it says all about itself; sessions and earlier requests do not count
/// (threat I8).
fn modern(
    headers: &headers::McpHeaders,
    incoming: Incoming,
    caller: Box<Caller>,
    cx: &mut Cx<'_>,
) -> Progress<Streamable> {
    let refuse = |id, error, cx: &mut Cx<'_>| {
        let refusal = Refused { id, error };
        cx.done(refused(StatusCode::BAD_REQUEST, refusal))
    };
    let message = match incoming {
        Incoming::One(Message::Request(mut request)) => {
            let catalog = cx.env.catalog;
            let is_gateway = cx.env.gateway().is_some();
            return match v2026_07_28::check(headers, &request, &caller, catalog) {
                Err(error) => refuse(Some(request.id), error, cx),
                Ok(_) if is_gateway && forward::listens(&request, cx) => {
                    match forward::listen_request(&request, &caller, cx) {
                        Ok(message) => {
                            Stream::subscribe_at_backend((request.id, message), caller, cx)
                                .map_pending(|stream| Streamable::Listening(Box::new(stream)))
                        }
                        Err(error) => refuse(Some(request.id), error, cx),
                    }
                }
                Ok(_) if request.method == "subscriptions/listen" && !is_gateway => {
                    let id = request.id.clone();
                    match subscriptions::subscription(request, &caller, catalog) {
                        Ok(subscription) => Stream::subscribe(subscription, caller, cx)
                            .map_pending(|stream| Streamable::Listening(Box::new(stream))),
                        Err(error) => refuse(Some(id), error, cx),
                    }
                }
                Ok(client) => {
                    if is_gateway {
                        request.header_params = headers::parameters(headers);
                    }
                    execute((client, false), None, vec![request], caller, cx)
                }
            };
        }
        Incoming::One(Message::Notification(notification)) => {
            return match v2026_07_28::check_notification(headers, &notification.method) {
                Err(error) => refuse(None, error, cx),
                Ok(()) => cx.done(response::empty(StatusCode::ACCEPTED)),
            };
        }
        Incoming::One(Message::Response(_)) => "A client does not send responses.",
        Incoming::Batch(_) => "There are no batches in this revision.",
    };
    refuse(None, Error::invalid_request(message), cx)
}

/// A message of an older revision, within its MCP session.
fn in_session(
    headers: &headers::McpHeaders,
    incoming: Incoming,
    caller: Box<Caller>,
    cx: &mut Cx<'_>,
) -> Progress<Streamable> {
    let session = match named_session(headers, &caller, cx) {
        Ok(session) => session,
        Err(refusal) => return cx.done(*refusal),
    };
    let (messages, batch) = match incoming {
        Incoming::One(message) => (vec![message], false),
        Incoming::Batch(messages) if session.revision.features().batches => (messages, true),
        Incoming::Batch(_) => {
            let message = "There are no batches in this revision.";
            let error = Error::invalid_request(message);
            let refusal = Refused { id: None, error };
            return cx.done(refused(StatusCode::BAD_REQUEST, refusal));
        }
    };
    let tells = ClientNotification::is_among(&messages, cx);
    let from = Origin {
        principal: caller.principal_id,
        mcp_session: session.id,
    };
    let routed = inbound::route_messages(messages, from, cx);
    let client = ClientProfile {
        revision: session.revision,
        client_capabilities: session.client_capabilities,
        mcp_session: Some(session.id),
        streams: headers::accepts_streams(headers),
        shares_stream: false,
        tasks: false,
        security_schemes: security_schemes::are_known_to(headers),
        level: Some(caller.session.outline.mcp_settings.level(session.id)),
        has_set: false,
    };
    let received = Received {
        session,
        client,
        batch,
        routed,
    };
    if tells {
        return Notifying::start(received, caller, cx);
    }
    received.answer(caller, cx)
}

/// What came within an MCP session.
#[derive(Debug)]
struct Received {
    session: McpSession,
    client: ClientProfile,
    batch: bool,
    routed: Routed,
}

impl Received {
    /// Answers the requests of it, if there are some.
    fn answer(mut self, mut caller: Box<Caller>, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let Routed {
            requests,
            undelivered,
        } = self.routed;
        if requests.is_empty() && undelivered.is_empty() {
            return cx.done(response::empty(StatusCode::ACCEPTED));
        }
        if requests.is_empty() {
            return Keeping::start(undelivered, cx);
        }
        caller.client_info = std::mem::take(&mut self.session.client_info);
        let client = (self.client, self.batch);
        execute(client, Some(self.session), requests, caller, cx)
    }
}

/// The backend is told what a client tells it; the rest waits.
#[derive(Debug)]
pub(crate) struct Notifying {
    notification: ClientNotification,
    received: Received,
}

impl Notifying {
    fn start(received: Received, caller: Box<Caller>, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let notified = ClientNotification::start(received.session.id, caller, cx);
        Self::notified(notified, received, cx)
    }

    fn notified(notified: Notified, received: Received, cx: &mut Cx<'_>) -> Progress<Streamable> {
        match notified {
            Progress::Pending(notification) => {
                Progress::Pending(Streamable::Notifying(Box::new(Self {
                    notification,
                    received,
                })))
            }
            Progress::Ready(caller) => received.answer(caller, cx),
        }
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let notified = self.notification.handle(answer, cx);
        Self::notified(notified, self.received, cx)
    }
}

fn execute(
    (client, batch): (ClientProfile, bool),
    mcp_session: Option<McpSession>,
    requests: Vec<Request>,
    caller: Box<Caller>,
    cx: &mut Cx<'_>,
) -> Progress<Streamable> {
    let mut missing = requests
        .iter()
        // The others are told by the result of the tool.
        .filter(|request| !client.security_schemes || request.method != "tools/call")
        .filter_map(|request| Some((request, missing_scopes(request, &caller, cx.env)?)));
    if let Some((request, scopes)) = missing.next() {
        audit::refused_at_gateway(request, &caller, cx);
        let refusal = inbound::forbidden(Route::Mcp, &scopes, &caller, cx);
        return cx.done(refusal);
    }
    let form = Form {
        batch,
        revision: client.revision,
        streams: client.streams,
    };
    let output = Output::Post(PostResponse::new(form, caller.session.id));
    Execution::start(client, requests, mcp_session, output, caller, cx)
        .map_pending(Streamable::Executing)
}

/// Begins an MCP session. An id that the client still has from before a restart or an end does not
/// matter (threat I3).
fn initialize(request: Request, caller: &Caller, cx: &mut Cx<'_>) -> Progress<Streamable> {
    let (revision, client_capabilities, result) =
        match lifecycle::initialize(&request.params, caller, cx.env.catalog) {
            Ok(agreed) => agreed,
            Err(error) => {
                let answer = Response::error(Some(request.id), error);
                return cx.done(json(StatusCode::OK, answer.to_json()));
            }
        };
    let now = cx.env.now.unix;
    let client_info = lifecycle::client_info(request.params.get("clientInfo"));
    let client = (client_capabilities, client_info);
    let session = McpSession::begin(caller, revision, client, now, cx.entropy);
    let id = session.seal(cx.env, cx.entropy);
    let answer = Response::result(request.id, result);
    let mut response = json(StatusCode::OK, answer.to_json());
    let id = HeaderValue::from_str(&id).expect("base64url is visible ASCII");
    response.headers_mut().insert(session::HEADER, id);
    cx.done(response)
}
