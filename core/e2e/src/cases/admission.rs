//! Which clients come in by themselves.

use serde_json::json;

use crate::{
    Program, Server,
    browser::Browser,
    client::{self, Landed, REDIRECT_URI},
    raw_http::Response,
};

fn register(server: &Server, redirect_uri: &str) -> Response {
    let metadata = json!({"client_name": "End to end", "redirect_uris": [redirect_uri]});
    let headers = [("Content-Type", "application/json")];
    server.request("POST", "/register", &headers, &metadata.to_string())
}

fn metadata(server: &Server) -> serde_json::Value {
    let target = "/.well-known/oauth-authorization-server";
    server.request("GET", target, &[], "").json()
}

/// The page on which somebody is told that this client is not let in.
fn refusal(server: &Server, client_id: &str) -> String {
    let address = client::authorize(server, client_id);
    let Landed::Page(_, page) = Browser::default().open(&address, REDIRECT_URI) else {
        panic!("the user is told");
    };
    assert_eq!(page.status, 400);
    assert!(page.body.contains("not let in here"), "{}", page.body);
    page.body
}

/// A10: places of known clients, and those that the operator names.
pub fn listed_clients_come_in_and_others_are_told_whom_to_ask(program: &Program) {
    let flags = [
        "--registration",
        "listed",
        "--allow-client",
        "agent.contoso.com",
        "--contact",
        "it@contoso.com",
    ];
    let server = program.start_with(&flags);
    for (uri, status) in [
        (REDIRECT_URI, 201),
        ("https://claude.ai/api/mcp/auth_callback", 201),
        ("https://agent.contoso.com/cb", 201),
        ("cursor://anysphere.cursor-mcp/oauth/callback", 201),
        ("https://evil.example/cb", 400),
        ("https://claude.ai.evil.example/cb", 400),
    ] {
        let response = register(&server, uri);
        assert_eq!(response.status, status, "{uri}: {}", response.body);
    }
    let client = client::sign_in(&server, "alice");
    assert!(client.works(&server));
    let local = program.start_with(&[
        "--allow-client",
        "-localhost",
        "--contact",
        "it@contoso.com",
    ]);
    let response = register(&local, REDIRECT_URI);
    assert_eq!(response.json()["error"], "invalid_redirect_uri");
    let page = refusal(&local, "https://vscode.dev.evil.example/client.json");
    assert!(page.contains("ask it@contoso.com to let it in"), "{page}");
}

/// A10: and says so to clients in their own words.
pub fn closed_server_registers_nobody(program: &Program) {
    let server = program.start_with(&["--registration", "closed"]);
    let response = register(&server, REDIRECT_URI);
    assert_eq!(response.status, 403, "{}", response.body);
    assert_eq!(response.json()["error"], "access_denied");
    let document = metadata(&server);
    assert!(
        document.get("registration_endpoint").is_none(),
        "{document}"
    );
    assert_eq!(document["client_id_metadata_document_supported"], false);
    for id in ["unknown", "https://vscode.dev/oauth/client-metadata.json"] {
        let page = refusal(&server, id);
        assert!(page.contains("registered themselves"), "{page}");
    }
    let open = program.start();
    let document = metadata(&open);
    assert!(document["registration_endpoint"].is_string());
    assert_eq!(
        register(&open, "https://any.example/cb").status,
        201,
        "on loopback"
    );
}
