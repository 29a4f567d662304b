//! A backend that knows some revisions: it lists, calls, reports, asks and waits.

use std::{collections::BTreeMap, sync::Arc};

use super::super::*;
use crate::{
    config::{Backend as Configured, command_of_tests},
    mcp::testing::backend::Sent,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Http,
    Stdio,
}

/// About how many bytes an answer has that is large.
pub(super) const LARGE: usize = 64 * 1024;

/// A backend, and what it was sent.
pub(super) struct Backend {
    transport: Transport,
    newest: &'static str,
    /// Whether it was initialized.
    is_begun: bool,
    /// Whether its client can fill in forms; by `initialize`.
    has_forms: bool,
    /// What it has asked within a call, which waits.
    asking: Option<Value>,
    /// The requests of HTTP whose answers go on, by their ids.
    open: BTreeMap<String, Sent>,
    /// How many processes were begun.
    processes: usize,
    /// Whether the last call was cancelled.
    pub(super) is_cancelled: bool,
}

/// What it answers to a message.
enum Reply {
    /// A status, a session that begins, and a body.
    Json(u16, Option<&'static str>, Value),
    /// Messages, and the call goes on unless the last of them is its answer.
    Stream(Vec<Value>),
    Accepted,
}

impl Backend {
    pub(super) fn of(transport: Transport, newest: &'static str, world: &mut World) -> Self {
        let mut gateway = gateway_of_tests(BackendIdentity::ASSERTION);
        if transport == Transport::Stdio {
            gateway.backend = Configured::Stdio(Arc::new(command_of_tests("orders serve")));
        }
        world.has_backend(gateway);
        Self {
            transport,
            newest,
            is_begun: false,
            has_forms: false,
            asking: None,
            open: BTreeMap::new(),
            processes: 0,
            is_cancelled: false,
        }
    }

    fn is_stateless(&self) -> bool {
        self.newest == "2026-07-28"
    }

    /// Answers all that it is sent.
    pub(super) fn run(&mut self, world: &mut World) {
        match self.transport {
            Transport::Http => {
                while let Some(sent) = world.next_pulled() {
                    self.serve(sent, world);
                }
            }
            Transport::Stdio => self.run_processes(world),
        }
    }

    fn serve(&mut self, sent: Sent, world: &mut World) {
        if sent.pull.body.is_empty() {
            return world.answers(sent, 405, "");
        }
        let message = sent.json();
        let is_known = sent.header("mcp-session-id") == Some("theirs");
        let begins = message["method"] == "initialize";
        if !self.is_stateless() && !is_known && !begins {
            let error = json!({"code": -32000, "message": "Server not initialized"});
            let body = json!({"jsonrpc": "2.0", "id": null, "error": error});
            return world.answers(sent, 400, &body.to_string());
        }
        if self.is_stateless() && !begins {
            let named = sent.header("mcp-method");
            assert_eq!(named, message["method"].as_str(), "{message}");
        }
        match self.answer(&message) {
            Reply::Accepted => world.answers(sent, 202, ""),
            Reply::Json(status, session, body) => {
                let kind = ("content-type", "application/json");
                let session = session.map(|name| ("mcp-session-id", name));
                let headers: Vec<_> = [kind].into_iter().chain(session).collect();
                world.answers_with(sent, status, &headers, &body.to_string());
            }
            Reply::Stream(messages) => {
                world.head(&sent, 200, &STREAM);
                self.open.insert(id_of(&sent), sent);
                for message in messages {
                    self.say(&message, world);
                }
            }
        }
    }

    /// Says something on the stream of the one call that goes on.
    fn say(&mut self, message: &Value, world: &mut World) {
        let is_answer = message.get("result").is_some();
        match self.transport {
            Transport::Stdio => world.writes(self.processes - 1, message),
            Transport::Http => {
                let (id, sent) = self.open.pop_last().expect("a call goes on");
                world.piece(&sent, &event(&message.to_string()));
                match is_answer {
                    true => world.end(sent, Ok(())),
                    false => drop(self.open.insert(id, sent)),
                }
            }
        }
    }

    fn run_processes(&mut self, world: &mut World) {
        loop {
            while self.processes < world.processes.len() {
                world.starts(self.processes);
                self.processes += 1;
            }
            let waiting = (0..self.processes).find(|number| !world.has_read_all(*number));
            let Some(number) = waiting else {
                return;
            };
            let message = world.reads(number);
            let said = match self.answer(&message) {
                Reply::Accepted => Vec::new(),
                Reply::Json(_, _, body) => vec![body],
                Reply::Stream(messages) => messages,
            };
            for message in said {
                world.writes(number, message);
            }
        }
    }

    fn answer(&mut self, message: &Value) -> Reply {
        let id = &message["id"];
        let error = |status, code: i32, words: &str| {
            let error = json!({"code": code, "message": words});
            let body = json!({"jsonrpc": "2.0", "id": id, "error": error});
            Reply::Json(status, None, body)
        };
        match message["method"].as_str() {
            Some("initialize") if self.is_stateless() => {
                error(400, -32022, "Unsupported protocol version")
            }
            Some("initialize") => self.initialize(message),
            Some(_) if !self.is_stateless() && !self.is_begun => {
                error(400, -32602, "Received request before initialization")
            }
            Some("server/discover") if self.is_stateless() => {
                let result = json!({
                    "supportedVersions": ["2026-07-28"],
                    "capabilities": {"tools": {"listChanged": true}, "logging": {}},
                    "instructions": "Of the backend.",
                    "resultType": "complete", "ttlMs": 0, "cacheScope": "public",
                    "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "orders", "version": "1"}},
                });
                Reply::Json(200, None, of(id, &result))
            }
            Some("tools/list") => {
                let tools = json!([{"name": "echo", "inputSchema": {"type": "object"}}]);
                let mut result = json!({"tools": tools});
                if self.is_stateless() {
                    result = json!({"tools": tools, "resultType": "complete", "ttlMs": 9, "cacheScope": "public"});
                }
                Reply::Json(200, None, of(id, &result))
            }
            Some("tools/call") => self.call(message),
            Some("notifications/cancelled") => {
                self.is_cancelled = true;
                Reply::Accepted
            }
            Some(method) if method.starts_with("notifications/") => Reply::Accepted,
            Some(_) => error(404, -32601, "Method not found"),
            None => {
                let asking = self.asking.take().expect("it has asked");
                let result = match message.get("result") {
                    Some(_) => answered(),
                    None => self.result("not answered"),
                };
                Reply::Stream(vec![of(&asking, &result)])
            }
        }
    }

    fn initialize(&mut self, message: &Value) -> Reply {
        let params = &message["params"];
        let requested = params["protocolVersion"].as_str().unwrap_or_default();
        let known = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
        let agreed = match known.contains(&requested) && requested < self.newest {
            true => requested,
            false => self.newest,
        };
        self.is_begun = true;
        self.has_forms = params["capabilities"].get("elicitation").is_some();
        let result = json!({
            "protocolVersion": agreed,
            "capabilities": {"tools": {"listChanged": true}, "logging": {}},
            "serverInfo": {"name": "orders", "version": "1"},
            "instructions": "Of the backend.",
        });
        Reply::Json(200, Some("theirs"), of(&message["id"], &result))
    }

    fn call(&mut self, message: &Value) -> Reply {
        let (id, params) = (&message["id"], &message["params"]);
        let capabilities = &params["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        if self.is_stateless() {
            self.has_forms = capabilities.get("elicitation").is_some();
            assert!(capabilities.is_object(), "{message}");
        } else {
            assert!(!capabilities.is_object(), "{message}");
        }
        let question = match self.has_forms {
            true => {
                let schema = json!({"type": "object", "properties": {}});
                let params = json!({"message": "Sure?", "requestedSchema": schema});
                json!({"method": "elicitation/create", "params": params})
            }
            false => json!({"method": "roots/list"}),
        };
        match params["name"].as_str() {
            Some("report") => {
                let token = &params["_meta"]["progressToken"];
                let progress = json!({"progressToken": token, "progress": 0.5});
                let log = json!({"level": "info", "data": "half of it"});
                Reply::Stream(vec![
                    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}),
                    json!({"jsonrpc": "2.0", "method": "notifications/message", "params": log}),
                    of(id, &self.result("done")),
                ])
            }
            Some("ask") if !self.is_stateless() => {
                self.asking = Some(id.clone());
                let mut question = question;
                question["jsonrpc"] = json!("2.0");
                question["id"] = json!(1);
                Reply::Stream(vec![question])
            }
            Some("ask") if params.get("inputResponses").is_some() => {
                assert_eq!(params["requestState"], "theirs", "{message}");
                let answer = &params["inputResponses"]["sure"];
                assert!(answer.is_object(), "{message}");
                Reply::Json(200, None, of(id, &answered()))
            }
            Some("ask") => {
                let result = json!({"resultType": "input_required", "inputRequests": {"sure": question}, "requestState": "theirs"});
                Reply::Json(200, None, of(id, &result))
            }
            Some("wait") => Reply::Stream(Vec::new()),
            Some("large") => {
                let mut result = self.result("large");
                result["structuredContent"] =
                    json!({"rows": vec![json!({"a": [1.5, "b"]}); LARGE / 15]});
                Reply::Json(200, None, of(id, &result))
            }
            _ => Reply::Json(200, None, of(id, &self.result("echoed"))),
        }
    }

    fn result(&self, text: &str) -> Value {
        let content = json!([{"type": "text", "text": text}]);
        match self.is_stateless() {
            true => json!({"content": content, "resultType": "complete"}),
            false => json!({"content": content}),
        }
    }
}

fn answered() -> Value {
    json!({"content": [{"type": "text", "text": "answered"}]})
}

fn of(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}
