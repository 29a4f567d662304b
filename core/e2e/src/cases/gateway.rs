//! An MCP server behind the gateway, on sockets: what it is sent, and what its clients get.

use std::{
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
};

use serde_json::{Value, json};

use super::pulls::request;
use crate::{
    Program, Server,
    client::claims,
    live_backend::{header, respond},
    server::PATIENCE,
    session::{Session, answer, next, until},
};

/// A backend of a few tools, and what it was sent.
#[derive(Clone)]
pub(super) struct Backend {
    pub(super) address: String,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    /// The requests, as they were on the wire.
    requests: Vec<String>,
    /// The sessions that it knows.
    sessions: Vec<String>,
    /// What clients have answered.
    answers: Vec<Value>,
    opened: usize,
}

const RESULT: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"orders","version":"1"},"instructions":"Of the backend."}"#;

impl Backend {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/mcp", listener.local_addr().unwrap());
        let backend = Self {
            address,
            state: Arc::default(),
        };
        let serving = backend.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (backend, socket) = (serving.clone(), socket.unwrap());
                std::thread::spawn(move || backend.serve(socket));
            }
        });
        backend
    }

    /// One request a connection.
    fn serve(&self, mut socket: TcpStream) {
        let text = request(&mut BufReader::new(socket.try_clone().unwrap()));
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let session = header(head, "mcp-session-id").map(str::to_owned);
        let message: Value = serde_json::from_str(body).unwrap_or_default();
        let (state, changed) = &*self.state;
        let is_known = {
            let mut state = state.lock().unwrap();
            state.requests.push(text.clone());
            if message.get("method").is_none() && !message.is_null() {
                state.answers.push(message.clone());
            }
            changed.notify_all();
            session.is_none_or(|session| state.sessions.contains(&session))
        };
        let id = &message["id"];
        let answer =
            |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
        // Whoever leaves early is no matter of the backend's.
        let _left = match (
            message["method"].as_str(),
            message["params"]["name"].as_str(),
        ) {
            (Some("initialize"), _) => {
                let mut state = state.lock().unwrap();
                // When the server starts it asks in nobody's name.
                state.opened += usize::from(header(head, "entra-mcp-assertion").is_some());
                let name = format!("session-{}", state.opened);
                state.sessions.push(name.clone());
                let body = format!(r#"{{"result":{RESULT},"jsonrpc":"2.0","id":{id}}}"#);
                respond(
                    &mut socket,
                    "200 OK",
                    &format!("mcp-session-id: {name}\r\n"),
                    &body,
                )
            }
            _ if !is_known => {
                let error = json!({"code": -32600, "message": "Session not found"});
                let body = json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string();
                respond(&mut socket, "404 Not Found", "", &body)
            }
            (Some("tools/list"), _) => {
                let tool = |name| json!({"name": name, "inputSchema": {"type": "object"}});
                let tools = ["ask", "whoami", "breaks"].map(tool);
                respond(&mut socket, "200 OK", "", &answer(json!({"tools": tools})))
            }
            (Some("tools/call"), Some("ask")) => self.ask(&mut socket, &message),
            (Some("tools/call"), Some("whoami")) => {
                let content = json!([{"type": "text", "text": head}]);
                respond(
                    &mut socket,
                    "200 OK",
                    "",
                    &answer(json!({"content": content})),
                )
            }
            (Some("tools/call"), Some("breaks")) => Ok(()),
            (Some("tools/call"), _) => {
                let error = json!({"code": -32602, "message": "Unknown tool"});
                let body = json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string();
                respond(&mut socket, "200 OK", "", &body)
            }
            _ => respond(&mut socket, "202 Accepted", "", ""),
        };
    }

    /// A tool that reports progress, asks the user, and says what the answer was.
    fn ask(&self, socket: &mut TcpStream, message: &Value) -> std::io::Result<()> {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        socket.write_all(head.as_bytes())?;
        let token = &message["params"]["_meta"]["progressToken"];
        let progress = json!({"progressToken": token, "progress": 0.5});
        let schema = json!({"type": "object", "properties": {}});
        let question = json!({"message": "Sure?", "requestedSchema": schema});
        for message in [
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}),
            json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": question}),
        ] {
            socket.write_all(format!("event: message\ndata: {message}\n\n").as_bytes())?;
        }
        let (state, changed) = &*self.state;
        let state = state.lock().unwrap();
        let waits = |state: &mut State| state.answers.is_empty();
        let (state, _) = changed.wait_timeout_while(state, PATIENCE, waits).unwrap();
        let answer = state.answers.first().cloned().unwrap_or_default();
        drop(state);
        let content = json!([{"type": "text", "text": answer["result"]["action"]}]);
        let result = json!({"jsonrpc": "2.0", "id": message["id"], "result": {"content": content}});
        socket.write_all(format!("data: {result}\n\n").as_bytes())
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.state.0.lock().unwrap().requests.clone()
    }

    fn forget_sessions(&self) {
        self.state.0.lock().unwrap().sessions.clear();
    }

    fn gateway(&self, program: &Program) -> Server {
        program.start_with(&["--backend", &self.address])
    }
}

/// R2, R5. A client signs in as always, and gets the tools, the progress and the questions of a server that knows of no sign-in.
pub fn tools_of_a_backend_are_called_with_progress_and_questions(program: &Program) {
    let backend = Backend::start();
    let server = backend.gateway(program);
    let session = Session::of(&server, "alice");
    let tools = session.request("tools/list", &json!({}))["result"]["tools"].clone();
    assert_eq!(tools[0]["name"], "ask", "{tools}");
    let params = json!({"name": "ask", "arguments": {}, "_meta": {"progressToken": "mine"}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let mut events = session.post_for_stream(&call);
    let mut message = next(&mut events);
    if message.is_null() {
        message = next(&mut events);
    }
    assert_eq!(message["params"]["progressToken"], "mine", "{message}");
    let question = next(&mut events);
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}});
    assert_eq!(session.post(&answer).status, 202);
    let result = next(&mut events);
    assert_eq!(
        (&result["id"], &result["result"]["content"][0]["text"]),
        (&json!(9), &json!("decline"))
    );
    let told = "outcome=\"done\"";
    until("the call is in the log", || {
        let log = server.log();
        log.lines()
            .any(|line| line.contains("gateway.called") && line.contains(told))
    });
}

/// R2, R3. The backend is told who calls by an assertion that it can verify, gets nothing that a client says in headers, and its clients
/// do not get the assertion.
pub fn backend_is_told_who_calls_and_hands_it_to_no_client(program: &Program) {
    let backend = Backend::start();
    let server = backend.gateway(program);
    let session = Session::of(&server, "alice");
    let params = json!({"name": "whoami", "arguments": {}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let [id, revision] = session.headers();
    let forged = ("Entra-MCP-Assertion", "forged");
    let headers = [id, revision, forged, ("X-Forwarded-User", "admin")];
    let response = session.client.post(&server, &headers, &call);
    let result = answer(&response)["result"].clone();
    assert_eq!(result["isError"], true, "{result}");
    let requests = backend.requests();
    let head = requests
        .iter()
        .find(|text| text.contains("whoami"))
        .unwrap();
    let assertion = header(head, "entra-mcp-assertion").unwrap();
    assert!(!response.body.contains(assertion) && !server.log().contains(assertion));
    let told = claims(assertion);
    assert_eq!(
        (&told["iss"], &told["aud"]),
        (&json!(server.url()), &json!(backend.address))
    );
    assert!(
        told["preferred_username"]
            .as_str()
            .unwrap()
            .starts_with("alice"),
        "{told}"
    );
    let keys = server.request("GET", "/jwks.json", &[], "").json();
    assert_eq!(keys["keys"][0]["crv"], "P-256", "{keys}");
    for request in &requests {
        assert!(
            !request.contains("forged") && !request.contains("admin"),
            "{request}"
        );
        assert!(header(request, "authorization").is_none(), "{request}");
    }
}

/// R5, R6. Each user has a session of their own at the backend; one that the backend has forgotten is opened again, and the client sees
/// nothing of it.
pub fn session_that_a_backend_has_lost_is_opened_again(program: &Program) {
    let backend = Backend::start();
    let server = backend.gateway(program);
    let [alice, bob] = ["alice", "bob"].map(|user| Session::of(&server, user));
    let list = |session: &Session<'_>| {
        session.request("tools/list", &json!({}))["result"]["tools"].clone()
    };
    for session in [&alice, &bob, &alice] {
        assert_eq!(list(session)[0]["name"], "ask");
    }
    assert_eq!(backend.state.0.lock().unwrap().opened, 2);
    backend.forget_sessions();
    assert_eq!(list(&alice)[0]["name"], "ask");
    assert_eq!(backend.state.0.lock().unwrap().opened, 3);
}

/// R8. What is wrong with the backend is said in words, and no client signs in again for it.
pub fn backend_that_is_not_there_is_told_in_words(program: &Program) {
    let backend = Backend::start();
    let server = backend.gateway(program);
    let session = Session::of(&server, "alice");
    let closed = session.call("breaks", &json!({}));
    assert_eq!(closed["isError"], true);
    let words = closed["content"][0]["text"].as_str().unwrap();
    assert!(words.contains("may have done its work"), "{words}");
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/mcp", nowhere.local_addr().unwrap());
    drop(nowhere);
    let server = program.start_with(&["--backend", &address]);
    let client = crate::client::sign_in(&server, "alice");
    let response = client.post(&server, &[], &crate::client::initialize("2025-11-25"));
    assert_eq!(response.status, 503, "{}", response.body);
    assert!(
        response.body.contains("cannot be reached"),
        "{}",
        response.body
    );
}

/// The tools of `.ci/gateway`, which servers of others offer: FastMCP, and those of the SDKs in Python and TypeScript, as they are
/// installed. Without that script there are no such servers, and nothing to try.
pub fn server_of_others_is_used_unmodified(program: &Program) {
    let before = |name: &str| {
        let address = std::env::var(name).ok()?;
        Some(program.start_with(&["--backend", &address]))
    };
    for name in ["GATEWAY_BACKEND", "GATEWAY_PYTHON"] {
        if let Some(server) = before(name) {
            tools_of_fastmcp_are_used(&server, "entra-mcp-assertion");
        }
    }
    if let Some(server) = before("GATEWAY_TYPESCRIPT") {
        tools_of_everything_are_used(&Session::of(&server, "alice"));
    }
}

/// Uses what the reference server in TypeScript offers: the tools with progress, and without.
pub(super) fn tools_of_everything_are_used(session: &Session<'_>) {
    let said = session.call("echo", &json!({"message": "\u{e9}"}));
    let text = said["content"][0]["text"].as_str().unwrap();
    assert!(text.contains('\u{e9}'), "{said}");
    let params = json!({"name": "trigger-long-running-operation", "arguments": {"duration": 1, "steps": 2},
        "_meta": {"progressToken": "mine"}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let body = session.post(&call).body;
    assert!(body.contains("\"progressToken\":\"mine\""), "{body}");
}

/// Uses all that FastMCP offers there. By `whoami` it tells what tells it who calls.
pub(super) fn tools_of_fastmcp_are_used(server: &Server, known_by: &str) {
    let session = Session::of(server, "alice");
    let tools = session.request("tools/list", &json!({}))["result"]["tools"].clone();
    assert_eq!(tools.as_array().map(Vec::len), Some(4), "{tools}");
    let said = session.call("echo", &json!({"text": "\u{e9}"}));
    assert_eq!(said["content"][0]["text"], "you said \u{e9}", "{said}");
    let told = session.call("whoami", &json!({}));
    let told = told["content"][0]["text"].as_str().unwrap();
    assert!(
        told.contains(known_by) && !told.contains("authorization"),
        "{told}"
    );
    let params = json!({"name": "count", "arguments": {}, "_meta": {"progressToken": "mine"}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let body = session.post(&call).body;
    for part in [
        "\"progressToken\":\"mine\"",
        "notifications/message",
        "counted",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    let params = json!({"name": "ask", "arguments": {}});
    let call = json!({"jsonrpc": "2.0", "id": 10, "method": "tools/call", "params": params});
    let mut events = session.post_for_stream(&call);
    let result = loop {
        let (_, data) = events.next_event().unwrap().expect("the stream goes on");
        let message: Value = serde_json::from_str(&data).unwrap_or_default();
        if message["method"] == "elicitation/create" {
            let content = json!({"action": "accept", "content": {"value": true}});
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": content});
            assert_eq!(session.post(&answer).status, 202);
        }
        if message.get("result").is_some() {
            break message;
        }
    };
    assert_eq!(result["result"]["content"][0]["text"], "accept", "{result}");
    let listed = crate::session::stateless(server, &session.client, "tools/list", "", json!({}));
    assert_eq!(
        listed["tools"].as_array().map(Vec::len),
        Some(4),
        "{listed}"
    );
}
