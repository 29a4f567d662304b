//! POST /mcp: messages and their answers.

use ::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;

use super::{Streamable, json, named_session, refused};
use crate::{
    event::Event,
    exchange::{Cx, Next},
    http::{answer, bearer},
    hub::{ToHub, ToHubKind},
    mcp::{
        Caller, Revision,
        dispatch::{self, Work, Worked},
        json_rpc::{self, Answer, Error, Incoming, Message, Refused, Request},
        lifecycle,
        session::{self, McpSession},
        v2026_07_28,
    },
    oauth::scope::Scope,
    route::Route,
};

/// Requests are being answered.
#[derive(Debug)]
pub(crate) struct Working {
    caller: Box<Caller>,
    work: Work,
    form: Form,
}

/// How the answers are sent.
#[derive(Clone, Copy, Debug)]
struct Form {
    batch: bool,
    stateless: bool,
}

impl Working {
    pub(super) fn start(
        headers: &HeaderMap,
        body: &[u8],
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Next<Streamable> {
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
    /// (threats.md I8, RPC-22, SESS-15).
    fn modern(
        headers: &HeaderMap,
        incoming: Incoming,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Next<Streamable> {
        let refuse = |id, error, cx: &mut Cx<'_>| {
            let refusal = Refused { id, error };
            cx.done(refused(StatusCode::BAD_REQUEST, refusal))
        };
        let words = match incoming {
            Incoming::One(Message::Request(request)) => {
                return match v2026_07_28::check(headers, &request) {
                    Err(error) => refuse(Some(request.id), error, cx),
                    Ok(()) => {
                        let form = Form {
                            batch: false,
                            stateless: true,
                        };
                        Self::work(Revision::V2026_07_28, vec![request], form, caller, cx)
                    }
                };
            }
            Incoming::One(Message::Notification(notification)) => {
                return match v2026_07_28::check_notification(headers, &notification.method) {
                    Err(error) => refuse(None, error, cx),
                    Ok(()) => cx.done(answer::empty(StatusCode::ACCEPTED)),
                };
            }
            Incoming::One(Message::Response) => "A client does not send responses.",
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
    ) -> Next<Streamable> {
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
        let requests = requests_of(messages);
        if requests.is_empty() {
            return cx.done(answer::empty(StatusCode::ACCEPTED));
        }
        let form = Form {
            batch,
            stateless: false,
        };
        Self::work(session.revision, requests, form, caller, cx)
    }

    fn work(
        revision: Revision,
        requests: Vec<Request>,
        form: Form,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Next<Streamable> {
        let mut missing = requests
            .iter()
            .filter_map(|request| dispatch::missing_scope(request, &caller));
        if let Some(scope) = missing.next() {
            return cx.done(forbidden(Route::Mcp, scope, cx));
        }
        let worked = Work::start(revision, requests, &caller, cx);
        Self::went(worked, form, caller, cx)
    }

    pub(super) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Next<Streamable> {
        let worked = self.work.handle(event, &self.caller, cx);
        Self::went(worked, self.form, self.caller, cx)
    }

    fn went(worked: Worked, form: Form, caller: Box<Caller>, cx: &mut Cx<'_>) -> Next<Streamable> {
        match worked {
            Worked::Waiting(work) => {
                Next::Go(Streamable::Working(Box::new(Self { caller, work, form })))
            }
            Worked::SessionOver(_) => {
                cx.tell(ToHub(ToHubKind::EndSession(caller.session.id)));
                cx.done(bearer::session_over(Route::Mcp, cx.env))
            }
            Worked::Done(answers) => {
                let status = match answers.first() {
                    Some(answer) if form.stateless => v2026_07_28::status_of(answer.error_code()),
                    _ => StatusCode::OK,
                };
                cx.done(json(status, json_rpc::to_json(&answers, form.batch)))
            }
        }
    }
}

/// What wants an answer; notifications that mean nothing here and answers that nobody asked for are
/// dropped (threats.md K8).
pub(in crate::mcp) fn requests_of(messages: Vec<Message>) -> Vec<Request> {
    let requests = messages.into_iter().filter_map(|message| match message {
        Message::Request(request) => Some(request),
        Message::Notification(_) | Message::Response => None,
    });
    requests.collect()
}

/// 403: the token does not have the scope.
pub(in crate::mcp) fn forbidden(route: Route, scope: &str, cx: &Cx<'_>) -> ::http::Response<Bytes> {
    let scope = Scope::parse(scope).unwrap_or_else(Scope::all);
    bearer::insufficient_scope(route, &scope, cx.env)
}

/// Begins an MCP session. An id that the client still has from before a restart or an end does not
/// matter (threats.md I3; products.md 16).
fn initialize(request: Request, caller: &Caller, cx: &mut Cx<'_>) -> Next<Streamable> {
    let (revision, result) = match lifecycle::initialize(&request.params) {
        Ok(agreed) => agreed,
        Err(error) => {
            let answer = Answer::error(Some(request.id), error);
            return cx.done(json(StatusCode::OK, answer.to_json()));
        }
    };
    let session = McpSession::begin(caller, revision, cx.env.now.unix, cx.entropy);
    let id = session.seal(cx.env, cx.entropy);
    let answer = Answer::result(request.id, result);
    let mut response = json(StatusCode::OK, answer.to_json());
    let id = HeaderValue::from_str(&id).expect("base64url is visible ASCII");
    response.headers_mut().insert(session::HEADER, id);
    cx.done(response)
}
