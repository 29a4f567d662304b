//! Streams of events, as a client reads them, and the messages in them.
//!
//! Source: WHATWG HTML, server-sent events; MCP specification 2025-11-25, basic/transports.

use bytes::Bytes;
use http::{Response, header};
use serde_json::Value;

use super::{ClientError, text};
use crate::net::{Broken, Call};

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Events {
    stream: Call,
    unread: String,
    /// The id of the event that came last, to come back with.
    pub(crate) last_id: Option<String>,
    /// How long the server wants a client to stay away, in milliseconds.
    pub(crate) retry: Option<u64>,
}

/// An event.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) name: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) id: Option<String>,
    retry: Option<u64>,
}

impl Events {
    pub(crate) fn new(stream: Call) -> Self {
        Self {
            stream,
            unread: String::new(),
            last_id: None,
            retry: None,
        }
    }

    /// The next event with data or an id; `None` at the end. Comments are passed over.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Broken> {
        loop {
            while let Some((event, rest)) = self.unread.split_once("\n\n") {
                let event = Event::parse(event);
                self.unread = rest.to_owned();
                self.retry = event.retry.or(self.retry);
                if event.id.is_some() {
                    self.last_id.clone_from(&event.id);
                }
                if event.data.is_some() || event.id.is_some() {
                    return Ok(Some(event));
                }
            }
            match self.stream.piece().await? {
                Some(piece) => self.unread.push_str(&String::from_utf8_lossy(&piece)),
                None => return Ok(None),
            }
        }
    }
}

impl Event {
    fn parse(text: &str) -> Self {
        let mut event = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => event.name = Some(value.to_owned()),
                "id" => event.id = Some(value.to_owned()),
                "retry" => event.retry = value.parse().ok(),
                "data" => match &mut event.data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => event.data = Some(value.to_owned()),
                },
                _ => {}
            }
        }
        event
    }

    /// The message of MCP in it; an event without data has none.
    pub(crate) fn message(&self) -> Result<Option<Value>, ClientError> {
        let is_message = self.name.as_deref().is_none_or(|name| name == "message");
        match self
            .data
            .as_deref()
            .filter(|data| is_message && !data.is_empty())
        {
            None => Ok(None),
            Some(data) => match serde_json::from_str(data) {
                Ok(message) => Ok(Some(message)),
                Err(_) => Err(ClientError::violation("an event is no JSON")),
            },
        }
    }
}

/// Whether an answer is a stream of events.
pub(crate) fn is_stream<B>(response: &Response<B>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("text/event-stream"))
}

/// The result in an answer of Streamable HTTP that is no stream.
pub(crate) fn result_of(response: &Response<Bytes>) -> Result<Value, ClientError> {
    let body =
        std::str::from_utf8(response.body()).map_err(|_| ClientError::violation("no UTF-8"))?;
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    // An error of JSON-RPC says more than the status that it came with.
    if parsed.pointer("/error/code").is_none() && !response.status().is_success() {
        return Err(ClientError::of(response));
    }
    if matches!(response.status().as_u16(), 401 | 403 | 404 | 429 | 503) {
        return Err(ClientError::of(response));
    }
    result(&parsed)
}

/// The result in a message, or the error.
pub(crate) fn result(message: &Value) -> Result<Value, ClientError> {
    if let Some(error) = message.get("error") {
        // The user has to open a page first.
        if let Some(url) = error.pointer("/data/elicitations/0/url") {
            let url = url.as_str().unwrap_or_default();
            return Err(ClientError::Tool(url.to_owned()));
        }
        return Err(ClientError::Rpc {
            code: error
                .get("code")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            message: text(error, "message").unwrap_or_default(),
        });
    }
    let result = message.get("result").cloned();
    result.ok_or(ClientError::violation("neither result nor error"))
}
