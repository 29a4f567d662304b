//! Starting, being killed, ending.

use serde_json::json;

use crate::{
    Program, Server,
    client::{register, sign_in, sign_in_to},
    session::{next, stateless_headers, stateless_request},
};

/// Q4: the client carries on with the same session token.
pub fn killed_server_keeps_its_sessions(program: &Program) {
    let mut server = program.start();
    let client = sign_in(&server, "alice");
    let session = client.initialize(&server, "2025-11-25");
    server.kill();
    server.start();
    assert!(client.works(&server));
    let headers = [
        ("Mcp-Session-Id", session.as_str()),
        ("MCP-Protocol-Version", "2025-11-25"),
    ];
    let response = client.post(&server, &headers, &crate::client::call(1));
    assert_eq!(
        response.status, 200,
        "a session that the server no longer knows: {}",
        response.body
    );
    assert_eq!(client.refresh(&server).status, 200);
}

/// SIGTERM, with a stream open.
pub fn terminated_server_shuts_down(program: &Program) {
    let mut server = program.start();
    let client = sign_in_to(&server, register(&server), None, "alice");
    let (head, mut events) = client.stream(&server, "/sse", &[]).unwrap();
    assert_eq!(head.status, 200);
    assert!(events.next_event().unwrap().is_some());
    assert!(server.terminate().success());
    assert!(
        events.next_event().is_ok_and(|event| event.is_none()),
        "the stream was ended"
    );
    server.start();
    assert!(client.works(&server));
}

/// SIGHUP, with nothing to open or to read anew: the reload of a supervisor ends nothing.
pub fn server_lives_on_after_a_hangup(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    server.signal("HUP");
    assert!(client.works(&server));
    server.assert_healthy();
}

/// SIGTERM, behind a balancer that asks now and then: what it still sends is served.
pub fn terminated_server_is_not_ready_and_serves_while_balancers_find_out(program: &Program) {
    let server = program.start_with(&["--shutdown-delay", "1m"]);
    let client = sign_in_to(&server, register(&server), None, "alice");
    let ready = |server: &Server| server.send(&server.get("/readyz"));
    assert_eq!(ready(&server).status, 200);
    let (head, mut events) = client.stream(&server, "/sse", &[]).unwrap();
    assert_eq!(head.status, 200);
    assert!(events.next_event().unwrap().is_some());
    server.signal("TERM");
    assert!(
        events.next_event().is_ok_and(|event| event.is_none()),
        "the stream was ended"
    );
    let response = ready(&server);
    assert_eq!(response.status, 503, "{}", response.body);
    server.assert_healthy();
    assert!(client.works(&server));
    let (head, _) = client.stream(&server, "/sse", &[]).unwrap();
    assert_eq!(head.status, 503, "no new streams");
}

/// A `subscriptions/listen` is a request: it gets its result when the server ends it.
pub fn subscription_of_a_terminated_server_gets_its_result(program: &Program) {
    let mut server = program.example("notes").start();
    let client = sign_in(&server, "alice");
    let params = json!({"notifications": {"resourceSubscriptions": ["notes://count"]}});
    let listen = stateless_request("subscriptions/listen", params);
    let headers = stateless_headers("subscriptions/listen", "");
    let posted = client.post_for_stream(&server, &headers[..2], &listen);
    let (head, mut events) = posted.unwrap();
    assert_eq!(head.status, 200);
    let acknowledged = next(&mut events);
    assert_eq!(
        acknowledged["method"],
        "notifications/subscriptions/acknowledged"
    );
    assert!(server.terminate().success());
    let result = next(&mut events);
    assert_eq!(result["result"]["resultType"], "complete", "{result}");
    assert!(events.next_event().is_ok_and(|event| event.is_none()));
}

/// Q1, Q2, Q7: which setting, what is wrong, what is right.
pub fn invalid_settings_are_reported_in_words(program: &Program) {
    let server = program.start();
    let folder = server.folder().to_str().unwrap();
    type Wrong<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let wrong: [Wrong<'_>; 5] = [
        (&["--listn", "x"], &[], "Did you mean --listen?"),
        (
            &["--data-dir", folder, "--listen", "localhost:1"],
            &[],
            "is using the data folder",
        ),
        (&["--listen", "0.0.0.0:1"], &[], "this computer only"),
        (&[], &[("AZURE_CLIENT_ID", "x")], "AZURE_TENANT_ID"),
        (&["--public-url", "http://mcp.contoso.com"], &[], "https"),
    ];
    for (arguments, variables, expected) in wrong {
        let output = program
            .command()
            .args(arguments)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && stderr.contains(expected),
            "{arguments:?}: {stderr}"
        );
    }
    let help = program.command().arg("--help").output().unwrap();
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("ENTRA_MCP_PUBLIC_URL"));
    server.assert_healthy();
}
