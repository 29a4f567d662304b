//! The place of a call in the hub. A call that has to wait for something needs one before it begins to: there
//! it is counted, the client's cancellation and responses find it, and the end of its session ends it.

use std::ops::ControlFlow;

use crate::{
    admit::caller::Caller,
    ask::Awaiting,
    env::Server,
    event::Answer,
    hub::{AdmitCall, TableFull, ToHubKind},
    id::McpSessionId,
    json_rpc::{Error, Id, Request},
    step::Cx,
};

/// The registration of the requests of one exchange.
#[derive(Debug)]
pub(crate) struct InFlightRegistration {
    mcp_session: Option<McpSessionId>,
    requests: Vec<Id>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing had to wait so far.
    Unregistered,
    /// The hub has been asked.
    AwaitingAdmission(Awaiting<AdmitCall>),
    /// The hub is asked for a task.
    AwaitingTask,
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
        self.state = State::AwaitingTask;
    }

    /// There is room for the task.
    pub(crate) fn task_admitted(&mut self) {
        self.state = State::Registered;
    }

    /// Takes the hub's answer: whether there is room for the call. Another answer is given back.
    pub(crate) fn answered(
        &mut self,
        answer: Answer,
    ) -> ControlFlow<Result<(), TableFull>, Answer> {
        match std::mem::replace(&mut self.state, State::Unregistered) {
            State::AwaitingAdmission(awaiting) if awaiting.id() == answer.ask() => {
                let admitted = awaiting.into_answer(answer);
                if admitted.is_ok() {
                    self.state = State::Registered;
                }
                ControlFlow::Break(admitted)
            }
            state => {
                self.state = state;
                ControlFlow::Continue(answer)
            }
        }
    }

    /// Whether the call is registered with the hub. If it is not, the hub is asked, once.
    pub(crate) fn is_registered(&mut self, caller: &Caller, cx: &mut Cx<'_>) -> bool {
        match self.state {
            State::Registered => true,
            State::AwaitingAdmission(_) | State::AwaitingTask => false,
            State::Unregistered => {
                let (mcp_session, requests) = (self.mcp_session, self.requests.clone());
                self.state = State::AwaitingAdmission(cx.ask_hub(|ticket| ToHubKind::AdmitCall {
                    ticket,
                    principal: caller.principal_id,
                    session: caller.session.id,
                    mcp_session,
                    requests,
                }));
                false
            }
        }
    }
}

/// The error of a call for which there is no room, so that the client knows when to try again.
pub(crate) fn too_many_calls(full: TableFull, server: &Server) -> Error {
    let message = match full {
        TableFull::OfPrincipal => format!(
            "Too many calls: {} of yours are in flight with this client. Wait for one to end, or cancel one.",
            server.config.capacity.calls_per_user
        ),
        TableFull::OfServer => {
            "The server has too many calls in flight. Please try again in a moment.".to_owned()
        }
    };
    Error::with_message(Error::INTERNAL, message)
}
