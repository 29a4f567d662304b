//! What real clients and the proxies before them send, although it could be said otherwise.

use crate::{
    Program, Server,
    client::{initialize, sign_in},
    raw_http::{self, Connection},
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

/// The status of an `initialize` that is posted to this target.
fn initialize_at(server: &Server, target: &str) -> u16 {
    let bearer = format!("Bearer {}", sign_in(server, "alice").access_token);
    let fields = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    let message = initialize("2025-11-25").to_string();
    let text = raw_http::text("POST", target, &server.host(), &fields, &message);
    let mut connection = Connection::open(server.address()).unwrap();
    connection.send(text.as_bytes()).unwrap();
    connection.response(false).unwrap().status
}
