//! MCP sessions, and requests without one: what the cases about tools, resources and prompts share.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    Server,
    client::{Client, Events, sign_in},
    raw_http::Response,
    server::PATIENCE,
};

const REVISION: &str = "2025-11-25";

/// An MCP session of somebody, with a client that can ask the user.
#[derive(Debug)]
pub struct Session<'a> {
    server: &'a Server,
    /// The client and its tokens.
    pub client: Client,
    id: String,
}

impl<'a> Session<'a> {
    /// Signs somebody in and begins a session.
    #[must_use]
    pub fn of(server: &'a Server, user: &str) -> Self {
        Self::of_client(server, sign_in(server, user))
    }

    /// Begins a session with a client that is signed in.
    #[must_use]
    pub fn of_client(server: &'a Server, client: Client) -> Self {
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": REVISION, "capabilities": {"elicitation": {}},
            "clientInfo": {"name": "end to end", "version": "1"},
        }});
        let response = client.post(server, &[], &message);
        assert_eq!(response.status, 200, "{}", response.body);
        let id = response.header("mcp-session-id").to_owned();
        Self { server, client, id }
    }

    /// What every request of the session carries.
    #[must_use]
    pub fn headers(&self) -> [(&str, &str); 2] {
        [
            ("Mcp-Session-Id", self.id.as_str()),
            ("MCP-Protocol-Version", REVISION),
        ]
    }

    /// Sends a message.
    #[must_use]
    pub fn post(&self, message: &Value) -> Response {
        self.client.post(self.server, &self.headers(), message)
    }

    /// Sends a message that is answered by a stream.
    #[must_use]
    pub fn post_for_stream(&self, message: &Value) -> Events {
        let headers = self.headers();
        let posted = self.client.post_for_stream(self.server, &headers, message);
        let (head, events) = posted.unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-type"), "text/event-stream");
        events
    }

    /// Ends it.
    pub fn end(&self) {
        let bearer = format!("Bearer {}", self.client.access_token);
        let [id, revision] = self.headers();
        let headers = [("Authorization", bearer.as_str()), id, revision];
        let ended = self.server.request("DELETE", "/mcp", &headers, "");
        assert_eq!(ended.status, 204, "{}", ended.body);
    }

    /// The answer to a request, wherever it comes.
    #[must_use]
    pub fn request(&self, method: &str, params: &Value) -> Value {
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        answer(&self.post(&message))
    }

    /// The result of a tool.
    pub fn call(&self, tool: &str, arguments: &Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        self.request("tools/call", &params)["result"].clone()
    }
}

/// A request of 2026-07-28, by a client that can ask the user and knows tasks.
#[must_use]
pub fn stateless_request(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "end to end", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {
            "elicitation": {"form": {}}, "extensions": {"io.modelcontextprotocol/tasks": {}},
        },
        "progressToken": "p",
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// The headers of a request of 2026-07-28.
#[must_use]
pub fn stateless_headers<'a>(method: &'a str, name: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", method),
        ("Mcp-Name", name),
    ]
}

/// The stream of a `subscriptions/listen` of this id, once it has been acknowledged.
#[must_use]
pub fn listening(server: &Server, client: &Client, id: &str, wanted: &Value) -> Events {
    let method = "subscriptions/listen";
    let mut request = stateless_request(method, json!({"notifications": wanted}));
    request["id"] = json!(id);
    let [revision, named, _] = stateless_headers(method, "");
    let posted = client.post_for_stream(server, &[revision, named], &request);
    let (head, mut events) = posted.unwrap();
    assert_eq!(head.status, 200);
    let acknowledged = next(&mut events);
    let method = "notifications/subscriptions/acknowledged";
    assert_eq!(acknowledged["method"], method, "{acknowledged}");
    assert_eq!(acknowledged["params"]["notifications"], *wanted);
    events
}

/// The kind of the next message of a `subscriptions/listen`, which has its id.
pub fn heard(events: &mut Events, id: &str) -> String {
    let message = next(events);
    let meta = &message["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], id);
    let method = message["method"].as_str().unwrap();
    method.replace("notifications/", "")
}

/// The result of a request of 2026-07-28.
pub fn stateless(
    server: &Server,
    client: &Client,
    method: &str,
    name: &str,
    params: Value,
) -> Value {
    let headers = stateless_headers(method, name);
    let message = stateless_request(method, params);
    answer(&client.post(server, &headers, &message))["result"].clone()
}

/// The answer to a request: the body, or the last message of its stream.
#[must_use]
pub fn answer(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.body);
    if response.header("content-type") != "text/event-stream" {
        return response.json();
    }
    let lines = response.body.lines();
    let mut data = lines.filter_map(|line| line.strip_prefix("data:"));
    let last = data.rfind(|data| !data.trim().is_empty());
    serde_json::from_str(last.expect("there is an answer")).unwrap()
}

/// The next message of a stream.
pub fn next(events: &mut Events) -> Value {
    let (_, data) = events.next_event().unwrap().expect("the stream goes on");
    serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"))
}

/// Waits until something holds.
pub fn until(condition: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it takes too long until {condition}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The text of a tool's result.
#[must_use]
pub fn text(result: &Value) -> &str {
    result["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("no text: {result}"))
}
