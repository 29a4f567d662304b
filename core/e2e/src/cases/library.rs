//! What users build on a runtime: tools, resources and prompts of their own, as the examples show.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    Program,
    client::sign_in,
    session::{Session, next, stateless, stateless_headers, stateless_request, text, until},
};

/// Beside one's own tools there is `getUserDetails`; invalid arguments are explained.
pub fn custom_tool_is_listed_with_its_schema_and_called(program: &Program) {
    let server = program.example("hello").start();
    let session = Session::of(&server, "alice");
    let listed = session.request("tools/list", &json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["getUserDetails", "add"]);
    let schema = &tools[1]["inputSchema"];
    assert_eq!(schema["properties"]["a"]["type"], "number");
    assert_eq!(
        schema["properties"]["a"]["description"],
        "The first number."
    );
    assert_eq!(schema["required"], json!(["a", "b"]));
    assert_eq!(
        text(&session.call("add", &json!({"a": 2, "b": 3.5}))),
        "5.5"
    );
    let wrong = session.call("add", &json!({"a": 2}));
    assert_eq!(wrong["isError"], true, "{wrong}");
    assert!(text(&wrong).contains("\"b\""), "{wrong}");
}

/// P2: who calls comes from the session token. G2: a token of Entra's never leaves the server.
pub fn tool_knows_its_caller_and_calls_graph_as_the_user(program: &Program) {
    let server = program.example("whoami").start();
    let listed = Session::of(&server, "alice").request("tools/list", &json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    let whoami = tools.iter().find(|tool| tool["name"] == "whoami").unwrap();
    // It returns `Json`, whose type says what it is.
    let output = &whoami["outputSchema"]["properties"];
    assert_eq!(output["tenant_id"]["type"], "string", "{whoami}");
    let mut oids = BTreeSet::new();
    for (user, mail) in [
        ("alice", "alice@contoso.example"),
        ("bob", "You have no mailbox."),
    ] {
        let session = Session::of(&server, user);
        let whoami = session.call("whoami", &json!({}));
        let who = &whoami["structuredContent"];
        assert!(!who["tenant_id"].as_str().unwrap().is_empty(), "{whoami}");
        assert!(oids.insert(who["oid"].clone().to_string()), "{whoami}");
        let name = who["name"].as_str().unwrap().to_lowercase();
        assert!(name.contains(user), "{whoami}");
        assert_eq!(who["scopes"], json!(["user.read"]), "{whoami}");
        assert_eq!(text(&session.call("myMail", &json!({}))), mail);
        let scope = "https://graph.microsoft.com/User.Read";
        let has_token = session.call("hasToken", &json!({"scope": scope}));
        assert!(
            text(&has_token).starts_with("There is a token"),
            "{has_token}"
        );
        let other = session.call("hasToken", &json!({"scope": "api://nobody/Nothing.Read"}));
        assert_eq!(other["isError"], true, "{other}");
    }
}

/// 2025-11-25: the input request is a request of the server's on the stream of the answer.
pub fn elicitation_uses_the_stream_in_older_revisions(program: &Program) {
    let server = program.example("whoami").start();
    let session = Session::of(&server, "alice");
    let params = json!({"name": "introduceMe", "arguments": {}});
    let call = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params});
    for (result, expected) in [
        (
            json!({"action": "accept", "content": {"nickname": "Al", "tone": "Friendly"}}),
            "Meet Al!",
        ),
        (json!({"action": "decline"}), "This is Alice"),
    ] {
        let mut events = session.post_for_stream(&call);
        let input_request = next(&mut events);
        assert_eq!(
            input_request["method"], "elicitation/create",
            "{input_request}"
        );
        let schema = &input_request["params"]["requestedSchema"];
        assert_eq!(schema["properties"]["nickname"]["type"], "string");
        assert_eq!(
            schema["properties"]["tone"]["enum"],
            json!(["Formal", "Friendly"])
        );
        let reply = json!({"jsonrpc": "2.0", "id": input_request["id"], "result": result});
        assert_eq!(session.post(&reply).status, 202);
        let answer = next(&mut events);
        assert_eq!(answer["id"], 3, "{answer}");
        assert!(text(&answer["result"]).contains(expected), "{answer}");
    }
}

/// 2026-07-28: the input request is the result of the round, and the function is run again with the answer.
pub fn elicitation_is_a_round_trip_in_the_stateless_revision(program: &Program) {
    let server = program.example("whoami").start();
    let client = sign_in(&server, "alice");
    let call = |more: &Value| {
        let mut params = json!({"name": "introduceMe", "arguments": {}});
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        stateless(&server, &client, "tools/call", "introduceMe", params)
    };
    let asked = call(&json!({}));
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let input_request = &asked["inputRequests"]["introduction"];
    assert_eq!(input_request["method"], "elicitation/create", "{asked}");
    let accepted = json!({"action": "accept", "content": {"nickname": "Al", "tone": "Formal"}});
    let result = call(&json!({
        "requestState": asked["requestState"],
        "inputResponses": {"introduction": accepted},
    }));
    assert_eq!(result["resultType"], "complete", "{result}");
    assert!(text(&result).ends_with("also known as Al."), "{result}");
}

/// Errors that a model can act on, faults that go to the log only (threat O3), and a panic.
pub fn failing_and_panicking_tools_leave_the_server_running(program: &Program) {
    let server = program.example("trouble").start();
    let session = Session::of(&server, "alice");
    let result = session.call("divide", &json!({"dividend": 1, "divisor": 0}));
    assert_eq!(result["isError"], true, "{result}");
    assert_eq!(
        text(&result),
        "This cannot be divided. Try another divisor."
    );
    let [fault, panic] = ["readConfig", "panic"].map(|tool| {
        let params = json!({"name": tool, "arguments": {}});
        session.request("tools/call", &params)["error"].clone()
    });
    for error in [&fault, &panic] {
        assert_eq!(error["code"], -32603, "{error}");
        let id = error["data"]["requestId"].as_str().unwrap();
        assert!(error["message"].as_str().unwrap().contains(id), "{error}");
    }
    for words in ["No such file", "a bug of this tool"] {
        let told = format!("{fault}{panic}");
        assert!(!told.contains(words), "{told}");
    }
    let good = session.call("divide", &json!({"dividend": 6, "divisor": 3}));
    assert_eq!(text(&good), "2");
    // The log is read by a thread of its own.
    let parts = |error: &Value, tool: &str, words: &str| {
        let id = error["data"]["requestId"].as_str().unwrap().to_owned();
        [id, format!("tool=\"{tool}\""), words.to_owned()]
    };
    for parts in [
        parts(&fault, "readConfig", "No such file"),
        parts(&panic, "panic", "a bug of this tool"),
    ] {
        until("a line of the log tells the cause", || {
            let log = server.log();
            let is_told = |line: &str| parts.iter().all(|part| line.contains(part));
            log.lines().any(is_told)
        });
    }
    // By default each call is a line.
    let called = ["[tool.called]", "tool=\"divide\"", "outcome=\"done\""];
    until("a line of the log tells of a call", || {
        let log = server.log();
        let is_told = |line: &str| called.iter().all(|part| line.contains(part));
        log.lines().any(is_told)
    });
}

/// Its peer has the whole of an answer, and the log what was said.
pub fn panicking_route_is_answered_and_told_to_the_log(program: &Program) {
    let server = program.example("trouble").start();
    for _ in 0..3 {
        let answer = server.request("GET", "/broken", &[], "");
        assert_eq!(answer.status, 500);
        assert!(
            !answer.body.contains("a bug of this route"),
            "{}",
            answer.body
        );
    }
    let failed = ["[route.failed]", "path=\"/broken\"", "a bug of this route"];
    until("a line of the log tells the cause", || {
        let log = server.log();
        let is_told = |line: &str| failed.iter().all(|part| line.contains(part));
        log.lines().any(is_told)
    });
}

/// What a program puts around calls sees and changes their results, of every tool.
pub fn function_around_calls_changes_their_results(program: &Program) {
    let server = program.example("trouble").start();
    let session = Session::of(&server, "alice");
    for (tool, arguments) in [
        ("divide", json!({"dividend": 6, "divisor": 3})),
        ("waiting", json!({})),
    ] {
        let result = session.call(tool, &arguments);
        assert_eq!(result["_meta"]["com.example/tool"], tool, "{result}");
    }
}

/// A cancelled call has no result, and its function ends.
pub fn cancelled_call_stops(program: &Program) {
    let server = program.example("trouble").start();
    let session = Session::of(&server, "alice");
    let params = json!({"name": "wait", "arguments": {}, "_meta": {"progressToken": "p"}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let mut events = session.post_for_stream(&call);
    let progress = next(&mut events);
    assert_eq!(progress["method"], "notifications/progress", "{progress}");
    assert_eq!(text(&session.call("waiting", &json!({}))), "1");
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 9}});
    assert_eq!(session.post(&cancel).status, 202);
    while let Some((_, data)) = events.next_event().unwrap() {
        let message: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(message["result"], Value::Null, "{message}");
    }
    until("the function ends", || {
        text(&session.call("waiting", &json!({}))) == "0"
    });
}

/// 2026-07-28: closing the stream of the answer cancels the call.
pub fn disconnect_cancels_a_stateless_call(program: &Program) {
    let server = program.example("trouble").start();
    let session = Session::of(&server, "alice");
    let mut message = stateless_request("tools/call", json!({"name": "wait", "arguments": {}}));
    // Without tasks, for it would go on as one.
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    message["params"]["_meta"][capabilities] = json!({});
    let headers = stateless_headers("tools/call", "wait");
    let posted = session.client.post_for_stream(&server, &headers, &message);
    let (head, mut events) = posted.unwrap();
    assert_eq!(head.status, 200);
    let progress = next(&mut events);
    assert_eq!(progress["method"], "notifications/progress", "{progress}");
    drop(events);
    until("the function ends", || {
        text(&session.call("waiting", &json!({}))) == "0"
    });
}

/// 2026-07-28: a task goes on without its request, and ends when it is cancelled.
pub fn task_runs_until_it_is_cancelled(program: &Program) {
    let server = program.example("trouble").start();
    let session = Session::of(&server, "alice");
    let send = |method: &str, name: &str, params: Value| {
        stateless(&server, &session.client, method, name, params)
    };
    let begun = send(
        "tools/call",
        "wait",
        json!({"name": "wait", "arguments": {}}),
    );
    assert_eq!(begun["resultType"], "task", "{begun}");
    let task = begun["taskId"].as_str().unwrap();
    let params = json!({"taskId": task});
    let status = || send("tasks/get", task, params.clone())["status"].clone();
    assert_eq!(status(), "working");
    until("the function runs", || {
        text(&session.call("waiting", &json!({}))) == "1"
    });
    send("tasks/cancel", task, params.clone());
    until("the function ends", || {
        text(&session.call("waiting", &json!({}))) == "0"
    });
    until("the task is cancelled", || status() == "cancelled");
}

/// I2: what one user wrote is not another's, whatever they name.
pub fn resources_prompts_and_completions_are_per_user(program: &Program) {
    let server = program.example("notes").start();
    let alice = Session::of(&server, "alice");
    let bob = Session::of(&server, "bob");
    let note = json!({"title": "plan", "text": "Sleep."});
    let written = alice.call("writeNote", &note);
    assert_eq!(text(&written), "The note is now notes://mine/plan.");
    let read = |session: &Session<'_>| {
        session.request("resources/read", &json!({"uri": "notes://mine/plan"}))
    };
    let contents = read(&alice)["result"]["contents"][0].clone();
    assert_eq!(contents["text"], "Sleep.");
    assert_eq!(contents["uri"], "notes://mine/plan");
    assert_eq!(read(&bob)["error"]["code"], -32002);
    let complete = |session: &Session<'_>, reference: Value| {
        let params = json!({"ref": reference, "argument": {"name": "title", "value": "pl"}});
        session.request("completion/complete", &params)["result"]["completion"]["values"].clone()
    };
    for reference in [
        json!({"type": "ref/resource", "uri": "notes://mine/{title}"}),
        json!({"type": "ref/prompt", "name": "review"}),
    ] {
        assert_eq!(complete(&alice, reference.clone()), json!(["plan"]));
        assert_eq!(complete(&bob, reference), json!([]));
    }
    let params = json!({"name": "review", "arguments": {"title": "plan"}});
    let prompt = alice.request("prompts/get", &params);
    let said = &prompt["result"]["messages"][0];
    assert_eq!(said["role"], "user", "{prompt}");
    assert!(
        said["content"]["text"]
            .as_str()
            .unwrap()
            .ends_with("Sleep.")
    );
}

/// Whatever is built on a runtime takes the flags of its binary, and explains what is wrong with them.
pub fn example_accepts_the_flags_of_its_binary(program: &Program) {
    let run = |flag: &str| {
        let output = program.example("hello").command().arg(flag).output();
        let output = output.expect("the example runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.success(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (is_good, help, _) = run("--help");
    assert!(is_good && help.contains("--data-dir"), "{help}");
    let (is_good, _, stderr) = run("--nonsense");
    assert!(!is_good && stderr.contains("--nonsense"), "{stderr}");
}

/// Who subscribed to a resource is told of its changes, on the stream of the MCP session.
pub fn subscriber_is_notified_of_changes(program: &Program) {
    let server = program.example("notes").start();
    let (alice, bob) = (Session::of(&server, "alice"), Session::of(&server, "bob"));
    let count = json!({"uri": "notes://count"});
    let before = alice.request("resources/read", &count);
    assert_eq!(before["result"]["contents"][0]["text"], "0", "{before}");
    let stream = alice.client.stream(&server, "/mcp", &alice.headers());
    let (head, mut events) = stream.unwrap();
    assert_eq!(head.status, 200);
    let subscribed = alice.request("resources/subscribe", &count);
    assert_eq!(subscribed["result"], json!({}), "{subscribed}");
    bob.call("writeNote", &json!({"title": "plan", "text": "Sleep."}));
    let notification = next(&mut events);
    assert_eq!(
        notification["method"], "notifications/resources/updated",
        "{notification}"
    );
    assert_eq!(
        notification["params"]["uri"], "notes://count",
        "{notification}"
    );
    let after = alice.request("resources/read", &count);
    assert_eq!(after["result"]["contents"][0]["text"], "1", "{after}");
}
