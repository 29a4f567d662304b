//! A round of a call that this server asks for itself, and not the backend (2026-07-28): the user is to confirm the call, or to satisfy
//! claims. What belongs to it is taken out before the backend sees the request.
//!
//! The `requestState` of such a round is sealed for this user, this client and exactly this call ([`request_state`]), so a confirmation
//! counts for nothing else. A backend that asks for rounds of its own has its state carried within ours, where the call was confirmed.
//!
//! Source: MCP specification 2026-07-28, basic/patterns (multi round-trip requests).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    admit::caller::Caller,
    catalog::{ElicitationSchema, InputRequest, InputResponse},
    gateway::RawMessage,
    json_rpc::{Json, Request},
    mcp::{
        invocation::InvocationEnd,
        request_state::{self, Binding},
    },
    step::Cx,
};

/// By what the response of the client to the question is known.
const CONFIRMATION: &str = "entra-mcp-confirmation";

/// By what the state of the backend is known within ours.
const OF_BACKEND: &str = "entra-mcp-backend-state";

/// What the user has said to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmed {
    /// They were not asked.
    NotAsked,
    Yes,
    No,
}

/// The request as the backend is to see it, and what the user has said to it.
pub(super) fn take(
    request: &Request,
    message: RawMessage,
    caller: &Caller,
    cx: &Cx<'_>,
) -> (RawMessage, Confirmed) {
    if request.params.get("requestState").is_none() {
        return (message, Confirmed::NotAsked);
    }
    let Ok(mut answers) = request_state::open(request, caller, cx) else {
        // It is the backend's.
        return (message, Confirmed::NotAsked);
    };
    let message = message.without(&["requestState"]);
    if let Some(InputResponse::Refused(state)) = answers.remove(OF_BACKEND) {
        let state = Value::String(state).to_string();
        let with_state = message.with_param(&["requestState"], &state);
        return (with_state.unwrap_or(message), Confirmed::Yes);
    }
    let responses = request.params.get("inputResponses");
    let response = responses.and_then(|responses| responses.get(CONFIRMATION));
    let action = response.and_then(|response| response.get("action"));
    let confirmed = match answers.get(CONFIRMATION) {
        None => Confirmed::NotAsked,
        Some(InputResponse::Accepted(_)) => Confirmed::Yes,
        Some(_) if action.and_then(Json::as_str) == Some("accept") => Confirmed::Yes,
        Some(_) => Confirmed::No,
    };
    (message.without(&["inputResponses"]), confirmed)
}

/// The user is to be asked this first.
pub(super) fn ask(question: &str) -> InvocationEnd {
    let request = InputRequest::form(question, ElicitationSchema::new());
    InvocationEnd::InputRequired {
        requests: BTreeMap::from([(CONFIRMATION.to_owned(), request)]),
        // That they were asked, and by whom.
        responses: BTreeMap::from([(CONFIRMATION.to_owned(), InputResponse::Cancelled)]),
    }
}

/// What a call that was confirmed carries to its next round, beside what else is asked for.
pub(super) fn confirmed() -> BTreeMap<String, InputResponse> {
    let yes = InputResponse::Accepted(serde_json::Map::new());
    BTreeMap::from([(CONFIRMATION.to_owned(), yes)])
}

/// The answer of the backend to a call that was confirmed: if it asks for a round of its own, that it was confirmed is carried on with
/// the backend's state. `None`: that is too much to carry.
pub(super) fn carrying(
    answer: RawMessage,
    binding: &Binding,
    cx: &mut Cx<'_>,
) -> Option<RawMessage> {
    if !answer.is_input_required() {
        return Some(answer);
    }
    let state = answer.result_text("requestState").unwrap_or_default();
    let carried = InputResponse::Refused(state.into_owned());
    let answers = BTreeMap::from([(OF_BACKEND.to_owned(), carried)]);
    let sealed = request_state::seal_for(&answers, binding, cx)?;
    answer.with_result_member("requestState", &Value::String(sealed).to_string())
}
