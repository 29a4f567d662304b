//! `initialize` of a client: the backend's session is opened, and the client gets what the backend says of itself, with an
//! MCP session of ours.
//!
//! ```text
//! Identifying --> Opening --opened--> 200, Mcp-Session-Id
//!                    \--refused--> 200, the backend's error
//!                     \--fault--> 503
//! ```

use std::sync::Arc;

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{called, gateway, owner_of_process};
use crate::{
    admit::caller::Caller,
    backend::{AssertUser, BackendFault, NotOpened, OpenSession, Opened},
    catalog::ClientCapabilities,
    event::Answer,
    gateway::{Credentials, RawMessage, Replaced},
    hub::{BackendSession, BackendSessionMessage, ToHub, ToHubKind},
    json_rpc::{self, Error, Request},
    mcp::{
        invocation::ClientProfile,
        lifecycle,
        reply::json as json_response,
        session::{self, McpSession},
    },
    revision::Revision,
    step::{Cx, Progress},
};

/// The longest parameters that are remembered and sent on: beyond them the backend is told what this server knows.
const PARAMS_BYTES: usize = 4096;

/// A session that a client begins.
#[derive(Debug)]
pub(crate) struct Initializing {
    request: Request,
    params: Arc<str>,
    caller: Box<Caller>,
    state: State,
}

#[derive(Debug)]
enum State {
    Identifying(AssertUser),
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
        let gateway = gateway(cx);
        let state = match gateway.signs() {
            true => State::Identifying(AssertUser::start(&caller, gateway, cx)),
            false => {
                let owner = owner_of_process(&caller, gateway);
                let credentials = owner.map(Credentials::of_owner).unwrap_or_default();
                State::Opening(OpenSession::start(&params, credentials, gateway, cx))
            }
        };
        Progress::Pending(Self {
            request,
            params,
            caller,
            state,
        })
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let state = match self.state {
            State::Identifying(assert) => match assert.handle(answer, cx) {
                Progress::Pending(assert) => State::Identifying(assert),
                Progress::Ready(Ok(assertion)) => {
                    let credentials = Credentials::of_assertion(assertion);
                    let gateway = gateway(cx);
                    State::Opening(OpenSession::start(&self.params, credentials, gateway, cx))
                }
                Progress::Ready(Err(_)) => {
                    return unavailable(&self.request, BackendFault::NoAssertion, cx);
                }
            },
            State::Opening(opening) => match opening.handle(answer, gateway(cx), cx) {
                Progress::Pending(opening) => State::Opening(opening),
                Progress::Ready(Ok(opened)) => {
                    return begin(&self.request, self.params, &self.caller, opened, cx);
                }
                Progress::Ready(Err(NotOpened::Fault(fault))) => {
                    return unavailable(&self.request, fault, cx);
                }
                Progress::Ready(Err(NotOpened::Refused(error))) => {
                    let text = error.with_ids(Replaced {
                        id: Some(&self.request.id),
                        ..Replaced::default()
                    });
                    return cx.done(json_response(StatusCode::OK, text));
                }
            },
        };
        Progress::Pending(Self { state, ..self })
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
