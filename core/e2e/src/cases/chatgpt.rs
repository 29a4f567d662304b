//! ChatGPT and Codex.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    Program, Server,
    browser::{Browser, Landed},
    client::{self, Client, VERIFIER},
    raw_http, recorded,
    session::{stateless_headers, stateless_request},
};

const CHATGPT: &str = "https://chatgpt.com/oauth/client.json";
const CHATGPT_AGENT: &str = "openai-mcp/1.0.0";
const CALLBACK: &str = "https://chatgpt.com/connector_platform_oauth_redirect";

/// It takes the address that all its connectors share only where each answer names the issuer, errors too.
pub fn chatgpt_is_told_of_a_denial_with_its_issuer(program: &Program) {
    let server = program.start();
    let (_, metadata) = recorded::discover(&server, &[]);
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );
    let resource = format!("{}/mcp", server.url());
    let state = format!("oauth_s_{}", "9f".repeat(60));
    let parameters = [
        ("client_id", CHATGPT),
        ("redirect_uri", CALLBACK),
        ("scope", "user.read"),
        ("resource", &resource),
        ("state", &state),
    ];
    let address = recorded::address(&server, &parameters);
    let mut browser = Browser::default();
    let (url, page) = recorded::consent(&mut browser, &address, CALLBACK);
    let denied = browser.press(&url, &page, "Cancel", CALLBACK);
    for (name, value) in [
        ("error", "access_denied"),
        ("state", &state),
        ("iss", &server.url()),
    ] {
        assert_eq!(client::parameter(&denied, name).as_deref(), Some(value));
    }
    assert!(client::parameter(&denied, "error_description").is_some());
}

/// A signed assertion, as far as its claims go: the keys are elsewhere, and may not be asked for here.
fn assertion(audience: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims = json!({"iss": CHATGPT, "sub": CHATGPT, "aud": audience, "jti": "j8",
        "iat": now.as_secs(), "exp": now.as_secs() + 60});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "RS256", "kid": "1"});
    format!("{}.{}.c2lnbmF0dXJl", part(&header), part(&claims))
}

/// It prefers to sign where that is announced, and its document says that it goes without as well. So where its keys
/// cannot be had it is a public client; an assertion for another server is refused all the same, and spends nothing.
pub fn chatgpt_signs_in_with_an_assertion_though_nobody_may_be_asked_for_its_keys(
    program: &Program,
) {
    let server = program.start_with(&["--client-documents", "pinned"]);
    for (server, signs) in [(&program.start(), true), (&server, false)] {
        let (_, metadata) = recorded::discover(server, &[]);
        let methods = metadata["token_endpoint_auth_methods_supported"]
            .as_array()
            .unwrap();
        assert_eq!(methods[0], "none");
        assert_eq!(methods.contains(&json!("private_key_jwt")), signs);
    }
    let resource = format!("{}/mcp", server.url());
    let parameters = [
        ("client_id", CHATGPT),
        ("redirect_uri", CALLBACK),
        ("scope", "user.read"),
        ("resource", &resource),
        ("state", "oauth_s_8"),
    ];
    let address = recorded::address(&server, &parameters);
    let landed = recorded::approve(&mut Browser::default(), &address, CALLBACK);
    let code = recorded::code(&server, &landed, "oauth_s_8");
    let redeem = |assertion: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("resource", &resource),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion),
        ];
        recorded::token(&server, &[], &fields)
    };
    let other = redeem(&assertion("https://other.example/token"));
    assert_eq!(recorded::error(&other), (401, "invalid_client".to_owned()));
    let ours = redeem(&assertion(&format!("{}/token", server.url())));
    let _ = recorded::tokens(&server, CHATGPT, &ours);
}

/// A tool that needs more says so in the list and by its result, and works once the user has allowed it. Both are members
/// that MCP does not have, so the judge of messages does not look at them.
pub fn chatgpt_asks_for_more_after_a_call_of_a_tool(program: &Program) {
    let server = program.example("guarded").start();
    let client_id = client::register(&server);
    let mut client = client::sign_in_with(&server, client_id.clone(), "alice");
    let send = |client: &Client, method: &str, name: &str, user_agent: &str| {
        let bearer = format!("Bearer {}", client.access_token);
        let mut headers = vec![
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("User-Agent", user_agent),
        ];
        headers.extend(stateless_headers(method, name));
        let params = match name {
            "" => json!({}),
            name => json!({"name": name, "arguments": {}}),
        };
        let body = stateless_request(method, params).to_string();
        server.send(&raw_http::text(
            "POST",
            "/mcp",
            &server.host(),
            &headers,
            &body,
        ))
    };
    let listed = send(&client, "tools/list", "", CHATGPT_AGENT).json();
    let tools = listed["result"]["tools"].as_array().unwrap();
    let read_mail = tools
        .iter()
        .find(|tool| tool["name"] == "readMail")
        .unwrap();
    let schemes = json!([{"type": "oauth2", "scopes": ["user.read", "mail.read"]}]);
    assert_eq!(read_mail["securitySchemes"], schemes);
    assert_eq!(read_mail["_meta"]["securitySchemes"], schemes);

    let denied = send(&client, "tools/call", "readMail", CHATGPT_AGENT);
    assert_eq!(denied.status, 200, "{}", denied.body);
    let result = denied.json()["result"].clone();
    assert_eq!(result["isError"], true);
    let challenge = result["_meta"]["mcp/www_authenticate"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let other = send(&client, "tools/call", "readMail", "node");
    assert_eq!(
        (other.status, other.header("www-authenticate")),
        (403, challenge.as_str())
    );
    let challenge = recorded::challenge(&other);
    assert_eq!(challenge.error.as_deref(), Some("insufficient_scope"));
    client = client::sign_in_for(&server, client_id, "alice", Some(&challenge.scope));
    let answered = send(&client, "tools/call", "readMail", CHATGPT_AGENT).json();
    assert_eq!(
        answered["result"]["content"][0]["text"], "Mail can be read.",
        "{answered}"
    );
}

fn codex(server: &Server, redirect_uri: &str) -> String {
    let mut metadata = recorded::public("Codex", &[redirect_uri]);
    metadata["application_type"] = "native".into();
    recorded::client_id(server, &metadata)
}

fn codex_redeems(server: &Server, client_id: &str, redirect_uri: &str, landed: &Landed) -> Client {
    let code = recorded::code(server, landed, "s12");
    let resource = format!("{}/mcp", server.url());
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("code_verifier", VERIFIER),
        ("redirect_uri", redirect_uri),
        ("client_id", client_id),
        ("resource", &resource),
        ("resource", &resource),
    ];
    let response = recorded::token(server, &[], &fields);
    recorded::tokens(server, client_id, &response)
}

/// A path of its own, the resource twice, and scopes that the server does not know: then it tries with none.
pub fn codex_asks_for_unknown_scopes_and_then_for_none(program: &Program) {
    let server = program.start();
    let redirect_uri = "http://127.0.0.1:53271/callback/sqXr";
    let client_id = codex(&server, redirect_uri);
    let resource = format!("{}/mcp", server.url());
    let at = |scope: Option<&str>| {
        let mut parameters = vec![
            ("client_id", client_id.as_str()),
            ("redirect_uri", redirect_uri),
            ("state", "s12"),
            ("resource", &resource),
            ("resource", &resource),
        ];
        parameters.extend(scope.map(|scope| ("scope", scope)));
        recorded::address(&server, &parameters)
    };
    let Landed::Left(refused) = Browser::default().open(&at(Some("files.delete")), redirect_uri)
    else {
        panic!("the client is told");
    };
    let refused = Landed::Left(refused);
    for (name, value) in [
        ("error", "invalid_scope"),
        ("state", "s12"),
        ("iss", &server.url()),
    ] {
        assert_eq!(client::parameter(&refused, name).as_deref(), Some(value));
    }
    for scope in [Some("user.read files.delete"), None] {
        let landed = recorded::approve(&mut Browser::default(), &at(scope), redirect_uri);
        let client = codex_redeems(&server, &client_id, redirect_uri, &landed);
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", client.refresh_token.as_str()),
            ("client_id", &client_id),
            ("scope", "user.read"),
            ("resource", &resource),
        ];
        let _ = recorded::tokens(&server, &client_id, &recorded::token(&server, &[], &fields));
    }
}

/// The first sign-in of the two is left: its port is dead.
pub fn codex_opens_two_sign_ins_and_finishes_the_second(program: &Program) {
    let server = program.start();
    let mut browser = Browser::default();
    let [dead, live] = [53271, 53285].map(|port| format!("http://127.0.0.1:{port}/callback"));
    let at = |client_id: &str, redirect_uri: &str| {
        let parameters = [
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("state", "s12"),
        ];
        recorded::address(&server, &parameters)
    };
    let [first, second] = [&dead, &live].map(|redirect_uri| codex(&server, redirect_uri));
    let (url, page) = recorded::consent(&mut browser, &at(&first, &dead), &dead);
    // The user presses the button there, too, and leaves it at that.
    let Landed::Page(..) = browser.press(&url, &page, "Approve", &dead) else {
        panic!("the dev tenant asks who it is");
    };
    let landed = recorded::approve(&mut browser, &at(&second, &live), &live);
    let _ = codex_redeems(&server, &second, &live, &landed);
}
