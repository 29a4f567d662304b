//! Editors and command lines: VS Code, Cursor, Gemini CLI.

use serde_json::json;

use crate::{
    Program, Server,
    browser::Browser,
    client::{Client, VERIFIER},
    raw_http, recorded,
};

const VS_CODE: &str = "https://vscode.dev/oauth/client-metadata.json";

/// How VS Code speaks: it names no version of MCP in its first message, and does in what it looks up.
const VS_CODE_HEADERS: [(&str, &str); 2] = [
    ("User-Agent", "Visual Studio Code/1.107.0"),
    ("Accept", "text/event-stream, application/json"),
];

fn vs_code_signs_in(server: &Server, redirect_uri: &str, state: &str) -> Client {
    let resource = format!("{}/mcp", server.url());
    let parameters = [
        ("client_id", VS_CODE),
        ("scope", "user.read"),
        ("resource", &resource),
        ("redirect_uri", redirect_uri),
        ("state", state),
    ];
    let address = recorded::address(server, &parameters);
    let landed = recorded::approve(&mut Browser::default(), &address, redirect_uri);
    let code = recorded::code(server, &landed, state);
    let fields = [
        ("client_id", VS_CODE),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
        ("resource", &resource),
    ];
    let response = recorded::token(server, &[("Accept", "application/json")], &fields);
    recorded::tokens(server, VS_CODE, &response)
}

/// Discovery, then its document, with another port than the one that stands there.
pub fn vs_code_signs_in_by_its_document(program: &Program) {
    let server = program.start();
    let (_, metadata) = recorded::discover(&server, &VS_CODE_HEADERS);
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    assert_eq!(metadata["token_endpoint_auth_methods_supported"][0], "none");
    let version = [("MCP-Protocol-Version", "2025-11-25")];
    let well_known = format!("{}/.well-known/oauth-protected-resource/mcp", server.url());
    assert_eq!(
        recorded::document(&server, &well_known, &version),
        recorded::document(&server, &well_known, &[])
    );
    let client = vs_code_signs_in(&server, "http://127.0.0.1:51877/", "s1");
    // Whatever is refused later, the challenge asks for the same: another would make it forget its sign-in.
    let headers = [
        ("Authorization", "Bearer gone"),
        ("Content-Type", "application/json"),
    ];
    let refused = server.request("POST", "/mcp", &headers, "{}");
    assert_eq!(recorded::challenge(&refused).scope, "user.read");
    assert!(client.works(&server));
}

/// Its state is an address of its own, encoded once more, and comes back as it was.
pub fn vs_code_gets_its_long_state_back(program: &Program) {
    let server = program.start();
    let inner =
        "vscode://vscode.github-authentication/did-authenticate?nonce=ab%26c%3D1&windowId=2";
    let padding = "&x=%2525".repeat(40);
    let state: String =
        url::form_urlencoded::byte_serialize(format!("{inner}{padding}").as_bytes()).collect();
    assert!(state.len() >= 400);
    let _ = vs_code_signs_in(&server, "https://vscode.dev/redirect", &state);
}

/// Near the end of the token, with the resource and without the scope.
pub fn vs_code_refreshes_without_scope(program: &Program) {
    let server = program.start();
    let client = vs_code_signs_in(&server, "http://127.0.0.1:33418/", "s3");
    let resource = format!("{}/mcp", server.url());
    let fields = [
        ("client_id", VS_CODE),
        ("grant_type", "refresh_token"),
        ("refresh_token", client.refresh_token.as_str()),
        ("resource", &resource),
    ];
    let refreshed = recorded::tokens(&server, VS_CODE, &recorded::token(&server, &[], &fields));
    assert_ne!(refreshed.refresh_token, client.refresh_token);
    assert_ne!(refreshed.access_token, client.access_token);
}

/// Schemes, sites and a port in one registration that calls itself `web`; it returns to the last.
pub fn cursor_returns_to_the_third_of_its_addresses(program: &Program) {
    const REDIRECT_URIS: [&str; 3] = [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "http://localhost:8787/callback",
    ];
    let server = program.start();
    let mut metadata = recorded::public("Cursor", &REDIRECT_URIS);
    metadata["application_type"] = "web".into();
    let registered = recorded::register(&server, &metadata);
    assert_eq!(registered["redirect_uris"], json!(REDIRECT_URIS));
    assert!(registered.get("client_secret").is_none());
    let client_id = registered["client_id"].as_str().unwrap();
    for redirect_uri in REDIRECT_URIS.into_iter().rev() {
        let parameters = [
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("state", "s11"),
        ];
        let address = recorded::address(&server, &parameters);
        let landed = recorded::approve(&mut Browser::default(), &address, redirect_uri);
        let code = recorded::code(&server, &landed, "s11");
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("code", &code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", redirect_uri),
        ];
        let _ = recorded::tokens(&server, client_id, &recorded::token(&server, &[], &fields));
    }
}

/// It finds out by HEAD that it must sign in, registers an empty scope, and asks for all that the server lists.
pub fn gemini_probes_by_head_and_asks_for_every_scope(program: &Program) {
    let server = program.start();
    let headers = [("Accept", "application/json")];
    let probe = server.send(&raw_http::text(
        "HEAD",
        "/mcp",
        &server.host(),
        &headers,
        "",
    ));
    assert_eq!((probe.status, probe.body.as_str()), (401, ""));
    let named = recorded::challenge(&probe).resource_metadata;
    let resource = recorded::document(&server, &named, &headers);
    let issuer = resource["authorization_servers"][0].as_str().unwrap();
    let well_known = format!("{issuer}/.well-known/oauth-authorization-server");
    let scopes = recorded::document(&server, &well_known, &headers)["scopes_supported"].clone();
    let scopes: Vec<_> = scopes
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|scope| scope.as_str())
        .collect();
    let scope = scopes.join(" ");

    let redirect_uri = "http://localhost:49213/oauth/callback";
    let mut metadata = recorded::public("Gemini CLI MCP Client", &[redirect_uri]);
    metadata["scope"] = "".into();
    let registered = recorded::register(&server, &metadata);
    assert_eq!(registered["scope"], "user.read");
    let client_id = registered["client_id"].as_str().unwrap();
    let resource = format!("{}/mcp", server.url());
    let parameters = [
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("state", "s14"),
        ("scope", &scope),
        ("resource", &resource),
    ];
    let address = recorded::address(&server, &parameters);
    let landed = recorded::approve(&mut Browser::default(), &address, redirect_uri);
    let code = recorded::code(&server, &landed, "s14");
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", &code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
        ("resource", &resource),
    ];
    let accept = [(
        "Accept",
        "application/json, application/x-www-form-urlencoded",
    )];
    let _ = recorded::tokens(
        &server,
        client_id,
        &recorded::token(&server, &accept, &fields),
    );
}
