//! What a client tells its backend besides requests: that its roots have changed. Whatever came with it waits until the backend is told.
//!
//! ```text
//! Identifying --> Looking --the session is open--> told
//!                    \--there is none--> over
//! ```

use serde_json::json;

use super::gateway;
use crate::{
    admit::caller::Caller,
    ask::Awaiting,
    backend::{Identified, IdentifyUser},
    event::Answer,
    gateway::{BackendRequest, Credentials, Telling, TellingKind},
    hub::{
        BackendOwner, BackendSessionFound, BackendSessionMessage, FindBackendSession, ToHub,
        ToHubKind,
    },
    id::McpSessionId,
    json_rpc::Message,
    step::{Cx, Progress},
};

const METHOD: &str = "notifications/roots/list_changed";

/// What a step leaves; the caller, once the backend is told.
pub(crate) type Notified = Progress<ClientNotification, Box<Caller>>;

/// Something that the backend is told.
#[derive(Debug)]
pub(crate) struct ClientNotification {
    owner: BackendOwner,
    caller: Box<Caller>,
    credentials: Credentials,
    state: State,
}

#[derive(Debug)]
enum State {
    Identifying(Box<IdentifyUser>),
    /// Nothing is asked before the user is identified.
    Looking(Option<Awaiting<FindBackendSession>>),
}

impl ClientNotification {
    /// Whether a message is one that the backend is told.
    fn is_one(message: &Message) -> bool {
        matches!(message, Message::Notification(one) if one.method == METHOD)
    }

    /// Whether there is one among these, and a backend.
    pub(crate) fn is_among(messages: &[Message], cx: &Cx<'_>) -> bool {
        cx.env.gateway().is_some() && messages.iter().any(Self::is_one)
    }

    pub(crate) fn start(
        mcp_session: McpSessionId,
        caller: Box<Caller>,
        cx: &mut Cx<'_>,
    ) -> Notified {
        let owner = (caller.principal_id, mcp_session);
        let progress = IdentifyUser::start(&caller, None, gateway(cx), cx);
        let state = State::Looking(None);
        let this = Self {
            owner,
            caller,
            credentials: Credentials::default(),
            state,
        };
        this.identified(progress, cx)
    }

    fn identified(mut self, progress: Identified, cx: &mut Cx<'_>) -> Notified {
        self.state = match progress {
            Progress::Pending(identify) => State::Identifying(identify),
            Progress::Ready(Ok(credentials)) => {
                self.credentials = credentials;
                look(self.owner, cx)
            }
            // The backend hears of it when it asks for the roots again.
            Progress::Ready(Err(_)) => return Progress::Ready(self.caller),
        };
        Progress::Pending(self)
    }

    pub(crate) fn handle(mut self, answer: Answer, cx: &mut Cx<'_>) -> Notified {
        match std::mem::replace(&mut self.state, State::Looking(None)) {
            State::Identifying(identify) => {
                let progress = identify.handle(answer, &self.caller, gateway(cx), cx);
                return self.identified(progress, cx);
            }
            State::Looking(None) => {}
            State::Looking(Some(look)) => {
                if let BackendSessionFound::Open(session) = look.into_answer(answer)
                    && !session.revision.features().stateless
                {
                    let body = json!({"jsonrpc": "2.0", "method": METHOD}).to_string();
                    let request = BackendRequest::post(session.id, session.revision, body);
                    let (kind, as_whom) = (TellingKind::OfClient, self.credentials);
                    let telling = Telling::message(kind, cx.env.endpoint, request, as_whom);
                    cx.to_hub(ToHub(ToHubKind::TellBackend(telling)));
                }
            }
        }
        Progress::Ready(self.caller)
    }
}

fn look(owner: BackendOwner, cx: &mut Cx<'_>) -> State {
    let look = |ticket| BackendSessionMessage::Look(ticket, owner);
    State::Looking(Some(
        cx.ask_hub(|ticket| ToHubKind::BackendSession(look(ticket))),
    ))
}
