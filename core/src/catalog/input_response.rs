//! What a client answers to a question.
//!
//! Source: MCP specification 2025-11-25, client/elicitation, client/sampling, client/roots.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
