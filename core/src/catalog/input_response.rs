//! What a client answers to a question.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, client/sampling, client/roots.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::meta::{Meta, meta_method};

/// What the client answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum InputResponse {
    /// The user filled in the form, or went to the URL (then there is nothing in it). The values fit
    /// the form.
    Accepted(Map<String, Value>),
    /// The user said no.
    Declined,
    /// The user dismissed the question.
    Cancelled,
    /// What the model said: `role`, `content`, `model`, `stopReason`.
    Sampled(Map<String, Value>),
    /// The client's roots: each a `uri`, perhaps a `name`.
    Roots(Vec<Value>),
    /// The client answered with an error, or with what does not fit the request: why, in text that is
    /// the client's own.
    Refused(String),
    /// The client did not answer in time.
    TimedOut,
}

/// What the client answered, and what it says of its answer in `_meta`.
///
/// ```
/// use entra_mcp_core::catalog::{InputResponse, InputResult};
/// let declined = InputResult::from(InputResponse::Declined).meta("com.example/reason", "busy");
/// assert_eq!(declined.response(), &InputResponse::Declined);
/// assert_eq!(declined.meta_members()["com.example/reason"], "busy");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputResult {
    response: InputResponse,
    #[serde(default, skip_serializing_if = "Meta::is_empty")]
    meta: Meta,
}

impl InputResult {
    meta_method!(meta, "for tests: a client says it itself");

    /// Returns the answer.
    #[must_use]
    pub fn response(&self) -> &InputResponse {
        &self.response
    }

    /// Returns the answer.
    #[must_use]
    pub fn into_response(self) -> InputResponse {
        self.response
    }

    /// Returns the members of `_meta`: of the results of elicitation and roots in every revision before 2026-07-28, of those of sampling since
    /// then, too. A client may say there what it likes: it proves nothing.
    #[must_use]
    pub fn meta_members(&self) -> &Map<String, Value> {
        self.meta.members()
    }

    /// The same with the `_meta` of the client's result.
    pub(super) fn of_result(response: InputResponse, result: &Map<String, Value>) -> Self {
        let meta = Meta::of(result);
        Self { response, meta }
    }
}

impl From<InputResponse> for InputResult {
    fn from(response: InputResponse) -> Self {
        let meta = Meta::default();
        Self { response, meta }
    }
}

impl InputResponse {
    /// The value of a field, if the user accepted and gave it.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        match self {
            Self::Accepted(values) => values.get(field),
            _ => None,
        }
    }

    /// The text that the model said, if it was asked and said text.
    #[must_use]
    pub fn sampled_text(&self) -> Option<&str> {
        let Self::Sampled(message) = self else {
            return None;
        };
        let content = message.get("content")?;
        let block = content.as_array().map_or(Some(content), |all| all.first());
        block?.get("text")?.as_str()
    }

    /// Accepted, declined or cancelled, as the protocol writes it; empty for other answers.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accept",
            Self::Declined => "decline",
            Self::Cancelled => "cancel",
            Self::Sampled(_) | Self::Roots(_) | Self::Refused(_) | Self::TimedOut => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_is_what_the_protocol_calls_it() {
        for (response, action) in [
            (InputResponse::Accepted(Map::new()), "accept"),
            (InputResponse::Declined, "decline"),
            (InputResponse::Cancelled, "cancel"),
            (InputResponse::TimedOut, ""),
        ] {
            assert_eq!(response.action(), action);
        }
    }
}
