//! The client's side of MCP, in every revision.

use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde_json::{Value, json};
use url::Url;

use super::{Client, ClientError, Dialect, capabilities, events::Events, text, value};
use crate::net::Call;

/// What stays between two requests.
#[derive(Debug)]
pub(super) enum Connection {
    /// The stream of HTTP+SSE and where messages are posted.
    Sse {
        /// Taken while it is read.
        events: Option<Events>,
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
    pub async fn connect(&mut self) -> Result<(), ClientError> {
        self.disconnect();
        if self.dialect == Dialect::Modern {
            return Ok(());
        }
        if self.dialect == Dialect::Sse {
            self.open_stream().await?;
        }
        let params = json!({
            "protocolVersion": self.dialect.version(),
            "capabilities": capabilities::of(self.dialect, self.knows_tasks),
            "clientInfo": {"name": self.peer.name(), "version": "1.0.0"},
        });
        let result = self.ask("initialize", params).await?;
        if text(&result, "protocolVersion")? != self.dialect.version() {
            return Err(ClientError::violation("another revision was chosen"));
        }
        let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let response = self.post(&note, "notifications/initialized", None).await?;
        if response.status() == 202 {
            Ok(())
        } else {
            Err(ClientError::of(&response))
        }
    }

    /// Forgets the stream or session, without a word to the server.
    pub fn disconnect(&mut self) {
        self.connection = None;
        self.peer.stick_to(None);
    }

    /// The stream of HTTP+SSE, for who wants to hold it longer than the client does.
    pub(crate) fn take_stream(&mut self) -> Option<Events> {
        match &mut self.connection {
            Some(Connection::Sse { events, .. }) => events.take(),
            _ => None,
        }
    }

    /// The `Mcp-Session-Id` or the address for messages, which an attacker may have got hold of.
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

    async fn open_stream(&mut self) -> Result<(), ClientError> {
        let mut request = self.request(Method::GET, &self.address());
        let accept = value("text/event-stream");
        request.headers_mut().insert(header::ACCEPT, accept);
        let mut stream = self.peer.send(request);
        let head = stream.head().await?;
        // Behind a balancer, messages must reach the replica that holds the stream.
        self.peer.stick_to(stream.replica());
        if head.status() != 200 {
            let body = stream.rest().await?;
            return Err(ClientError::of(&Response::from_parts(
                head.into_parts().0,
                body,
            )));
        }
        let mut events = Events::new(stream);
        let first = events.next().await?.unwrap_or_default();
        let endpoint = first.data.unwrap_or_default();
        let base = Url::parse(&self.address()).map_err(|_| ClientError::violation("no URL"))?;
        let url = base
            .join(&endpoint)
            .map_err(|_| ClientError::violation("no URL"))?;
        if first.name.as_deref() != Some("endpoint") || url.origin() != base.origin() {
            let what = format!("the stream begins with {:?}", first.name);
            return Err(ClientError::ProtocolViolation(what));
        }
        self.connection = Some(Connection::Sse {
            events: Some(events),
            endpoint: url.into(),
        });
        Ok(())
    }

    /// Sends a message and waits for the whole answer.
    pub(super) async fn post(
        &self,
        message: &Value,
        method: &str,
        name: Option<&str>,
    ) -> Result<Response<Bytes>, ClientError> {
        let request = self.message(message, method, name);
        Ok(self.peer.fetch(request).await?)
    }

    /// The request that carries a message.
    pub(crate) fn message(
        &self,
        message: &Value,
        method: &str,
        name: Option<&str>,
    ) -> Request<Bytes> {
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
        request
    }

    /// The names of the tools.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn list_tools(&mut self) -> Result<Vec<String>, ClientError> {
        let result = self.ask("tools/list", json!({})).await?;
        let tools = result.get("tools").and_then(Value::as_array);
        let tools = tools.ok_or(ClientError::violation("no tools"))?;
        tools.iter().map(|tool| text(tool, "name")).collect()
    }

    /// Calls a tool.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn call_tool(&mut self, name: &str, arguments: Value) -> Result<Value, ClientError> {
        let params = json!({"name": name, "arguments": arguments});
        let result = self.ask("tools/call", params).await?;
        if result.get("isError") == Some(&Value::Bool(true)) {
            let said = result.pointer("/content/0/text").and_then(Value::as_str);
            return Err(ClientError::Tool(said.unwrap_or_default().to_owned()));
        }
        Ok(result)
    }

    /// Sends a notification: that some request is cancelled.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn cancel(&mut self, request: u64) -> Result<(), ClientError> {
        let method = "notifications/cancelled";
        let params = json!({"requestId": request, "reason": "nobody waits"});
        let note = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let response = self.post(&note, method, None).await?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(ClientError::of(&response))
        }
    }

    /// Opens the stream on which a server of Streamable HTTP speaks unasked.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn listen(&mut self) -> Result<Call, ClientError> {
        self.open(None).await
    }

    /// Asks who the user is.
    ///
    /// # Errors
    ///
    /// Where it ended.
    pub async fn get_user_details(&mut self) -> Result<UserDetails, ClientError> {
        let result = self.call_tool("getUserDetails", json!({})).await?;
        let said = result.pointer("/content/0/text").and_then(Value::as_str);
        let said = said.ok_or(ClientError::violation("no text"))?;
        let details: Value = serde_json::from_str(said)
            .map_err(|_| ClientError::violation("the text is no JSON"))?;
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
    pub async fn end_session(&mut self) -> Result<(), ClientError> {
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
            Err(ClientError::of(&response))
        }
    }
}
