//! JSON-RPC 2.0, read strictly and written plainly.
//!
//! What can be read in two ways is refused, for a proxy on the way may read the other one: members
//! given twice, messages that are request and answer at once (threats K1 to K8). Errors are
//! fixed sentences: they never repeat what was sent (threat K10).
//!
//! Source: JSON-RPC 2.0 specification; MCP specification, basic, messages.

mod document;
mod params;
mod response;
mod strict;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::document::Document;
#[cfg(test)]
pub(crate) use self::response::SERVER_INFO;
pub(crate) use self::{
    document::Json,
    params::Params,
    response::{Response, ResultBody, ResultObject, ServerInfo, to_json, with_server_info},
};
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
    pub(crate) params: Params,
    /// The headers that repeat arguments of it, and their values (2026-07-28, before a backend).
    pub(crate) header_params: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) method: String,
    pub(crate) params: Params,
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
    let document = strict::parse(body).map_err(|error| Refused { id: None, error })?;
    let document = Arc::new(document);
    let Some(messages) = document.root().elements() else {
        return message(document.root(), &document).map(Incoming::One);
    };
    let messages: Vec<Json<'_>> = messages.take(limits::BATCH + 1).collect();
    if messages.is_empty() || messages.len() > limits::BATCH {
        let error = Error::invalid_request("The batch is empty or too long.");
        return Err(Refused { id: None, error });
    }
    let messages = messages.into_iter();
    let messages = messages.map(|one| message(one, &document));
    messages.collect::<Result<_, _>>().map(Incoming::Batch)
}

/// Reads one message.
fn message(message: Json<'_>, document: &Arc<Document>) -> Result<Message, Refused> {
    if !message.is_object() {
        let error = Error::invalid_request("A message is a JSON object.");
        return Err(Refused { id: None, error });
    }
    let given_id = message.member("id");
    let id = given_id.and_then(id_of);
    let refused = |message| Refused {
        id: id.clone(),
        error: Error::invalid_request(message),
    };
    if message.get("jsonrpc").and_then(Json::as_str) != Some("2.0") {
        return Err(refused("The member `jsonrpc` must be \"2.0\"."));
    }
    let error = message.get("error");
    // Some write both, one of them null.
    let result = message.member("result");
    let result = result.filter(|result| !(error.is_some() && result.is_null()));
    let Some(method) = message.member("method") else {
        if result.is_some() == error.is_some() || (id.is_none() && result.is_some()) {
            return Err(refused("This is neither a request nor a response."));
        }
        let message = error.and_then(|error| error.get("message")?.as_str());
        let message = message.unwrap_or_default().chars();
        let message = || message.take(limits::CLIENT_ERROR_CHARS).collect();
        let result = result.map(Json::to_value).ok_or_else(message);
        return Ok(Message::Response(ClientResponse { id, result }));
    };
    if result.is_some() || error.is_some() {
        return Err(refused("A message is a request or a response, not both."));
    }
    let Some(method) = method.as_str() else {
        return Err(refused("The member `method` must be a string."));
    };
    let is_null = given_id.is_some_and(Json::is_null);
    let wants_no_answer = is_null && method.starts_with("notifications/");
    if given_id.is_some() && id.is_none() && !wants_no_answer {
        return Err(refused("The member `id` must be a string or an integer."));
    }
    let method = method.to_owned();
    match (id, Params::of(message, document)) {
        (Some(id), Some(params)) => Ok(Message::Request(Request {
            id,
            method,
            params,
            header_params: Vec::new(),
        })),
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

/// The id that a value is, if it is one.
pub(crate) fn id_of(value: Json<'_>) -> Option<Id> {
    if let Some(text) = value.as_str() {
        return (text.len() <= limits::REQUEST_ID_BYTES).then(|| Id::Text(text.to_owned()));
    }
    let number = value.as_number()?;
    let positive = number.as_u64().map(Id::Positive);
    positive.or_else(|| number.as_i64().map(Id::Negative))
}
