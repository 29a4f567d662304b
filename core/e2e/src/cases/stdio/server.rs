//! The process of these cases: a server of a few tools, some of which behave as they should not.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, Write as _},
    process::Command,
};

use serde_json::{Value, json};

/// Serves until its input ends.
pub(super) fn serve() {
    // As others print a banner; the harness has not ended its line.
    write("\nready to serve");
    let mut calls = 0;
    let mut stays = false;
    let mut lines = std::io::stdin().lock().lines();
    while let Some(Ok(line)) = lines.next() {
        let message: Value = serde_json::from_str(&line).expect("a message");
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {"listChanged": true}, "resources": {"subscribe": true}},
                "serverInfo": {"name": "a process", "version": "1"},
            }),
            Some("tools/list") => {
                let tool = json!({"name": "ask", "inputSchema": {"type": "object"}});
                json!({"tools": [tool]})
            }
            Some("tools/call") => {
                calls += 1;
                let tool = message["params"]["name"].as_str().unwrap_or_default();
                stays |= tool == "stay";
                let text = match tool {
                    "ask" => ask(&message, &mut lines),
                    tool => call(tool, calls),
                };
                json!({"content": [{"type": "text", "text": text}]})
            }
            Some("resources/subscribe" | "resources/unsubscribe") => json!({}),
            Some(_) if !message["id"].is_null() => {
                let error = json!({"code": -32601, "message": "There is no such method."});
                let answer = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
                write(&answer.to_string());
                continue;
            }
            _ => continue,
        };
        // The members in an order of their own, as others write them.
        let id = &message["id"];
        write(&format!(
            r#"{{"result":{result},"jsonrpc":"2.0","id":{id}}}"#
        ));
    }
    if stays {
        loop {
            std::thread::park();
        }
    }
}

fn call(tool: &str, calls: u32) -> String {
    match tool {
        "state" => {
            let environment: BTreeMap<String, String> = std::env::vars()
                .filter(|(name, _)| name != "ORDERS_KEY")
                .chain(
                    std::env::var_os("ORDERS_KEY")
                        .map(|_| ("ORDERS_KEY".to_owned(), String::new())),
                )
                .collect();
            let pid = std::process::id();
            json!({"pid": pid, "calls": calls, "environment": environment}).to_string()
        }
        "exit" => std::process::exit(3),
        "print" => {
            write("printed by a tool");
            write("{\"half\":");
            for number in 0..1000 {
                eprintln!("complaint {number}");
            }
            "printed".to_owned()
        }
        "touch" => {
            let params = json!({"uri": "a://1"});
            let method = "notifications/resources/updated";
            write(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
            String::new()
        }
        "long" => "x".repeat(200_000),
        "leak" => std::env::var("ORDERS_KEY").unwrap_or_default(),
        // One more process, which neither of them ends by itself.
        "stay" => {
            let child = Command::new("/bin/sh")
                .args(["-c", "trap '' TERM; while :; do sleep 1; done"])
                .spawn();
            child.expect("there is a shell").id().to_string()
        }
        _ => String::new(),
    }
}

/// Reports progress, asks the user, and says what the answer was.
fn ask(message: &Value, lines: &mut impl Iterator<Item = std::io::Result<String>>) -> String {
    let token = &message["params"]["_meta"]["progressToken"];
    let progress = json!({"progressToken": token, "progress": 0.5});
    let schema = json!({"type": "object", "properties": {}});
    let question = json!({"message": "Sure?", "requestedSchema": schema});
    for message in [
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": question}),
    ] {
        write(&message.to_string());
    }
    let answer = lines.next().expect("it is answered").unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["result"]["action"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn write(line: &str) {
    let mut output = std::io::stdout();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .expect("somebody reads");
}
