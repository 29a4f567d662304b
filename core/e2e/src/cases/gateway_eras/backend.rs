//! A backend of one era, whose tool asks before it answers.

use std::{
    io::{BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
};

use serde_json::{Value, json};

use super::super::pulls::request;
use crate::server::PATIENCE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// 2025-11-25, and those before it.
    Sessions,
    /// 2026-07-28.
    Stateless,
}

/// A server of one era.
#[derive(Clone)]
pub(super) struct Backend {
    pub(super) address: String,
    era: Era,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    calls: usize,
    /// What clients have answered, by the ids of the questions.
    answers: Vec<Value>,
}

impl Backend {
    pub(super) fn start(era: Era) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/mcp", listener.local_addr().unwrap());
        let backend = Self {
            address,
            era,
            state: Arc::default(),
        };
        let serving = backend.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (backend, socket) = (serving.clone(), socket.unwrap());
                // Whoever leaves early is no matter of the backend's.
                std::thread::spawn(move || backend.serve(socket));
            }
        });
        backend
    }

    /// How often the tool was called.
    pub(super) fn calls(&self) -> usize {
        self.state.0.lock().unwrap().calls
    }

    /// One request a connection.
    fn serve(&self, mut socket: TcpStream) -> std::io::Result<()> {
        let text = request(&mut BufReader::new(socket.try_clone()?));
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let message: Value = serde_json::from_str(body).unwrap_or_default();
        let socket = &mut socket;
        match (self.era, message["method"].as_str()) {
            (Era::Sessions, Some("initialize")) => {
                let result = json!({"protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": {"tools": {}}, "serverInfo": {"name": "orders", "version": "1"}});
                let session = "mcp-session-id: theirs\r\n";
                respond(socket, "200 OK", session, &answer(&message, &result))
            }
            (Era::Sessions, Some(_)) if !head.to_lowercase().contains("mcp-session-id: theirs") => {
                let error = json!({"code": -32000, "message": "Server not initialized"});
                respond(socket, "400 Bad Request", "", &refusal(&message, &error))
            }
            (Era::Stateless, Some("initialize")) => {
                let data = json!({"supported": ["2026-07-28"], "requested": "2025-11-25"});
                let error = json!({"code": -32022, "message": "Unsupported protocol version", "data": data});
                respond(socket, "400 Bad Request", "", &refusal(&message, &error))
            }
            (Era::Stateless, Some("server/discover")) => {
                let info = json!({"name": "orders", "version": "1"});
                let result = json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                    "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
                    "_meta": {"io.modelcontextprotocol/serverInfo": info}});
                respond(socket, "200 OK", "", &answer(&message, &result))
            }
            (_, Some("tools/list")) => {
                let tools = json!([{"name": "ask", "inputSchema": {"type": "object"}}]);
                let result = match self.era {
                    Era::Sessions => json!({"tools": tools}),
                    Era::Stateless => json!({"tools": tools, "resultType": "complete",
                        "ttlMs": 60000, "cacheScope": "public"}),
                };
                respond(socket, "200 OK", "", &answer(&message, &result))
            }
            (_, Some("tools/call")) => self.called(socket, &message),
            (_, Some(_)) => respond(socket, "202 Accepted", "", ""),
            (_, None) if head.starts_with("POST ") => {
                self.state.0.lock().unwrap().answers.push(message);
                self.state.1.notify_all();
                respond(socket, "202 Accepted", "", "")
            }
            (_, None) => respond(socket, "405 Method Not Allowed", "", ""),
        }
    }

    /// A tool that reports progress, asks, and says what the answer was.
    fn called(&self, socket: &mut TcpStream, message: &Value) -> std::io::Result<()> {
        let params = &message["params"];
        let number = {
            let mut state = self.state.0.lock().unwrap();
            state.calls += 1;
            state.calls
        };
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        socket.write_all(head.as_bytes())?;
        let mut say = |message: Value| {
            socket.write_all(format!("event: message\ndata: {message}\n\n").as_bytes())
        };
        let by = params["arguments"]["by"].clone();
        let asked = match by == "elicitation/create" {
            true => {
                let flag = json!({"value": {"type": "boolean"}});
                let schema = json!({"type": "object", "properties": flag});
                json!({"mode": "form", "message": "Sure?", "requestedSchema": schema})
            }
            false => {
                let content = json!({"type": "text", "text": "Sure?"});
                json!({"messages": [{"role": "user", "content": content}], "maxTokens": 5})
            }
        };
        let responses = params.get("inputResponses");
        if responses.is_none() {
            let progress =
                json!({"progressToken": params["_meta"]["progressToken"], "progress": 0.5});
            say(json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}))?;
        }
        let (response, kind) = match (self.era, responses) {
            (Era::Stateless, None) => {
                let requests = json!({"q": {"method": by, "params": asked}});
                let result = json!({"resultType": "input_required", "inputRequests": requests,
                    "requestState": format!("state of {by}")});
                return say(json!({"jsonrpc": "2.0", "id": message["id"], "result": result}));
            }
            (Era::Stateless, Some(responses)) => {
                let state = format!("state of {by}");
                assert_eq!(params["requestState"], state, "{message}");
                (responses["q"].clone(), Some("complete"))
            }
            (Era::Sessions, _) => {
                say(json!({"jsonrpc": "2.0", "id": number, "method": by, "params": asked}))?;
                (self.answer_to(number), None)
            }
        };
        let text = match response.get("action") {
            Some(action) => action,
            None => &response["content"]["text"],
        };
        let mut result = json!({"content": [{"type": "text", "text": text}]});
        if let Some(kind) = kind {
            result["resultType"] = json!(kind);
        }
        say(json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
    }

    /// What a client answers to a question.
    fn answer_to(&self, number: usize) -> Value {
        let (state, changed) = &*self.state;
        let is_it = |answer: &Value| answer["id"] == number;
        let state = state.lock().unwrap();
        let waits = |state: &mut State| !state.answers.iter().any(is_it);
        let (state, _) = changed.wait_timeout_while(state, PATIENCE, waits).unwrap();
        let found = state.answers.iter().find(|answer| is_it(answer));
        found.map_or(Value::Null, |answer| answer["result"].clone())
    }
}

fn answer(message: &Value, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string()
}

fn refusal(message: &Value, error: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": message["id"], "error": error}).to_string()
}

fn respond(socket: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    socket.write_all((head + body).as_bytes())
}
