//! Access tokens that look like Entra's and are not good here, and clients that go to Entra by themselves.

use entra_mcp_dev_tenant::{CLIENT_ID, CLIENT_SECRET, COMMAND_LINE_ID, TENANT_ID};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::entra_tokens::{OPEN, control, details, initialize, of_user};
use crate::{Program, Server, html::forms, raw_http::Response, session::until};

/// RFC 7636 appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What can be wrong with a token that the tenant issues, and what the log says of it.
const FAULTS: [(&str, &str); 12] = [
    ("unsigned", "the algorithm is not RS256"),
    ("symmetric_algorithm", "the algorithm is not RS256"),
    ("header_nonce", "it is for Microsoft Graph"),
    ("wrong_signature", "the signature is wrong"),
    ("unknown_key", "the key is unknown"),
    ("issuer", "the key signs for another issuer"),
    ("tenant", "the tenant is another"),
    ("audience", "the audience is another"),
    ("expired", "it has expired"),
    ("not_yet_valid", "it is not valid yet"),
    ("no_application", "it is no access token"),
    ("no_object_id", "oid or sub is missing"),
];

pub(super) fn post_form(server: &Server, path: &str, form: &[(&str, &str)]) -> Response {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    server.ask_tenant("POST", path, &headers, &body)
}

/// Authorization at the tenant itself, as this client; the parameters that it comes back with.
pub(super) fn authorize(server: &Server, parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .extend_pairs([("response_type", "code"), ("code_challenge", CHALLENGE)])
        .append_pair("code_challenge_method", "S256")
        .finish();
    let path = format!("/{TENANT_ID}/oauth2/v2.0/authorize?{query}");
    let mut answer = server.ask_tenant("GET", &path, &[], "");
    if let Some(form) = forms(&answer.body).first() {
        let mut fields: Vec<_> = (form.hidden.iter())
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        fields.push(("username", "alice"));
        answer = post_form(server, &form.action, &fields);
    }
    assert_eq!(answer.status, 302, "{}", answer.body);
    let back = Url::parse(answer.header("location")).unwrap();
    back.query_pairs().into_owned().collect()
}

pub(super) fn value_of(parameters: &[(String, String)], name: &str) -> String {
    let found = parameters.iter().find(|(own, _)| own == name);
    found.map_or(String::new(), |(_, value)| value.clone())
}

fn redeem(server: &Server, code: &str, more: &[(&str, &str)]) -> Value {
    let own = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", VERIFIER),
    ];
    let path = format!("/{TENANT_ID}/oauth2/v2.0/token");
    let answer = post_form(server, &path, &[&own, more].concat());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// D16: each for its own reason, which the log has.
pub fn access_token_that_is_wrong_is_refused_with_its_reason(program: &Program) {
    let server = program.start_with(&OPEN);
    let good = of_user(&server, "alice");
    assert_eq!(initialize(&server, &good).status, 200);
    for (fault, _) in FAULTS {
        control(
            &server,
            &json!({"action": "access_token_fault", "fault": fault}),
        );
        let token = of_user(&server, "alice");
        let refused = initialize(&server, &token);
        assert_eq!(refused.status, 401, "{fault}: {}", refused.body);
        assert!(refused.header("www-authenticate").contains("invalid_token"));
        let signature = token.rsplit('.').next().unwrap();
        assert!(signature.is_empty() || !server.log().contains(signature));
    }
    control(
        &server,
        &json!({"action": "access_token_version", "version": 1}),
    );
    let old = of_user(&server, "alice");
    assert_eq!(initialize(&server, &old).status, 401);
    let version = ("version", "it is of version 1.0, which is not taken");
    until("the log has each reason", || {
        let log = server.log();
        let mut all = FAULTS.iter().chain([&version]);
        all.all(|(_, reason)| log.contains(reason))
    });
    assert_eq!(initialize(&server, &good).status, 200);
}

/// D16: what our own client gets of Entra for itself has the same keys and issuer, and the ID token the same audience.
pub fn id_token_and_token_for_graph_of_our_own_client_are_refused(program: &Program) {
    let server = program.start_with(&OPEN);
    let redirect_uri = format!("{}/auth/callback", server.url());
    let own = [
        ("client_id", CLIENT_ID),
        ("redirect_uri", redirect_uri.as_str()),
    ];
    let scope = [("scope", "openid profile User.Read"), ("nonce", "n")];
    let code = value_of(&authorize(&server, &[own, scope].concat()), "code");
    let secret = [("client_secret", CLIENT_SECRET)];
    let tokens = redeem(&server, &code, &[&own[..], &secret].concat());
    for member in ["id_token", "access_token"] {
        let token = tokens[member].as_str().unwrap();
        assert_eq!(initialize(&server, token).status, 401, "{member}");
    }
    until("the log says why", || {
        server
            .log()
            .contains("it is no access token: perhaps an ID token")
    });
}

/// D18: the metadata sends a client to Entra, which takes the `resource` of this server if it is its App ID URI, exactly.
pub fn client_signs_in_with_entra_by_the_metadata_alone(program: &Program) {
    let entra = ["--authorization-servers", "entra"];
    let server = program.start_with(&[&OPEN[..], &entra].concat());
    let document = server.send(&server.get("/.well-known/oauth-protected-resource/mcp"));
    let document = document.json();
    let resource = document["resource"].as_str().unwrap();
    let issuer = format!("{}/{TENANT_ID}/v2.0", server.tenant_url());
    assert_eq!(document["authorization_servers"], json!([issuer]));
    control(&server, &json!({"action": "app_id_uri", "uri": resource}));
    let scopes = document["scopes_supported"].as_array().unwrap().iter();
    let qualified = scopes
        .filter_map(Value::as_str)
        .find(|scope| scope.contains("//"));
    let own = [
        ("client_id", COMMAND_LINE_ID),
        ("redirect_uri", "http://localhost:1"),
        ("scope", qualified.unwrap()),
    ];
    for other in [format!("{resource}/"), resource.replace("/mcp", "/MCP")] {
        let resource = [("resource", other.as_str())];
        let refused = authorize(&server, &[&own[..], &resource].concat());
        assert_eq!(value_of(&refused, "error"), "invalid_target", "{other}");
        assert!(value_of(&refused, "error_description").starts_with("AADSTS9010010"));
    }
    let asked = [&own[..], &[("resource", resource)]].concat();
    let code = value_of(&authorize(&server, &asked), "code");
    let tokens = redeem(&server, &code, &asked);
    let answer = details(&server, tokens["access_token"].as_str().unwrap());
    assert!(answer.body.contains("Alice Adams"), "{}", answer.body);
}
