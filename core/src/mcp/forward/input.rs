//! A backend of 2026-07-28 ends a call with questions, and is called again with the answers; a client with a session is asked by requests
//! on the stream of its call, and waits for the one response.
//!
//! ```text
//! Calling --input_required--> Asking --all answered--> Calling --...--> the response
//!                                \--cancelled--> over
//! ```
//!
//! Source: MCP specification 2026-07-28, basic/patterns (multi round-trip requests); 2025-11-25, client (elicitation, sampling, roots).

use serde_json::{Value, json};

use super::{Forward, ForwardProgress, State, crossing::can_be_asked};
use crate::{
    catalog::ToolResult,
    gateway::{InputRequired, RawInputRequest},
    hub::{ToHub, ToHubKind},
    id::ServerRequestId,
    json_rpc::{Error, Response},
    limits,
    mcp::invocation::{InvocationCx, ServerMessage},
    step::Progress,
};

const TOO_OFTEN: &str =
    "The server behind this gateway has asked the user too often within one call.";
const CANNOT_ASK: &str = "The server behind this gateway has to ask something that this client cannot be asked. The call may have done a part of its work.";
const NO_ANSWER: &str = "The client has not answered what the server behind this gateway has asked. The call may have done a part of its work.";

impl Forward {
    /// The backend wants to know something first.
    pub(super) fn input_required(
        mut self: Box<Self>,
        required: InputRequired,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        self.input.rounds += 1;
        let can_ask = self.client.streams && self.client.mcp_session.is_some();
        let capabilities = self.client.client_capabilities;
        let is_possible = |request: &RawInputRequest| {
            can_ask && can_be_asked(&request.method, request.params.as_deref(), capabilities)
        };
        let InputRequired { requests, state } = required;
        if self.input.rounds > limits::INPUT_ROUNDS || requests.len() > limits::INPUT_REQUESTS {
            return self.give_up(TOO_OFTEN, icx);
        }
        if !requests.iter().all(is_possible) {
            return self.give_up(CANNOT_ASK, icx);
        }
        self.input.state = state;
        self.input.responses = Vec::new();
        for request in requests {
            // Guessed by nobody, so that a response comes from whom the request was sent to.
            let own = ServerRequestId(icx.cx.entropy.bytes());
            icx.cx.to_hub(ToHub(ToHubKind::RegisterServerRequest(own)));
            let params = request
                .params
                .map(|params| format!(r#","params":{params}"#));
            let asked = format!(
                r#"{{"jsonrpc":"2.0","id":"{own}","method":"{}"{}}}"#,
                request.method,
                params.unwrap_or_default()
            );
            icx.messages.push(ServerMessage::Json(asked));
            let is_of_user = request.method == "elicitation/create";
            self.input.asked.insert(own, (request.key, is_of_user));
        }
        self.state = State::Asking;
        self.call_if_answered(icx)
    }

    /// The client has answered one of the questions.
    pub(super) fn input_given(
        mut self: Box<Self>,
        request: ServerRequestId,
        result: Result<Box<Value>, String>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let Some((key, is_of_user)) = self.input.asked.remove(&request) else {
            return Progress::Pending(self);
        };
        let response = match result {
            Ok(result) => result.to_string(),
            // Who cannot show a question has not answered it, which is an answer.
            Err(_) if is_of_user => json!({"action": "cancel"}).to_string(),
            Err(_) => return self.give_up(NO_ANSWER, icx),
        };
        self.input.responses.push((key, response));
        self.call_if_answered(icx)
    }

    /// Calls again once all is answered: as whoever calls is known then, for the user may have thought for long.
    fn call_if_answered(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        if self.input.asked.is_empty() {
            self.backend_id = super::answered::fresh_id(icx.cx);
            return self.identify(icx);
        }
        Progress::Pending(self)
    }

    pub(super) fn give_up(
        mut self: Box<Self>,
        words: &'static str,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        self.withdraw_questions(icx);
        super::called::refused(&self, icx);
        if self.method != "tools/call" {
            let error = Error::new(Error::INTERNAL, words);
            return Progress::Ready(Response::error(Some(self.id), error).into());
        }
        let result = self.result(ToolResult::error(words), icx);
        Progress::Ready(result.into())
    }
}
