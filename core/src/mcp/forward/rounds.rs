//! The rounds of a call that needs input (2026-07-28): those that this server asks for itself, for the user is to confirm the call or to
//! satisfy claims, and those of the backend.
//!
//! The `requestState` of each is sealed for this user, this client, this backend and exactly this call ([`request_state`]). So a
//! confirmation counts for nothing else, and what a backend has given one user no other can send it (threat R30). What belongs to rounds of
//! this server is taken out before the backend sees the request.
//!
//! Source: MCP specification 2026-07-28, basic/patterns (multi round-trip requests).

use std::collections::BTreeMap;

use serde_json::Value;

use super::crossing::PARKED;
use crate::{
    admit::caller::Caller,
    catalog::{ElicitationSchema, InputRequest, InputResponse, InputResult},
    gateway::RawMessage,
    json_rpc::{Error, Json, Request},
    mcp::{
        invocation::InvocationEnd,
        request_state::{self, Binding},
    },
    session::record::Hash,
    step::Cx,
};

/// By what the response of the client to the question is known.
const CONFIRMATION: &str = "entra-mcp-confirmation";

/// By what the state of the backend is known within ours.
const OF_BACKEND: &str = "entra-mcp-backend-state";

/// What the user has said to the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Confirmed {
    /// They were not asked.
    NotAsked,
    /// Yes, in this round or before one of the backend: its state is good for one call.
    Yes(Hash),
    No,
}

/// What is to be done about the confirmation of the user before a call goes on.
#[derive(Debug, Default)]
pub(super) enum Confirming {
    #[default]
    Nothing,
    /// They are asked this.
    Ask(String),
    /// They have said yes to one call, in a round with this state.
    Spend(Hash),
}

/// The request as the backend is to see it, and what the user has said to it.
///
/// # Errors
///
/// What the client is told of a state that is not of this request.
pub(super) fn take(
    request: &Request,
    message: RawMessage,
    caller: &Caller,
    cx: &Cx<'_>,
) -> Result<(RawMessage, Confirmed), Error> {
    let state = request.params.get("requestState");
    let is_parked = |state: &str| state.starts_with(PARKED);
    if state.is_none() || state.and_then(Json::as_str).is_some_and(is_parked) {
        return Ok((message, Confirmed::NotAsked));
    }
    let mut answers = request_state::open(request, caller, cx)?;
    let message = message.without(&["requestState"]);
    let yes = || {
        let state = state.and_then(Json::as_str).unwrap_or_default();
        Confirmed::Yes(Hash::of(state.as_bytes()))
    };
    let was_confirmed = match answers.get(CONFIRMATION).map(InputResult::response) {
        Some(InputResponse::Accepted(_)) => yes(),
        _ => Confirmed::NotAsked,
    };
    match answers.remove(OF_BACKEND).map(InputResult::into_response) {
        Some(InputResponse::Refused(state)) => {
            let state = Value::String(state).to_string();
            let with_state = message.with_param(&["requestState"], &state);
            return Ok((with_state.unwrap_or(message), was_confirmed));
        }
        // It has given none.
        Some(_) => return Ok((message, was_confirmed)),
        None => {}
    }
    let responses = request.params.get("inputResponses");
    let response = responses.and_then(|responses| responses.get(CONFIRMATION));
    let action = response.and_then(|response| response.get("action"));
    let confirmed = match answers.get(CONFIRMATION).map(InputResult::response) {
        None => Confirmed::NotAsked,
        Some(InputResponse::Accepted(_)) => yes(),
        Some(_) if action.and_then(Json::as_str) == Some("accept") => yes(),
        Some(_) => Confirmed::No,
    };
    Ok((message.without(&["inputResponses"]), confirmed))
}

/// The user is to be asked this first.
pub(super) fn ask(question: &str) -> InvocationEnd {
    let request = InputRequest::form(question, ElicitationSchema::new());
    InvocationEnd::InputRequired {
        requests: BTreeMap::from([(CONFIRMATION.to_owned(), request)]),
        // That they were asked, and by whom.
        responses: BTreeMap::from([(CONFIRMATION.to_owned(), InputResponse::Cancelled.into())]),
    }
}

/// What a call that was confirmed carries to its next round, beside what else is asked for.
pub(super) fn confirmed() -> BTreeMap<String, InputResult> {
    let yes = InputResponse::Accepted(serde_json::Map::new());
    BTreeMap::from([(CONFIRMATION.to_owned(), yes.into())])
}

/// An answer of the backend that asks for a round: its state is sealed, and that the call was confirmed is carried on with it. `None`: that
/// is too much to carry.
pub(super) fn sealed(
    answer: RawMessage,
    is_confirmed: bool,
    binding: impl FnOnce() -> Binding,
    cx: &mut Cx<'_>,
) -> Option<RawMessage> {
    let state = answer.result_text("requestState");
    let mut answers = match (is_confirmed, &state) {
        (false, None) => return Some(answer),
        (false, Some(_)) => BTreeMap::new(),
        (true, _) => confirmed(),
    };
    let carried = match state {
        Some(state) => InputResponse::Refused(state.into_owned()),
        None => InputResponse::Cancelled,
    };
    answers.insert(OF_BACKEND.to_owned(), carried.into());
    let sealed = request_state::seal_for(&answers, &binding(), cx)?;
    answer.with_result_member("requestState", &Value::String(sealed).to_string())
}
