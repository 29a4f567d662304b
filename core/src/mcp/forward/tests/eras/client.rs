//! Clients of all revisions.

use ::http::StatusCode;

use super::{super::*, Backend};
use crate::event::Event;

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// 2024-11-05.
    HttpSse,
    /// A revision with sessions.
    Session(&'static str),
    /// 2026-07-28 and no other.
    Stateless,
}

pub(super) const CLIENTS: [Client; 5] = [
    Client::HttpSse,
    Client::Session("2025-03-26"),
    Client::Session("2025-06-18"),
    Client::Session("2025-11-25"),
    Client::Stateless,
];

/// A client that has begun.
pub(super) struct Session {
    client: Client,
    /// The name of its session, or where to post.
    name: String,
    /// Its one stream (HTTP+SSE).
    stream: Option<ExchangeId>,
    next: u64,
}

/// Where the answer to a request comes.
#[derive(Clone, Copy)]
struct Place {
    exchange: ExchangeId,
    /// What was there before.
    after: usize,
}

impl Client {
    fn capabilities(self) -> Value {
        match self {
            Self::HttpSse | Self::Session("2025-03-26") => json!({"roots": {}}),
            Self::Session(_) | Self::Stateless => json!({"elicitation": {}, "roots": {}}),
        }
    }

    /// Begins; `None` if that is refused in words.
    pub(super) fn open(self, world: &mut World, backend: &mut Backend) -> Option<Session> {
        let mut session = Session {
            client: self,
            name: String::new(),
            stream: None,
            next: 1,
        };
        let revision = match self {
            Self::Stateless => return Some(session),
            Self::Session(revision) => revision,
            Self::HttpSse => {
                let request = world.request("alice", "GET", "/sse", &[], "");
                let stream = world.begin(request);
                if world.sent(stream).response.is_some() {
                    return None;
                }
                let body = &world.sent(stream).body;
                let target = body.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
                session.name = target.to_owned();
                session.stream = Some(stream);
                "2024-11-05"
            }
        };
        let body = initialize_with(revision, &self.capabilities());
        let (place, messages) = session.post(&body, world, backend);
        let [answer] = messages.as_slice() else {
            panic!("one answer, not {messages:?}");
        };
        if answer.get("error").is_some() {
            let words = answer["error"]["message"].as_str();
            assert!(words.is_some_and(|words| words.len() > 10), "{answer}");
            return None;
        }
        let agreed = answer["result"]["protocolVersion"].as_str().unwrap();
        assert!(agreed <= revision, "{agreed} is newer");
        assert_eq!(answer["result"]["serverInfo"]["name"], "orders", "{answer}");
        assert_eq!(answer["result"]["instructions"], "Of the backend.");
        if session.stream.is_none() {
            let response = world.sent(place.exchange).response.as_ref().unwrap();
            session.name = testing::header(response, "mcp-session-id").to_owned();
        }
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        session.post(&initialized.to_string(), world, backend);
        Some(session)
    }
}

impl Session {
    /// Posts a message, lets the backend answer, and gives what came of it.
    fn post(&self, body: &str, world: &mut World, backend: &mut Backend) -> (Place, Vec<Value>) {
        let after = self
            .stream
            .map_or(0, |stream| streamed(world, stream).len());
        let message: Value = serde_json::from_str(body).unwrap();
        let of = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let method = of("/method").unwrap_or_default();
        let headers = match self.client {
            Client::HttpSse => Vec::new(),
            Client::Session(_) if self.name.is_empty() => Vec::new(),
            Client::Session(_) => vec![("mcp-session-id", self.name.as_str())],
            Client::Stateless => {
                let mut headers = vec![
                    ("mcp-protocol-version", "2026-07-28"),
                    ("mcp-method", method),
                ];
                headers.extend(of("/params/name").map(|name| ("mcp-name", name)));
                headers
            }
        };
        let target = match self.client {
            Client::HttpSse => self.name.as_str(),
            Client::Session(_) | Client::Stateless => "/mcp",
        };
        let request = world.request("alice", "POST", target, &headers, body);
        let exchange = world.begin(request);
        backend.run(world);
        if let Some(stream) = self.stream {
            let response = world.sent(exchange).response.as_ref().unwrap();
            assert_eq!(response.status(), StatusCode::ACCEPTED);
            let place = Place {
                exchange: stream,
                after,
            };
            return (place, place.received(world));
        }
        let place = Place { exchange, after };
        (place, place.received(world))
    }

    fn request(
        &mut self,
        method: &str,
        mut params: Value,
        world: &mut World,
        backend: &mut Backend,
    ) -> (Place, Vec<Value>) {
        if self.client == Client::Stateless {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
            meta["io.modelcontextprotocol/clientCapabilities"] = self.client.capabilities();
            meta["io.modelcontextprotocol/logLevel"] = json!("info");
        }
        self.next += 1;
        let body = json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.post(&body.to_string(), world, backend)
    }

    fn call(
        &mut self,
        tool: &str,
        world: &mut World,
        backend: &mut Backend,
    ) -> (Place, Vec<Value>) {
        let params = json!({"name": tool, "_meta": {"progressToken": "p"}});
        self.request("tools/call", params, world, backend)
    }

    pub(super) fn lists(&mut self, world: &mut World, backend: &mut Backend) -> bool {
        let (_, messages) = self.request("tools/list", json!({}), world, backend);
        self.has_answered(&messages, |result| result["tools"][0]["name"] == "echo")
    }

    pub(super) fn calls(&mut self, world: &mut World, backend: &mut Backend) -> bool {
        let (_, messages) = self.call("echo", world, backend);
        self.has_answered(&messages, |result| result["content"][0]["text"] == "echoed")
    }

    pub(super) fn gets_large(&mut self, world: &mut World, backend: &mut Backend) -> bool {
        let (_, messages) = self.call("large", world, backend);
        self.has_answered(&messages, |result| result["content"][0]["text"] == "large")
    }

    pub(super) fn hears(&mut self, world: &mut World, backend: &mut Backend, what: &str) -> bool {
        let (_, messages) = self.call("report", world, backend);
        let mut heard = messages.iter().filter(|message| message["method"] == what);
        let is_heard = heard.next().is_some_and(|heard| {
            let token = heard["params"].get("progressToken");
            token.is_none_or(|token| token == "p")
        });
        is_heard && self.has_answered(&messages, |result| result["content"][0]["text"] == "done")
    }

    pub(super) fn is_asked(&mut self, world: &mut World, backend: &mut Backend) -> bool {
        let (place, messages) = self.call("ask", world, backend);
        let is_answered = |result: &Value| result["content"][0]["text"] == "answered";
        let answer_to = |question: &Value| match question["method"].as_str() {
            Some("elicitation/create") => Some(json!({"action": "accept", "content": {}})),
            Some("roots/list") => Some(json!({"roots": []})),
            _ => None,
        };
        if self.client != Client::Stateless {
            let question = messages
                .last()
                .filter(|question| question["id"].is_string());
            let answer = question.and_then(|question| {
                let result = answer_to(question)?;
                Some(json!({"jsonrpc": "2.0", "id": question["id"], "result": result}))
            });
            let Some(answer) = answer else {
                return false;
            };
            self.post(&answer.to_string(), world, backend);
            return self.has_answered(&place.received(world), is_answered);
        }
        let result = messages.last().map(|answer| &answer["result"]);
        let Some(result) = result.filter(|result| result["resultType"] == "input_required") else {
            return false;
        };
        let questions = result["inputRequests"].as_object().unwrap();
        let responses: serde_json::Map<_, _> = questions
            .iter()
            .filter_map(|(key, question)| Some((key.clone(), answer_to(question)?)))
            .collect();
        let params = json!({
            "name": "ask",
            "_meta": {"progressToken": "p"},
            "inputResponses": responses,
            "requestState": result["requestState"],
        });
        let (_, messages) = self.request("tools/call", params, world, backend);
        self.has_answered(&messages, is_answered)
    }

    pub(super) fn cancels(&mut self, world: &mut World, backend: &mut Backend) -> bool {
        let closed = world.cancelled;
        let (place, messages) = self.call("wait", world, backend);
        if !messages.is_empty() {
            return false;
        }
        match self.client {
            Client::Stateless => world.handle(place.exchange, Event::Disconnected),
            Client::HttpSse | Client::Session(_) => {
                let params = json!({"requestId": self.next});
                let body = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
                self.post(&body.to_string(), world, backend);
            }
        }
        backend.run(world);
        backend.is_cancelled || world.cancelled > closed
    }

    /// Whether the last message answers the last request with such a result.
    fn has_answered(&self, messages: &[Value], is_it: impl Fn(&Value) -> bool) -> bool {
        let Some(answer) = messages.last() else {
            return false;
        };
        let result = &answer["result"];
        if self.client != Client::Stateless {
            assert!(result.get("resultType").is_none(), "{answer}");
        }
        answer["id"] == self.next && is_it(result)
    }
}

impl Place {
    /// The messages that came there.
    fn received(self, world: &World) -> Vec<Value> {
        let response = world.sent(self.exchange).response.as_ref();
        match response.filter(|response| !response.body().is_empty()) {
            Some(response) => vec![testing::json(response)],
            None => streamed(world, self.exchange).split_off(self.after),
        }
    }
}
