//! MCP servers that are processes behind the gateway (stdio): what they are told, how long they live, and what comes of their faults.

mod server;

use serde_json::{Value, json};

use crate::{
    Program, Server,
    client::sign_in,
    session::{Session, heard, listening, next, stateless, text, until},
};

/// The test whose program is the process: it does nothing unless it is told to be one, and what the tests' harness prints is what
/// other servers print, too.
const TEST: &str = "process_is_a_server_by_its_standard_streams";
const VARIABLE: &str = "STDIO_SERVER_OF_TESTS";

/// Is the process, if it is told to be; else there is nothing to try.
pub fn process_is_a_server_by_its_standard_streams(_program: &Program) {
    if std::env::var_os(VARIABLE).is_some() {
        server::serve();
    }
}

/// A gateway in front of such processes.
fn gateway(program: &Program, arguments: &[&str]) -> Server {
    let test = std::env::current_exe().unwrap();
    let mut all = arguments.to_vec();
    let variable = format!("{VARIABLE}=1");
    let named = [
        "--backend-env",
        &variable,
        "--backend-env",
        "ORDERS_KEY=a secret key of orders",
        "--",
    ];
    all.extend(named);
    all.extend([test.to_str().unwrap(), TEST, "--exact", "--nocapture"]);
    program.start_with(&all)
}

/// What the process says of itself: its number, its environment, how often it was asked.
fn state(session: &Session<'_>) -> Value {
    let result = session.call("state", &json!({}));
    serde_json::from_str(text(&result)).unwrap()
}

fn is_there(pid: &Value) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// R31. What clients of 2026-07-28 listen for is told by their process to each of them.
pub fn listens_of_a_stateless_client_share_its_process(program: &Program) {
    let server = gateway(program, &[]);
    let client = sign_in(&server, "alice");
    let wanted = json!({"resourceSubscriptions": ["a://1"]});
    let [mut one, mut two] = ["one", "two"].map(|id| listening(&server, &client, id, &wanted));
    let touch = || {
        let params = json!({"name": "touch", "arguments": {}});
        let result = stateless(&server, &client, "tools/call", "touch", params);
        assert_eq!(result["resultType"], "complete", "{result}");
    };
    touch();
    assert_eq!(heard(&mut one, "one"), "resources/updated");
    assert_eq!(heard(&mut two, "two"), "resources/updated");
    drop(one);
    touch();
    assert_eq!(heard(&mut two, "two"), "resources/updated");
}

/// R5, R15. A client signs in as always, and gets the tools, the progress and the questions of a process that is told who the user is by its
/// environment, and inherits nothing.
pub fn tools_of_a_process_are_called_with_progress_and_questions(program: &Program) {
    let server = gateway(program, &[]);
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
        (&result["id"], text(&result["result"])),
        (&json!(9), "decline")
    );
    let told = state(&session)["environment"].clone();
    let names: Vec<&String> = told.as_object().unwrap().keys().collect();
    let is_known = |name: &&String| {
        let named = [VARIABLE, "ORDERS_KEY", "HOME", "PATH"].contains(&name.as_str());
        named || name.starts_with("ENTRA_MCP_USER_")
    };
    assert!(names.iter().all(is_known), "{names:?}");
    let user = told["ENTRA_MCP_USER_USERNAME"].as_str().unwrap();
    assert!(
        user.starts_with("alice") && told.get("ENTRA_MCP_USER_OID").is_some(),
        "{told}"
    );
    // With the development tenant it is only said that it could read the keys.
    assert!(server.log().contains("gateway.process_can_read"));
}

/// R5. What one user has done with their process is not there for another, nor for the same user's next session; and a process ends with its
/// session.
pub fn process_is_of_one_session_and_ends_with_it(program: &Program) {
    let server = gateway(program, &[]);
    let [alice, bob] = ["alice", "bob"].map(|user| Session::of(&server, user));
    let [first, second, third] = [&alice, &alice, &bob].map(state);
    assert_eq!(
        (&first["calls"], &second["calls"], &third["calls"]),
        (&json!(1), &json!(2), &json!(1))
    );
    assert_ne!(first["pid"], third["pid"]);
    alice.end();
    until("the process is gone", || !is_there(&first["pid"]));
    assert!(is_there(&third["pid"]));
    drop(server);
    until(
        "the other one is gone with the server, which was killed",
        || !is_there(&third["pid"]),
    );
}

/// R6. A process that ends during a call is told in words; the next call has another one.
pub fn process_that_ends_is_told_in_words_and_followed_by_another(program: &Program) {
    let server = gateway(program, &[]);
    let session = Session::of(&server, "alice");
    let before = state(&session);
    let failed = session.call("exit", &json!({}));
    assert_eq!(failed["isError"], true, "{failed}");
    assert!(text(&failed).contains("may have done its work"), "{failed}");
    let after = state(&session);
    assert_ne!(before["pid"], after["pid"]);
    assert_eq!(after["calls"], 1);
    until("its exit code is in the log", || {
        server.log().contains("exit code 3")
    });
}

/// R3, R9, R17. What a process prints besides its messages, half lines and floods of its error stream hold up no call; and neither a secret that it
/// was given nor an answer that is too long is passed on.
pub fn what_a_process_prints_besides_holds_nobody_up(program: &Program) {
    let server = gateway(program, &["--backend-answer-bytes", "100000"]);
    let session = Session::of(&server, "alice");
    for _ in 0..2 {
        let printed = session.call("print", &json!({}));
        assert_eq!(text(&printed), "printed", "{printed}");
    }
    let long = session.call("long", &json!({}));
    assert!(text(&long).contains("too large"), "{long}");
    let leaked = session.call("leak", &json!({}));
    assert!(text(&leaked).contains("held a credential"), "{leaked}");
    assert_eq!(state(&session)["calls"], 5);
    until("its error stream is in the log", || {
        server.log().contains("complaint 7")
    });
    let log = server.log();
    assert!(
        log.lines()
            .filter(|line| line.contains("gateway.process_said"))
            .count()
            <= 101
    );
    assert!(!log.contains("a secret key of orders"));
}

/// A process that ignores what it is asked is ended by force, with those that it has begun.
pub fn process_that_does_not_end_is_killed_with_its_group(program: &Program) {
    let server = gateway(program, &[]);
    let session = Session::of(&server, "alice");
    let pid = state(&session)["pid"].clone();
    let begun = session.call("stay", &json!({}));
    let begun: Value = serde_json::from_str(text(&begun)).unwrap();
    assert!(is_there(&pid) && is_there(&begun));
    session.end();
    until("both are gone", || !is_there(&pid) && !is_there(&begun));
}

/// R16. What a process ignores does not keep it and those that it has begun when the server was killed, and could end nothing.
pub fn process_that_does_not_end_is_killed_after_the_server(program: &Program) {
    let mut server = gateway(program, &[]);
    let (pid, begun) = {
        let session = Session::of(&server, "alice");
        let begun = session.call("stay", &json!({}));
        let begun: Value = serde_json::from_str(text(&begun)).unwrap();
        (state(&session)["pid"].clone(), begun)
    };
    assert!(is_there(&pid) && is_there(&begun));
    server.kill();
    until("both are gone", || !is_there(&pid) && !is_there(&begun));
}

/// R16. A server that shuts down does not wait for processes that have nothing to do, and leaves none behind.
pub fn process_does_not_hold_up_a_server_that_shuts_down(program: &Program) {
    let mut server = gateway(program, &["--shutdown-timeout", "10m"]);
    let pid = {
        let session = Session::of(&server, "alice");
        state(&session)["pid"].clone()
    };
    assert!(server.terminate().success(), "{}", server.log());
    assert!(!is_there(&pid));
    assert!(
        server.log().contains("gateway.process_ended"),
        "{}",
        server.log()
    );
}

/// A command that cannot be run is an error at the start; one that ends at once, a refusal in words.
pub fn command_that_does_not_serve_is_told_in_words(program: &Program) {
    let output = program
        .command()
        .args(["--", "/no/such/program"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("There is no program"),
        "{output:?}"
    );
    let server = program.start_with(&["--", "/bin/false"]);
    let client = crate::client::sign_in(&server, "alice");
    let begin = || client.post(&server, &[], &crate::client::initialize("2025-11-25"));
    let response = begin();
    assert_eq!(response.status, 503, "{}", response.body);
    assert!(
        response.body.contains("before it answered"),
        "{}",
        response.body
    );
    let response = begin();
    assert_eq!(response.status, 503, "{}", response.body);
    assert!(response.body.contains("busy"), "{}", response.body);
    until("its exit code is in the log", || {
        server.log().contains("exit code 1")
    });
}

/// Those of `.ci/gateway`, which others wrote: FastMCP, and the reference server in TypeScript, as they are installed. Without that script there are
/// none, and nothing to try.
pub fn servers_of_others_are_run_unmodified(program: &Program) {
    let start = |name: &str| {
        let command = std::env::var(name).ok()?;
        let [path, home] = ["PATH", "HOME"].map(|name| std::env::var(name).unwrap_or_default());
        let variables = [
            ("ENTRA_MCP_BACKEND_COMMAND", command.as_str()),
            ("PATH", &path),
            ("HOME", &home),
        ];
        Some(program.start_with_variables(&[], &variables))
    };
    if let Some(server) = start("GATEWAY_FASTMCP") {
        super::gateway::tools_of_fastmcp_are_used(&server, "alice");
    }
    let Some(server) = start("GATEWAY_EVERYTHING") else {
        return;
    };
    let session = Session::of(&server, "alice");
    super::gateway::tools_of_everything_are_used(&session);
    let told = session.call("get-env", &json!({}));
    let told: Value = serde_json::from_str(text(&told)).unwrap();
    assert!(told.get("ENTRA_MCP_USER_OID").is_some(), "{told}");
    assert!(told.get("GATEWAY_EVERYTHING").is_none(), "{told}");
    session.end();
    until("its process has ended", || {
        server.log().contains("gateway.process_ended")
    });
}
