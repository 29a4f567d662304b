//! Everything that goes to and fro between clients and a server: each message is checked against the
//! revision in use, each answer by the request that it answers.
//!
//! An exchange is one HTTP request and its answer. What outlives it is the MCP session, named by
//! `Mcp-Session-Id` or, in HTTP+SSE, by `sessionId`: the revision that `initialize` agreed on, and
//! which request had which id.
//!
//! Source: MCP specification 2024-11-05 to 2026-07-28, basic/transports and basic/lifecycle.

mod exchange;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::exchange::{Exchange, Format};
use crate::{
    check::{From, check},
    spec,
};

/// A request, as it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct SentRequest<'a> {
    /// The path and the query.
    pub target: &'a str,
    /// `Mcp-Session-Id`.
    pub session: Option<&'a str>,
    /// `MCP-Protocol-Version`.
    pub revision: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// The head of an answer, and as much of its body as there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReceivedResponse<'a> {
    /// The status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Mcp-Session-Id`.
    pub session: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// Who watches.
#[derive(Debug, Default)]
pub struct SchemaValidator {
    exchanges: BTreeMap<u64, Exchange>,
    sessions: BTreeMap<String, Session>,
}

/// An MCP session.
#[derive(Debug, Default)]
struct Session {
    revision: Option<&'static str>,
    /// The methods of the client's requests, by id.
    asked: BTreeMap<String, BTreeSet<String>>,
    /// The methods of the server's requests, by id.
    spoken: BTreeMap<String, String>,
}

impl SchemaValidator {
    /// A client sends a request; the exchange is a number that the caller chooses.
    ///
    /// # Errors
    ///
    /// What of it fits no schema. A client that is wrong on purpose may be forgiven.
    pub fn asked(&mut self, number: u64, asked: &SentRequest<'_>) -> Result<(), String> {
        let Some(exchange) = Exchange::new(asked) else {
            return Ok(());
        };
        if let Some(key) = &exchange.session
            && let Some(session) = self.sessions.get_mut(key)
        {
            for (id, method) in &exchange.asked {
                let methods = session.asked.entry(id.clone()).or_default();
                methods.insert(method.clone());
            }
        }
        let checked = self.check_client(&exchange, asked.body);
        self.exchanges.insert(number, exchange);
        checked
    }

    /// The server answers an exchange, whole or in its first part.
    ///
    /// # Errors
    ///
    /// What of it fits no schema.
    pub fn answered(&mut self, number: u64, answered: &ReceivedResponse<'_>) -> Result<(), String> {
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return Ok(());
        };
        exchange.answered(answered)?;
        if let Some(key) = answered.session {
            exchange.session = Some(key.to_owned());
            self.sessions.entry(key.to_owned()).or_default();
        }
        self.wrote(number, answered.body)
    }

    /// The server writes on.
    ///
    /// # Errors
    ///
    /// What of it fits no schema.
    pub fn wrote(&mut self, number: u64, bytes: &[u8]) -> Result<(), String> {
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return Ok(());
        };
        match &mut exchange.format {
            Format::Other => Ok(()),
            Format::Json if bytes.is_empty() => Ok(()),
            Format::Json => {
                let body = serde_json::from_slice::<Value>(bytes);
                let body = body.map_err(|error| format!("a JSON body is none: {error}"))?;
                // OAuth's errors are JSON too.
                let is_ours = exchange.is_success || body.get("jsonrpc").is_some();
                if is_ours {
                    self.received(number, &body)
                } else {
                    Ok(())
                }
            }
            Format::Events(events) => {
                for event in events.read(bytes)? {
                    self.event(number, &event.name, &event.data)?;
                }
                Ok(())
            }
        }
    }

    /// An event of a stream that somebody else has parsed.
    ///
    /// # Errors
    ///
    /// What of it fits no schema.
    pub fn event(&mut self, number: u64, name: &str, data: &str) -> Result<(), String> {
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return Ok(());
        };
        match name {
            "endpoint" if exchange.is_old => {
                let key = exchange::session_of(data).ok_or("the endpoint names no session")?;
                exchange.session = Some(key.clone());
                self.sessions.entry(key).or_default();
                Ok(())
            }
            "message" if data.is_empty() => Ok(()),
            "message" => {
                let message = serde_json::from_str::<Value>(data);
                let message = message.map_err(|error| format!("an event is no JSON: {error}"))?;
                self.received(number, &message)
            }
            other => Err(format!("an event called {other:?}")),
        }
    }

    /// An exchange is over.
    pub fn ended(&mut self, number: u64) {
        self.exchanges.remove(&number);
    }

    fn received(&mut self, number: u64, body: &Value) -> Result<(), String> {
        let Some(exchange) = self.exchanges.get(&number) else {
            return Ok(());
        };
        let Some(key) = exchange.session.clone() else {
            return exchange.received(body, &mut Session::default());
        };
        // An unknown session is refused, in JSON-RPC.
        let mut unknown = Session::default();
        let session = self.sessions.get_mut(&key).unwrap_or(&mut unknown);
        exchange.received(body, session)
    }

    /// Whether the messages of a client fit.
    fn check_client(&self, exchange: &Exchange, body: &[u8]) -> Result<(), String> {
        if body.is_empty() {
            return Ok(());
        }
        let nobody = Session::default();
        let known = exchange
            .session
            .as_ref()
            .and_then(|key| self.sessions.get(key));
        let session = known.unwrap_or(&nobody);
        let body = serde_json::from_slice::<Value>(body);
        let body = body.map_err(|error| format!("a client sends no JSON: {error}"))?;
        let revision = exchange.revision(session);
        let spec = spec::of(revision).ok_or("an unknown revision")?;
        let messages = match &body {
            Value::Array(messages) if spec.has("JSONRPCBatchRequest") => messages.as_slice(),
            one => std::slice::from_ref(one),
        };
        messages.iter().try_for_each(|message| {
            let id = message.get("id").map(Value::to_string);
            let method = id.and_then(|id| session.spoken.get(&id));
            check(revision, From::Client, message, method.map(String::as_str))
        })
    }
}
