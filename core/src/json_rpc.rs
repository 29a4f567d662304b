//! JSON-RPC 2.0, read strictly and written plainly.
//!
//! What can be read in two ways is refused, for a proxy on the way may read the other one: members
//! given twice, messages that are request and answer at once (threats K1 to K8). Errors are
//! fixed sentences: they never repeat what was sent (threat K10).
//!
//! Source: JSON-RPC 2.0 specification; MCP specification, basic, messages.

mod response;
mod strict;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[cfg(test)]
pub(crate) use self::response::SERVER_INFO;
pub(crate) use self::response::{Response, to_json, with_server_info};
use crate::limits;

/// What a body holds.
#[derive(Debug)]
pub(crate) enum Incoming {
    One(Message),
    /// Several, as one array: 2025-03-26 only.
    Batch(Vec<Message>),
}

#[derive(Debug)]
pub(crate) enum Message {
    /// SubscriptionFilter an answer.
    Request(Request),
    /// It needs no response.
    Notification(Notification),
    /// The answer to something that we asked.
    Response(ClientResponse),
}

/// The client's response to a request of ours: its result, or the message of its error.
#[derive(Debug)]
pub(crate) struct ClientResponse {
    pub(crate) id: Option<Id>,
    pub(crate) result: Result<Value, String>,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: Id,
    pub(crate) method: String,
    pub(crate) params: Map<String, Value>,
}

#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) method: String,
    pub(crate) params: Map<String, Value>,
}

/// The id of a request: a string or an integer, never null (MCP, basic, requests).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Id {
    Text(String),
    Positive(u64),
    Negative(i64),
}

/// An error, as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Error {
    pub(crate) code: i32,
    pub(crate) message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Value>,
}

impl Error {
    /// The code for what is not JSON.
    pub(crate) const PARSE: i32 = -32700;
    /// The code for JSON that is no request.
    pub(crate) const INVALID_REQUEST: i32 = -32600;
    /// The code for a method that is unknown.
    pub(crate) const METHOD_NOT_FOUND: i32 = -32601;
    /// The code for parameters that do not fit.
    pub(crate) const INVALID_PARAMS: i32 = -32602;
    /// The code for a fault of the server's or of what stands behind it.
    pub(crate) const INTERNAL: i32 = -32603;

    /// An error of this code and sentence.
    pub(crate) const fn new(code: i32, message: &'static str) -> Self {
        Self {
            code,
            message: Cow::Borrowed(message),
            data: None,
        }
    }

    /// An error of this code with a message that was formatted.
    pub(crate) const fn with_message(code: i32, message: String) -> Self {
        Self {
            code,
            message: Cow::Owned(message),
            data: None,
        }
    }

    pub(crate) fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// JSON that is no request.
    pub(crate) const fn invalid_request(message: &'static str) -> Self {
        Self::new(Self::INVALID_REQUEST, message)
    }

    /// Parameters that do not fit.
    pub(crate) const fn invalid_params(message: &'static str) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    /// A method that is unknown.
    pub(crate) const fn method_not_found() -> Self {
        Self::new(Self::METHOD_NOT_FOUND, "There is no such method.")
    }
}

/// An error and whom it answers, if that could be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) id: Option<Id>,
    pub(crate) error: Error,
}

/// Reads a body.
pub(crate) fn parse(body: &[u8]) -> Result<Incoming, Refused> {
    let value = strict::parse(body).map_err(|error| Refused { id: None, error })?;
    match value {
        Value::Array(messages) => {
            if messages.is_empty() || messages.len() > limits::BATCH {
                let error = Error::invalid_request("The batch is empty or too long.");
                return Err(Refused { id: None, error });
            }
            let messages = messages.into_iter().map(message);
            messages.collect::<Result<_, _>>().map(Incoming::Batch)
        }
        value => message(value).map(Incoming::One),
    }
}

/// Reads one message.
fn message(value: Value) -> Result<Message, Refused> {
    let Value::Object(mut members) = value else {
        let error = Error::invalid_request("A message is a JSON object.");
        return Err(Refused { id: None, error });
    };
    let given_id = members.remove("id");
    let id = given_id.clone().and_then(id_of);
    let refused = |message| Refused {
        id: id.clone(),
        error: Error::invalid_request(message),
    };
    if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(refused("The member `jsonrpc` must be \"2.0\"."));
    }
    let has_error = members.get("error").is_some_and(|error| !error.is_null());
    let result = members.get("result");
    // Some write both, one of them null.
    let has_result = result.is_some_and(|result| !(has_error && result.is_null()));
    let Some(method) = members.remove("method") else {
        if has_result == has_error || (id.is_none() && has_result) {
            return Err(refused("This is neither a request nor a response."));
        }
        let error = members.get("error").and_then(|error| error.get("message"));
        let message = error.and_then(Value::as_str).unwrap_or_default();
        let message = || message.chars().take(limits::CLIENT_ERROR_CHARS).collect();
        let result = members.get("result").filter(|_| has_result);
        let result = result.cloned().ok_or_else(message);
        return Ok(Message::Response(ClientResponse { id, result }));
    };
    if has_result || has_error {
        return Err(refused("A message is a request or a response, not both."));
    }
    let Value::String(method) = method else {
        return Err(refused("The member `method` must be a string."));
    };
    let wants_no_answer = given_id == Some(Value::Null) && method.starts_with("notifications/");
    if given_id.is_some() && id.is_none() && !wants_no_answer {
        return Err(refused("The member `id` must be a string or an integer."));
    }
    let params = match members.remove("params") {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(mut params)) => {
            drop_nulls(&mut params);
            Some(params)
        }
        Some(_) => None,
    };
    match (id, params) {
        (Some(id), Some(params)) => Ok(Message::Request(Request { id, method, params })),
        (Some(id), None) => Err(Refused {
            id: Some(id),
            error: Error::invalid_params("The member `params` must be an object."),
        }),
        // Nobody waits for an answer, so what is wrong with it is nobody's news.
        (None, params) => Ok(Message::Notification(Notification {
            method,
            params: params.unwrap_or_default(),
        })),
    }
}

/// Parameters whose members are the tool's own, or the user's: there `null` is a value.
const OPAQUE: [&str; 2] = ["arguments", "inputResponses"];

/// Leaves out what is `null`. No parameter of MCP has it as a value, but many clients write it for what
/// they do not give.
fn drop_nulls(members: &mut Map<String, Value>) {
    members.retain(|_, value| !value.is_null());
    for (name, value) in members.iter_mut() {
        if let (Value::Object(members), false) = (value, OPAQUE.contains(&name.as_str())) {
            drop_nulls(members);
        }
    }
}

pub(super) fn id_of(value: Value) -> Option<Id> {
    match value {
        Value::String(text) if text.len() <= limits::REQUEST_ID_BYTES => Some(Id::Text(text)),
        Value::Number(number) => number
            .as_u64()
            .map(Id::Positive)
            .or_else(|| number.as_i64().map(Id::Negative)),
        _ => None,
    }
}
