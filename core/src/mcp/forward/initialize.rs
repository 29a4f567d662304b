//! `initialize` of a client: the backend's session is opened, and the client gets what the backend says of itself, with an
//! MCP session of ours.
//!
//! ```text
//! Identifying --> Opening --opened--> 200, Mcp-Session-Id
//!                    \--refused--> 200, the backend's error
//!                     \--fault--> 503
//! ```
//!
//! On a stream of HTTP+SSE all three are messages, and the session is the stream's.

use std::{collections::BTreeMap, sync::Arc};

use ::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{called, gateway};
use crate::{
    admit::{bearer, caller::Caller},
    backend::{
        BackendFault, Identified, IdentifyUser, NotIdentified, NotOpened, OpenSession, Opened,
    },
    catalog::{CallError, ClientCapabilities, ClientInfo},
    claims_challenge::ClaimsChallenge,
    event::Answer,
    gateway::{GivenCredentials, KeptHeaderParams, RawMessage, Replaced, assertion},
    hub::{BackendSession, BackendSessionMessage, Negotiated, RefusesWithin, ToHub, ToHubKind},
    json_rpc::{self, Error, Id, Request},
    mcp::{
        execution::HttpSseOutput,
        lifecycle,
        reply::{self, json as json_response},
        session::{self, McpSession},
        step_up::{self, StepUpEnd, StoppedCall},
    },
    revision::Revision,
    route::Route,
    step::{Cx, Progress},
};

/// The longest parameters that are remembered and sent on: beyond them the backend is told what this server knows.
pub(super) const PARAMS_BYTES: usize = 4096;

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
    from: InitializeFrom,
    params: Arc<str>,
    /// What the client speaks.
    revision: Revision,
    caller: Box<Caller>,
    /// The backend has said what it wants of the user's access token: it is asked again once.
    was_challenged: bool,
    /// What the backend is given.
    given: GivenCredentials,
}

/// By which transport a client begins a session, and where it is answered.
#[derive(Debug)]
pub(crate) enum InitializeFrom {
    /// The response to a POST.
    Post,
    /// Its stream (2024-11-05).
    HttpSse(HttpSseOutput),
}

impl InitializeFrom {
    /// Answers with this response, and with this status where there is one.
    fn answer(
        self,
        status: StatusCode,
        response: json_rpc::Response,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        cx: &mut Cx<'_>,
    ) -> Progress<Initializing> {
        match self {
            Self::Post => {
                let mut posted = json_response(status, response.to_json());
                posted.headers_mut().extend(headers);
                cx.done(posted)
            }
            Self::HttpSse(output) => {
                output.finish(&[response], cx);
                Progress::Ready(())
            }
        }
    }

    /// Answers that the session of the caller has to be renewed, or satisfy more: on a stream there are words only.
    fn challenge(
        self,
        response: Response<Bytes>,
        id: Id,
        error: Error,
        cx: &mut Cx<'_>,
    ) -> Progress<Initializing> {
        match self {
            Self::Post => cx.done(response),
            Self::HttpSse(_) => {
                let error = json_rpc::Response::error(Some(id), error);
                self.answer(StatusCode::OK, error, None, cx)
            }
        }
    }
}

#[derive(Debug)]
enum State {
    Identifying(Box<IdentifyUser>),
    Opening(Box<OpenSession>),
}

impl Initializing {
    pub(crate) fn start(
        request: Request,
        from: InitializeFrom,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Progress<Self> {
        // What is wrong with the parameters is told by this server.
        let checked = lifecycle::initialize(&request.params, &caller, cx.env.catalog);
        let revision = match checked {
            Ok((revision, ..)) => revision,
            Err(error) => return refuse(request, from, error, cx),
        };
        let message = RawMessage::read_of(request.params.body(), &request.id).ok();
        // Only this server says who calls.
        let message = message.map(|message| message.without(&["_meta", assertion::META]));
        let params = message.as_ref().and_then(RawMessage::params);
        let params: Arc<str> = match params.filter(|params| params.len() <= PARAMS_BYTES) {
            Some(params) => params.into(),
            None => {
                let error = Error::invalid_params("The parameters are too long.");
                return refuse(request, from, error, cx);
            }
        };
        let identified = IdentifyUser::start(&caller, None, gateway(cx), cx);
        let begun = Begun {
            request,
            from,
            params,
            revision,
            caller,
            was_challenged: false,
            given: GivenCredentials::default(),
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
                Progress::Pending(opening) => begun.waiting(State::Opening(Box::new(opening))),
                Progress::Ready(Ok(opened)) => begin(begun, opened, cx),
                Progress::Ready(Err(NotOpened::Fault(fault))) => {
                    unavailable(begun.request, begun.from, fault, cx)
                }
                Progress::Ready(Err(NotOpened::ClaimsRequired(claims))) => {
                    begun.challenged(claims, cx)
                }
                Progress::Ready(Err(NotOpened::Refused(error))) => {
                    let text = error.with_ids(Replaced {
                        id: Some(&begun.request.id),
                        ..Replaced::default()
                    });
                    let code = error.error_code();
                    let response = json_rpc::Response::whole(begun.request.id, text, code);
                    begun.from.answer(StatusCode::OK, response, None, cx)
                }
            },
        }
    }
}

impl Begun {
    fn waiting(self, state: State) -> Progress<Initializing> {
        Progress::Pending(Initializing { begun: self, state })
    }

    fn identified(mut self, identified: Identified, cx: &mut Cx<'_>) -> Progress<Initializing> {
        let reason = match identified {
            Progress::Pending(identify) => return self.waiting(State::Identifying(identify)),
            Progress::Ready(Ok(credentials)) => {
                self.given.add(&credentials);
                let opening =
                    OpenSession::start(&self.params, self.revision, credentials, gateway(cx), cx);
                return self.waiting(State::Opening(Box::new(opening)));
            }
            Progress::Ready(Err(reason)) => reason,
        };
        match reason {
            NotIdentified::Fault(fault) => unavailable(self.request, self.from, fault, cx),
            NotIdentified::Denied(words) => {
                let error = Error::with_message(Error::INTERNAL, words.into_owned());
                refuse(self.request, self.from, error, cx)
            }
            NotIdentified::ClaimsRequired(claims) => self.step_up(claims, cx),
            NotIdentified::SessionEnded => {
                // Of an access token of Entra's only that one is over.
                if self.caller.entra.is_none() {
                    cx.to_hub(ToHub(ToHubKind::EndSession(self.caller.session.id)));
                }
                let response = bearer::session_over(Route::Mcp, cx.env);
                let error = reply::sign_in_ended();
                self.from.challenge(response, self.request.id, error, cx)
            }
        }
    }

    /// The backend wants these claims of the user's token. It is asked again once, if it gets such a token at all.
    fn challenged(mut self, claims: ClaimsChallenge, cx: &mut Cx<'_>) -> Progress<Initializing> {
        let gateway = gateway(cx);
        if gateway.identity.entra.is_none() {
            let fault = BackendFault::Refused(StatusCode::UNAUTHORIZED);
            return unavailable(self.request, self.from, fault, cx);
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
                let response = bearer::insufficient_claims(Route::Mcp, &claims, cx.env);
                let words =
                    "The server behind this gateway wants the user to satisfy more: sign in again.";
                let error = Error::new(Error::INTERNAL, words);
                return self.from.challenge(response, self.request.id, error, cx);
            }
            StepUpEnd::Failed(CallError::Message(words)) => words,
            // It is no call that asks for input, and what is no session's was told above.
            StepUpEnd::InputRequired(..) | StepUpEnd::Failed(_) => {
                BackendFault::NoAssertion.message()
            }
        };
        let error = Error::with_message(Error::INTERNAL, words);
        refuse(self.request, self.from, error, cx)
    }
}

/// The session of the backend is open: one of ours begins.
fn begin(begun: Begun, opened: Opened, cx: &mut Cx<'_>) -> Progress<Initializing> {
    let Begun {
        request,
        from,
        params,
        revision: agreed,
        caller,
        given,
        ..
    } = begun;
    let Opened {
        session: id,
        revision: of_backend,
        result,
    } = opened;
    // A backend of 2026-07-28 is spoken with in the client's place.
    let revision = match of_backend.features().stateless {
        true => agreed,
        false => of_backend,
    };
    let capabilities = request.params.get("capabilities");
    let client_capabilities = lifecycle::client_capabilities(revision, capabilities);
    let (principal, now) = (caller.principal_id, cx.env.now.unix);
    let (mcp_session, name) = match &from {
        InitializeFrom::Post => {
            // No tool of this server's asks which program it is.
            let client = (client_capabilities, ClientInfo::default());
            let session = McpSession::begin(&caller, revision, client, now, cx.entropy);
            let name = session.seal(cx.env, cx.entropy);
            let name = HeaderValue::from_str(&name).expect("base64url is visible ASCII");
            (session.id, Some((NAME, name)))
        }
        InitializeFrom::HttpSse(output) => {
            let mcp_session = output.mcp_session;
            let negotiated = Negotiated::new(revision, client_capabilities, ClientInfo::default());
            cx.to_hub(ToHub(ToHubKind::Negotiated {
                mcp_session,
                principal,
                negotiated,
            }));
            (mcp_session, None)
        }
    };
    let backend = BackendSession {
        endpoint: cx.env.endpoint,
        id,
        revision: of_backend,
        params,
        said: None,
        idle: gateway(cx).session_idle(),
        given,
        header_params: KeptHeaderParams::default(),
        refuses: RefusesWithin::default(),
    };
    let opened =
        BackendSessionMessage::Opened((principal, mcp_session), caller.session.id, backend);
    cx.to_hub(ToHub(ToHubKind::BackendSession(opened)));
    let response = json_rpc::Response::raw_result(request.id, &result);
    from.answer(StatusCode::OK, response, name, cx)
}

const NAME: HeaderName = HeaderName::from_static(session::HEADER);

fn refuse(
    request: Request,
    from: InitializeFrom,
    error: Error,
    cx: &mut Cx<'_>,
) -> Progress<Initializing> {
    let answer = json_rpc::Response::error(Some(request.id), error);
    from.answer(StatusCode::OK, answer, None, cx)
}

/// 503: nothing is wrong with the client.
fn unavailable(
    request: Request,
    from: InitializeFrom,
    fault: BackendFault,
    cx: &mut Cx<'_>,
) -> Progress<Initializing> {
    called::fault_of_backend(fault, None, cx);
    let error = Error::with_message(Error::INTERNAL, fault.message());
    let answer = json_rpc::Response::error(Some(request.id), error);
    let seconds = fault.retry_after().map(HeaderValue::from);
    let headers = seconds.map(|seconds| (header::RETRY_AFTER, seconds));
    from.answer(StatusCode::SERVICE_UNAVAILABLE, answer, headers, cx)
}

/// The parameters of `initialize` for a client whose own are not known any more: what its session still says.
pub(crate) fn params(revision: Revision, client_capabilities: ClientCapabilities) -> String {
    let ClientCapabilities {
        elicitation_form,
        elicitation_url,
        sampling,
        roots,
    } = client_capabilities;
    let mut capabilities = Map::new();
    let mut can = |name: &str, settings: Value| capabilities.insert(name.to_owned(), settings);
    if elicitation_form || elicitation_url {
        let mut modes = Map::new();
        let names_modes = revision >= Revision::V2025_11_25;
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
        "protocolVersion": revision.name(),
        "capabilities": capabilities,
        "clientInfo": {"name": "entra-mcp", "version": version},
    })
    .to_string()
}
