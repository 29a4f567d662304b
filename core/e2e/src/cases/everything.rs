//! All that a server can say, in every revision: the example `everything` is asked for whatever it
//! lists, and its questions are answered. What it says is judged by the schemas, as in every case;
//! see [`crate::schema_checked`].

use serde_json::{Map, Value, json};

use crate::{
    Program, Server,
    client::{Client, sign_in},
    session::stateless_headers,
};

const OLDER: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const STATELESS: &str = "2026-07-28";

/// Somebody who asks for everything.
struct Curious<'a> {
    server: &'a Server,
    client: &'a Client,
    revision: &'static str,
    session: String,
    asked: u64,
}

/// 2024-11-05 to 2025-11-25: questions come on the stream of the call.
pub fn everything_fits_the_schemas_of_the_older_revisions(program: &Program) {
    let server = program.example("everything").start();
    let client = sign_in(&server, "alice");
    for revision in OLDER {
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": revision, "capabilities": client_capabilities(revision),
            "clientInfo": {"name": "end to end", "version": "1"},
        }});
        let response = client.post(&server, &[], &message);
        assert_eq!(response.status, 200, "{}", response.body);
        let mut curious = Curious {
            server: &server,
            client: &client,
            revision,
            session: response.header("mcp-session-id").to_owned(),
            asked: 0,
        };
        curious.asks_for_everything();
        curious.ask("ping", json!({}));
        curious.ask("logging/setLevel", json!({"level": "debug"}));
    }
    server.assert_healthy();
}

/// 2026-07-28: questions are results, and what takes long is a task.
pub fn everything_fits_the_schema_of_the_stateless_revision(program: &Program) {
    let server = program.example("everything").start();
    let client = sign_in(&server, "alice");
    let mut curious = Curious {
        server: &server,
        client: &client,
        revision: STATELESS,
        session: String::new(),
        asked: 0,
    };
    curious.ask("server/discover", json!({}));
    curious.asks_for_everything();
    server.assert_healthy();
}

/// What the client of a revision can do.
fn client_capabilities(revision: &str) -> Value {
    let elicitation = match revision {
        "2025-11-25" | STATELESS => json!({"form": {}, "url": {}}),
        _ => json!({}),
    };
    json!({"sampling": {}, "roots": {}, "elicitation": elicitation})
}

/// What the user or the model says.
fn reply(question: &Value) -> Value {
    match question["method"].as_str().unwrap() {
        "sampling/createMessage" => json!({"role": "assistant", "model": "a model",
            "content": {"type": "text", "text": "hello"}}),
        "roots/list" => json!({"roots": [{"uri": "file:///project"}]}),
        "ping" => json!({}),
        _ => match question["params"].get("requestedSchema") {
            Some(schema) => json!({"action": "accept", "content": made_up(schema)}),
            None => json!({"action": "accept"}),
        },
    }
}

/// Something that fits the schema of an object, more or less.
fn made_up(schema: &Value) -> Value {
    let Some(properties) = schema["properties"].as_object() else {
        return json!({});
    };
    let fill = |schema: &Value| match schema["type"].as_str() {
        _ if schema["enum"].is_array() => schema["enum"][0].clone(),
        _ if schema["oneOf"].is_array() => schema["oneOf"][0]["const"].clone(),
        Some("number" | "integer") => json!(0),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("x"),
    };
    let filled = properties
        .iter()
        .map(|(name, schema)| (name.clone(), fill(schema)));
    Value::Object(filled.collect::<Map<_, _>>())
}

impl Curious<'_> {
    fn asks_for_everything(&mut self) {
        let tools = self.list("tools/list", "tools");
        assert!(tools.len() > 10, "{tools:?}");
        for tool in tools {
            let arguments = made_up(&tool["inputSchema"]);
            let params = json!({"name": tool["name"], "arguments": arguments});
            self.ask("tools/call", params);
        }
        for resource in self.list("resources/list", "resources") {
            self.ask("resources/read", json!({"uri": resource["uri"]}));
        }
        self.list("resources/templates/list", "resourceTemplates");
        self.ask("resources/read", json!({"uri": "nothing://here"}));
        for prompt in self.list("prompts/list", "prompts") {
            let arguments = prompt["arguments"].as_array().cloned().unwrap_or_default();
            let name = |argument: &Value| argument["name"].as_str().unwrap().to_owned();
            for argument in &arguments {
                let params = json!({"ref": {"type": "ref/prompt", "name": prompt["name"]},
                    "argument": {"name": name(argument), "value": ""}});
                self.ask("completion/complete", params);
            }
            let given = arguments
                .iter()
                .map(|argument| (name(argument), json!("test://a")));
            let given = Value::Object(given.collect::<Map<_, _>>());
            let params = json!({"name": prompt["name"], "arguments": given});
            self.ask("prompts/get", params);
        }
    }

    fn list(&mut self, method: &str, of: &str) -> Vec<Value> {
        let answer = self.ask(method, json!({}));
        let list = answer["result"][of].as_array();
        list.unwrap_or_else(|| panic!("no {of}: {answer}")).clone()
    }

    /// The answer to a request, all questions answered. `null` if the stream was ended before.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        let mut params = params;
        for _round in 0..5 {
            let answer = self.once(method, &params);
            let result = &answer["result"];
            match result["resultType"].as_str() {
                Some("input_required") => {
                    let questions = result["inputRequests"].as_object();
                    let questions = questions.cloned().unwrap_or_default();
                    let replies = questions.iter().map(|(key, one)| (key.clone(), reply(one)));
                    params["inputResponses"] = Value::Object(replies.collect());
                    if let Some(state) = result.get("requestState") {
                        params["requestState"] = state.clone();
                    }
                }
                Some("task") => {
                    let task = json!({"taskId": result["taskId"]});
                    self.once("tasks/get", &task);
                    self.once("tasks/cancel", &task);
                    return self.once("tasks/get", &task);
                }
                _ => return answer,
            }
        }
        panic!("{method} asks without end: {params}");
    }

    fn once(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let mut params = params.clone();
        params["_meta"] = json!({"progressToken": self.asked});
        if self.revision == STATELESS {
            let mut client_capabilities = client_capabilities(STATELESS);
            client_capabilities["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientInfo": {"name": "end to end", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": client_capabilities,
                "io.modelcontextprotocol/logLevel": "debug",
                "progressToken": self.asked,
            });
        }
        let id = self.asked;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let names = ["name", "uri", "taskId"].map(|name| params[name].as_str());
        let name = names.into_iter().flatten().next().unwrap_or_default();
        let older = [
            ("Mcp-Session-Id", self.session.as_str()),
            ("MCP-Protocol-Version", self.revision),
        ];
        let stateless = stateless_headers(method, name);
        let headers = match self.revision {
            STATELESS if name.is_empty() => &stateless[..2],
            STATELESS => &stateless[..],
            _ => &older[..],
        };
        let posted = self.client.post_for_stream(self.server, headers, &message);
        let (head, mut events) = posted.unwrap();
        if head.header("content-type") != "text/event-stream" {
            return head.json();
        }
        while let Some((_, data)) = events.next_event().unwrap() {
            let message: Value = serde_json::from_str(&data).unwrap();
            if message.get("method").is_none() {
                return message;
            }
            if let Some(asked) = message.get("id") {
                let answer = json!({"jsonrpc": "2.0", "id": asked, "result": reply(&message)});
                let response = self.client.post(self.server, headers, &answer);
                assert_eq!(response.status, 202, "{}", response.body);
            }
        }
        Value::Null
    }
}
