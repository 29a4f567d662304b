//! Callers with access tokens of Entra's.

use entra_mcp_dev_tenant::{
    API_URI, CLIENT_ID, COMMAND_LINE_ID, DAEMON_ID, DAEMON_SECRET, TENANT_ID,
};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{Program, Server, raw_http::Response, session::until};

/// A scope of the application as an API.
const SCOPE: &str = "api://0f1c6b52-93d8-4e7a-b0c4-d3e7e4a70002/user.read";

/// Opens it for tokens of version 2.
pub(super) const OPEN: [&str; 2] = ["--accept-entra-tokens", "v2"];

pub(super) fn control(server: &Server, what: &Value) {
    let headers = [("Content-Type", "application/json")];
    let response = server.ask_tenant("POST", "/control", &headers, &what.to_string());
    assert_eq!(response.status, 200, "{}", response.body);
}

/// What the dev tenant's token endpoint gives.
pub(super) fn token(server: &Server, form: &[(&str, &str)]) -> String {
    token_of(server, TENANT_ID, form)
}

/// The same in another tenant.
fn token_of(server: &Server, tenant: &str, form: &[(&str, &str)]) -> String {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let path = format!("/{tenant}/oauth2/v2.0/token");
    let response = server.ask_tenant("POST", &path, &headers, &body);
    assert_eq!(response.status, 200, "{}", response.body);
    response.json()["access_token"].as_str().unwrap().to_owned()
}

/// An access token of a user, who works at a command line.
pub(super) fn of_user(server: &Server, username: &str) -> String {
    of_user_with(server, username, &json!({}))
}

/// An access token of a user of this tenant.
pub(super) fn of_user_in(server: &Server, tenant: &str, username: &str) -> String {
    token_of(server, tenant, &user_form(username, "{}"))
}

/// The same, for these claims.
pub(super) fn of_user_with(server: &Server, username: &str, claims: &Value) -> String {
    token(server, &user_form(username, &claims.to_string()))
}

fn user_form<'a>(username: &'a str, claims: &'a str) -> [(&'static str, &'a str); 6] {
    [
        ("grant_type", "password"),
        ("client_id", COMMAND_LINE_ID),
        ("username", username),
        ("password", "any"),
        ("scope", SCOPE),
        ("claims", claims),
    ]
}

/// An access token of an application without a user.
fn of_daemon(server: &Server) -> String {
    let scope = format!("{API_URI}/.default");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", DAEMON_ID),
        ("client_secret", DAEMON_SECRET),
        ("scope", &scope),
    ];
    token(server, &form)
}

fn post(server: &Server, token: &str, more: &[(&str, &str)], message: &Value) -> Response {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    headers.extend(more);
    server.request("POST", "/mcp", &headers, &message.to_string())
}

pub(super) fn initialize(server: &Server, token: &str) -> Response {
    let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "end to end", "version": "1"},
    }});
    post(server, token, &[], &message)
}

/// The answer to `getUserDetails`, in an MCP session of its own.
pub(super) fn details(server: &Server, token: &str) -> Response {
    let begun = initialize(server, token);
    assert_eq!(begun.status, 200, "{}", begun.body);
    details_in(server, token, begun.header("mcp-session-id"))
}

fn details_in(server: &Server, token: &str, session: &str) -> Response {
    let message = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": "getUserDetails", "arguments": {}}});
    post(server, token, &[("Mcp-Session-Id", session)], &message)
}

/// How often Graph's tokens were asked for on behalf of somebody.
pub(super) fn on_behalf_of(server: &Server) -> usize {
    let asked = server.ask_tenant("GET", "/control/requests", &[], "");
    asked.body.matches("on_behalf_of").count()
}

/// D16, D17: Graph is asked as the user, once for each token.
pub fn access_token_of_entra_uses_tools_as_its_user(program: &Program) {
    let server = program.start_with(&OPEN);
    for (user, name) in [("alice", "Alice Adams"), ("bob", "Bob Baumann")] {
        let token = of_user(&server, user);
        for _ in 0..2 {
            let answer = details(&server, &token);
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert!(answer.body.contains(name), "{}", answer.body);
        }
        assert!(!server.log().contains(token.split('.').nth(1).unwrap()));
    }
    assert_eq!(on_behalf_of(&server), 2);
}

/// D17: calls of two users at once, one request to Entra for each.
pub fn tokens_on_behalf_of_two_users_are_not_crossed(program: &Program) {
    let server = program.start_with(&OPEN);
    let users = [("alice", "Alice Adams"), ("bob", "Bob Baumann")];
    let users = users.map(|(user, name)| (of_user(&server, user), name));
    std::thread::scope(|scope| {
        for call in 0..4 {
            let (token, name) = &users[call % 2];
            let server = &server;
            scope.spawn(move || {
                let answer = details(server, token);
                assert!(answer.body.contains(name), "{}", answer.body);
            });
        }
    });
    assert_eq!(on_behalf_of(&server), 2);
}

/// D16
pub fn access_token_of_version_1_is_taken_where_it_is_asked_for(program: &Program) {
    let server = program.start_with(&["--accept-entra-tokens", "v1", "--app-id-uri", API_URI]);
    let second = of_user(&server, "alice");
    assert_eq!(initialize(&server, &second).status, 401);
    control(
        &server,
        &json!({"action": "access_token_version", "version": 1}),
    );
    let answer = details(&server, &of_user(&server, "alice"));
    assert!(answer.body.contains("Alice Adams"), "{}", answer.body);
    until("the log says why", || {
        server
            .log()
            .contains("it is of version 2.0, which is not taken")
    });
}

/// D16: an ID token of our own client has the same keys, issuer and audience; and none is taken unless asked for.
pub fn access_token_is_refused_where_none_are_taken_and_an_id_token_everywhere(program: &Program) {
    let closed = program.start();
    assert_eq!(initialize(&closed, &of_user(&closed, "alice")).status, 401);
    let server = program.start_with(&OPEN);
    let good = of_user(&server, "alice");
    let (header, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    for other in [format!("{header}.e30.{signature}"), format!("{header}..")] {
        let refused = initialize(&server, &other);
        assert_eq!(refused.status, 401);
        assert!(refused.header("www-authenticate").contains("invalid_token"));
    }
    assert_eq!(initialize(&server, &good).status, 200);
    until("the log says it", || {
        server.log().contains("entra_token.refused")
    });
}

/// D17: it needs a role, or to be named; and nothing is asked on behalf of nobody.
pub fn application_without_a_user_may_call_if_the_operator_says_so(program: &Program) {
    let server = program.start_with(&OPEN);
    assert_eq!(initialize(&server, &of_daemon(&server)).status, 403);
    for more in [
        ["--accept-role", "Tools.Execute.All"],
        ["--accept-app", DAEMON_ID],
    ] {
        let server = program.start_with(&[&OPEN[..], &more[..]].concat());
        let refused = details(&server, &of_daemon(&server));
        assert_eq!(refused.status, 403);
        assert!(refused.body.contains("acts as a user"), "{}", refused.body);
        assert_eq!(on_behalf_of(&server), 0);
    }
}

/// D17: Entra takes it no more, so neither does this server.
pub fn access_token_of_a_user_whose_sessions_were_revoked_is_out(program: &Program) {
    let server = program.start_with(&OPEN);
    let token = of_user(&server, "alice");
    let begun = initialize(&server, &token);
    let session = begun.header("mcp-session-id");
    // What Entra gives for it is asked for with every call.
    control(&server, &json!({"action": "expires_in", "seconds": 60}));
    assert_eq!(details_in(&server, &token, session).status, 200);
    control(&server, &json!({"action": "revoke", "username": "alice"}));
    assert_eq!(details_in(&server, &token, session).status, 401);
    assert_eq!(initialize(&server, &token).status, 401);
    // The user signs in again: the same MCP session goes on.
    let again = of_user(&server, "alice");
    let answer = details_in(&server, &again, session);
    assert!(answer.body.contains("Alice Adams"), "{}", answer.body);
}

/// D18
pub fn resource_metadata_sends_clients_where_the_operator_says(program: &Program) {
    let both = ["--authorization-servers", "both"];
    let server = program.start_with(&[&OPEN[..], &both[..]].concat());
    let document = server.send(&server.get("/.well-known/oauth-protected-resource/mcp"));
    let entra = format!("{}/{TENANT_ID}/v2.0", server.tenant_url());
    let document = document.json();
    assert_eq!(
        document["authorization_servers"],
        json!([server.url(), entra])
    );
    let qualified = format!("api://{CLIENT_ID}/user.read");
    assert_eq!(
        document["scopes_supported"],
        json!(["user.read", qualified])
    );
    let metadata = format!("/{TENANT_ID}/v2.0/.well-known/openid-configuration");
    let metadata = server.ask_tenant("GET", &metadata, &[], "").json();
    assert_eq!(metadata["issuer"], document["authorization_servers"][1]);
}
