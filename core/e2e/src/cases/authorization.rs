//! Tools that not everybody may call: a sign-in for more, and app roles (threats P1, P8).

use serde_json::{Value, json};

use crate::{
    Program, Server,
    client::{sign_in_for, sign_in_with},
    session::Session,
};

fn names(session: &Session<'_>) -> Vec<String> {
    let tools = session.request("tools/list", &json!({}))["result"]["tools"].clone();
    let name = |tool: &Value| tool["name"].as_str().unwrap().to_owned();
    tools.as_array().unwrap().iter().map(name).collect()
}

fn call(session: &Session<'_>, tool: &str) -> crate::raw_http::Response {
    let params = json!({"name": tool, "arguments": {}});
    session.post(&json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}))
}

/// A client that lacks a scope is told all that are needed, signs in for them, and goes on in the MCP
/// session that it had.
pub fn missing_scope_is_granted_by_step_up(program: &Program) {
    let server: Server = program.example("guarded").start();
    let mut session = Session::of(&server, "alice");
    let refused = call(&session, "readMail");
    assert_eq!(refused.status, 403, "{}", refused.body);
    let challenge = refused.header("www-authenticate").to_owned();
    assert!(
        challenge.contains("error=\"insufficient_scope\""),
        "{challenge}"
    );
    assert!(
        challenge.contains("scope=\"user.read mail.read\""),
        "{challenge}"
    );
    // To sign in again for what there was changes nothing.
    let client_id = session.client.client_id.clone();
    session.client = sign_in_with(&server, client_id.clone(), "alice");
    assert_eq!(call(&session, "readMail").status, 403);
    session.client = sign_in_for(&server, client_id, "alice", Some("user.read mail.read"));
    let answer = call(&session, "readMail").json();
    assert_eq!(
        answer["result"]["content"][0]["text"], "Mail can be read.",
        "{answer}"
    );
}

/// Who has not the role neither sees the tool nor can call it.
pub fn role_protected_tool_is_visible_to_its_role_only(program: &Program) {
    let server = program.example("guarded").start();
    let (alice, bob) = (Session::of(&server, "alice"), Session::of(&server, "bob"));
    assert!(names(&alice).contains(&"readReports".to_owned()));
    let read = call(&alice, "readReports").json();
    assert_eq!(read["result"]["isError"], false, "{read}");
    assert!(!names(&bob).contains(&"readReports".to_owned()));
    assert_eq!(
        call(&bob, "readReports").json(),
        call(&bob, "nothing").json()
    );
}
