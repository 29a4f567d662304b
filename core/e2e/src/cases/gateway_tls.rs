//! The gateway before an MCP server that is reached over TLS, with the certificates of a company's own authority.

use serde_json::{Value, json};

use super::pulls_tls::secure_backend_that;
use crate::{Program, session::Session};

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
