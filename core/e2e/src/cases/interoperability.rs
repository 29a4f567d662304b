//! What real clients and the proxies before them send, although it could be said otherwise.

use serde_json::{Value, json};

use crate::{
    Program, Server,
    client::{Client, initialize, sign_in},
    raw_http::{self, Connection, Response},
    session,
};

/// Some clients add a slash to the address that they are given, and to those that they derive from it.
pub fn slash_at_the_end_is_served_without_a_redirect(program: &Program) {
    let server = program.start();
    for document in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration/mcp",
    ] {
        let plain = server.request("GET", document, &[], "");
        let slashed = server.request("GET", &format!("{document}/"), &[], "");
        assert_eq!((slashed.status, slashed.body), (200, plain.body));
    }
    assert_eq!(server.request("GET", "/sse/", &[], "").status, 401);
    assert_eq!(server.request("POST", "/message/", &[], "").status, 401);
    assert_eq!(initialize_at(&server, "/mcp/"), 200);
}

/// RFC 9112 section 3.2.2.
pub fn absolute_target_is_served(program: &Program) {
    let server = program.start();
    assert_eq!(
        initialize_at(&server, &format!("{}/mcp", server.url())),
        200
    );
    assert_eq!(initialize_at(&server, "http://evil.example/mcp"), 421);
}

/// Many clients write `null` for what they do not give.
pub fn null_is_as_if_left_out(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    let session = client.initialize(&server, "2025-11-25");
    let named = ("Mcp-Session-Id", session.as_str());
    let answer = |method: &str, params: Value| {
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        // Not by way of the session: what it sends is held against the schema, which forbids this.
        let response = post(&server, &client, "/mcp", &[named], &message);
        assert_eq!(response.status, 200, "{}", response.body);
        session::answer(&response)["result"].clone()
    };
    let listed = answer("tools/list", Value::Null);
    assert!(listed["tools"].is_array(), "{listed}");
    let nulls = json!({"cursor": null, "_meta": null});
    assert_eq!(answer("tools/list", nulls), listed);
    let call = json!({"name": "getUserDetails", "arguments": null});
    assert_eq!(answer("tools/call", call)["isError"], false);
}

/// The status of an `initialize` that is posted to this target.
fn initialize_at(server: &Server, target: &str) -> u16 {
    let client = sign_in(server, "alice");
    post(server, &client, target, &[], &initialize("2025-11-25")).status
}

/// Posts a message whatever it is.
fn post(
    server: &Server,
    client: &Client,
    target: &str,
    fields: &[(&str, &str)],
    message: &Value,
) -> Response {
    let bearer = format!("Bearer {}", client.access_token);
    let mut all = vec![
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    all.extend(fields);
    let text = raw_http::text("POST", target, &server.host(), &all, &message.to_string());
    let mut connection = Connection::open(server.address()).unwrap();
    connection.send(text.as_bytes()).unwrap();
    connection.response(false).unwrap()
}
