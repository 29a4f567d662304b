//! The client's side of MCP, in every revision.

use bytes::Bytes;
use http::{Method, Response, header};
use serde_json::{Value, json};
use url::Url;

use super::{Client, Dialect, Trouble, text, value};
use crate::net::Call;

/// What stays between two requests.
#[derive(Debug)]
pub(super) enum Connection {
    /// The stream of HTTP+SSE and where messages are posted.
    Sse {
        stream: Call,
        unread: String,
        endpoint: String,
    },
    /// `Mcp-Session-Id`, where the server gave one.
    Session(Option<String>),
}

/// What `getUserDetails` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDetails {
    /// The result, whole.
    pub result: Value,
    /// `userPrincipalName`.
    pub user_principal_name: String,
}

impl Client {
    /// Connects: opens the stream or session that the revision has.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn connect(&mut self) -> Result<(), Trouble> {
        self.disconnect();
        if self.dialect == Dialect::Modern {
            return Ok(());
        }
        if self.dialect == Dialect::Sse {
            self.open_stream().await?;
        }
        let params = json!({
            "protocolVersion": self.dialect.version(),
            "capabilities": {},
            "clientInfo": {"name": self.peer.name(), "version": "1.0.0"},
        });
        let result = self.ask("initialize", params).await?;
        if text(&result, "protocolVersion")? != self.dialect.version() {
            return Err(Trouble::strange("another revision was chosen"));
        }
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let response = self.post(&note, "notifications/initialized", None).await?;
        if response.status() == 202 {
            Ok(())
        } else {
            Err(Trouble::of(&response))
        }
    }

    /// Forgets the stream or session, without a word to the server.
    pub fn disconnect(&mut self) {
        self.connection = None;
        self.peer.stick_to(None);
    }

    /// The `Mcp-Session-Id` or the address for messages, which an attacker may have overheard.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match self.connection.as_ref()? {
            Connection::Sse { endpoint, .. } => Some(endpoint),
            Connection::Session(session) => session.as_deref(),
        }
    }

    /// Uses a session that the client may not be meant to have.
    pub fn set_session(&mut self, session: &str) {
        self.connection = Some(Connection::Session(Some(session.to_owned())));
    }

    async fn open_stream(&mut self) -> Result<(), Trouble> {
        let mut request = self.request(Method::GET, &self.address());
        let accept = value("text/event-stream");
        request.headers_mut().insert(header::ACCEPT, accept);
        let mut stream = self.peer.send(request);
        let head = stream.head().await?;
        // Behind a balancer, messages must reach the replica that holds the stream.
        self.peer.stick_to(stream.replica());
        if head.status() != 200 {
            let body = stream.rest().await?;
            return Err(Trouble::of(&Response::from_parts(
                head.into_parts().0,
                body,
            )));
        }
        let mut unread = String::new();
        let (name, endpoint) = next_event(&mut stream, &mut unread).await?;
        let base = Url::parse(&self.address()).map_err(|_| Trouble::strange("no URL"))?;
        let url = base
            .join(&endpoint)
            .map_err(|_| Trouble::strange("no URL"))?;
        if name != "endpoint" || url.origin() != base.origin() {
            return Err(Trouble::Strange(format!("the stream begins with {name}")));
        }
        self.connection = Some(Connection::Sse {
            stream,
            unread,
            endpoint: url.into(),
        });
        Ok(())
    }

    /// Sends a request and waits for its result.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Trouble> {
        self.requests += 1;
        let id = self.requests;
        let mut params = params;
        let name = params
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if self.dialect == Dialect::Modern
            && let Some(members) = params.as_object_mut()
        {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": self.dialect.version(),
                "io.modelcontextprotocol/clientInfo": {"name": "world", "version": "1.0.0"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            members.insert("_meta".to_owned(), meta);
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let response = self.post(&message, method, name.as_deref()).await?;
        if self.dialect == Dialect::Sse {
            if response.status() != 202 {
                return Err(Trouble::of(&response));
            }
            return self.await_message(id).await;
        }
        if method == "initialize" && response.status().is_success() {
            let session = response.headers().get("mcp-session-id");
            let session = session.and_then(|session| session.to_str().ok());
            self.connection = Some(Connection::Session(session.map(str::to_owned)));
        }
        result_of(id, &response)
    }

    async fn post(
        &self,
        message: &Value,
        method: &str,
        name: Option<&str>,
    ) -> Result<Response<Bytes>, Trouble> {
        let address = match &self.connection {
            Some(Connection::Sse { endpoint, .. }) => endpoint.clone(),
            _ => self.address(),
        };
        let mut request = self.request(Method::POST, &address);
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, value("application/json"));
        let accept = value("application/json, text/event-stream");
        headers.insert(header::ACCEPT, accept);
        if let Some(Connection::Session(Some(session))) = &self.connection {
            headers.insert("mcp-session-id", value(session));
        }
        let version = self.dialect.version();
        if method != "initialize" && !matches!(version, "2024-11-05" | "2025-03-26") {
            headers.insert("mcp-protocol-version", value(version));
        }
        if self.dialect == Dialect::Modern {
            headers.insert("mcp-method", value(method));
            if let Some(name) = name {
                headers.insert("mcp-name", value(name));
            }
        }
        *request.body_mut() = Bytes::from(message.to_string());
        Ok(self.peer.fetch(request).await?)
    }

    /// The answer on the stream of HTTP+SSE.
    async fn await_message(&mut self, id: u64) -> Result<Value, Trouble> {
        let Some(Connection::Sse { stream, unread, .. }) = &mut self.connection else {
            return Err(Trouble::strange("there is no stream"));
        };
        loop {
            let (name, data) = next_event(stream, unread).await?;
            if name != "message" {
                continue;
            }
            let message: Value =
                serde_json::from_str(&data).map_err(|_| Trouble::strange("an event is no JSON"))?;
            if message.get("id").and_then(Value::as_u64) == Some(id) {
                return result(&message);
            }
        }
    }

    /// The names of the tools.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn list_tools(&mut self) -> Result<Vec<String>, Trouble> {
        let result = self.ask("tools/list", json!({})).await?;
        let tools = result.get("tools").and_then(Value::as_array);
        let tools = tools.ok_or(Trouble::strange("no tools"))?;
        tools.iter().map(|tool| text(tool, "name")).collect()
    }

    /// Calls a tool.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn call_tool(&mut self, name: &str, arguments: Value) -> Result<Value, Trouble> {
        let params = json!({"name": name, "arguments": arguments});
        let result = self.ask("tools/call", params).await?;
        if result.get("isError") == Some(&Value::Bool(true)) {
            let said = result.pointer("/content/0/text").and_then(Value::as_str);
            return Err(Trouble::Tool(said.unwrap_or_default().to_owned()));
        }
        Ok(result)
    }

    /// Sends a notification: that some request is cancelled.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn cancel(&mut self, request: u64) -> Result<(), Trouble> {
        let method = "notifications/cancelled";
        let params = json!({"requestId": request, "reason": "nobody waits"});
        let note = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let response = self.post(&note, method, None).await?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(Trouble::of(&response))
        }
    }

    /// Opens the stream on which a server of Streamable HTTP speaks unasked.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn listen(&mut self) -> Result<Call, Trouble> {
        let mut request = self.request(Method::GET, &self.address());
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, value("text/event-stream"));
        headers.insert("mcp-protocol-version", value(self.dialect.version()));
        if let Some(Connection::Session(Some(session))) = &self.connection {
            headers.insert("mcp-session-id", value(session));
        }
        let mut stream = self.peer.send(request);
        let head = stream.head().await?;
        if head.status() == 200 {
            return Ok(stream);
        }
        let body = stream.rest().await?;
        Err(Trouble::of(&Response::from_parts(
            head.into_parts().0,
            body,
        )))
    }

    /// Asks who the person is.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn get_user_details(&mut self) -> Result<UserDetails, Trouble> {
        let result = self.call_tool("getUserDetails", json!({})).await?;
        let said = result.pointer("/content/0/text").and_then(Value::as_str);
        let said = said.ok_or(Trouble::strange("no text"))?;
        let details: Value =
            serde_json::from_str(said).map_err(|_| Trouble::strange("the text is no JSON"))?;
        Ok(UserDetails {
            user_principal_name: text(&details, "userPrincipalName")?,
            result,
        })
    }

    /// Ends the session, where the revision has a request for it.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn end_session(&mut self) -> Result<(), Trouble> {
        let Some(Connection::Session(Some(session))) = &self.connection else {
            return Ok(());
        };
        let mut request = self.request(Method::DELETE, &self.address());
        let headers = request.headers_mut();
        headers.insert("mcp-session-id", value(session));
        let response = self.peer.fetch(request).await?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(Trouble::of(&response))
        }
    }
}

/// The result in an answer of Streamable HTTP, which is JSON or a stream of events.
fn result_of(id: u64, response: &Response<Bytes>) -> Result<Value, Trouble> {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let body = std::str::from_utf8(response.body()).map_err(|_| Trouble::strange("no UTF-8"))?;
    let parsed: Value = if content_type.starts_with("text/event-stream") {
        let events = body.split("\n\n").filter_map(parse_event);
        let mut messages = events.filter_map(|(_, data)| serde_json::from_str(&data).ok());
        let is_ours = |message: &Value| message.get("id").and_then(Value::as_u64) == Some(id);
        messages
            .find(is_ours)
            .ok_or(Trouble::strange("no answer in the stream"))?
    } else {
        serde_json::from_str(body).unwrap_or_default()
    };
    // An error of JSON-RPC says more than the status that it came with.
    if parsed.pointer("/error/code").is_none() && !response.status().is_success() {
        return Err(Trouble::of(response));
    }
    if matches!(response.status().as_u16(), 401 | 403 | 404 | 429 | 503) {
        return Err(Trouble::of(response));
    }
    result(&parsed)
}

fn result(message: &Value) -> Result<Value, Trouble> {
    if let Some(error) = message.get("error") {
        return Err(Trouble::Rpc {
            code: error
                .get("code")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            message: text(error, "message").unwrap_or_default(),
        });
    }
    let result = message.get("result").cloned();
    result.ok_or(Trouble::strange("neither result nor error"))
}

/// The next event of a stream: its name and data. Comments and retries are passed over.
pub(crate) async fn next_event(
    stream: &mut Call,
    unread: &mut String,
) -> Result<(String, String), Trouble> {
    loop {
        while let Some((event, rest)) = unread.split_once("\n\n") {
            let event = parse_event(event);
            *unread = rest.to_owned();
            if let Some(event) = event {
                return Ok(event);
            }
        }
        let piece = stream.piece().await?.ok_or(Trouble::Broken)?;
        unread.push_str(&String::from_utf8_lossy(&piece));
    }
}

/// An event's name (`message` if it has none) and data; `None` if it has no data.
fn parse_event(text: &str) -> Option<(String, String)> {
    let mut name = "message".to_owned();
    let mut data: Vec<&str> = Vec::new();
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut name),
            "data" => data.push(value),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| (name, data.join("\n")))
}
