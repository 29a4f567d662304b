//! The place of a call in the hub. A call that has to wait for something needs one before it begins to: there
//! it is counted, the client's cancellation and responses find it, and the end of its session ends it.

use crate::{
    admit::caller::Caller,
    hub::{TableFull, ToHub, ToHubKind},
    id::McpSessionId,
    json_rpc::{Error, Id, Request},
    limits,
    step::Cx,
};

/// The registration of the requests of one exchange.
#[derive(Debug)]
pub(crate) struct InFlightRegistration {
    mcp_session: Option<McpSessionId>,
    requests: Vec<Id>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing had to wait so far.
    Unregistered,
    /// The hub has been asked, and has not answered.
    AwaitingAdmission,
    Registered,
}

impl InFlightRegistration {
    pub(crate) fn new(mcp_session: Option<McpSessionId>, requests: &[Request]) -> Self {
        Self {
            mcp_session,
            requests: requests.iter().map(|request| request.id.clone()).collect(),
            state: State::Unregistered,
        }
    }

    /// The call becomes a task, which is registered instead of it.
    pub(crate) fn as_task(&mut self) {
        self.state = State::AwaitingAdmission;
    }

    /// Takes the hub's answer.
    pub(crate) fn answered(&mut self, admitted: Result<(), TableFull>) {
        self.state = match admitted {
            Ok(()) => State::Registered,
            Err(_) => State::Unregistered,
        };
    }

    /// Whether the call is registered with the hub. If it is not, the hub is asked, once.
    pub(super) fn is_registered(&mut self, caller: &Caller, cx: &mut Cx<'_>) -> bool {
        if self.state == State::Unregistered {
            self.state = State::AwaitingAdmission;
            cx.to_hub(ToHub(ToHubKind::AdmitCall {
                principal: caller.principal_id,
                session: caller.session.id,
                mcp_session: self.mcp_session,
                requests: self.requests.clone(),
            }));
        }
        self.state == State::Registered
    }
}

/// The error of a call for which there is no room, so that the client knows when to try again.
pub(super) fn too_many_calls(full: TableFull) -> Error {
    let message = match full {
        TableFull::OfPrincipal => format!(
            "Too many calls: {} of yours are in flight with this client. Wait for one to end, or cancel one.",
            limits::CALLS_PER_PRINCIPAL
        ),
        TableFull::OfServer => {
            "The server has too many calls in flight. Please try again in a moment.".to_owned()
        }
    };
    Error::with_words(Error::INTERNAL, message)
}
