//! The user is asked before a tool is called, where the policy says so.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, form mode.

use serde_json::{Value, json};

use super::{Forward, ForwardEnd, ForwardProgress, State, called, rounds};
use crate::{
    catalog::ToolResult,
    hub::{ToHub, ToHubKind},
    id::ServerRequestId,
    json_rpc::Response,
    mcp::invocation::{InvocationCx, ServerMessage},
    step::Progress,
};

pub(super) const CANNOT_ASK: &str = "The policy of this gateway wants the user to confirm this call, and this client cannot ask them.";
pub(super) const NOT_CONFIRMED: &str = "The user has not confirmed this call, and it was not made.";

impl Forward {
    /// There is room for the call.
    pub(super) fn begin(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        if let Some(call) = self.resumes.take() {
            return self.resume(call, icx);
        }
        match self.question.take() {
            Some(question) => self.confirm(&question, icx),
            None => self.identify(icx),
        }
    }

    /// Asks the user, if the client can.
    pub(super) fn confirm(
        mut self: Box<Self>,
        question: &str,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let by_form = self.client.client_capabilities.elicitation_form;
        if by_form && self.client.mcp_session.is_none() && self.client.revision.features().stateless
        {
            return Progress::Ready(ForwardEnd::OfUser(rounds::ask(question)));
        }
        let can_ask = self.client.streams && self.client.mcp_session.is_some() && by_form;
        if !can_ask {
            return self.refuse(CANNOT_ASK, icx);
        }
        let own = ServerRequestId(icx.cx.entropy.bytes());
        icx.cx.to_hub(ToHub(ToHubKind::RegisterServerRequest(own)));
        let schema = json!({"type": "object", "properties": {}});
        let params = json!({"message": question, "requestedSchema": schema});
        let request = json!({"jsonrpc": "2.0", "id": own.to_string(), "method": "elicitation/create", "params": params});
        icx.messages.push(ServerMessage::Json(request.to_string()));
        self.state = State::AwaitingConfirmation(own);
        Progress::Pending(self)
    }

    /// The user has answered.
    pub(super) fn confirmed(
        self: Box<Self>,
        result: Result<Box<Value>, String>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        match result {
            Ok(result)
                if result
                    .get("action")
                    .is_some_and(|action| action == "accept") =>
            {
                self.identify(icx)
            }
            Ok(_) | Err(_) => self.refuse(NOT_CONFIRMED, icx),
        }
    }

    /// The call is not made, and its result says why.
    pub(super) fn refuse(
        self: Box<Self>,
        words: &str,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        called::refused(&self, icx);
        Progress::Ready(self.result(ToolResult::error(words), icx).into())
    }

    /// A result of this server in place of the backend's.
    pub(super) fn result(&self, result: ToolResult, icx: &InvocationCx<'_, '_>) -> Response {
        let revision = self.client.revision;
        let result = result.to_json(revision);
        match revision.features().stateless {
            true => {
                let info = std::sync::Arc::clone(icx.cx.env.catalog.server_info());
                Response::result_from(self.id.clone(), result, info)
            }
            false => Response::result(self.id.clone(), result),
        }
    }
}
