//! A session of the backend is opened: `initialize` with the client's own parameters, then `notifications/initialized`. A backend of
//! 2026-07-28 has none, and says of itself by `server/discover` what else it would say then.
//!
//! ```text
//! Initializing --result--> Confirming --> Opened: its name at the backend, if it has one; its revision; what it says of itself
//!   |     ^ \--refused--\
//!   |   refused          v
//!   |     \--------- Discovering --result--> Opened, without a name (of a process: that one)
//!   \--both refused, fault--> NotOpened
//! ```
//!
//! What the client speaks is tried first. Neither does anything at the backend, so the other one may follow.
//!
//! Source: MCP specification 2025-11-25, basic/lifecycle; basic/transports, session management; 2026-07-28, server/discover.

use std::sync::Arc;

use ::http::StatusCode;

use super::{Arrived, BackendFault, IncomingMessages};
use crate::{
    claims_challenge::ClaimsChallenge,
    config::Gateway,
    event::Answer,
    gateway::{
        BackendRequest, Credentials, Declared, InitializeResult, MessageKind, RawMessage,
        initialize_of_discover,
    },
    json_rpc::Id,
    revision::Revision,
    step::{Cx, Progress},
};

/// The id of our `initialize`.
const ID: Id = Id::Positive(0);

/// The longest name of a session that is believed.
const SESSION_BYTES: usize = 1024;

/// A session that is open.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) session: Option<Arc<str>>,
    /// What the backend speaks: 2026-07-28 if it has no sessions.
    pub(crate) revision: Revision,
    /// The result of `initialize`, as the client gets it.
    pub(crate) result: String,
}

/// Why none is.
#[derive(Debug)]
pub(crate) enum NotOpened {
    Fault(BackendFault),
    /// The backend refuses, with this error.
    Refused(Box<RawMessage>),
    /// The backend wants these claims of the user's access token.
    ClaimsRequired(ClaimsChallenge),
}

/// A session that is being opened.
#[derive(Debug)]
pub(crate) struct OpenSession {
    opening: Box<Opening>,
    state: State,
}

/// What does not change meanwhile.
#[derive(Debug)]
struct Opening {
    params: Arc<str>,
    /// What the client speaks.
    revision: Revision,
    credentials: Credentials,
    /// Why the other era is tried.
    refused: Option<NotOpened>,
}

#[derive(Debug)]
enum State {
    Initializing(IncomingMessages),
    Discovering(IncomingMessages),
    Confirming(Opened, IncomingMessages),
}

type Step = Progress<OpenSession, Result<Opened, NotOpened>>;

impl OpenSession {
    /// Begins, with these parameters of `initialize`, an object as it is written, for a client of this revision.
    pub(crate) fn start(
        params: &Arc<str>,
        revision: Revision,
        credentials: Credentials,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Self {
        let opening = Box::new(Opening {
            params: Arc::clone(params),
            revision,
            credentials,
            refused: None,
        });
        match revision.features().stateless {
            true => opening.discover(None, gateway, cx),
            false => opening.initialize(None, gateway, cx),
        }
    }

    pub(crate) fn handle(self, answer: Answer, gateway: &Gateway, cx: &mut Cx<'_>) -> Step {
        let Self { opening, state } = self;
        match state {
            State::Initializing(incoming) => opening.asked(true, incoming, answer, gateway, cx),
            State::Discovering(incoming) => opening.asked(false, incoming, answer, gateway, cx),
            State::Confirming(opened, mut incoming) => match incoming.handle(answer) {
                Arrived::Messages(_) => {
                    incoming.more(cx);
                    let state = State::Confirming(opened, incoming);
                    Progress::Pending(Self { opening, state })
                }
                Arrived::End(_, fault) if !incoming.is_success() => {
                    Progress::Ready(Err(not_opened(fault, &incoming)))
                }
                Arrived::End(..) => Progress::Ready(Ok(opened)),
                Arrived::Fault(fault) => Progress::Ready(Err(NotOpened::Fault(fault))),
            },
        }
    }
}

impl Opening {
    /// Sends `initialize`, to the process of this name if there is one already.
    fn initialize(
        self: Box<Self>,
        to: Option<Arc<str>>,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> OpenSession {
        let (id, params) = (0, &self.params);
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{params}}}"#);
        let request = BackendRequest {
            revision: None,
            ..request(to, Revision::V2025_11_25, body, gateway)
        };
        let incoming = IncomingMessages::send(request, gateway, &self.credentials, cx);
        let state = State::Initializing(incoming);
        OpenSession {
            opening: self,
            state,
        }
    }

    /// Sends `server/discover`.
    fn discover(
        self: Box<Self>,
        to: Option<Arc<str>>,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> OpenSession {
        let method = "server/discover";
        let body = format!(r#"{{"jsonrpc":"2.0","id":0,"method":"{method}"}}"#);
        let message = RawMessage::read(&body).ok();
        let declared = Declared::of_initialize(&self.params);
        let message = message.and_then(|message| message.for_stateless(declared?, None));
        let body = message.map_or(body, |message| message.text().to_owned());
        let request = BackendRequest {
            routed_by: Some((method.to_owned(), None)),
            ..request(to, Revision::V2026_07_28, body, gateway)
        };
        let incoming = IncomingMessages::send(request, gateway, &self.credentials, cx);
        let state = State::Discovering(incoming);
        OpenSession {
            opening: self,
            state,
        }
    }

    /// Takes what comes of one of them.
    fn asked(
        self: Box<Self>,
        is_initialize: bool,
        mut incoming: IncomingMessages,
        answer: Answer,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Step {
        let (messages, end) = match incoming.handle(answer) {
            Arrived::Messages(messages) => (messages, None),
            Arrived::End(messages, fault) => (messages, Some(fault)),
            Arrived::Fault(fault) => {
                let reason = NotOpened::Fault(fault);
                return self.refused(is_initialize, reason, &incoming, gateway, cx);
            }
        };
        let is_answer = |message: &RawMessage| match message.kind() {
            MessageKind::Response { id: Some(id), .. } => *id == ID,
            // It could not read the request, or knows no session: there is one request.
            MessageKind::Response { id: None, .. } => true,
            MessageKind::Request { .. } | MessageKind::Notification { .. } => false,
        };
        let Some(message) = messages.into_iter().find(is_answer) else {
            if let Some(fault) = end {
                let reason = not_opened(fault, &incoming);
                return self.refused(is_initialize, reason, &incoming, gateway, cx);
            }
            incoming.more(cx);
            let state = match is_initialize {
                true => State::Initializing(incoming),
                false => State::Discovering(incoming),
            };
            return Progress::Pending(OpenSession {
                opening: self,
                state,
            });
        };
        if end.is_none() {
            incoming.cancel(cx);
        }
        let is_error = matches!(message.kind(), MessageKind::Response { is_error: true, .. });
        let fault = match is_error {
            true => incoming.turned_away(),
            false => incoming.status_fault(),
        };
        if is_error || fault.is_some() {
            let reason = match fault {
                Some(fault) => not_opened(fault, &incoming),
                None => NotOpened::Refused(Box::new(message)),
            };
            return self.refused(is_initialize, reason, &incoming, gateway, cx);
        }
        let result = message.outcome().unwrap_or_default();
        let opened = match is_initialize {
            true => self.initialized(result, &incoming, gateway, cx),
            false => self.discovered(result, &incoming),
        };
        opened.unwrap_or_else(|this| {
            let reason = NotOpened::Fault(BackendFault::NotUnderstood);
            this.refused(is_initialize, reason, &incoming, gateway, cx)
        })
    }

    fn initialized(
        self: Box<Self>,
        result: &str,
        incoming: &IncomingMessages,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Result<Step, Box<Self>> {
        let Some(result) = InitializeResult::read(result) else {
            return Err(self);
        };
        let session = incoming.session().map(Arc::from);
        let session = session.filter(|session: &Arc<str>| session.len() <= SESSION_BYTES);
        let opened = Opened {
            session: session.clone(),
            revision: result.revision,
            result: result.text,
        };
        let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned();
        let request = BackendRequest {
            within: Some(gateway.limits.opening),
            ..BackendRequest::post(session, opened.revision, body)
        };
        let incoming = IncomingMessages::send(request, gateway, &self.credentials, cx);
        let state = State::Confirming(opened, incoming);
        Ok(Progress::Pending(OpenSession {
            opening: self,
            state,
        }))
    }

    fn discovered(
        self: Box<Self>,
        result: &str,
        incoming: &IncomingMessages,
    ) -> Result<Step, Box<Self>> {
        // A process is not listened to.
        let is_heard = incoming.process().is_none();
        match initialize_of_discover(result, self.revision, is_heard) {
            Some(result) => Ok(Progress::Ready(Ok(Opened {
                session: incoming.process().map(Arc::from),
                revision: Revision::V2026_07_28,
                result,
            }))),
            None => Err(self),
        }
    }

    /// It was not to be had so: in the other era, perhaps.
    fn refused(
        mut self: Box<Self>,
        is_initialize: bool,
        reason: NotOpened,
        incoming: &IncomingMessages,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Step {
        let may_be_of_other_era = match &reason {
            NotOpened::Refused(_) => true,
            NotOpened::Fault(BackendFault::Status(status)) => matches!(
                *status,
                StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
            ),
            NotOpened::Fault(BackendFault::Broken | BackendFault::NotUnderstood) => {
                !is_initialize && incoming.is_success()
            }
            NotOpened::Fault(_) | NotOpened::ClaimsRequired(_) => false,
        };
        let before = self.refused.take();
        match before {
            None if may_be_of_other_era => {
                self.refused = Some(reason);
                let process = incoming.process().map(Arc::from);
                Progress::Pending(match is_initialize {
                    true => self.discover(process, gateway, cx),
                    false => self.initialize(process, gateway, cx),
                })
            }
            // What `initialize` was refused with says most, unless the backend has failed meanwhile.
            Some(before) if !is_initialize && may_be_of_other_era => Progress::Ready(Err(before)),
            _ => Progress::Ready(Err(reason)),
        }
    }
}

/// A request that opens a session, or is sent to the process that was begun for one.
fn request(
    to: Option<Arc<str>>,
    revision: Revision,
    body: String,
    gateway: &Gateway,
) -> BackendRequest {
    BackendRequest {
        begins: to.is_none(),
        within: Some(gateway.limits.opening),
        ..BackendRequest::post(to, revision, body)
    }
}

fn not_opened(fault: BackendFault, incoming: &IncomingMessages) -> NotOpened {
    match incoming.claims() {
        Some(claims) => NotOpened::ClaimsRequired(claims),
        None => NotOpened::Fault(fault),
    }
}
