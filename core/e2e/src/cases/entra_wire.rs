//! What clients of Entra meet at its endpoints, as the development tenant has them: codes, `resource`, response modes,
//! signing out, and errors that stay on Entra's own page.

use entra_mcp_dev_tenant::{CLIENT_ID, CLIENT_SECRET, TENANT_ID};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    entra_token_refusals::{VERIFIER, authorize, post_form, value_of},
    entra_tokens::control,
};
use crate::{
    Program, Server,
    browser::Browser,
    client::{Landed, browse, parameter, register, sign_in},
    html::forms,
    raw_http::Response,
};

fn callback(server: &Server) -> String {
    format!("{}/auth/callback", server.url())
}

/// The parameters with which this server signs users in.
fn own<'a>(redirect_uri: &'a str, scope: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("client_id", CLIENT_ID),
        ("redirect_uri", redirect_uri),
        ("scope", scope),
    ]
}

fn code(server: &Server) -> String {
    let redirect_uri = callback(server);
    let answer = authorize(server, &own(&redirect_uri, "openid User.Read"));
    value_of(&answer, "code")
}

/// Redeems a code, with these parameters in place of the right ones.
fn redeem(server: &Server, code: &str, other: &[(&str, &str)]) -> Response {
    let redirect_uri = callback(server);
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", &redirect_uri),
    ];
    form.retain(|(name, _)| other.iter().all(|(changed, _)| changed != name));
    form.extend(other);
    post_form(server, &format!("/{TENANT_ID}/oauth2/v2.0/token"), &form)
}

fn number(response: &Response) -> Value {
    response.json()["error_codes"][0].clone()
}

/// And what this server makes of each: no session, and words of its own for the client.
pub fn code_is_good_once_for_its_verifier_and_address_and_for_ten_minutes(program: &Program) {
    let server = program.start();
    let first = code(&server);
    let verifier = [(
        "code_verifier",
        "another-verifier-of-forty-three-characters-",
    )];
    assert_eq!(number(&redeem(&server, &first, &verifier)), 501_481);
    let elsewhere = [("redirect_uri", "http://localhost:1/elsewhere")];
    assert_eq!(number(&redeem(&server, &first, &elsewhere)), 500_112);
    assert_eq!(redeem(&server, &first, &[]).status, 200);
    assert_eq!(number(&redeem(&server, &first, &[])), 54_005);
    let late = code(&server);
    control(&server, &json!({"action": "clock_offset", "seconds": 700}));
    assert_eq!(number(&redeem(&server, &late, &[])), 70_008);
    control(&server, &json!({"action": "reset"}));
    let client_id = register(&server);
    for (code, error) in [
        (54_005, "invalid_grant"),
        (501_481, "invalid_grant"),
        (500_112, "invalid_client"),
        (70_008, "invalid_grant"),
    ] {
        control(
            &server,
            &json!({"action": "token_error", "code": code, "error": error}),
        );
        let landed = browse(&server, &mut Browser::default(), &client_id, "alice");
        let told = parameter(&landed, "error").expect("the client is told");
        assert!(["access_denied", "server_error"].contains(&told.as_str()));
        assert_eq!(parameter(&landed, "code"), None, "{landed:?}");
        let Landed::Left(address) = landed else {
            panic!("it is told by its address");
        };
        assert!(!address.as_str().contains("An+error"), "{address}");
    }
    assert!(sign_in(&server, "alice").works(&server));
}

/// C9: the client's `resource` is this server's business, and Entra refuses one beside scopes of Graph.
pub fn resource_of_a_client_is_never_passed_on_to_entra(program: &Program) {
    let server = program.start();
    // The client of the tests names this server as `resource`.
    let client = sign_in(&server, "alice");
    assert_eq!(client.refresh(&server).status, 200);
    let asked = server.ask_tenant("GET", "/control/requests", &[], "");
    assert!(asked.body.contains("/oauth2/v2.0/authorize"));
    assert!(!asked.body.contains("\"resource\""), "{}", asked.body);
    let redirect_uri = callback(&server);
    let mcp = format!("{}/mcp", server.url());
    let graph = own(&redirect_uri, "openid User.Read");
    let refused = authorize(&server, &[&graph[..], &[("resource", &mcp)]].concat());
    assert_eq!(value_of(&refused, "error"), "invalid_target");
    assert!(value_of(&refused, "error_description").starts_with("AADSTS9010010"));
    let code = code(&server);
    let refused = redeem(&server, &code, &[("resource", &mcp)]);
    assert_eq!((number(&refused), refused.status), (json!(9_010_010), 400));
    assert_eq!(redeem(&server, &code, &[]).status, 200);
}

/// The code reaches the callback in a form, which this server, who asked for a query, does not take.
pub fn code_in_a_form_is_redeemed_and_not_taken_by_the_callback(program: &Program) {
    let server = program.start();
    let redirect_uri = callback(&server);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(own(&redirect_uri, "openid User.Read"))
        .extend_pairs([("response_type", "code"), ("response_mode", "form_post")])
        .extend_pairs([("state", "s"), ("code_challenge", VERIFIER)])
        .finish();
    let path = format!("/{TENANT_ID}/oauth2/v2.0/authorize?{query}");
    let users = server.ask_tenant("GET", &path, &[], "");
    let form = forms(&users.body).remove(0);
    let mut fields: Vec<_> = (form.hidden.iter())
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    fields.push(("username", "alice"));
    let page = post_form(&server, &form.action, &fields);
    assert_eq!(page.status, 200, "{}", page.body);
    let form = forms(&page.body).remove(0);
    assert_eq!(form.action, redirect_uri);
    assert_eq!(value_of(&form.hidden, "state"), "s");
    let code = value_of(&form.hidden, "code");
    let fields = [("code", code.as_str()), ("state", "s")];
    let posted = crate::client::post_form(&server, "/auth/callback", &fields);
    assert_eq!(posted.status, 405, "{}", posted.body);
    assert_eq!(redeem(&server, &code, &[]).status, 200);
}

/// To addresses of the application; elsewhere nobody is sent.
pub fn who_signs_out_returns_to_a_registered_address_only(program: &Program) {
    let server = program.start();
    let out = |uri: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("post_logout_redirect_uri", uri)
            .finish();
        let path = format!("/{TENANT_ID}/oauth2/v2.0/logout?{query}");
        server.ask_tenant("GET", &path, &[], "")
    };
    let registered = out(&callback(&server));
    assert_eq!(registered.status, 302);
    assert_eq!(registered.header("location"), callback(&server));
    let local = out("https://evil.example/");
    assert_eq!((local.status, local.header("location")), (200, ""));
    assert!(local.body.contains("You signed out"), "{}", local.body);
    assert!(!local.body.contains("evil.example"), "{}", local.body);
}

/// As RFC 6749 section 4.1.2.1 wants it: an error for an address that is not the application's goes to no address.
pub fn error_of_an_unregistered_address_stays_on_the_page_of_entra(program: &Program) {
    let server = program.start();
    let redirect_uri = callback(&server);
    for (client_id, redirect_uri, number) in [
        (CLIENT_ID, "https://evil.example/", "AADSTS50011"),
        (
            "11111111-2222-3333-4444-555555555555",
            &*redirect_uri,
            "AADSTS700016",
        ),
    ] {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", client_id), ("redirect_uri", redirect_uri)])
            .extend_pairs([("response_type", "code"), ("scope", "openid")])
            .finish();
        let path = format!("/{TENANT_ID}/oauth2/v2.0/authorize?{query}");
        let page = server.ask_tenant("GET", &path, &[], "");
        assert_eq!((page.status, page.header("location")), (400, ""));
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.body.contains(number), "{}", page.body);
        assert!(!page.body.contains("href=\"https://evil"), "{}", page.body);
    }
}
