//! One HTTP request and the messages that come back on it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ReceivedResponse, SentRequest, Session};
use crate::{
    check::{From, check},
    spec,
    sse::Events,
};

/// An exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The session, once it is known.
    pub(super) session: Option<String>,
    /// The methods of its requests, by id.
    pub(super) asked: BTreeMap<String, String>,
    /// How the answer is written.
    pub(super) format: Format,
    /// The status is 2xx.
    pub(super) is_success: bool,
    /// HTTP+SSE.
    pub(super) is_old: bool,
    /// Every message of the body could be read.
    is_readable: bool,
    /// Each request stands for itself.
    is_stateless: bool,
    /// What `initialize` asked for.
    wanted: Option<String>,
    /// `MCP-Protocol-Version`.
    header: Option<String>,
}

/// How an answer is written.
#[derive(Debug)]
pub(super) enum Format {
    Json,
    Events(Events),
    /// Not as messages.
    Other,
}

const META: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";
const SUBSCRIPTION: &str = "/params/_meta/io.modelcontextprotocol~1subscriptionId";

/// The `sessionId` of an address.
pub(super) fn session_of(target: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    let mut fields = query.split('&');
    let value = fields.find_map(|field| field.strip_prefix("sessionId="))?;
    Some(value.to_owned())
}

impl Exchange {
    /// `None` for what is no address of MCP.
    pub(super) fn new(asked: &SentRequest<'_>) -> Option<Self> {
        let path = asked.target.split('?').next().unwrap_or_default();
        if !matches!(path, "/mcp" | "/sse" | "/message") {
            return None;
        }
        let session = asked.session.map(str::to_owned);
        let body = serde_json::from_slice::<Value>(asked.body).unwrap_or_default();
        let messages = match &body {
            Value::Array(messages) => messages.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut exchange = Self {
            session: session.or_else(|| session_of(asked.target)),
            asked: BTreeMap::new(),
            format: Format::Other,
            is_success: false,
            is_old: path != "/mcp",
            is_readable: true,
            is_stateless: asked.revision == Some(spec::STATELESS),
            wanted: None,
            header: asked.revision.map(str::to_owned),
        };
        for message in messages {
            exchange.note_request(message);
        }
        Some(exchange)
    }

    fn note_request(&mut self, message: &Value) {
        let text = |path: &str| message.pointer(path).and_then(Value::as_str);
        self.is_stateless |= text(META) == Some(spec::STATELESS);
        let id = message
            .get("id")
            .filter(|id| id.is_string() || id.is_number());
        let method = text("/method");
        if let (Some(id), Some(method)) = (id, method) {
            self.asked.insert(id.to_string(), method.to_owned());
        }
        if method == Some("initialize") {
            self.is_stateless = false;
            self.wanted = text("/params/protocolVersion").map(str::to_owned);
        }
        self.is_readable &= message.get("jsonrpc").is_some() && id.is_some();
    }

    /// The head of the answer.
    pub(super) fn answered(&mut self, answered: &ReceivedResponse<'_>) -> Result<(), String> {
        self.is_success = (200..300).contains(&answered.status);
        let kind = answered.content_type.split(';').next().unwrap_or_default();
        self.format = match kind.trim() {
            "application/json" => Format::Json,
            "text/event-stream" => Format::Events(Events::default()),
            _ => Format::Other,
        };
        let is_empty = matches!(answered.status, 202 | 204) || answered.body.is_empty();
        if self.is_success && !is_empty && matches!(self.format, Format::Other) {
            return Err(format!("{} answers a message", answered.content_type));
        }
        Ok(())
    }

    /// The revision in use.
    pub(super) fn revision(&self, session: &Session) -> &'static str {
        if self.is_stateless {
            return spec::STATELESS;
        }
        let known = |name: &Option<String>| {
            let spec = spec::of(name.as_deref()?)?;
            (spec.name != spec::STATELESS).then_some(spec.name)
        };
        if self.wanted.is_some() {
            return known(&self.wanted).unwrap_or(spec::NEWEST_WITH_SESSIONS);
        }
        let known = session.revision.or_else(|| known(&self.header));
        known.unwrap_or(if self.is_old {
            "2024-11-05"
        } else {
            "2025-03-26"
        })
    }

    /// A body or an event.
    pub(super) fn received(&self, body: &Value, session: &mut Session) -> Result<(), String> {
        let Value::Array(messages) = body else {
            return self.message(body, session);
        };
        let revision = self.revision(session);
        if spec::of(revision).is_none_or(|spec| !spec.has("JSONRPCBatchResponse")) {
            return Err(format!("there are no batches in {revision}"));
        }
        let mut messages = messages.iter();
        messages.try_for_each(|message| self.message(message, session))
    }

    fn message(&self, message: &Value, session: &mut Session) -> Result<(), String> {
        match message.get("method").and_then(Value::as_str) {
            Some(method) => self.spoken(method, message, session),
            None => self.answer(message, session),
        }
    }

    /// The server sends a request or a notification.
    fn spoken(&self, method: &str, message: &Value, session: &mut Session) -> Result<(), String> {
        if let Some(id) = message.get("id") {
            session.spoken.insert(id.to_string(), method.to_owned());
        }
        check(self.revision(session), From::Server, message, None)?;
        // Of several subscriptions the client must know which one is meant.
        let mut asked = self.asked.iter();
        let listening = asked.find(|(_, method)| *method == "subscriptions/listen");
        if let Some((id, _)) = listening
            && message.pointer(SUBSCRIPTION).map(Value::to_string).as_ref() != Some(id)
        {
            return Err(format!("{method} does not name the subscription {id}"));
        }
        Ok(())
    }

    /// The server answers.
    fn answer(&self, message: &Value, session: &mut Session) -> Result<(), String> {
        let revision = self.revision(session);
        let is_error = message.get("error").is_some();
        let id = message.get("id").filter(|id| !id.is_null());
        let Some(id) = id.map(Value::to_string) else {
            // Only what was refused before it was read has no id.
            if self.is_success && self.is_readable && !self.asked.is_empty() {
                return Err(format!("an answer without an id; in {message}"));
            }
            return check(revision, From::Server, message, None);
        };
        let own = self.asked.get(&id).into_iter();
        let others = session.asked.get(&id).into_iter().flatten();
        let methods: Vec<String> = own.chain(others).cloned().collect();
        if methods.is_empty() && !is_error {
            return Err(format!("an answer to {id}, which nobody asked"));
        }
        if !is_error && methods.iter().any(|method| method == "initialize") {
            let agreed = message.pointer("/result/protocolVersion");
            if let Some(agreed) = agreed.and_then(Value::as_str) {
                let spec = spec::of(agreed).ok_or("initialize agrees on an unknown revision")?;
                session.revision = Some(spec.name);
                return check(spec.name, From::Server, message, Some("initialize"));
            }
        }
        // An id may be used again for another method: then one of them fits.
        let mut methods = methods.iter().map(|method| Some(method.as_str()));
        let mut checked = check(
            revision,
            From::Server,
            message,
            methods.next().unwrap_or_default(),
        );
        for method in methods {
            if checked.is_err() {
                checked = check(revision, From::Server, message, method);
            }
        }
        checked
    }
}
