//! POST /mcp: messages and their answers.

use ::http::{HeaderMap, HeaderValue, StatusCode};

use super::{
    Streamable,
    post_response::{Form, PostResponse},
};
use crate::{
    admit::{bearer, caller::Caller},
    event::Event,
    http::response,
    hub::{ToHub, ToHubKind},
    json_rpc::{self, Error, Incoming, Message, Refused, Request, Response},
    limits,
    mcp::{
        dispatch::{BatchProgress, BatchStep, IntoTask, RequestBatch, missing_scopes},
        headers,
        inbound::{self, Origin},
        invocation::ClientProfile,
        lifecycle,
        reply::{json, refused},
        session::{self, McpSession, named_session},
        session_monitor::{Due, SessionMonitor},
        sse_stream::Stream,
        tasks::TaskRunner,
        v2026_07_28::{self, subscriptions},
    },
    route::Route,
    step::{Cx, Progress},
    time::Instant,
};

/// Requests are being answered.
#[derive(Debug)]
pub(crate) struct Working {
    caller: Box<Caller>,
    mcp_session: Option<McpSession>,
    work: RequestBatch,
    response: PostResponse,
    monitor: SessionMonitor,
    /// When the whole has taken too long.
    deadline: Instant,
}

impl Working {
    pub(super) fn start(
        headers: &HeaderMap,
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
            return Self::modern(headers, incoming, caller, cx);
        }
        match incoming {
            Incoming::One(Message::Request(request)) if request.method == "initialize" => {
                initialize(request, &caller, cx)
            }
            incoming => Self::in_session(headers, incoming, caller, cx),
        }
    }

    /// A message of 2026-07-28: it says all about itself; sessions and earlier requests do not count
    /// (threat I8).
    fn modern(
        headers: &HeaderMap,
        incoming: Incoming,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        let refuse = |id, error, cx: &mut Cx<'_>| {
            let refusal = Refused { id, error };
            cx.done(refused(StatusCode::BAD_REQUEST, refusal))
        };
        let words = match incoming {
            Incoming::One(Message::Request(request)) => {
                let catalog = &cx.env.server.catalog;
                return match v2026_07_28::check(headers, &request, &caller, catalog) {
                    Err(error) => refuse(Some(request.id), error, cx),
                    Ok(_) if request.method == "subscriptions/listen" => {
                        let id = request.id.clone();
                        match subscriptions::subscription(request, catalog) {
                            Ok(subscription) => Stream::subscribe(subscription, caller, cx)
                                .map_pending(|stream| Streamable::Listening(Box::new(stream))),
                            Err(error) => refuse(Some(id), error, cx),
                        }
                    }
                    Ok(peer) => Self::work((peer, false), None, vec![request], caller, cx),
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
        refuse(None, Error::invalid_request(words), cx)
    }

    /// A message of an older revision, within its MCP session.
    fn in_session(
        headers: &HeaderMap,
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
                let words = "There are no batches in this revision.";
                let error = Error::invalid_request(words);
                let refusal = Refused { id: None, error };
                return cx.done(refused(StatusCode::BAD_REQUEST, refusal));
            }
        };
        let from = Origin {
            principal: caller.principal_id,
            mcp_session: session.id,
        };
        let requests = inbound::route_messages(messages, from, cx);
        if requests.is_empty() {
            return cx.done(response::empty(StatusCode::ACCEPTED));
        }
        let peer = ClientProfile {
            revision: session.revision,
            client_capabilities: session.client_capabilities,
            mcp_session: Some(session.id),
            streams: headers::accepts_streams(headers),
            tasks: false,
        };
        Self::work((peer, batch), Some(session), requests, caller, cx)
    }

    fn work(
        (peer, batch): (ClientProfile, bool),
        mcp_session: Option<McpSession>,
        requests: Vec<Request>,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Progress<Streamable> {
        let catalog = &cx.env.server.catalog;
        let mut missing = requests
            .iter()
            .filter_map(|request| missing_scopes(request, &caller, catalog));
        if let Some(scopes) = missing.next() {
            return cx.done(inbound::forbidden(Route::Mcp, &scopes, &caller, cx));
        }
        let worked = RequestBatch::start(peer, requests, &caller, cx);
        let BatchProgress { outgoing, step } = worked;
        let form = Form {
            batch,
            revision: peer.revision,
            streams: peer.streams,
        };
        let mut response = PostResponse::new(form);
        response.send(outgoing, mcp_session.as_ref(), cx);
        match step {
            BatchStep::Waiting(work) => match work.into_task(&caller, cx) {
                IntoTask::Task(request, call) => TaskRunner::start(call, request, caller, cx)
                    .map_pending(|task| Streamable::Task(Box::new(task))),
                IntoTask::No(work) => Self {
                    monitor: SessionMonitor::new(&caller, cx),
                    deadline: cx.env.now.instant.after(limits::CALL_TIMEOUT),
                    caller,
                    mcp_session,
                    work: *work,
                    response,
                }
                .stay(cx),
            },
            BatchStep::Done(answers) => {
                response.finish(&answers, cx);
                Progress::Ready(())
            }
            BatchStep::SessionOver(_) => session_over(response, &caller, cx),
        }
    }

    fn stay(self, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let wake = self.monitor.wake().min(self.deadline);
        let wake = self.work.wake().map_or(wake, |work| work.min(wake));
        cx.wait_until(wake);
        Progress::Pending(Streamable::Working(Box::new(self)))
    }

    pub(super) fn handle(mut self, event: Event, cx: &mut Cx<'_>) -> Progress<Streamable> {
        match event {
            Event::Disconnected if !self.response.survives_disconnect() => {
                self.work.cancel(cx);
                return Progress::Ready(());
            }
            Event::Disconnected => return self.stay(cx),
            Event::Tick => {
                let now = cx.env.now.instant;
                if now >= self.deadline {
                    let answers = self.work.time_out(cx);
                    self.response.finish(&answers, cx);
                    return Progress::Ready(());
                }
                match self.monitor.tick(&self.caller, cx) {
                    Due::Nothing => {}
                    Due::KeepAlive => {
                        self.response.open(self.mcp_session.as_ref(), cx);
                        self.response.keep_alive(cx);
                    }
                    Due::Over => return self.over(cx),
                }
                if self.work.wake().is_none_or(|wake| now < wake) {
                    return self.stay(cx);
                }
            }
            Event::Stored(answered) if self.monitor.waits_for(&answered) => {
                let session = self.mcp_session.as_ref();
                if self.monitor.is_over(answered, &self.caller, session, cx) {
                    return self.over(cx);
                }
                return self.stay(cx);
            }
            _ => {}
        }
        self.go_on(event, cx)
    }

    /// The work goes on.
    fn go_on(mut self, event: Event, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let BatchProgress { outgoing, step } = self.work.handle(event, &self.caller, cx);
        self.response.send(outgoing, self.mcp_session.as_ref(), cx);
        match step {
            BatchStep::Waiting(work) => Self {
                work: *work,
                ..self
            }
            .stay(cx),
            BatchStep::Done(answers) => {
                self.response.finish(&answers, cx);
                Progress::Ready(())
            }
            BatchStep::SessionOver(_) => session_over(self.response, &self.caller, cx),
        }
    }

    /// The token ended, or the session was revoked, while the answer was under way.
    fn over(self, cx: &mut Cx<'_>) -> Progress<Streamable> {
        self.work.cancel(cx);
        session_over(self.response, &self.caller, cx)
    }
}

/// 401 if nothing was said yet; a stream just ends, and the client's next request gets the 401.
fn session_over(response: PostResponse, caller: &Caller, cx: &mut Cx<'_>) -> Progress<Streamable> {
    cx.to_hub(ToHub(ToHubKind::EndSession(caller.session.id)));
    if !response.end(cx) {
        cx.respond(bearer::session_over(Route::Mcp, cx.env));
    }
    Progress::Ready(())
}

/// Begins an MCP session. An id that the client still has from before a restart or an end does not
/// matter (threat I3).
fn initialize(request: Request, caller: &Caller, cx: &mut Cx<'_>) -> Progress<Streamable> {
    let (revision, client_capabilities, result) =
        match lifecycle::initialize(&request.params, &cx.env.server.catalog) {
            Ok(agreed) => agreed,
            Err(error) => {
                let answer = Response::error(Some(request.id), error);
                return cx.done(json(StatusCode::OK, answer.to_json()));
            }
        };
    let now = cx.env.now.unix;
    let session = McpSession::begin(caller, revision, client_capabilities, now, cx.entropy);
    let id = session.seal(cx.env, cx.entropy);
    let answer = Response::result(request.id, result);
    let mut response = json(StatusCode::OK, answer.to_json());
    let id = HeaderValue::from_str(&id).expect("base64url is visible ASCII");
    response.headers_mut().insert(session::HEADER, id);
    cx.done(response)
}
