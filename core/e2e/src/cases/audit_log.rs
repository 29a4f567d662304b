//! What the audit log tells of a sign-in, a call and an end, and how it is rotated.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    Program,
    client::{Client, VERIFIER, post_form, sign_in},
    server::{Server, free_port},
    session::until,
    unix::PermissionsExt as _,
};

/// A folder of its own.
fn folder() -> PathBuf {
    let (process, port) = (std::process::id(), free_port());
    let folder = std::env::temp_dir().join(format!("entra-mcp-audit-{process}-{port}"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The lines of an audit log that are whole.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The first line about an event, once it is written.
fn line(path: &Path, event: &str) -> Value {
    let find = || lines(path).into_iter().find(|line| line["event"] == event);
    until(&format!("{event} is in the audit log"), || find().is_some());
    find().unwrap()
}

fn call_and_revoke(server: &Server, client: &Client) {
    assert_eq!(client.details(server, "2025-11-25")["isError"], false);
    assert_eq!(client.refresh(server).status, 200);
    let fields = [
        ("token", client.refresh_token.as_str()),
        ("client_id", &client.client_id),
    ];
    assert_eq!(post_form(server, "/revoke", &fields).status, 200);
    assert!(!client.works(server));
}

/// It holds no secret, and nobody else may read it.
fn assert_discreet(path: &Path, client: &Client) {
    let text = fs::read_to_string(path).unwrap().to_lowercase();
    for secret in [
        &client.access_token,
        &client.refresh_token,
        VERIFIER,
        "alice",
        "@",
    ] {
        assert!(
            !text.contains(&secret.to_lowercase()),
            "{secret} in\n{text}"
        );
    }
    assert_eq!(
        fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

/// O3, O6. Who did what is told, in one file after the other; and no secret, name or argument is.
pub fn audit_log_tells_who_did_what(program: &Program) {
    let folder = folder();
    let path = folder.join("audit.jsonl");
    let server = program.start_with(&[
        "--audit-log",
        path.to_str().unwrap(),
        "--trusted-proxy",
        "127.0.0.1",
    ]);
    let client = sign_in(&server, "alice");
    call_and_revoke(&server, &client);
    let ended = line(&path, "session.ended");
    let signed_in = line(&path, "sign_in.completed");
    let registered = line(&path, "client.registered");
    assert_eq!(registered["client"], signed_in["client"]);
    assert_eq!(registered["object_id"], Value::Null);
    for event in [
        "consent.approved",
        "sign_in.completed",
        "code.redeemed",
        "tool.called",
        "refresh_token.used",
    ] {
        let line = line(&path, event);
        assert_eq!(line["outcome"], "done", "{line}");
        for member in ["tenant_id", "object_id", "session", "client"] {
            assert!(line[member].is_string(), "{member} in {line}");
            assert_eq!(line[member], signed_in[member], "{member} in {line}");
        }
        assert!(
            line["ms"].is_u64() && line["request_id"].is_string(),
            "{line}"
        );
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    assert_eq!(ended["session"], signed_in["session"]);
    assert_eq!(line(&path, "tool.called")["tool"], "getUserDetails");
    assert_eq!(
        line(&path, "token.revoked")["session"],
        signed_in["session"]
    );

    let bearer = format!("Bearer {}", client.access_token.replace('.', "x"));
    let headers = [
        ("Authorization", bearer.as_str()),
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Request-ID", "edge-9"),
    ];
    assert_eq!(server.request("POST", "/mcp", &headers, "{}").status, 401);
    let refused = line(&path, "session_token.refused");
    assert_eq!(
        (&refused["outcome"], &refused["address"]),
        (&Value::from("refused"), &Value::from("203.0.113.7"))
    );
    assert_eq!(refused["request_id"], "edge-9");

    assert_discreet(&path, &client);
    fs::remove_dir_all(&folder).unwrap();
}

/// A file that was renamed is left alone after SIGHUP, and a new one begun.
pub fn audit_log_is_rotated_after_a_hangup(program: &Program) {
    let folder = folder();
    let (path, old) = (folder.join("audit.jsonl"), folder.join("audit.jsonl.1"));
    let mut server = program.start_with(&["--audit-log", path.to_str().unwrap()]);
    let first = sign_in(&server, "alice");
    line(&path, "sign_in.completed");
    fs::rename(&path, &old).unwrap();
    server.signal("HUP");
    until("a new file is begun", || path.exists());
    call_and_revoke(&server, &first);
    assert_eq!(
        line(&path, "tool.called")["object_id"],
        line(&old, "sign_in.completed")["object_id"]
    );
    assert!(
        lines(&old)
            .iter()
            .all(|line| line["event"] != "tool.called")
    );
    assert!(
        lines(&path)
            .iter()
            .all(|line| line["event"] != "sign_in.completed")
    );
    // Whoever asks it to end gets every line.
    let second = sign_in(&server, "bob");
    server.terminate();
    let redeemed = lines(&path)
        .into_iter()
        .filter(|line| line["event"] == "code.redeemed");
    assert_eq!(redeemed.count(), 1, "{}", second.client_id);
    fs::remove_dir_all(&folder).unwrap();
}
