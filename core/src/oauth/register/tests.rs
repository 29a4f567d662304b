//! Tests of registration.

use serde_json::{Value, json};

use super::*;
use crate::{
    config::{ClientPlaces, Registration},
    testing::{self, TestServer},
};

fn post(server: &TestServer, body: impl Into<Bytes>) -> Response<Bytes> {
    let request = server
        .request("POST", "/register")
        .header("content-type", "application/json; charset=utf-8")
        .body(body.into());
    server.response(request.unwrap())
}

fn register(metadata: &Value) -> Response<Bytes> {
    post(&TestServer::dev(), metadata.to_string())
}

fn refused(metadata: &Value) -> String {
    refusal(&register(metadata))
}

fn refusal(response: &Response<Bytes>) -> String {
    assert_eq!(response.status(), 400, "{response:?}");
    let body = testing::json(response);
    body["error"].as_str().unwrap().to_owned()
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut metadata = json!({ "redirect_uris": ["http://localhost:3334/callback"] });
    metadata[name] = value.into();
    metadata
}

// RFC 7591 section 3.2.1; E1, E9
#[test]
fn registration_of_a_public_client_is_echoed() {
    let mut metadata = with("client_name", "Python SDK");
    metadata["token_endpoint_auth_method"] = "none".into();
    let response = register(&metadata);
    assert_eq!(response.status(), 201);
    assert_eq!(testing::header(&response, "cache-control"), "no-store");
    let body = testing::json(&response);
    assert_eq!(body["token_endpoint_auth_method"], "none");
    assert_eq!(body["client_name"], "Python SDK");
    assert_eq!(
        body["redirect_uris"],
        json!(["http://localhost:3334/callback"])
    );
    assert_eq!(
        body["grant_types"],
        json!(["authorization_code", "refresh_token"])
    );
    assert_eq!(body["response_types"], json!(["code"]));
    assert_eq!(body["scope"], "user.read");
    assert!(body.get("client_secret").is_none());
}

// RFC 7591 section 2; E9. Copilot Studio takes the scope of its requests from here, and uses the secret; others
// refuse one that is over.
#[test]
fn registration_without_a_method_returns_a_secret_for_basic() {
    for name in ["application_type", "scope"] {
        let body = testing::json(&register(&with(name, "")));
        assert_eq!(body["token_endpoint_auth_method"], "client_secret_basic");
        assert!(
            body["client_secret"]
                .as_str()
                .is_some_and(|secret| secret.len() >= 43)
        );
        assert_eq!(body["client_secret_expires_at"], 0);
        assert_eq!(body["scope"], "user.read");
    }
}

// RFC 7591 section 3.2.1; E9
#[test]
fn confidential_registration_returns_a_secret_and_its_method() {
    for method in ["client_secret_post", "client_secret_basic"] {
        let body = testing::json(&register(&with("token_endpoint_auth_method", method)));
        assert_eq!(body["token_endpoint_auth_method"], method);
        assert_eq!(body["client_secret"].as_str().unwrap().len(), 43);
        assert_eq!(body["client_secret_expires_at"], 0);
    }
    let refused = refused(&with("token_endpoint_auth_method", "private_key_jwt"));
    assert_eq!(refused, "invalid_client_metadata");
}

// H1
#[test]
fn same_registration_gives_the_same_client_and_stores_nothing() {
    let mut server = TestServer::dev();
    let metadata = with("client_name", "Claude").to_string();
    let first = post(&server, metadata.clone());
    server.now.unix = server
        .now
        .unix
        .after(std::time::Duration::from_secs(86_400 * 365));
    assert_eq!(first.body(), post(&server, metadata.clone()).body());
    let request = server
        .request("POST", "/register")
        .header("content-type", "application/json")
        .body(metadata.into());
    let sent = server.send(request.unwrap());
    assert!(sent.actions.is_empty() && sent.to_hub.is_empty());
    let [line] = sent.logged.as_slice() else {
        panic!("one line in the log: {:?}", sent.logged);
    };
    assert_eq!(line.id(), LogEventId::ClientRegistered);
    assert_eq!(line.field(Field::Destination), Some("localhost:3334"));
}

#[test]
fn invalid_redirect_uri_is_left_out_of_the_registration() {
    let uris = json!([
        "cursor://a.b/cb",
        "javascript:alert(1)",
        "ftp://x.example/",
        "https://c.example/cb"
    ]);
    let body = testing::json(&register(&json!({ "redirect_uris": uris })));
    assert_eq!(
        body["redirect_uris"],
        json!(["cursor://a.b/cb", "https://c.example/cb"])
    );
}

// B3, H3
#[test]
fn registration_without_a_valid_redirect_uri_is_refused() {
    for uris in [
        json!(null),
        json!([]),
        json!("https://client.example/cb"),
        json!({ "0": "https://client.example/cb" }),
        json!([1]),
        json!(["https://client.example/cb", null]),
        json!(["javascript:alert(1)"]),
        json!(["http://client.example/cb"]),
        json!(["https://client.example/cb#x"]),
        json!(["/cb"]),
    ] {
        assert_eq!(
            refused(&json!({ "redirect_uris": uris })),
            "invalid_redirect_uri",
            "{uris}"
        );
    }
    let many: Vec<_> = (0..9)
        .map(|i| format!("https://client.example/{i}"))
        .collect();
    assert_eq!(
        refused(&json!({ "redirect_uris": many })),
        "invalid_redirect_uri"
    );
    let long: Vec<_> = (0..8)
        .map(|i| format!("https://c.example/{i}{}", "x".repeat(480)))
        .collect();
    assert_eq!(
        refused(&json!({ "redirect_uris": long })),
        "invalid_redirect_uri"
    );
}

// C5
#[test]
fn registration_of_implicit_or_password_grant_is_refused() {
    for (name, value) in [
        ("grant_types", json!(["implicit"])),
        ("grant_types", json!(["password"])),
        ("grant_types", json!(["client_credentials"])),
        ("response_types", json!(["token"])),
        ("response_types", json!(["id_token token"])),
    ] {
        assert_eq!(refused(&with(name, value)), "invalid_client_metadata");
    }
    let grants = json!([
        "authorization_code",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code"
    ]);
    let body = testing::json(&register(&with("grant_types", grants)));
    assert_eq!(
        body["grant_types"],
        json!(["authorization_code", "refresh_token"])
    );
}

// H3, M8
#[test]
fn malformed_client_metadata_is_refused_in_json() {
    let good = "\"redirect_uris\":[\"https://c.example/cb\"]";
    let deep = format!(
        "{{{good},\"x\":{}1{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let response = post(&TestServer::dev(), deep);
    assert!(matches!(response.status().as_u16(), 201 | 400));
    let deep = format!(
        "{{\"redirect_uris\":{}{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    for body in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "[[\"https://c.example/cb\"]]".to_owned(),
        "{".to_owned(),
        "\u{feff}{}".to_owned(),
        format!("{{{good}}}{{}}"),
        format!("{{{good},{good}}}"),
        format!("{{{good},\"client_name\":\"a\",\"client_name\":\"b\"}}"),
        format!("{{{good},\"client_name\":1}}"),
        format!("{{{good},\"client_name\":\"\\ud800\"}}"),
        format!("{{{good},\"grant_types\":\"authorization_code\"}}"),
        format!("{{{good},\"response_types\":[1]}}"),
        format!("{{{good},\"token_endpoint_auth_method\":[]}}"),
        format!(
            "{{{good},\"pad\":\"{}\"}}",
            "x".repeat(limits::UNAUTHENTICATED_BODY_BYTES)
        ),
        deep,
    ] {
        let response = post(&TestServer::dev(), body.clone());
        let status = response.status().as_u16();
        assert!(matches!(status, 400 | 413), "{status} for {body:.80}");
    }
    let not_utf8 = post(&TestServer::dev(), &b"{\"redirect_uris\":[\"\xff\"]}"[..]);
    assert_eq!(refusal(&not_utf8), "invalid_client_metadata");
}

// H2, H5, H8
#[test]
fn client_metadata_that_may_not_be_chosen_is_ignored_and_not_fetched() {
    let server = TestServer::dev();
    let mut metadata = with("client_id", "admin");
    metadata["client_secret"] = "chosen".into();
    metadata["software_statement"] = "eyJhbGciOiJub25lIn0.e30.".into();
    metadata["jwks_uri"] = "https://169.254.169.254/keys".into();
    metadata["logo_uri"] = "https://c.example/logo.png".into();
    metadata["client_uri"] = "https://c.example/".into();
    metadata["application_type"] = "native".into();
    let request = server
        .request("POST", "/register")
        .header("content-type", "application/json")
        .body(metadata.to_string().into());
    let sent = server.send(request.unwrap());
    let body = testing::json(&sent.response.unwrap());
    assert!(body["client_id"].as_str().unwrap().starts_with("dcr."));
    assert_ne!(body["client_secret"], "chosen");
    for name in ["software_statement", "logo_uri", "jwks_uri"] {
        assert!(body.get(name).is_none(), "{name}");
    }
    assert!(sent.actions.is_empty());
}

// H4
#[test]
fn client_metadata_with_a_script_url_is_refused() {
    for name in [
        "client_uri",
        "logo_uri",
        "tos_uri",
        "policy_uri",
        "jwks_uri",
    ] {
        for uri in [
            "javascript:alert(1)",
            "JAVASCRIPT:x",
            "data:text/html,x",
            "file:///etc/passwd",
        ] {
            assert_eq!(
                refused(&with(name, uri)),
                "invalid_client_metadata",
                "{name}"
            );
        }
    }
}

// H4, N3
#[test]
fn client_name_is_cut_and_loses_invisible_characters() {
    let name = format!("Te\u{202e}am\r\ns\u{200b} {}", "x".repeat(1000));
    let body = testing::json(&register(&with("client_name", name)));
    let name = body["client_name"].as_str().unwrap();
    assert!(name.starts_with("Teams x"), "{name}");
    assert_eq!(name.chars().count(), limits::CLIENT_NAME_CHARS);
}

// H10
#[test]
fn registration_by_a_simple_cross_origin_request_is_refused() {
    let server = TestServer::dev();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let request = server
            .request("POST", "/register")
            .header("content-type", content_type)
            .body(with("client_name", "x").to_string().into());
        let response = server.response(request.unwrap());
        assert!(
            matches!(response.status().as_u16(), 400 | 415),
            "{content_type}"
        );
    }
}

// A10: an operator may say which clients are let in, also those that registered before.
#[test]
fn registration_outside_the_allowed_redirect_targets_is_refused() {
    let mut server = TestServer::dev();
    let everywhere = ["https://vscode.dev/redirect", "https://evil.example/cb"];
    let older = testing::client_id(&server, &everywhere);
    let places = ["-all", "vscode.dev", "localhost", "cursor"];
    let with = |places: ClientPlaces, text| places.with(text).unwrap();
    let places = places.into_iter().fold(ClientPlaces::default(), with);
    server.server.config.registration = Registration::Listed(places);
    for (uri, status) in [
        ("https://vscode.dev/redirect", 201),
        ("http://127.0.0.1:5000/callback", 201),
        ("cursor://anysphere.cursor/callback", 201),
        ("https://evil.example/cb", 400),
        ("https://vscode.dev.evil.example/cb", 400),
        ("vscode://vscode/callback", 400),
    ] {
        let metadata = serde_json::json!({"redirect_uris": [uri]});
        let request = server
            .request("POST", "/register")
            .header("content-type", "application/json")
            .body(metadata.to_string().into());
        assert_eq!(server.response(request.unwrap()).status(), status, "{uri}");
    }
    let page = |uri| server.get(&testing::authorize(&older, uri, &[])).status();
    assert_eq!(page("https://vscode.dev/redirect"), 200);
    assert_eq!(page("https://evil.example/cb"), 400);
}
