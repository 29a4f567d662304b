//! The user is asked before a tool is called, where the policy says so.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, form mode.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Forward, ForwardEnd, ForwardProgress, State, called,
    rounds::{self, Confirming},
};
use crate::{
    ask::{Guard, Key, Record, Store, StoreFault, Stored},
    catalog::ToolResult,
    hub::{ToHub, ToHubKind},
    id::ServerRequestId,
    json_rpc::Response,
    limits,
    mcp::invocation::{InvocationCx, ServerMessage},
    planted::Planted,
    session::record::Hash,
    step::Progress,
};

pub(super) const CANNOT_ASK: &str = "The policy of this gateway wants the user to confirm this call, and this client cannot ask them.";
pub(super) const NOT_CONFIRMED: &str = "The user has not confirmed this call, and it was not made.";
const SPENT: &str = "The user has confirmed one call, and that was made before, or is being made. This one was not made: call anew, and they are asked again.";
const NOT_SPENT: &str = "It cannot be found out now whether the call that the user has confirmed was made before, so it was not made. Call anew, and they are asked again.";

impl Forward {
    /// There is room for the call.
    pub(super) fn begin(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        if let Some(call) = self.resumes.take() {
            return self.resume(call, icx);
        }
        match std::mem::take(&mut self.confirming) {
            Confirming::Ask(question) => self.confirm(&question, icx),
            Confirming::Spend(state) if !icx.cx.env.server.has(Planted::ConfirmationsReusable) => {
                self.spend(&state, icx)
            }
            Confirming::Nothing | Confirming::Spend(_) => self.identify(icx),
        }
    }

    /// The round in which the user has confirmed the call is good for no other one, whichever replica that comes to (threat R7).
    fn spend(mut self: Box<Self>, state: &Hash, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        let spent = Key(format!("confirmed/{}", URL_SAFE_NO_PAD.encode(state.0)));
        let lasts = limits::REQUEST_STATE_LIFETIME + limits::CLOCK_LEEWAY;
        let record = Record {
            bytes: Bytes::new(),
            expires: icx.cx.env.now.unix.after(lasts),
        };
        self.state = State::Spending(icx.cx.store(Store::Put(spent, record, Guard::Absent)));
        Progress::Pending(self)
    }

    pub(super) fn spent(
        self: Box<Self>,
        spent: Result<Option<Stored>, StoreFault>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        match spent {
            Ok(_) => self.identify(icx),
            Err(StoreFault::Conflict) => self.refuse(SPENT, icx),
            Err(StoreFault::Unavailable) => self.refuse(NOT_SPENT, icx),
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
