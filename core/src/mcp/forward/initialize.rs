//! `initialize` of a client: the backend's session is opened, and the client gets what the backend says of itself, with an
//! MCP session of ours.
//!
//! ```text
//! Identifying --> Opening --opened--> 200, Mcp-Session-Id
//!                    \--refused--> 200, the backend's error
//!                     \--fault--> 503
//! ```

use std::{collections::BTreeMap, sync::Arc};

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{called, gateway};
use crate::{
    admit::{bearer, caller::Caller},
    backend::{
        BackendFault, Identified, IdentifyUser, NotIdentified, NotOpened, OpenSession, Opened,
    },
    catalog::{CallError, ClientCapabilities},
    claims_challenge::ClaimsChallenge,
    event::Answer,
    gateway::{RawMessage, Replaced},
    hub::{BackendSession, BackendSessionMessage, ToHub, ToHubKind},
    json_rpc::{self, Error, Request},
    mcp::{
        invocation::ClientProfile,
        lifecycle,
        reply::json as json_response,
        session::{self, McpSession},
        step_up::{self, StepUpEnd, StoppedCall},
    },
    revision::Revision,
    route::Route,
    step::{Cx, Progress},
};

/// The longest parameters that are remembered and sent on: beyond them the backend is told what this server knows.
const PARAMS_BYTES: usize = 4096;

/// A session that a client begins.
#[derive(Debug)]
pub(crate) struct Initializing {
    begun: Begun,
    state: State,
}

/// What its client has sent.
#[derive(Debug)]
struct Begun {
    request: Request,
    params: Arc<str>,
    caller: Box<Caller>,
    /// The backend has said what it wants of the user's access token: it is asked again once.
    was_challenged: bool,
}

#[derive(Debug)]
enum State {
    Identifying(Box<IdentifyUser>),
    Opening(OpenSession),
}

impl Initializing {
    pub(crate) fn start(request: Request, caller: Box<Caller>, cx: &mut Cx<'_>) -> Progress<Self> {
        // What is wrong with the parameters is told by this server.
        let checked = lifecycle::initialize(&request.params, &cx.env.server.catalog);
        if let Err(error) = checked {
            return refuse(&request, error, cx);
        }
        let message = RawMessage::read_of(request.params.body(), &request.id).ok();
        let params = message.as_ref().and_then(RawMessage::params);
        let params: Arc<str> = match params.filter(|params| params.len() <= PARAMS_BYTES) {
            Some(params) => params.into(),
            None => {
                let error = Error::invalid_params("The parameters are too long.");
                return refuse(&request, error, cx);
            }
        };
        let identified = IdentifyUser::start(&caller, None, gateway(cx), cx);
        let begun = Begun {
            request,
            params,
            caller,
            was_challenged: false,
        };
        begun.identified(identified, cx)
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let Self { begun, state } = self;
        let gateway = gateway(cx);
        match state {
            State::Identifying(identify) => {
                let identified = identify.handle(answer, &begun.caller, gateway, cx);
                begun.identified(identified, cx)
            }
            State::Opening(opening) => match opening.handle(answer, gateway, cx) {
                Progress::Pending(opening) => begun.waiting(State::Opening(opening)),
                Progress::Ready(Ok(opened)) => {
                    begin(&begun.request, begun.params, &begun.caller, opened, cx)
                }
                Progress::Ready(Err(NotOpened::Fault(fault))) => {
                    unavailable(&begun.request, fault, cx)
                }
                Progress::Ready(Err(NotOpened::ClaimsRequired(claims))) => {
                    begun.challenged(claims, cx)
                }
                Progress::Ready(Err(NotOpened::Refused(error))) => {
                    let text = error.with_ids(Replaced {
                        id: Some(&begun.request.id),
                        ..Replaced::default()
                    });
                    cx.done(json_response(StatusCode::OK, text))
                }
            },
        }
    }
}

impl Begun {
    fn waiting(self, state: State) -> Progress<Initializing> {
        Progress::Pending(Initializing { begun: self, state })
    }

    fn identified(self, identified: Identified, cx: &mut Cx<'_>) -> Progress<Initializing> {
        let reason = match identified {
            Progress::Pending(identify) => return self.waiting(State::Identifying(identify)),
            Progress::Ready(Ok(credentials)) => {
                let opening = OpenSession::start(&self.params, credentials, gateway(cx), cx);
                return self.waiting(State::Opening(opening));
            }
            Progress::Ready(Err(reason)) => reason,
        };
        match reason {
            NotIdentified::Fault(fault) => unavailable(&self.request, fault, cx),
            NotIdentified::Denied(words) => {
                let error = Error::with_message(Error::INTERNAL, words.into_owned());
                refuse(&self.request, error, cx)
            }
            NotIdentified::ClaimsRequired(claims) => self.step_up(claims, cx),
            NotIdentified::SessionEnded => {
                // Of an access token of Entra's only that one is over.
                if self.caller.entra.is_none() {
                    cx.to_hub(ToHub(ToHubKind::EndSession(self.caller.session.id)));
                }
                cx.done(bearer::session_over(Route::Mcp, cx.env))
            }
        }
    }

    /// The backend wants these claims of the user's token. It is asked again once, if it gets such a token at all.
    fn challenged(mut self, claims: ClaimsChallenge, cx: &mut Cx<'_>) -> Progress<Initializing> {
        let gateway = gateway(cx);
        if gateway.identity.entra.is_none() {
            let fault = BackendFault::Refused(StatusCode::UNAUTHORIZED);
            return unavailable(&self.request, fault, cx);
        }
        if std::mem::replace(&mut self.was_challenged, true) {
            return self.step_up(claims, cx);
        }
        let identified = IdentifyUser::start(&self.caller, Some(claims), gateway, cx);
        self.identified(identified, cx)
    }

    /// The user must satisfy these claims first: a session that has not begun can only say so.
    fn step_up(self, claims: ClaimsChallenge, cx: &mut Cx<'_>) -> Progress<Initializing> {
        let call = StoppedCall {
            revision: Revision::V2025_11_25,
            client_capabilities: ClientCapabilities::default(),
            in_session: false,
            answers: BTreeMap::new(),
            was_asked: false,
        };
        let words = match step_up::end(claims, call, &self.caller, cx) {
            StepUpEnd::Challenge(claims) => {
                return cx.done(bearer::insufficient_claims(Route::Mcp, &claims, cx.env));
            }
            StepUpEnd::Failed(CallError::Message(words)) => words,
            // It is no call that asks for input, and what is no session's was told above.
            StepUpEnd::InputRequired(..) | StepUpEnd::Failed(_) => {
                BackendFault::NoAssertion.message()
            }
        };
        let error = Error::with_message(Error::INTERNAL, words);
        refuse(&self.request, error, cx)
    }
}

/// The session of the backend is open: one of ours begins.
fn begin(
    request: &Request,
    params: Arc<str>,
    caller: &Caller,
    opened: Opened,
    cx: &mut Cx<'_>,
) -> Progress<Initializing> {
    let Opened {
        session: id,
        revision,
        result,
    } = opened;
    let capabilities = request.params.get("capabilities");
    let capabilities = lifecycle::client_capabilities(revision, capabilities);
    let now = cx.env.now.unix;
    let session = McpSession::begin(caller, revision, capabilities, now, cx.entropy);
    let name = session.seal(cx.env, cx.entropy);
    let owner = (caller.principal_id, session.id);
    let backend = BackendSession {
        id,
        revision,
        params,
    };
    let opened = BackendSessionMessage::Opened(owner, backend);
    cx.to_hub(ToHub(ToHubKind::BackendSession(opened)));
    let response = json_rpc::Response::raw_result(request.id.clone(), &result);
    let mut response = json_response(StatusCode::OK, response.to_json());
    let name = HeaderValue::from_str(&name).expect("base64url is visible ASCII");
    response.headers_mut().insert(session::HEADER, name);
    cx.done(response)
}

fn refuse(request: &Request, error: Error, cx: &mut Cx<'_>) -> Progress<Initializing> {
    let answer = json_rpc::Response::error(Some(request.id.clone()), error);
    cx.done(json_response(StatusCode::OK, answer.to_json()))
}

/// 503: nothing is wrong with the client.
fn unavailable(request: &Request, fault: BackendFault, cx: &mut Cx<'_>) -> Progress<Initializing> {
    called::fault_of_backend(fault, cx);
    cx.done(fault_response(request, fault))
}

fn fault_response(request: &Request, fault: BackendFault) -> Response<Bytes> {
    let error = Error::with_message(Error::INTERNAL, fault.message());
    let answer = json_rpc::Response::error(Some(request.id.clone()), error);
    let mut response = json_response(StatusCode::SERVICE_UNAVAILABLE, answer.to_json());
    let seconds = fault.retry_after().map(HeaderValue::from);
    let headers = response.headers_mut();
    headers.extend(seconds.map(|seconds| (header::RETRY_AFTER, seconds)));
    response
}

/// The parameters of `initialize` for a client whose own are not known any more: what its session still says.
pub(super) fn params(client: ClientProfile) -> String {
    let ClientCapabilities {
        elicitation_form,
        elicitation_url,
        sampling,
        roots,
    } = client.client_capabilities;
    let mut capabilities = Map::new();
    let mut can = |name: &str, settings: Value| capabilities.insert(name.to_owned(), settings);
    if elicitation_form || elicitation_url {
        let mut modes = Map::new();
        let names_modes = client.revision >= Revision::V2025_11_25;
        for (mode, has) in [("form", elicitation_form), ("url", elicitation_url)] {
            if has && names_modes {
                modes.insert(mode.to_owned(), json!({}));
            }
        }
        can("elicitation", Value::Object(modes));
    }
    if sampling {
        can("sampling", json!({}));
    }
    if roots {
        can("roots", json!({}));
    }
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "protocolVersion": client.revision.name(),
        "capabilities": capabilities,
        "clientInfo": {"name": "entra-mcp", "version": version},
    })
    .to_string()
}
