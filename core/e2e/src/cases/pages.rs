//! Browsers: rebinding, cross-site requests, CORS, consent, the callback.

use crate::{
    Program, Server,
    browser::{Browser, Landed, find},
    client::{self, REDIRECT_URI, initialize, register, sign_in},
    raw_http,
};

/// J1, J2.
pub fn foreign_hosts_and_origins_are_refused(program: &Program) {
    let server = program.start();
    let alice = sign_in(&server, "alice");
    let bearer = format!("Bearer {}", alice.access_token);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = initialize("2025-11-25").to_string();
    for host in [
        "evil.example",
        "localhost",
        "localhost:1",
        "localhost.evil.example:3001",
    ] {
        for target in [
            "/mcp",
            "/authorize",
            "/.well-known/oauth-authorization-server",
        ] {
            let (method, body) = if target == "/mcp" {
                ("POST", body.as_str())
            } else {
                ("GET", "")
            };
            let text = raw_http::text(method, target, host, &headers, body);
            let response = server.send(&text);
            assert!(
                matches!(response.status, 403 | 421),
                "{host} {target}: {}",
                response.status
            );
            assert!(
                response.body.contains(&format!("for the host {host},")),
                "{}",
                response.body
            );
            let kind = response.header("content-type");
            assert!(kind.starts_with("text/plain"), "{kind}");
        }
    }
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost:1",
        "file://",
    ] {
        let with = [headers[0], headers[1], ("Origin", origin)];
        let response = server.request("POST", "/mcp", &with, &body);
        assert_eq!(response.status, 403, "{origin}");
        assert_eq!(response.header("access-control-allow-origin"), "");
        let with = [headers[0], ("Origin", origin)];
        assert_eq!(
            server.request("GET", "/sse", &with, "").status,
            403,
            "{origin}"
        );
    }
    its_own_origin_and_a_forwarded_host_change_nothing(&server, headers, &body);
}

fn its_own_origin_and_a_forwarded_host_change_nothing(
    server: &Server,
    headers: [(&str, &str); 2],
    body: &str,
) {
    let own = server.url();
    let with = [headers[0], headers[1], ("Origin", own.as_str())];
    assert_eq!(server.request("POST", "/mcp", &with, body).status, 200);
    let forwarded = [headers[0], headers[1], ("X-Forwarded-Host", "evil.example")];
    assert_eq!(server.request("POST", "/mcp", &forwarded, body).status, 200);
    let metadata = server.request(
        "GET",
        "/.well-known/oauth-authorization-server",
        &[forwarded[2]],
        "",
    );
    assert_eq!(
        metadata.json()["issuer"],
        server.url().as_str(),
        "the issuer follows no forwarded host"
    );
    // J3: what a page can send without asking.
    let plain = [headers[0], ("Content-Type", "text/plain")];
    assert_eq!(server.request("POST", "/mcp", &plain, body).status, 415);
}

/// J4.
pub fn cross_origin_pages_may_read_only_public_documents(program: &Program) {
    let server = program.start();
    let foreign = ("Origin", "https://page.example");
    for target in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let response = server.request("GET", target, &[foreign], "");
        assert_eq!(
            response.header("access-control-allow-origin"),
            "*",
            "{target}"
        );
        assert_eq!(response.header("access-control-allow-credentials"), "");
    }
    let asks = [foreign, ("Access-Control-Request-Method", "POST")];
    for target in ["/register", "/token", "/revoke"] {
        let response = server.request("OPTIONS", target, &asks, "");
        assert!(response.status < 300, "{target}");
        assert_eq!(
            response.header("access-control-allow-origin"),
            "*",
            "{target}"
        );
    }
    for target in ["/authorize", "/consent", "/mcp", "/sse"] {
        let response = server.request("OPTIONS", target, &asks, "");
        assert_eq!(
            response.header("access-control-allow-origin"),
            "",
            "{target}"
        );
    }
}

/// A5, B7.
pub fn consent_form_cannot_be_posted_cross_origin(program: &Program) {
    let server = program.start();
    let client_id = register(&server);
    let address = client::authorize(&server, &client_id);
    let Landed::Page(_, consent) = Browser::default().open(&address, REDIRECT_URI) else {
        panic!("the user is asked first");
    };
    let (form, button) = find(&consent, "Approve");
    let mut fields = form.hidden.clone();
    fields.push(button);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    for origin in [Some("https://evil.example"), Some("null"), None] {
        let mut headers = vec![kind];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let response = server.request("POST", "/consent", &headers, &body);
        assert_eq!(response.status, 403, "{origin:?}");
        assert_eq!(response.all("set-cookie").count(), 0);
    }
    assert_eq!(
        server
            .request("GET", &format!("/consent?{body}"), &[], "")
            .status,
        405
    );
    let own = server.url();
    let good = [kind, ("Origin", own.as_str())];
    let changed = body.replace("approve", "approve&x=").replacen('a', "b", 1);
    assert_ne!(
        server.request("POST", "/consent", &good, &changed).status,
        303
    );
    let response = server.request("POST", "/consent", &good, &body);
    assert_eq!(response.status, 303);
    assert!(
        response
            .header("location")
            .starts_with(&server.tenant_url())
    );
}

/// A2, A3, D1.
pub fn callback_works_only_in_the_consenting_browser(program: &Program) {
    let server = program.start();
    let client_id = register(&server);
    // The attacker says yes, and the victim is lured to Entra's page.
    let mut attacker = Browser::default();
    let address = client::authorize(&server, &client_id);
    let Landed::Page(page, consent) = attacker.open(&address, REDIRECT_URI) else {
        panic!("the user is asked first");
    };
    let Landed::Page(entra, _) = attacker.press(&page, &consent, "Approve", REDIRECT_URI) else {
        panic!("the dev tenant asks who it is");
    };
    let mut victim = Browser::default();
    let Landed::Page(page, users) = victim.open(&entra, REDIRECT_URI) else {
        panic!("the dev tenant asks who it is");
    };
    let landed = victim.press(&page, &users, "alice", REDIRECT_URI);
    let Landed::Page(_, response) = landed else {
        panic!("the attacker's client got something: {landed:?}");
    };
    assert!((400..500).contains(&response.status), "{}", response.status);
    // A callback that was used, and one that never was.
    let mut browser = Browser::default();
    let landed = client::browse(&server, &mut browser, &client_id, "alice");
    assert!(client::parameter(&landed, "code").is_some());
    let is_callback = |location: &str| location.contains("/auth/callback");
    let mut used = browser
        .seen
        .iter()
        .map(|seen| seen.header("location").to_owned());
    let used = used.rfind(|location| is_callback(location)).unwrap();
    let again = browser.open(&url::Url::parse(&used).unwrap(), REDIRECT_URI);
    assert!(matches!(again, Landed::Page(_, response) if response.status >= 400));
    let never = server.request("GET", "/auth/callback?code=x&state=y", &[], "");
    assert!((400..500).contains(&never.status));
    assert_eq!(never.header("location"), "");
}

/// A6, N2, N4.
pub fn every_page_has_its_security_headers(program: &Program) {
    let server = program.start();
    let client_id = register(&server);
    let address = client::authorize(&server, &client_id);
    let consent = &address[url::Position::BeforePath..];
    for target in [
        consent,
        "/authorize?client_id=unknown",
        "/auth/callback",
        "/",
    ] {
        let response = server.request("GET", target, &[], "");
        let policy = response.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{target}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{target}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("form-action"),
            "the redirect after the form is not blocked"
        );
        assert_eq!(response.header("x-frame-options"), "DENY", "{target}");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
        assert!(
            response.header("cache-control").contains("no-store"),
            "{target}"
        );
        assert_ne!(response.header("referrer-policy"), "", "{target}");
        assert_eq!(response.header("server"), "");
        assert!(response.header("content-type").contains("charset=utf-8"));
        assert!(!response.body.contains("<script"), "{target}");
    }
}
