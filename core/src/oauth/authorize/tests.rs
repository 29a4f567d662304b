//! Tests of GET /authorize.

mod admission;
mod base_path;
mod code_page;
mod documents;
mod preregistered;
mod refusals;
mod tolerance;

use crate::testing::{TestServer, authorize, client_id, header, parameter, text};

const CALLBACK: &str = "https://client.example/cb";

/// A program on the user's computer, which gets its errors at once.
const LOOPBACK: &str = "http://localhost:1/cb";

struct Setting {
    server: TestServer,
    client_id: String,
}

fn setting() -> Setting {
    let server = TestServer::dev();
    let client_id = client_id(&server, &[CALLBACK, LOOPBACK]);
    Setting { server, client_id }
}

impl Setting {
    fn get(&self, changes: &[(&str, &str)]) -> http::Response<bytes::Bytes> {
        self.server
            .get(&authorize(&self.client_id, CALLBACK, changes))
    }

    fn get_from_this_computer(&self, changes: &[(&str, &str)]) -> http::Response<bytes::Bytes> {
        self.server
            .get(&authorize(&self.client_id, LOOPBACK, changes))
    }

    /// The error that the client is sent; state and issuer are there as they must be.
    fn redirected_error(&self, changes: &[(&str, &str)]) -> String {
        let response = self.get_from_this_computer(changes);
        assert_eq!(response.status(), 303, "{changes:?}");
        let location = header(&response, "location");
        assert!(
            location.starts_with("http://localhost:1/cb?error="),
            "{location}"
        );
        assert_eq!(
            parameter(location, "iss").as_deref(),
            Some("http://localhost:3001")
        );
        if !changes.iter().any(|(name, _)| *name == "state") {
            assert_eq!(
                parameter(location, "state").as_deref(),
                Some("client state")
            );
        }
        assert_eq!(header(&response, "set-cookie"), "");
        parameter(location, "error").unwrap()
    }
}

fn is_page_without_link(response: &http::Response<bytes::Bytes>, address: &str) {
    assert_eq!(response.status(), 400);
    assert_eq!(header(response, "location"), "");
    let page = text(response);
    assert!(!page.contains("<a ") && !page.contains(address), "{page}");
}

// A1, C7
#[test]
fn authorization_request_repeated_gets_the_same_page() {
    let setting = setting();
    for _ in 0..2 {
        let response = setting.get(&[]);
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "location"), "");
        assert!(text(&response).contains("Approve"));
    }
    let sent = setting.server.send(
        setting
            .server
            .request("GET", &authorize(&setting.client_id, CALLBACK, &[]))
            .body(bytes::Bytes::new())
            .unwrap(),
    );
    assert!(
        sent.actions.is_empty() && sent.to_hub.is_empty(),
        "nothing is stored or fetched"
    );
}

// B4
#[test]
fn unknown_client_gets_a_page_with_how_to_clear_its_registration() {
    let setting = setting();
    for client_id in ["", "x", "dcr.x.y", "<script>"] {
        let response = setting.get(&[("client_id", client_id)]);
        is_page_without_link(&response, CALLBACK);
        let page = text(&response);
        for client in ["VS Code", "Claude Code", "Cursor", "MCP Inspector", "Clear"] {
            assert!(page.contains(client), "{client}");
        }
        assert!(!page.contains("<script>"));
    }
    let long = "x".repeat(10_000);
    is_page_without_link(&setting.get(&[("client_id", &long)]), CALLBACK);
    let twice = format!(
        "{}&client_id=x",
        authorize(&setting.client_id, CALLBACK, &[])
    );
    is_page_without_link(&setting.server.get(&twice), CALLBACK);
}

// B1, B2, B4, B8, B9
#[test]
fn unregistered_redirect_uri_gets_a_page_without_a_link() {
    let setting = setting();
    let other = "https://other.example/cb";
    client_id(&setting.server, &[other]);
    for uri in [
        other,
        "",
        "https://client.example.evil.example/cb",
        "https://client.example/cb/../x",
        "https://client.example:443/cb",
        "HTTPS://client.example/cb",
        "https://client.example/cb?x=1",
        "http://localhost:1/other",
        "http://127.0.0.1:1/cb",
        "javascript:alert(1)",
    ] {
        // An error too must not be sent there: this request has no response_type.
        for changes in [
            &[("redirect_uri", uri)][..],
            &[("redirect_uri", uri), ("response_type", "")],
        ] {
            is_page_without_link(&setting.get(changes), "evil.example");
        }
    }
    let twice = format!(
        "{}&redirect_uri=https%3A%2F%2Fevil.example%2F",
        authorize(&setting.client_id, CALLBACK, &[])
    );
    is_page_without_link(&setting.server.get(&twice), "evil.example");
}

// B2
#[test]
fn loopback_redirect_uri_with_another_port_is_accepted() {
    let setting = setting();
    let response = setting.get(&[("redirect_uri", "http://localhost:49152/cb")]);
    assert_eq!(response.status(), 200);
    assert!(text(&response).contains("localhost:49152"));
}

// C1, C2
#[test]
fn request_without_s256_pkce_is_refused() {
    let setting = setting();
    for changes in [
        &[("code_challenge", "")][..],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge_method", "s256")],
        &[("code_challenge_method", "S512")],
        &[("code_challenge", "short")],
        &[(
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
        )],
        &[(
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        )],
    ] {
        assert_eq!(
            setting.redirected_error(changes),
            "invalid_request",
            "{changes:?}"
        );
    }
}

// C5
#[test]
fn response_type_other_than_code_is_refused() {
    let setting = setting();
    for response_type in ["token", "id_token", "code token", "none", "CODE"] {
        let error = setting.redirected_error(&[("response_type", response_type)]);
        assert_eq!(error, "unsupported_response_type");
    }
    let error = setting.redirected_error(&[("response_type", "")]);
    assert_eq!(error, "invalid_request");
    let error = setting.redirected_error(&[("response_mode", "fragment")]);
    assert_eq!(error, "invalid_request");
}

// B8
#[test]
fn parameter_given_twice_is_refused() {
    let setting = setting();
    let good = authorize(&setting.client_id, LOOPBACK, &[]);
    for name in [
        "response_type",
        "code_challenge",
        "code_challenge_method",
        "state",
        "foo",
    ] {
        let response = setting.server.get(&format!("{good}&{name}=a&{name}=a"));
        let location = header(&response, "location");
        let error = parameter(location, "error");
        assert_eq!(error.as_deref(), Some("invalid_request"), "{name}");
    }
    let response = setting
        .server
        .get(&format!("{good}&scope=user.read&scope=x"));
    let error = parameter(header(&response, "location"), "error");
    assert_eq!(error.as_deref(), Some("invalid_request"));
}

// C9
#[test]
fn resource_that_is_not_ours_is_refused() {
    let setting = setting();
    for resource in [
        "https://graph.microsoft.com/",
        "http://localhost:3001/other",
        "http://localhost:3001/mcp#x",
        "mcp",
    ] {
        let error = setting.redirected_error(&[("resource", resource)]);
        assert_eq!(error, "invalid_target", "{resource}");
    }
    let two = [
        ("resource", "http://localhost:3001/mcp"),
        ("resource", "https://evil.example/"),
    ];
    assert_eq!(setting.redirected_error(&two), "invalid_target");
    for resource in [
        "http://localhost:3001/mcp",
        "http://localhost:3001/mcp/",
        "http://localhost:3001/",
        "http://localhost:3001",
        "http://localhost:3001/sse",
    ] {
        assert_eq!(
            setting.get(&[("resource", resource)]).status(),
            200,
            "{resource}"
        );
    }
}

// C11
#[test]
fn scope_that_is_not_offered_is_refused() {
    let setting = setting();
    let error = setting.redirected_error(&[("scope", "mail.readwrite")]);
    assert_eq!(error, "invalid_scope");
    let response = setting.get(&[("scope", "user.read offline_access admin.all")]);
    let page = text(&response);
    assert!(page.contains("user.read") && !page.contains("admin.all"));
    let long = "x ".repeat(2000);
    assert_eq!(
        setting.redirected_error(&[("scope", &long)]),
        "invalid_scope"
    );
}

// C10, H8
#[test]
fn request_object_is_refused_and_not_fetched() {
    let setting = setting();
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
    ] {
        let changes = [(name, "https://169.254.169.254/x")];
        assert_eq!(setting.redirected_error(&changes), error);
    }
}

// A9
#[test]
fn prompt_none_is_refused_and_others_are_ignored() {
    let setting = setting();
    for prompt in ["none", "login none"] {
        let error = setting.redirected_error(&[("prompt", prompt)]);
        assert_eq!(error, "interaction_required");
    }
    for prompt in ["consent", "login", "select_account", "create"] {
        let changes = [("prompt", prompt), ("login_hint", "<b>x"), ("nonce", "n")];
        let response = setting.get(&changes);
        assert_eq!(response.status(), 200, "{prompt}");
        assert!(!text(&response).contains("<b>x"));
    }
}

// C7, C8
#[test]
fn state_is_returned_unchanged_and_makes_no_header() {
    let setting = setting();
    for state in [
        "a b+c&d=e#f",
        "\r\nSet-Cookie: x=1",
        "\u{0}é€😀\"'<>",
        "%0d%0a",
        "a;b,c",
    ] {
        let changes = [("state", state), ("response_type", "token")];
        let response = setting.get_from_this_computer(&changes);
        let location = header(&response, "location");
        assert_eq!(parameter(location, "state").as_deref(), Some(state));
        assert_eq!(header(&response, "set-cookie"), "");
    }
    let response = setting.get_from_this_computer(&[("state", ""), ("response_type", "token")]);
    assert_eq!(parameter(header(&response, "location"), "state"), None);
}

// C14, M14
#[test]
fn parameter_too_long_is_refused() {
    let setting = setting();
    let long = "x".repeat(15_000);
    is_page_without_link(&setting.get(&[("state", &long)]), CALLBACK);
    is_page_without_link(&setting.get(&[("redirect_uri", &long)]), CALLBACK);
    assert_eq!(
        setting.redirected_error(&[("scope", &long)]),
        "invalid_scope"
    );
    assert_eq!(
        setting.redirected_error(&[("resource", &long)]),
        "invalid_target"
    );
    let response = setting.get(&[("login_hint", &long)]);
    assert!(response.status().as_u16() < 500);
}

// B5
#[test]
fn query_without_a_client_redirects_nowhere() {
    let setting = setting();
    let evil = "https://evil.example/";
    for path in [
        "/",
        "/authorize",
        "/style.css",
        "//evil.example",
        "/%2F%2Fevil.example",
    ] {
        for name in ["next", "returnUrl", "redirect", "redirect_uri", "url"] {
            let response = setting.server.get(&format!("{path}?{name}={evil}"));
            assert_eq!(header(&response, "location"), "", "{path}?{name}");
        }
    }
}
