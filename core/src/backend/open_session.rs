//! A session of the backend is opened: `initialize` with the client's own parameters, then `notifications/initialized`.
//!
//! ```text
//! Initializing --result--> Confirming --> Opened: its name at the backend, if it has one; its revision; what it says of itself
//!      \--error, fault--> NotOpened
//! ```
//!
//! Source: MCP specification 2025-11-25, basic/lifecycle; basic/transports, session management.

use std::sync::Arc;

use super::{Arrived, BackendFault, IncomingMessages};
use crate::{
    claims_challenge::ClaimsChallenge,
    config::Gateway,
    event::Answer,
    gateway::{BackendRequest, Credentials, InitializeResult, MessageKind, RawMessage},
    json_rpc::Id,
    limits,
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
    pub(crate) revision: Revision,
    /// The result of `initialize`, as the client gets it.
    pub(crate) result: String,
}

/// Why none is.
#[derive(Debug)]
pub(crate) enum NotOpened {
    Fault(BackendFault),
    /// The backend refuses, with this error.
    Refused(RawMessage),
    /// The backend wants these claims of the user's access token.
    ClaimsRequired(ClaimsChallenge),
}

/// A session that is being opened.
#[derive(Debug)]
pub(crate) struct OpenSession {
    credentials: Credentials,
    state: State,
}

#[derive(Debug)]
enum State {
    Initializing(IncomingMessages),
    Confirming(Opened, IncomingMessages),
}

type Step = Progress<OpenSession, Result<Opened, NotOpened>>;

impl OpenSession {
    /// Sends `initialize` with these parameters, an object as it is written.
    pub(crate) fn start(
        params: &str,
        credentials: Credentials,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Self {
        let id = 0;
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{params}}}"#);
        let request = BackendRequest {
            revision: None,
            within: Some(match gateway.command() {
                Some(_) => limits::PROCESS_OPENING,
                None => limits::BACKEND_OPENING,
            }),
            ..BackendRequest::post(None, Revision::V2025_11_25, body)
        };
        let incoming = IncomingMessages::send(request, gateway, &credentials, cx);
        Self {
            credentials,
            state: State::Initializing(incoming),
        }
    }

    pub(crate) fn handle(self, answer: Answer, gateway: &Gateway, cx: &mut Cx<'_>) -> Step {
        let Self { credentials, state } = self;
        match state {
            State::Initializing(incoming) => {
                Self::initializing(incoming, answer, credentials, gateway, cx)
            }
            State::Confirming(opened, mut incoming) => match incoming.handle(answer) {
                Arrived::Messages(_) => {
                    incoming.more(cx);
                    let state = State::Confirming(opened, incoming);
                    Progress::Pending(Self { credentials, state })
                }
                Arrived::End(_, fault) if !incoming.is_success() => {
                    Progress::Ready(Err(not_opened(fault, &incoming)))
                }
                Arrived::End(..) => Progress::Ready(Ok(opened)),
                Arrived::Fault(fault) => Progress::Ready(Err(NotOpened::Fault(fault))),
            },
        }
    }

    fn initializing(
        mut incoming: IncomingMessages,
        answer: Answer,
        credentials: Credentials,
        gateway: &Gateway,
        cx: &mut Cx<'_>,
    ) -> Step {
        let fail = |fault| Progress::Ready(Err(NotOpened::Fault(fault)));
        let (messages, end) = match incoming.handle(answer) {
            Arrived::Messages(messages) => (messages, None),
            Arrived::End(messages, fault) => (messages, Some(fault)),
            Arrived::Fault(fault) => return fail(fault),
        };
        let is_answer = |message: &RawMessage| match message.kind() {
            MessageKind::Response { id: Some(id), .. } => *id == ID,
            // It could not read the request, or knows no session: there is one request.
            MessageKind::Response { id: None, .. } => true,
            MessageKind::Request { .. } | MessageKind::Notification { .. } => false,
        };
        let Some(message) = messages.into_iter().find(is_answer) else {
            if let Some(fault) = end {
                return Progress::Ready(Err(not_opened(fault, &incoming)));
            }
            incoming.more(cx);
            let state = State::Initializing(incoming);
            return Progress::Pending(Self { credentials, state });
        };
        if matches!(message.kind(), MessageKind::Response { is_error: true, .. }) {
            return match end {
                Some(fault @ (BackendFault::Refused(_) | BackendFault::Busy(_))) => {
                    Progress::Ready(Err(not_opened(fault, &incoming)))
                }
                _ => Progress::Ready(Err(NotOpened::Refused(message))),
            };
        }
        let Some(result) = message.outcome().and_then(InitializeResult::read) else {
            return fail(BackendFault::NotUnderstood);
        };
        let session = incoming.session().map(Arc::from);
        let session = session.filter(|session: &Arc<str>| session.len() <= SESSION_BYTES);
        if end.is_none() {
            incoming.cancel(cx);
        }
        let opened = Opened {
            session: session.clone(),
            revision: result.revision,
            result: result.text,
        };
        let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned();
        let request = BackendRequest {
            within: Some(limits::BACKEND_OPENING),
            ..BackendRequest::post(session, opened.revision, body)
        };
        let incoming = IncomingMessages::send(request, gateway, &credentials, cx);
        let state = State::Confirming(opened, incoming);
        Progress::Pending(Self { credentials, state })
    }
}

fn not_opened(fault: BackendFault, incoming: &IncomingMessages) -> NotOpened {
    match incoming.claims() {
        Some(claims) => NotOpened::ClaimsRequired(claims),
        None => NotOpened::Fault(fault),
    }
}
