//! The gateway before an MCP server that is reached over TLS, with the certificates of a company's own authority.

use serde_json::{Value, json};

use super::pulls_tls::secure_backend_that;
use crate::{
    Program,
    client::{self, initialize, sign_in_to},
    session::Session,
};

const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/keys/backend/authority.pem");
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/keys/backend/client.pem");

/// A backend without sessions, of one tool.
pub(super) fn answer(request: &str) -> String {
    let (_, body) = request.split_once("\r\n\r\n").unwrap_or_default();
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "orders", "version": "1"},
        }),
        Some("tools/list") => {
            json!({"tools": [{"name": "ask", "inputSchema": {"type": "object"}}]})
        }
        _ => {
            return "HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                .to_owned();
        }
    };
    let body = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// R18. `--backend-ca` and `--backend-cert`: it is believed by the company's authority, and shown who comes. Without them
/// nothing reaches it.
pub fn backend_is_reached_with_the_certificates_that_are_set(program: &Program) {
    let (port, meets) = secure_backend_that(true, answer);
    let address = format!("https://localhost:{port}/mcp");
    let arguments = [
        "--backend",
        &address,
        "--backend-ca",
        AUTHORITY,
        "--backend-cert",
        CLIENT,
    ];
    let server = program.start_with(&arguments);
    let session = Session::of(&server, "alice");
    let tools = session.request("tools/list", &json!({}))["result"]["tools"].clone();
    assert_eq!(tools[0]["name"], "ask", "{tools}");
    assert!(meets.try_iter().all(|met| met == Some(1)));
    let server = program.start_with(&["--backend", &address]);
    let client = crate::client::sign_in(&server, "alice");
    let response = client.post(&server, &[], &crate::client::initialize("2025-11-25"));
    assert_eq!(response.status, 503, "{}", response.body);
    assert!(meets.try_iter().all(|met| met.is_none()));
}

/// R26. Two servers at one address: each is reached with what is set for it, and not on a connection of the other.
pub fn servers_at_one_address_have_certificates_of_their_own(program: &Program) {
    let (port, meets) = secure_backend_that(true, answer);
    let backends = ["orders", "docs"].map(|name| format!("{name}=https://localhost:{port}/mcp"));
    let certificate = format!("orders={CLIENT}");
    let arguments = [
        "--backend",
        &backends[0],
        "--backend",
        &backends[1],
        "--backend-ca",
        AUTHORITY,
        "--backend-cert",
        &certificate,
    ];
    let server = program.start_with(&arguments);
    let client_id = client::register(&server);
    for (path, status) in [("/mcp/orders", 200), ("/mcp/docs", 503)] {
        let client = sign_in_to(&server, client_id.clone(), Some(path), "alice");
        let bearer = format!("Bearer {}", client.access_token);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        let message = initialize("2025-11-25").to_string();
        let response = server.request("POST", path, &headers, &message);
        assert_eq!(response.status, status, "{path}: {}", response.body);
    }
    let shown: Vec<_> = meets.try_iter().flatten().collect();
    assert!(!shown.is_empty() && shown.iter().all(|shown| *shown == 1));
}
