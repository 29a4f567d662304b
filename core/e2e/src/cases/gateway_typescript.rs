//! Servers that the two SDKs in TypeScript come with, or that are written with them, before clients of both eras: the examples of version 1,
//! and a server of version 2 that is held to 2026-07-28, by HTTP and as processes. `.ci/gateway` installs them; without it there is
//! nothing to try.

use std::{
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    Program, Server,
    server::free_port,
    session::{Session, next, stateless, text, until},
};

/// A server in TypeScript that listens. Ends with the test.
struct Listening(Child, u16);

impl Listening {
    fn start(path: &str, arguments: &[&str], variable: &str) -> Self {
        // The system gives it to nobody before the server has it.
        let port = free_port();
        let port_as_text = port.to_string();
        let words = arguments.iter().map(|word| match *word {
            "PORT" => port_as_text.as_str(),
            word => word,
        });
        let child = Command::new("node")
            .arg(path)
            .args(words)
            .env(variable, &port_as_text)
            .stdout(Stdio::null())
            .spawn()
            .expect("node is installed");
        let listening = Self(child, port);
        until("a server in TypeScript listens", || {
            ["127.0.0.1", "::1"]
                .iter()
                .any(|host| TcpStream::connect((*host, port)).is_ok())
        });
        listening
    }

    fn gateway(&self, program: &Program) -> Server {
        program.start_with(&["--backend", &format!("http://localhost:{}/mcp", self.1)])
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A gateway in front of a process.
fn before_process(program: &Program, words: &[&str]) -> Server {
    let command = json!(words).to_string();
    let [path, home] = ["PATH", "HOME"].map(|name| std::env::var(name).unwrap_or_default());
    let variables = [
        ("ENTRA_MCP_BACKEND_COMMAND", command.as_str()),
        ("PATH", &path),
        ("HOME", &home),
    ];
    program.start_with_variables(&[], &variables)
}

/// Calls a tool that asks the user, who accepts; its result.
fn asked(session: &Session<'_>, tool: &str, arguments: &Value, content: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let mut events = session.post_for_stream(&call);
    let mut was_asked = false;
    loop {
        let message = next(&mut events);
        if message["method"] == "elicitation/create" {
            was_asked = true;
            let result = json!({"action": "accept", "content": content});
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
            assert_eq!(session.post(&answer).status, 202);
        }
        if message.get("id").is_some() && message.get("method").is_none() {
            assert!(was_asked, "{message}");
            return message["result"].clone();
        }
    }
}

/// The same of a tool that asks on the stream which the client has opened for the session.
fn asked_on_its_stream(
    server: &Server,
    session: &Session<'_>,
    tool: &str,
    content: &Value,
) -> Value {
    let opened = session.client.stream(server, "/mcp", &session.headers());
    let (head, mut events) = opened.unwrap();
    assert_eq!(head.status, 200);
    std::thread::scope(|scope| {
        let call = scope.spawn(|| session.call(tool, &json!({})));
        let message = next(&mut events);
        assert_eq!(message["method"], "elicitation/create", "{message}");
        let result = json!({"action": "accept", "content": content});
        let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        assert_eq!(session.post(&answer).status, 202);
        call.join().unwrap()
    })
}

/// R5. What the SDKs' own servers offer is used by clients with sessions and without.
pub fn servers_of_the_typescript_sdks_are_used_unmodified(program: &Program) {
    if let Ok(examples) = std::env::var("GATEWAY_TYPESCRIPT_1") {
        let example = |name: &str| format!("{examples}/{name}.js");
        let path = example("elicitationFormExample");
        let listening = Listening::start(&path, &[], "PORT");
        let server = listening.gateway(program);
        let session = Session::of(&server, "alice");
        let person =
            json!({"username": "alice", "email": "a@contoso.example", "password": "a-password"});
        let told = asked_on_its_stream(&server, &session, "register_user", &person);
        assert!(text(&told).contains("a@contoso.example"), "{told}");
        let listed = stateless(&server, &session.client, "tools/list", "", json!({}));
        assert_eq!(listed["tools"][0]["name"], "register_user", "{listed}");
        let server = before_process(program, &["node", &example("progressExample")]);
        let session = Session::of(&server, "alice");
        let meta = json!({"progressToken": "mine"});
        let params = json!({"name": "count", "arguments": {"n": 2}, "_meta": meta});
        let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
        let body = session.post(&call).body;
        for part in [
            "\"progressToken\":\"mine\"",
            "Counting: 2/2",
            "Counted to 2",
        ] {
            assert!(body.contains(part), "{part} in {body}");
        }
    }
    let Ok(path) = std::env::var("GATEWAY_TYPESCRIPT_2") else {
        return;
    };
    let listening = Listening::start(&path, &["PORT"], "PORT");
    let servers = [
        listening.gateway(program),
        before_process(program, &["node", &path, "stdio"]),
    ];
    for server in &servers {
        let session = Session::of(server, "alice");
        let said = session.call("echo", &json!({"text": "\u{e9}"}));
        assert_eq!(text(&said), "you said \u{e9}", "{said}");
        let told = asked(&session, "ask", &json!({}), &json!({"value": true}));
        assert_eq!(text(&told), "accept", "{told}");
        let arguments = json!({"name": "echo", "arguments": {"text": "\u{e9}"}});
        let said = stateless(server, &session.client, "tools/call", "echo", arguments);
        assert_eq!(text(&said), "you said \u{e9}", "{said}");
    }
}
