//! A public address with a path, on a host that others live on, too.

use ::http::header;
use bytes::Bytes;

use crate::testing::{
    TestServer, authorize, browsing::Browsing, browsing::sealed_in, client_id, header, json,
    parameter, text,
};

const BASE: &str = "/ai/mcp-server";
const ISSUER: &str = "https://contoso.example/ai/mcp-server";
const SITE: &str = "https://client.example/cb";

// C6, C15; RFC 8414 section 3.1, RFC 9728 sections 3.1 and 5.1, OpenID Connect Discovery 1.0 section 4
#[test]
fn documents_are_where_clients_look_for_an_issuer_with_a_path() {
    let server = TestServer::below_a_path();
    for path in [
        "/.well-known/oauth-authorization-server/ai/mcp-server",
        "/.well-known/openid-configuration/ai/mcp-server",
        "/ai/mcp-server/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/ai/mcp-server/mcp",
        "/.well-known/openid-configuration/ai/mcp-server/sse",
        "/ai/mcp-server/mcp/.well-known/openid-configuration",
        "/ai/mcp-server/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server",
    ] {
        let document = json(&server.get(path));
        assert_eq!(document["issuer"], ISSUER, "{path}");
        for name in ["authorization", "token", "registration", "revocation"] {
            let address = document[format!("{name}_endpoint")].as_str().unwrap();
            assert!(address.starts_with(&format!("{ISSUER}/")), "{address}");
        }
    }
    for (path, endpoint) in [
        (
            "/.well-known/oauth-protected-resource/ai/mcp-server/mcp",
            "/mcp",
        ),
        (
            "/.well-known/oauth-protected-resource/ai/mcp-server/sse",
            "/sse",
        ),
        (
            "/.well-known/oauth-protected-resource/ai/mcp-server",
            "/mcp",
        ),
        (
            "/ai/mcp-server/.well-known/oauth-protected-resource/mcp",
            "/mcp",
        ),
    ] {
        let document = json(&server.get(path));
        assert_eq!(
            document["resource"],
            format!("{ISSUER}{endpoint}"),
            "{path}"
        );
        assert_eq!(document["authorization_servers"][0], ISSUER);
    }
}

// F11: the challenge names the address at the root of the host, however the proxy passes requests on.
#[test]
fn challenge_names_the_document_of_the_path() {
    let server = TestServer::below_a_path();
    for (target, endpoint) in [
        ("/mcp", "mcp"),
        ("/ai/mcp-server/mcp", "mcp"),
        ("/sse", "sse"),
    ] {
        let challenge = server.get(target);
        let named = format!(
            "resource_metadata=\"https://contoso.example/.well-known/oauth-protected-resource{BASE}/{endpoint}\""
        );
        let challenge = header(&challenge, "www-authenticate");
        assert!(challenge.contains(&named), "{challenge}");
    }
}

// A2, A3, A5, B7, C15, N5: up to Entra and back to the client, with a proxy that strips the path and with one that
// does not.
#[test]
fn browser_stays_below_the_path() {
    for prefix in ["", BASE] {
        let mut browsing = Browsing::at(TestServer::below_a_path());
        let id = client_id(&browsing.server, &[SITE]);
        let response = browsing.get(&format!("{prefix}{}", authorize(&id, SITE, &[])));
        let cookie = header(&response, "set-cookie").to_owned();
        let page = text(&response);
        assert!(page.contains("href=\"/ai/mcp-server/style.css\""), "{page}");
        assert!(page.contains("action=\"/ai/mcp-server/consent\""), "{page}");
        assert_is_bound(&cookie);
        let answer = |browsing: &Browsing, decision: &str, origin: &str| {
            let request = browsing
                .request("POST", &format!("{prefix}/consent"))
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", origin)
                .body(Bytes::from(format!(
                    "request={}&decision={decision}",
                    sealed_in(&page)
                )));
            browsing.server.response(request.unwrap())
        };
        let foreign = answer(&browsing, "approve", "https://contoso.example.evil.example");
        assert_eq!(foreign.status(), 403);
        assert!(text(&foreign).contains("href=\"/ai/mcp-server/style.css\""));
        let approved = answer(&browsing, "approve", "https://contoso.example");
        for cookie in approved.headers().get_all(header::SET_COOKIE) {
            assert_is_bound(cookie.to_str().unwrap());
        }
        let location = header(&approved, "location");
        let redirect_uri = parameter(location, "redirect_uri").unwrap();
        assert_eq!(redirect_uri, format!("{ISSUER}/auth/callback"));
        let denied = answer(&browsing, "deny", "https://contoso.example");
        let issuer = parameter(header(&denied, "location"), "iss");
        assert_eq!(issuer.as_deref(), Some(ISSUER));
    }
}

fn assert_is_bound(cookie: &str) {
    assert!(
        cookie.starts_with("__Secure-entra-mcp.ai.mcp-server-"),
        "{cookie}"
    );
    assert!(cookie.contains("; Path=/ai/mcp-server;"), "{cookie}");
    assert!(
        cookie.contains("; Secure") && !cookie.contains("Domain"),
        "{cookie}"
    );
}

// Others live on the host: it is not ours to pin to https, and its root is no resource of ours (C9).
#[test]
fn host_that_is_shared_is_left_alone() {
    let server = TestServer::below_a_path();
    let home = server.get(BASE);
    assert_eq!(home.status(), 200);
    assert!(text(&home).contains("https://contoso.example/ai/mcp-server/mcp"));
    assert_eq!(header(&home, "strict-transport-security"), "");
    for path in [
        "/ai",
        "/ai/mcp-server2",
        "/ai/mcp-server/other",
        "/other/mcp",
    ] {
        assert_eq!(server.get(path).status(), 404, "{path}");
    }
    let id = client_id(&server, &["http://127.0.0.1/cb"]);
    for (resource, status) in [
        (ISSUER, 200),
        ("https://contoso.example/ai/mcp-server/", 200),
        ("https://CONTOSO.example/ai/mcp-server/mcp", 200),
        ("https://contoso.example", 303),
        ("https://contoso.example/mcp", 303),
        ("https://contoso.example/AI/mcp-server/mcp", 303),
        ("https://contoso.example/ai/mcp-server2/mcp", 303),
    ] {
        let target = authorize(&id, "http://127.0.0.1/cb", &[("resource", resource)]);
        assert_eq!(server.get(&target).status(), status, "{resource}");
    }
}

#[test]
fn server_without_a_path_writes_what_it_always_did() {
    let mut browsing = Browsing::new();
    let (page, _) = browsing.page(SITE);
    assert!(page.contains("<link rel=\"stylesheet\" href=\"/style.css\">"));
    assert!(page.contains("<form method=\"post\" action=\"/consent\">"));
    let id = client_id(&browsing.server, &[SITE]);
    let cookie = browsing.get(&authorize(&id, SITE, &[]));
    let cookie = header(&cookie, "set-cookie");
    assert!(cookie.starts_with("__Host-entra-mcp-browser="), "{cookie}");
    assert!(cookie.contains("; Path=/; Max-Age="), "{cookie}");
}
