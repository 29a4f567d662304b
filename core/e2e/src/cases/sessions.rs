//! `sessions list` and `sessions end`, for the operator.

use std::time::Instant;

use serde_json::Value;

use crate::{
    Program, Server,
    client::{register_as, sign_in, sign_in_with},
    server::PATIENCE,
    unix::PermissionsExt as _,
};

/// The names of the sessions that stand in a list, which are the lines at its edge.
fn names(list: &str) -> Vec<&str> {
    let blocks = list.split("\n\n").skip(1);
    blocks.filter_map(|block| block.lines().next()).collect()
}

/// What a server would write of it, the command writes where none runs.
fn end_without_a_server(program: &Program, server: &Server, session: &str) {
    let audit = server.folder().join("audit.jsonl");
    let arguments = ["end", "--session", session, "--audit-log"];
    let arguments = [&arguments[..], &[audit.to_str().unwrap()]].concat();
    let (_, ended) = program.ask("sessions", server, &arguments);
    assert!(ended.starts_with("1 session was ended"), "{ended}");
    assert!(ended.contains("session.ended"), "{ended}");
    let line: Value = serde_json::from_str(&std::fs::read_to_string(&audit).unwrap()).unwrap();
    assert_eq!(
        (&line["event"], &line["session"]),
        (&"session.ended".into(), &session.into())
    );
}

/// A4, I7: in the process that serves, whose streams and calls end with them; and without one, on the file.
pub fn operator_lists_and_ends_sessions(program: &Program) {
    let mut server = program.start();
    let alice = sign_in(&server, "alice");
    let grace = sign_in(&server, "grace");
    let other = sign_in_with(&server, register_as(&server, "Another agent"), "alice");
    let (is_done, list) = program.ask("sessions", &server, &["list"]);
    assert!(is_done && list.starts_with("3 sessions"), "{list}");
    assert!(
        list.contains("Another agent (nobody has checked that name)"),
        "{list}"
    );
    let (_, one) = program.ask("sessions", &server, &["list", "--client", "Another agent"]);
    assert!(one.starts_with("1 session:"), "{one}");
    for secret in [&alice.access_token, &alice.refresh_token] {
        assert!(!list.contains(secret.as_str()));
    }

    let session = alice.initialize(&server, "2025-11-25");
    let headers = [
        ("Mcp-Session-Id", session.as_str()),
        ("MCP-Protocol-Version", "2025-11-25"),
    ];
    let (_, mut events) = alice.stream(&server, "/mcp", &headers).unwrap();
    // By the name of the user that the list shows, and by what Entra calls her.
    let users = |list: &str| -> Vec<String> {
        let lines = list
            .lines()
            .filter_map(|line| line.trim().strip_prefix("user "));
        lines.map(|name| name.trim().to_owned()).collect()
    };
    let alices = users(&one).remove(0);
    let (_, of_alice) = program.ask("sessions", &server, &["list", "--user", &alices]);
    assert!(of_alice.starts_with("2 sessions"), "{of_alice}");
    let details = grace.details(&server, "2025-11-25");
    let oid = details["structuredContent"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (_, of_grace) = program.ask("sessions", &server, &["list", "--user", &oid]);
    assert!(of_grace.starts_with("1 session:"), "{of_grace}");
    assert_ne!(users(&of_grace), [alices.as_str()]);

    let (_, ended) = program.ask("sessions", &server, &["end", "--user", &alices]);
    assert!(ended.starts_with("2 sessions were ended"), "{ended}");
    assert!(!alice.works(&server) && !other.works(&server) && grace.works(&server));
    assert_eq!(alice.refresh(&server).status, 400);
    let end = Instant::now() + PATIENCE;
    while events.next_event().unwrap().is_some() {
        assert!(Instant::now() < end, "the stream goes on");
    }
    assert!(server.log().contains("session.ended"), "{}", server.log());

    let (is_done, said) = program.ask("sessions", &server, &["end"]);
    assert!(!is_done && said.contains("--all"), "{said}");
    let socket = server.folder().join("dev-tenant").join("operator.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    server.kill();
    let (_, list) = program.ask("sessions", &server, &["list"]);
    let name = names(&list).remove(0).to_owned();
    end_without_a_server(program, &server, &name);
    server.start();
    assert!(!grace.works(&server), "what was ended without a server");
    let again = sign_in(&server, "alice");
    let (_, ended) = program.ask("sessions", &server, &["end", "--all"]);
    assert!(ended.starts_with("1 session was ended"), "{ended}");
    assert!(!again.works(&server));
}
