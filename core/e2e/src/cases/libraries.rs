//! Clients of the official libraries, and Copilot Studio, which nobody can look into.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use url::{Url, form_urlencoded};

use crate::{
    Program, Server,
    browser::{Browser, Landed},
    client::{self, Client, REDIRECT_URI, VERIFIER},
    recorded,
    session::until,
};

/// The document of an application that uses a library; pinned, so that no site is asked.
const DOCUMENT: &str = "https://app.example.net/client.json";

fn start(program: &Program) -> Server {
    program.start_with(&["--pinned-client", &format!("{DOCUMENT} {REDIRECT_URI}")])
}

fn code(server: &Server, client_id: &str, redirect_uri: &str, more: &[(&str, &str)]) -> String {
    let mut parameters = vec![
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("state", "s"),
    ];
    parameters.extend(more);
    let address = recorded::address(server, &parameters);
    let landed = recorded::approve(&mut Browser::default(), &address, redirect_uri);
    recorded::code(server, &landed, "s")
}

fn basic(client_id: &str, secret: &str) -> String {
    let encoded: String = form_urlencoded::byte_serialize(client_id.as_bytes()).collect();
    format!("Basic {}", STANDARD.encode(format!("{encoded}:{secret}")))
}

/// It looks at the addresses with the path behind them, registers without a method, takes the scope of the answer, and
/// never says for which resource.
pub fn copilot_studio_registers_and_uses_its_secret(program: &Program) {
    const CALLBACK: &str =
        "https://global.consent.azure-apim.net/redirect/cr938-5fzephyr-20mcp-5f43bcb8573bc3e84";
    let server = program.start();
    for path in [
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/openid-configuration/mcp",
        "/.well-known/oauth-authorization-server",
    ] {
        let _ = recorded::document(&server, &format!("{}{path}", server.url()), &[]);
    }
    let registered = recorded::register(
        &server,
        &json!({"client_name": "Copilot Studio Agent", "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]}),
    );
    let member = |name: &str| registered[name].as_str().unwrap();
    assert_eq!(registered["client_secret_expires_at"], 0);
    assert_eq!(member("token_endpoint_auth_method"), "client_secret_basic");
    let (client_id, scope) = (member("client_id"), member("scope"));
    let authorization = basic(client_id, member("client_secret"));
    let headers = [("Authorization", authorization.as_str())];
    let code = code(&server, client_id, CALLBACK, &[("scope", scope)]);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    // Whoever has the code and not the secret spends nothing.
    let other = [("Authorization", basic(client_id, "guess"))];
    let other = other
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let refused = recorded::token(&server, &other, &fields);
    assert_eq!(
        recorded::error(&refused),
        (401, "invalid_client".to_owned())
    );
    let client = recorded::tokens(
        &server,
        client_id,
        &recorded::token(&server, &headers, &fields),
    );
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", client.refresh_token.as_str()),
    ];
    let _ = recorded::tokens(
        &server,
        client_id,
        &recorded::token(&server, &headers, &fields),
    );
}

/// Basic without a secret first, and the body after any error; a refresh says nothing but the token.
pub fn go_client_probes_by_basic_and_refreshes_bare(program: &Program) {
    let server = start(program);
    let resource = format!("{}/mcp", server.url());
    let code = code(&server, DOCUMENT, REDIRECT_URI, &[("resource", &resource)]);
    let authorization = basic(DOCUMENT, "");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("resource", &resource),
    ];
    // Some versions know it under another id; the code stays good.
    let strange = basic("https://app.example.net/other.json", "");
    let probe = recorded::token(&server, &[("Authorization", &strange)], &fields);
    assert_eq!(recorded::error(&probe), (400, "invalid_grant".to_owned()));
    let response = recorded::token(&server, &[("Authorization", &authorization)], &fields);
    let client = recorded::tokens(&server, DOCUMENT, &response);
    let fields = [
        ("client_id", DOCUMENT),
        ("grant_type", "refresh_token"),
        ("refresh_token", &client.refresh_token),
    ];
    let refreshed = recorded::tokens(&server, DOCUMENT, &recorded::token(&server, &[], &fields));
    for name in ["aud", "scope"] {
        let [old, new] =
            [&client, &refreshed].map(|one| client::claims(&one.access_token)[name].clone());
        assert_eq!(old, new, "{name}");
    }
    let without = program.start_with(&["--response-iss", "off"]);
    let client_id = client::register(&without);
    let parameters = [
        ("client_id", client_id.as_str()),
        ("redirect_uri", REDIRECT_URI),
    ];
    let address = recorded::address(&without, &parameters);
    let landed = recorded::approve(&mut Browser::default(), &address, REDIRECT_URI);
    assert_eq!(
        client::parameter(&landed, "iss"),
        None,
        "it is not announced"
    );
    assert!(client::parameter(&landed, "code").is_some());
}

/// It registers for a secret in the body; with a document it takes the first method that is listed, and sends the secret
/// that it does not have as nothing.
pub fn csharp_client_takes_the_first_method_with_an_empty_secret(program: &Program) {
    let server = start(program);
    let redirect_uri = "http://localhost:1179/callback";
    let mut metadata = recorded::public("ProtectedMcpClient", &[redirect_uri]);
    metadata["token_endpoint_auth_method"] = "client_secret_post".into();
    metadata["application_type"] = "native".into();
    metadata["scope"] = "user.read".into();
    let registered = recorded::register(&server, &metadata);
    assert_eq!(
        registered["token_endpoint_auth_method"],
        "client_secret_post"
    );
    let (client_id, secret) = (
        registered["client_id"].as_str().unwrap(),
        registered["client_secret"].as_str().unwrap(),
    );
    for (client_id, secret, redirect_uri) in [
        (client_id, secret, redirect_uri),
        (DOCUMENT, "", REDIRECT_URI),
    ] {
        let code = code(&server, client_id, redirect_uri, &[("scope", "user.read")]);
        let fields = [
            ("client_id", client_id),
            ("client_secret", secret),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        let response = recorded::token(&server, &[], &fields);
        let client = recorded::tokens(&server, client_id, &response);
        let fields = [
            ("client_id", client_id),
            ("client_secret", secret),
            ("grant_type", "refresh_token"),
            ("refresh_token", &client.refresh_token),
        ];
        let _ = recorded::tokens(&server, client_id, &recorded::token(&server, &[], &fields));
    }
}

/// Three processes refresh with the same token, and one of them lost the answer: each gets what works.
pub fn processes_of_one_client_refresh_at_once(program: &Program) {
    let server = program.start();
    let client = client::sign_in(&server, "alice");
    let refresh = || Client::of(client.client_id.clone(), &client.refresh(&server).json());
    let mut refreshed: Vec<Client> = std::thread::scope(|scope| {
        let threads = [(); 3].map(|()| scope.spawn(refresh));
        threads.map(|thread| thread.join().unwrap()).into()
    });
    // The one whose connection was cut after the server had committed comes back.
    refreshed.push(refresh());
    for one in &refreshed {
        assert!(one.works(&server));
        assert_eq!(
            one.refresh_token, refreshed[0].refresh_token,
            "one line goes on"
        );
    }
    assert_eq!(refreshed[3].refresh(&server).status, 200);
}

/// A process that slept while another one went on gets what is good within the time that is set. Later its token is worth
/// nothing: where its successor was used that ends the session, and nobody else's.
pub fn process_of_claude_code_that_slept_comes_with_an_older_token(program: &Program) {
    let server = program.with(&["--refresh-reuse", "2s"]).start();
    let [asleep, other] = [(); 2].map(|()| client::sign_in(&server, "alice"));
    let refreshed = |of: &Client| Client::of(of.client_id.clone(), &of.refresh(&server).json());
    let second = refreshed(&asleep);
    let third = refreshed(&second);
    // Its successor was used just now.
    let woken = refreshed(&asleep);
    assert_eq!(woken.refresh_token, third.refresh_token);
    assert!(woken.works(&server));
    until("the older token is good no more", || {
        asleep.refresh(&server).status == 400
    });
    let late = recorded::error(&asleep.refresh(&server));
    assert_eq!(late, (400, "invalid_grant".to_owned()));
    assert!(!third.works(&server), "its session has ended");
    assert!(other.works(&server) && other.refresh(&server).status == 200);
}

/// It sends a program to look first, without cookies; a client that is gone is told so by status.
pub fn fastmcp_looks_at_the_address_before_the_browser_does(program: &Program) {
    let server = program.start();
    let client_id = client::register(&server);
    let at = |client_id: &str| {
        let parameters = [
            ("client_id", client_id),
            ("redirect_uri", REDIRECT_URI),
            ("state", "s20"),
            ("scope", "user.read offline_access"),
            ("prompt", "consent"),
        ];
        recorded::address(&server, &parameters)
    };
    let address = at(&client_id);
    let look = |address: &Url| {
        let target = address[url::Position::BeforePath..].to_owned();
        server.request("GET", &target, &[("User-Agent", "python-httpx/0.28.1")], "")
    };
    for _ in 0..2 {
        assert_eq!(look(&address).status, 200);
    }
    let landed = recorded::approve(&mut Browser::default(), &address, REDIRECT_URI);
    let code = recorded::code(&server, &landed, "s20");
    let response = client::redeem(&server, &client_id, &code);
    let _ = recorded::tokens(&server, &client_id, &response);
    let gone = look(&at("dcr.gone.gone"));
    assert_eq!((gone.status, gone.header("location")), (400, ""));
    assert!(gone.body.contains("Clear"), "it says what to do");
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "dcr.gone.gone"),
        ("refresh_token", "gone"),
    ];
    let refused = recorded::token(&server, &[], &fields);
    assert_eq!(
        recorded::error(&refused),
        (401, "invalid_client".to_owned())
    );
    let json = [("Content-Type", "application/json")];
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    let challenges =
        [("DELETE", ""), ("GET", ""), ("POST", notification.as_str())].map(|(method, body)| {
            let refused = server.request(method, "/mcp", &json, body);
            assert_eq!(refused.status, 401, "{method}");
            refused.header("www-authenticate").to_owned()
        });
    assert!(
        challenges
            .iter()
            .all(|challenge| *challenge == challenges[0])
    );
    assert!(matches!(
        Browser::default().open(&address, REDIRECT_URI),
        Landed::Page(..)
    ));
}
