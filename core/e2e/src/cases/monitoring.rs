//! What operators see of a running server.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{Program, client::sign_in, raw_http::try_request, server::free_port};

/// The counters of a server, by a reader that asks as monitoring does.
fn metrics(port: u16) -> String {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let response =
        try_request(address, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(response.status, 200, "{}", response.body);
    let media_type = response.header("content-type");
    assert!(
        media_type.starts_with("application/openmetrics-text"),
        "{media_type}"
    );
    response.body
}

fn count(text: &str, name: &str) -> u64 {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines
        .map(|count| count.trim().parse::<u64>().unwrap())
        .sum()
}

/// What is counted of a sign-in, two calls and a refresh, at the least.
const COUNTED: &[(&str, u64)] = &[
    (r#"entra_mcp_events_total{event="sign_in.completed"}"#, 1),
    (r#"entra_mcp_requests_total{path="/mcp",status="200"}"#, 1),
    (r#"entra_mcp_requests_total{path="/token",status="200"}"#, 2),
    (r#"entra_mcp_requests_total{path="other",status="421"}"#, 1),
    (
        r#"entra_mcp_response_duration_seconds_count{path="/mcp"}"#,
        1,
    ),
    (
        r#"entra_mcp_outbound_requests_total{destination="entra",outcome="200",retry="no"}"#,
        2,
    ),
    (
        r#"entra_mcp_outbound_requests_total{destination="graph",outcome="200",retry="no"}"#,
        1,
    ),
    (
        r#"entra_mcp_outbound_requests_total{destination="graph",outcome="401",retry="no"}"#,
        1,
    ),
    (
        r#"entra_mcp_outbound_requests_total{destination="graph",outcome="200",retry="yes"}"#,
        1,
    ),
    (
        r#"entra_mcp_sign_ins_total{step="consent",outcome="done"}"#,
        1,
    ),
    (
        r#"entra_mcp_sign_ins_total{step="callback",outcome="done"}"#,
        1,
    ),
    (
        r#"entra_mcp_sign_ins_total{step="token",outcome="done"}"#,
        1,
    ),
    (r#"entra_mcp_table_entries{table="spent_sign_ins"}"#, 1),
    (r#"entra_mcp_table_bound{table="connections"}"#, 1),
    (
        r#"entra_mcp_store_operations_total{operation="put",outcome="done"}"#,
        2,
    ),
    (r#"entra_mcp_table_bound{table="streams"}"#, 4096),
];

/// O3: what is counted names nobody and holds no secret.
pub fn metrics_count_what_happened_and_name_nobody(program: &Program) {
    let port = free_port();
    let server = program.start_with(&["--metrics-listen", &format!("127.0.0.1:{port}")]);
    let before = metrics(port);
    assert_eq!(
        count(
            &before,
            r#"entra_mcp_events_total{event="sign_in.completed"}"#
        ),
        0
    );
    let client = sign_in(&server, "alice");
    assert_eq!(client.details(&server, "2025-11-25")["isError"], false);
    // Graph refuses a token once: a new one is fetched, and the request made again.
    let headers = [("Content-Type", "application/json")];
    let once = r#"{"action": "graph_error", "status": 401}"#;
    assert_eq!(
        server.ask_tenant("POST", "/control", &headers, once).status,
        200
    );
    assert_eq!(client.details(&server, "2025-11-25")["isError"], false);
    assert_eq!(client.refresh(&server).status, 200);
    assert_eq!(
        server
            .send("GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .status,
        421
    );
    let text = metrics(port);
    for (name, least) in COUNTED {
        assert!(count(&text, name) >= *least, "{name} in\n{text}");
    }
    for secret in [client.access_token.as_str(), "alice", "127.0.0.1"] {
        assert!(
            !text.to_lowercase().contains(&secret.to_lowercase()),
            "{secret} in\n{text}"
        );
    }
    // The address that clients reach serves none of it.
    assert_eq!(server.send(&server.get("/metrics")).status, 404);
}
