//! Who may do what of that which a backend offers, by the file of `--policy`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::gateway::Backend;
use crate::{
    Program, Server,
    session::{Session, next, until},
};

/// A file of a policy. Removed when dropped.
struct PolicyFile(PathBuf);

impl PolicyFile {
    fn new(name: &str, text: &str) -> Self {
        let thread = std::thread::current().id();
        let name = format!(
            "{thread:?}-entra-mcp-policy-{}-{name}.toml",
            std::process::id()
        );
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        let other = self.0.with_extension("new");
        std::fs::write(&other, text).unwrap();
        std::fs::rename(&other, &self.0).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn gateway(&self, program: &Program, backend: &Backend) -> Server {
        program.start_with(&["--backend", &backend.address, "--policy", self.path()])
    }
}

impl Drop for PolicyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn names(session: &Session<'_>) -> Vec<Value> {
    let tools = session.request("tools/list", &json!({}))["result"]["tools"].clone();
    let tools = tools.as_array().unwrap().iter();
    tools.map(|tool| tool["name"].clone()).collect()
}

fn call(name: &str) -> Value {
    let params = json!({"name": name, "arguments": {}});
    json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params})
}

/// R7. To whom it is hidden, a tool is as if it were not there; arguments and roles count.
pub fn tool_that_is_hidden_is_neither_listed_nor_called(program: &Program) {
    let backend = Backend::start();
    let text = "[[tool]]\nname = \"who*\"\nhidden = true\n[[tool]]\nname = \"breaks\"\nroles = [\"Nobody.Has\"]\n\
                [[tool]]\nname = \"ask\"\narguments.repo = { equals = \"sandbox\" }\n";
    let file = PolicyFile::new("hidden", text);
    let server = file.gateway(program, &backend);
    let session = Session::of(&server, "alice");
    assert_eq!(names(&session), ["ask"]);
    let answers = ["whoami", "breaks", "nothing"].map(|name| session.post(&call(name)).body);
    assert!(answers[0].contains("-32602"), "{answers:?}");
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    let refused = session.call("ask", &json!({"repo": "main"}));
    assert_eq!(refused["isError"], true, "{refused}");
    let called = backend.requests();
    for name in ["whoami", "breaks", "main"] {
        let name = format!("\"{name}\"");
        assert!(
            called.iter().all(|request| !request.contains(&name)),
            "{name}"
        );
    }
}

/// R7. The user is asked by their client, and the backend is called after a yes only.
pub fn call_is_made_once_the_user_has_confirmed_it(program: &Program) {
    let backend = Backend::start();
    let text = "[[tool]]\nname = \"whoami\"\nconfirm = \"Tell who you are?\"\n";
    let file = PolicyFile::new("confirmed", text);
    let server = file.gateway(program, &backend);
    let session = Session::of(&server, "alice");
    let called = || {
        backend
            .requests()
            .iter()
            .filter(|request| request.contains("\"whoami\""))
            .count()
    };
    for (action, calls) in [("decline", 0), ("accept", 1)] {
        let mut events = session.post_for_stream(&call("whoami"));
        let mut question = next(&mut events);
        if question.is_null() {
            question = next(&mut events);
        }
        assert_eq!(
            question["params"]["message"], "Tell who you are?",
            "{question}"
        );
        assert_eq!(called(), 0);
        let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": action}});
        assert_eq!(session.post(&answer).status, 202);
        let result = next(&mut events);
        assert_eq!(result["id"], 9, "{result}");
        assert_eq!(called(), calls, "{action}");
    }
}

/// R7. What the operator changes counts from the next request on; a mistake in it changes nothing.
pub fn policy_is_read_again_after_a_hangup(program: &Program) {
    let backend = Backend::start();
    let file = PolicyFile::new("hangup", "default = \"allow\"\n");
    let server = file.gateway(program, &backend);
    let session = Session::of(&server, "alice");
    assert_eq!(names(&session), ["ask", "whoami", "breaks"]);
    file.write("default = \"deny\"\n[[tool]]\nname = \"ask\"\n");
    server.signal("HUP");
    until("the policy is read again", || {
        server.log().contains("policy.read")
    });
    assert_eq!(names(&session), ["ask"]);
    file.write("default = \"allow all\"\n");
    server.signal("HUP");
    until("the mistake is told", || {
        server.log().contains("policy.unusable")
    });
    assert!(server.log().contains("Line 1: "));
    assert_eq!(names(&session), ["ask"]);
}

/// R7. All that is wrong, with its line, at the start.
pub fn policy_that_is_wrong_stops_the_start(program: &Program) {
    let file = PolicyFile::new(
        "wrong",
        "[[tool]]\nhide = true\n\n[[tool]]\nname = \"a\"\nroles = \"x\"\n",
    );
    let folder = file.0.with_extension("data");
    let arguments = [
        "--backend",
        "http://127.0.0.1:9/mcp",
        "--policy",
        file.path(),
        "--data-dir",
    ];
    let command = &mut program.command();
    let output = command.args(arguments).arg(&folder).output().unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    for part in [
        file.path(),
        "Line 1: name is missing",
        "Line 2: There is no \"hide\". Write name, and some of: hidden, roles",
        "Line 6: Write at least one text",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}
