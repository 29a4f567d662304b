//! An MCP client for tests of a whole server: it signs a user in at the development tenant and speaks every revision of MCP.
//!
//! It asks a server that was started with [`Config::in_memory`](crate::Config::in_memory) without a socket, or one with
//! [`Config::dev_tenant`](crate::Config::dev_tenant) on this machine. It waits for each answer, so that an async test calls it on a thread of its own.
//!
//! Source: MCP 2024-11-05, transports (HTTP with SSE); 2025-11-25, transports (Streamable HTTP); 2026-07-28, basic/patterns (multi
//! round-trip requests).

mod error;
mod http;
mod listening;
mod messages;
mod result;
mod sign_in;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value, json};

pub use self::{error::ClientError, listening::Listening, result::CallResult};
use self::{
    http::{Response, Transport},
    messages::{capabilities, result_of, take},
};
use crate::Running;

/// The revisions of MCP, the oldest first.
pub const REVISIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    STATELESS,
];

const WITH_SSE: &str = "2024-11-05";
const STATELESS: &str = "2026-07-28";

/// More rounds than any call has.
const ROUNDS: usize = 20;

/// Who is to sign in, and how.
#[derive(Clone, Debug)]
#[must_use = "nobody signs in before `to`"]
pub struct SignIn {
    user: String,
    revision: &'static str,
    scope: Option<String>,
    replies: VecDeque<Value>,
}

impl SignIn {
    /// This user of the development tenant, such as `alice`, with a client of revision 2025-11-25 that asks for no scope by
    /// name.
    pub fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            revision: "2025-11-25",
            scope: None,
            replies: VecDeque::new(),
        }
    }

    /// The client speaks this revision, one of [`REVISIONS`].
    pub fn revision(mut self, revision: &'static str) -> Self {
        self.revision = revision;
        self
    }

    /// The client asks for these scopes, with spaces between them.
    pub fn scope(mut self, scope: &str) -> Self {
        self.scope = Some(scope.to_owned());
        self
    }

    /// The user fills in the next form with these values. Said again, it is for the form after that. A question for which
    /// nothing was said is dismissed.
    pub fn accepts(self, values: &Value) -> Self {
        self.replies(json!({"action": "accept", "content": values}))
    }

    /// The user declines the next question.
    pub fn declines(self) -> Self {
        self.replies(json!({"action": "decline"}))
    }

    /// The client's answer to the next request of the server, such as the result of `sampling/createMessage`.
    pub fn replies(mut self, result: Value) -> Self {
        self.replies.push_back(result);
        self
    }

    /// Signs in to a server, and begins a session where the revision has one.
    ///
    /// # Errors
    ///
    /// The user may not sign in, or the server cannot be asked.
    pub fn to(self, server: &Running) -> Result<Client, ClientError> {
        let (transport, port) = match server.memory() {
            Some((memory, port)) => (Transport::Memory(memory.clone()), port),
            None => {
                let mut addresses = server.addresses().iter();
                let address = addresses.find(|address| address.is_ipv4());
                let address = address.map(SocketAddr::port);
                let port = address.ok_or_else(|| ClientError::new("the server does not listen"))?;
                (Transport::Sockets, port)
            }
        };
        let token = sign_in::sign_in((&transport, port), &self.user, self.scope.as_deref())?;
        let state = State {
            replies: self.replies,
            ..State::default()
        };
        let client = Client {
            transport,
            port,
            bearer: format!("Bearer {token}"),
            revision: self.revision,
            state: Mutex::new(state),
        };
        client.begin()?;
        Ok(client)
    }
}

/// A client whose user has signed in.
///
/// See the documentation of the module for an example.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    port: u16,
    bearer: String,
    revision: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    session: Option<String>,
    /// Where messages are posted, and the stream on which they are answered (2024-11-05).
    sse: Option<(String, Response)>,
    replies: VecDeque<Value>,
    questions: Vec<Value>,
    notifications: Vec<Value>,
}

impl Client {
    /// Calls a tool.
    ///
    /// # Errors
    ///
    /// An error of the protocol or of the session. What the tool itself says is in the result.
    pub fn call(&self, tool: &str, arguments: &Value) -> Result<CallResult, ClientError> {
        let params = json!({"name": tool, "arguments": arguments});
        self.request("tools/call", params).map(CallResult)
    }

    /// The names of the tools that this user sees.
    ///
    /// # Errors
    ///
    /// An error of the protocol or of the session.
    pub fn tools(&self) -> Result<Vec<String>, ClientError> {
        let listed = self.request("tools/list", json!({}))?;
        let tools = listed.get("tools").and_then(Value::as_array);
        let tools = tools.into_iter().flatten();
        let names = tools.filter_map(|tool| tool.get("name")?.as_str());
        Ok(names.map(str::to_owned).collect())
    }

    /// Sends any request of MCP, and answers what the server asks meanwhile; its result. What the parameters have in `_meta` is sent with
    /// what the client says there.
    ///
    /// # Errors
    ///
    /// An error of the protocol or of the session.
    pub fn request(&self, method: &str, params: Value) -> Result<Value, ClientError> {
        let mut params = match params {
            Value::Object(params) => params,
            _ => Map::new(),
        };
        for _ in 0..ROUNDS {
            let mut result = self.round(method, params.clone())?;
            if result.get("resultType") != Some(&json!("input_required")) {
                return Ok(result);
            }
            let requests = match take(&mut result, "inputRequests") {
                Value::Object(requests) => requests,
                _ => Map::new(),
            };
            let answered = requests.into_iter().map(|(key, request)| {
                let reply = self.state().reply(request);
                (key, reply)
            });
            params.insert("inputResponses".to_owned(), answered.collect());
            let state = take(&mut result, "requestState");
            params.insert("requestState".to_owned(), state);
        }
        Err(ClientError::new("the server asks again and again"))
    }

    /// What the server asked so far: the parameters of its requests, with their `method`.
    #[must_use]
    pub fn questions(&self) -> Vec<Value> {
        self.state().questions.clone()
    }

    /// The notifications so far that came with answers, such as of progress.
    #[must_use]
    pub fn notifications(&self) -> Vec<Value> {
        self.state().notifications.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Result<(), ClientError> {
        if self.revision == STATELESS {
            return Ok(());
        }
        if self.revision == WITH_SSE {
            let headers = self.headers(None);
            let headers = borrowed(&headers);
            let mut stream = self.send(("GET", "/sse"), &headers, "")?;
            if !stream.is_stream() {
                let body = stream.body()?;
                return Err(ClientError::of_status(stream.status, &body));
            }
            let (_, endpoint) = stream.event()?.unwrap_or_default();
            self.state().sse = Some((endpoint, stream));
        }
        let params = json!({"protocolVersion": self.revision, "capabilities": capabilities(),
            "clientInfo": {"name": "test", "version": "1"}});
        self.round(
            "initialize",
            params.as_object().cloned().unwrap_or_default(),
        )?;
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.post(&initialized, None).map(drop)
    }

    /// One request and its answer.
    fn round(&self, method: &str, params: Map<String, Value>) -> Result<Value, ClientError> {
        let name = ["name", "uri"]
            .iter()
            .find_map(|name| params.get(*name)?.as_str());
        let name = name.map(str::to_owned);
        let (id, message) = self.message(method, params);
        let named = Some((method, name.as_deref()));
        let mut response = self.post(&message, named)?;
        if method == "initialize" && self.revision != WITH_SSE {
            self.state().session = Some(response.header("mcp-session-id").to_owned());
        }
        if self.revision == WITH_SSE {
            let taken = self.state().sse.take();
            let (endpoint, mut stream) = taken
                .ok_or_else(|| ClientError::new("the stream is in use: one call at a time"))?;
            let found = self.answer_on(&mut stream, &endpoint, id);
            self.state().sse = Some((endpoint, stream));
            return found;
        }
        if response.is_stream() {
            return self.answer_on(&mut response, "/mcp", id);
        }
        let body = response.body()?;
        match serde_json::from_str::<Value>(&body) {
            Ok(answer) => result_of(answer),
            Err(_) => Err(ClientError::of_status(response.status, &body)),
        }
    }

    /// Reads a stream up to the answer, and answers what the server asks.
    fn answer_on(
        &self,
        stream: &mut Response,
        endpoint: &str,
        id: u64,
    ) -> Result<Value, ClientError> {
        while let Some((_, data)) = stream.event()? {
            let message: Value = serde_json::from_str(&data).unwrap_or_default();
            match (message.get("method"), message.get("id")) {
                (None, Some(answered)) if *answered == json!(id) => return result_of(message),
                (Some(_), Some(asked)) => {
                    let asked = asked.clone();
                    let result = self.state().reply(message);
                    let reply = json!({"jsonrpc": "2.0", "id": asked, "result": result});
                    self.post_to(endpoint, &reply, None)?;
                }
                (Some(_), None) => self.state().notifications.push(message),
                (None, _) => {}
            }
        }
        Err(ClientError::new("the stream ended before the answer"))
    }

    fn post(
        &self,
        message: &Value,
        named: Option<(&str, Option<&str>)>,
    ) -> Result<Response, ClientError> {
        let endpoint = match (&self.state().sse, self.revision) {
            (Some((endpoint, _)), _) => endpoint.clone(),
            (None, WITH_SSE) => {
                return Err(ClientError::new("the stream is in use: one call at a time"));
            }
            (None, _) => "/mcp".to_owned(),
        };
        self.post_to(&endpoint, message, named)
    }

    fn post_to(
        &self,
        endpoint: &str,
        message: &Value,
        named: Option<(&str, Option<&str>)>,
    ) -> Result<Response, ClientError> {
        let headers = self.headers(named);
        let headers = borrowed(&headers);
        let body = message.to_string();
        let mut response = self.send(("POST", endpoint), &headers, &body)?;
        if matches!(response.status, 200 | 202 | 400) {
            return Ok(response);
        }
        let body = response.body()?;
        let challenge = response.header("www-authenticate");
        Err(ClientError::of_status(response.status, &body).with_challenge(challenge))
    }

    fn send(
        &self,
        request: (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> std::io::Result<Response> {
        self.transport.send(self.port, request, headers, body)
    }

    fn headers(&self, named: Option<(&str, Option<&str>)>) -> Vec<(&'static str, String)> {
        let accept = match named {
            None if self.revision == WITH_SSE => "text/event-stream",
            _ => "application/json, text/event-stream",
        };
        let mut headers = vec![
            ("Authorization", self.bearer.clone()),
            ("Accept", accept.to_owned()),
            ("Content-Type", "application/json".to_owned()),
        ];
        if let Some(session) = &self.state().session {
            headers.push(("Mcp-Session-Id", session.clone()));
            headers.push(("MCP-Protocol-Version", self.revision.to_owned()));
        }
        if let (Some((method, name)), STATELESS) = (named, self.revision) {
            headers.push(("MCP-Protocol-Version", STATELESS.to_owned()));
            headers.push(("Mcp-Method", method.to_owned()));
            headers.extend(name.map(|name| ("Mcp-Name", name.to_owned())));
        }
        headers
    }
}

impl State {
    /// What the client answers to a request of the server.
    fn reply(&mut self, request: Value) -> Value {
        self.questions.push(request);
        let dismissed = || json!({"action": "cancel"});
        self.replies.pop_front().unwrap_or_else(dismissed)
    }
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

#[cfg(test)]
mod tests;
