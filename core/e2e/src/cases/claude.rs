//! Claude on the web, Claude Code, and Claude Code in the desktop app.

use serde_json::json;

use crate::{
    Program, Server,
    browser::{Browser, Landed},
    client::{self, Client, VERIFIER},
    recorded,
};

const CLAUDE: &str = "https://claude.ai/oauth/mcp-oauth-client-metadata";
const CALLBACK: &str = "https://claude.ai/api/mcp/auth_callback";
const CLAUDE_CODE: &str = "https://claude.ai/oauth/claude-code-client-metadata";

/// It always names the resource, and asks for `offline_access` only where the server lists it.
fn signs_in(server: &Server, client_id: &str, redirect_uri: &str, state: &str) -> Client {
    let resource = format!("{}/mcp", server.url());
    let parameters = [
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("scope", "user.read offline_access"),
        ("resource", &resource),
        ("state", state),
    ];
    let address = recorded::address(server, &parameters);
    let landed = recorded::approve(&mut Browser::default(), &address, redirect_uri);
    let code = recorded::code(server, &landed, state);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("code_verifier", VERIFIER),
        ("resource", &resource),
    ];
    let headers = [
        ("User-Agent", "python-httpx/0.28.1"),
        ("Accept", "application/json"),
    ];
    let response = recorded::token(server, &headers, &fields);
    recorded::tokens(server, client_id, &response)
}

/// Its site refuses many clouds: the pinned copy serves. A client whose document cannot be had gets a page.
pub fn claude_signs_in_by_its_pinned_document(program: &Program) {
    let server = program.start();
    let (_, metadata) = recorded::discover(&server, &[("User-Agent", "python-httpx/0.28.1")]);
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        json!(["S256"])
    );
    let client = signs_in(&server, CLAUDE, CALLBACK, "s4");
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", client.refresh_token.as_str()),
        ("client_id", CLAUDE),
    ];
    let _ = recorded::tokens(&server, CLAUDE, &recorded::token(&server, &[], &fields));
    let parameters = [
        ("client_id", "https://127.0.0.1:9/client.json"),
        ("redirect_uri", CALLBACK),
    ];
    let address = recorded::address(&server, &parameters);
    let Landed::Page(_, page) = Browser::default().open(&address, CALLBACK) else {
        panic!("a client that cannot be found out about is sent nothing");
    };
    assert_eq!((page.status, page.header("location")), (400, ""));
}

/// A registration is echoed, without a secret, and good for a sign-in.
pub fn claude_registers_itself(program: &Program) {
    let server = program.start();
    let mut metadata = recorded::public("Claude", &[CALLBACK]);
    metadata["scope"] = "user.read".into();
    let registered = recorded::register(&server, &metadata);
    for (name, value) in metadata.as_object().unwrap() {
        assert_eq!(&registered[name], value, "{name}");
    }
    for name in ["client_secret", "client_secret_expires_at"] {
        assert!(registered.get(name).is_none(), "{name}");
    }
    let client_id = registered["client_id"].as_str().unwrap();
    let _ = signs_in(&server, client_id, CALLBACK, "s5");
}

/// Its document names no port, and it uses any; the page warns of what only a program here can know.
pub fn claude_code_returns_to_a_port_of_its_own(program: &Program) {
    let server = program.start();
    let at = |redirect_uri: &str| {
        let parameters = [
            ("client_id", CLAUDE_CODE),
            ("redirect_uri", redirect_uri),
            ("state", "s6"),
        ];
        recorded::address(&server, &parameters)
    };
    let redirect_uri = "http://localhost:55564/callback";
    let (_, page) = recorded::consent(&mut Browser::default(), &at(redirect_uri), redirect_uri);
    let verified = "<span>Verified by the web site</span><strong>claude.ai</strong>";
    assert!(page.body.contains(verified), "{}", page.body);
    assert!(page.body.contains("localhost:55564") && page.body.contains("class=\"warn\""));
    for good in [redirect_uri, "http://127.0.0.1:50001/callback"] {
        let _ = signs_in(&server, CLAUDE_CODE, good, "s6");
    }
    for wrong in [
        "http://localhost:55564/other",
        "http://localhost.evil.test:55564/callback",
        "http://[::1]:55564/callback",
    ] {
        let Landed::Page(_, page) = Browser::default().open(&at(wrong), wrong) else {
            panic!("{wrong} is sent something");
        };
        assert_eq!(page.status, 400, "{wrong}");
    }
}

/// A private-use scheme, to which the page must let the browser go after its form.
pub fn claude_code_desktop_returns_to_its_scheme(program: &Program) {
    const SCHEME: &str = "claude://claude.ai/mcp-auth-callback/sdk";
    let server = program.start();
    let mut metadata = recorded::public("Claude Code", &[SCHEME]);
    metadata["application_type"] = "native".into();
    let client_id = recorded::client_id(&server, &metadata);
    let _ = signs_in(&server, &client_id, SCHEME, "s7");
    let parameters = [
        ("client_id", client_id.as_str()),
        ("redirect_uri", SCHEME),
        ("state", "s7"),
    ];
    let address = recorded::address(&server, &parameters);
    let mut browser = Browser::default();
    let (url, page) = recorded::consent(&mut browser, &address, SCHEME);
    assert!(
        !page
            .header("content-security-policy")
            .contains("form-action")
    );
    let denied = browser.press(&url, &page, "Cancel", SCHEME);
    assert_eq!(
        client::parameter(&denied, "error").as_deref(),
        Some("access_denied")
    );
    let script = recorded::public("Claude Code", &["javascript:alert(1)"]).to_string();
    let json = [("Content-Type", "application/json")];
    let refused = server.request("POST", "/register", &json, &script);
    assert_eq!(
        recorded::error(&refused),
        (400, "invalid_redirect_uri".to_owned())
    );
}
