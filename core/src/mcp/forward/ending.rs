//! How a request ends that the backend does not answer, and what the backend is told meanwhile.

use serde_json::{Value, json};

use super::{Forward, ForwardProgress, State, called, gateway};
use crate::{
    backend::BackendFault,
    catalog::ToolResult,
    gateway::{Telling, TellingKind},
    hub::{ToHub, ToHubKind},
    json_rpc::{Error, Response},
    mcp::invocation::{InvocationCx, InvocationEnd},
    planted::Planted,
    step::{Cx, Progress},
};

/// How a request ends.
#[derive(Debug)]
pub(crate) enum ForwardEnd {
    /// With this response.
    Response(Response),
    /// As a call of this server's own does: the user is to do something first.
    OfUser(InvocationEnd),
}

impl From<Response> for ForwardEnd {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// Whether a request is sent once more: never, for it may have done its work.
pub(super) fn is_repeated(fault: BackendFault, cx: &Cx<'_>) -> bool {
    fault == BackendFault::Broken && cx.env.server.has(Planted::CallsRepeated)
}

impl Forward {
    /// Ends it without a response.
    pub(crate) fn cancel(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) {
        self.withdraw_questions(icx);
        // The call that was to be resumed says so itself.
        let is_of_other = matches!(self.state, State::Resuming(_));
        self.leave_backend(icx);
        if !is_of_other {
            called::cancelled(&self, icx);
        }
    }

    /// The backend need not answer any more.
    pub(super) fn leave_backend(&mut self, icx: &mut InvocationCx<'_, '_>) {
        match std::mem::replace(&mut self.state, State::AwaitingAdmission) {
            State::Calling(incoming)
            | State::Parking(_, _, incoming)
            | State::Parked(incoming)
            | State::Answering(_, incoming, _) => {
                self.tell_cancelled("The client has cancelled it.", icx);
                incoming.cancel(icx.cx);
            }
            State::AwaitingPoll(_) => self.tell_cancelled("The client has cancelled it.", icx),
            State::Opening(..) => self.give_up_opening(icx),
            State::AwaitingAdmission
            | State::AwaitingConfirmation(_)
            | State::Spending(_)
            | State::AwaitingSetting(_)
            | State::AwaitingTurn(_)
            | State::AwaitingStream(_)
            | State::Asking
            | State::Resuming(_)
            | State::Identifying(_)
            | State::AwaitingSession(_) => {}
        }
    }

    /// A backend that goes on for a request which nobody waits for any more is told so.
    fn stop_at_backend(&self, fault: BackendFault, icx: &mut InvocationCx<'_, '_>) {
        if matches!(fault, BackendFault::TimedOut | BackendFault::TooMany) {
            self.tell_cancelled("It took too long.", icx);
        }
    }

    /// Before 2026-07-28 the end of the connection says nothing. A process is told by whoever runs it.
    fn tell_cancelled(&self, reason: &str, icx: &mut InvocationCx<'_, '_>) {
        let revision = self.session.as_ref().map(|session| session.revision);
        let is_told = revision.is_some_and(|one| !one.features().stateless);
        if is_told && gateway(icx.cx).command().is_none() {
            let params = json!({"requestId": self.backend_id, "reason": reason});
            self.tell("notifications/cancelled", &params, icx);
        }
    }

    /// Sends the backend a notification.
    fn tell(&self, method: &str, params: &Value, icx: &mut InvocationCx<'_, '_>) {
        let body = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.tell_text(TellingKind::OfClient, body.to_string(), icx);
    }

    pub(super) fn tell_text(
        &self,
        kind: TellingKind,
        body: String,
        icx: &mut InvocationCx<'_, '_>,
    ) {
        let (endpoint, as_whom) = (icx.cx.env.endpoint, self.credentials.clone());
        let telling = Telling::message(kind, endpoint, self.request(body), as_whom);
        icx.cx.to_hub(ToHub(ToHubKind::TellBackend(telling)));
    }

    /// There is no answer of the backend.
    pub(super) fn fail(
        self: Box<Self>,
        fault: BackendFault,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let mut this = self;
        this.withdraw_questions(icx);
        this.stop_at_backend(fault, icx);
        called::failed(&this, fault, icx);
        this.end_in_words(fault.message(), fault.retry_after(), icx)
    }

    /// It was not passed on, for this server is at its bounds.
    pub(super) fn too_many(
        self: Box<Self>,
        words: String,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let fault = called::full(&self, icx);
        self.end_in_words(words, fault.retry_after(), icx)
    }

    /// Ends it in words: a call with a result, for that is what a model reads; what else a client asks with an error, and where it
    /// may come again, with a status that says so (503).
    fn end_in_words(
        self: Box<Self>,
        words: String,
        retry_after: Option<u64>,
        icx: &InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if self.method != "tools/call" {
            let error = Error::with_message(Error::INTERNAL, words);
            return Progress::Ready(Response::error_for_now(self.id, error, retry_after).into());
        }
        let result = ToolResult::error(words);
        Progress::Ready(self.result(result, icx).into())
    }
}
