//! What clients do that others do not, and that must work all the same.

use crate::{
    oauth::error::OAuthError,
    secret::Secret,
    testing::{
        TestServer, authorization_request, authorize, browsing::Browsing, client_id, header, json,
        parameter, text,
    },
};

const SITE: &str = "https://client.example/cb";

// Some clients ask for refresh tokens by `offline_access`, and then for consent, as OpenID Connect Core section 11
// has it.
#[test]
fn prompt_consent_shows_the_page_although_the_approval_is_remembered() {
    let mut browsing = Browsing::new();
    browsing.approve(SITE);
    let id = client_id(&browsing.server, &[SITE]);
    for (prompt, status) in [
        ("", 303),
        ("login", 303),
        ("select_account", 303),
        ("consent", 200),
        ("login consent", 200),
    ] {
        let changes = [("prompt", prompt), ("scope", "user.read offline_access")];
        let response = browsing.get(&authorize(&id, SITE, &changes));
        assert_eq!(response.status(), status, "{prompt}");
    }
}

// RFC 9207 section 2.3: where it is not announced it is not sent, for some clients refuse that.
#[test]
fn issuer_is_neither_announced_nor_sent_where_the_operator_wants_none() {
    let mut browsing = Browsing::new();
    for is_sent in [true, false] {
        let config = &mut browsing.server.server.config;
        config.authorization_response_iss = is_sent;
        let issuer = is_sent.then(|| config.public_url.issuer().to_owned());
        let target = authorization_request("s").redirect_target;
        let env = browsing.server.env();
        let code = target.code(&Secret::new("c".to_owned()), env);
        let error = target.error(OAuthError::AccessDenied, "No.", env);
        let id = client_id(&browsing.server, &["http://127.0.0.1/cb"]);
        let refused = browsing.get(&authorize(&id, "http://127.0.0.1:1/cb", &[("scope", "x")]));
        let (_, sealed) = browsing.page(SITE);
        let denied = browsing.post(&sealed, "deny", Some("https://mcp.example"));
        for response in [code, error, refused, denied] {
            let location = header(&response, "location");
            assert_eq!(parameter(location, "iss"), issuer, "{location}");
            assert!(parameter(location, "state").is_some());
        }
        let metadata = json(&browsing.get("/.well-known/oauth-authorization-server"));
        assert_eq!(
            metadata["authorization_response_iss_parameter_supported"],
            is_sent
        );
    }
}

// B5: a client looks at the address before the browser does, and so do scanners of links.
#[test]
fn look_without_cookies_is_answered_and_changes_nothing_for_the_browser() {
    let mut browsing = Browsing::new();
    let id = client_id(&browsing.server, &[SITE]);
    let address = authorize(
        &id,
        SITE,
        &[("scope", "user.read offline_access"), ("prompt", "consent")],
    );
    for _ in 0..2 {
        let scanner = Browsing::at(TestServer::https()).get(&address);
        assert_eq!(scanner.status(), 200);
    }
    let page = text(&browsing.get(&address));
    let sealed = crate::testing::browsing::sealed_in(&page);
    let approved = browsing.post(&sealed, "approve", Some("https://mcp.example"));
    assert!(header(&approved, "location").starts_with("https://login.example/"));
    let gone = browsing.get(&authorize("dcr.gone.gone", SITE, &[]));
    assert_eq!(
        gone.status(),
        400,
        "such clients take this for an unknown client, and no other status"
    );
}

// What is asked for beyond what is offered is left out (RFC 6749 section 3.3); nothing at all is the usual.
#[test]
fn unusual_scopes_and_resources_are_granted_as_far_as_they_go() {
    let server = TestServer::https();
    let id = client_id(&server, &["http://127.0.0.1/cb"]);
    let redirect_uri = "http://127.0.0.1:53271/cb";
    let (mcp, whole) = ("https://mcp.example/mcp", "https://mcp.example/");
    for changes in [
        vec![],
        vec![
            ("audience", "x"),
            ("login_hint", "adele"),
            ("id_token_hint", "a.b.c"),
        ],
        vec![("scope", ""), ("resource", "")],
        vec![("scope", "user.read files.read openid")],
        vec![("resource", mcp), ("resource", mcp)],
        vec![("resource", mcp), ("resource", whole)],
        vec![("resource", "https://mcp.example/mcp/")],
    ] {
        let response = server.get(&authorize(&id, redirect_uri, &changes));
        assert_eq!(response.status(), 200, "{changes:?}");
        assert!(
            text(&response).contains("<code>user.read</code>"),
            "{changes:?}"
        );
    }
}
