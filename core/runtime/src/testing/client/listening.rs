//! A stream of what a server says of its own accord.
//!
//! Source: MCP 2025-11-25, transports (listening for messages from the server); 2026-07-28, basic/patterns (subscriptions).

use serde_json::{Map, Value, json};

use super::{Client, ClientError, STATELESS, WITH_SSE, borrowed, capabilities, http::Response};

/// What a server says of its own accord to a client that listens, until it is dropped. See [`Client::listen`].
#[derive(Debug)]
#[must_use = "a stream that is dropped is closed"]
pub struct Listening(Response);

impl Client {
    /// Opens a stream of what the server says of its own accord: that lists have changed, and whatever else it tells its clients. It is there
    /// when this returns. In 2024-11-05 such messages come with answers: [`Client::notifications`] has them.
    ///
    /// # Errors
    ///
    /// The server does not give one, or the revision has none.
    pub fn listen(&self) -> Result<Listening, ClientError> {
        if self.revision == WITH_SSE {
            let message = "2024-11-05 has one stream, and what comes on it is in `notifications`";
            return Err(ClientError::new(message));
        }
        let mut response = match self.revision {
            STATELESS => {
                let lists = [
                    "toolsListChanged",
                    "promptsListChanged",
                    "resourcesListChanged",
                ];
                let lists: Map<_, _> = lists
                    .map(|list| (list.to_owned(), json!(true)))
                    .into_iter()
                    .collect();
                let params = Map::from_iter([("notifications".to_owned(), Value::Object(lists))]);
                let (_, message) = self.message("subscriptions/listen", params);
                self.post(&message, Some(("subscriptions/listen", None)))?
            }
            _ => {
                let headers = self.headers(None);
                self.send(("GET", "/mcp"), &borrowed(&headers), "")?
            }
        };
        if !response.is_stream() {
            let body = response.body()?;
            return Err(ClientError::of_status(response.status, &body));
        }
        let mut stream = Listening(response);
        if self.revision == STATELESS {
            // Which lists there are.
            let _ = stream.message()?;
        }
        Ok(stream)
    }

    /// A request, and its id.
    pub(super) fn message(&self, method: &str, mut params: Map<String, Value>) -> (u64, Value) {
        let id = {
            let mut state = self.state();
            state.last_id += 1;
            state.last_id
        };
        let mut meta = match self.revision {
            STATELESS => json!({"progressToken": id,
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": capabilities()}),
            _ => json!({"progressToken": id}),
        };
        if let (Some(Value::Object(given)), Value::Object(meta)) =
            (params.remove("_meta"), &mut meta)
        {
            meta.extend(given);
        }
        params.insert("_meta".to_owned(), meta);
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        (id, message)
    }
}

impl Listening {
    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// None comes within half a minute, or the server has ended the stream.
    pub fn message(&mut self) -> Result<Value, ClientError> {
        match self.0.event()? {
            Some((_, data)) => Ok(serde_json::from_str(&data).unwrap_or_default()),
            None => Err(ClientError::new("the server has ended the stream")),
        }
    }
}
