//! Session tokens, refresh tokens, codes: their lives and ends.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    Program, Server,
    browser::Browser,
    client::{self, Client, initialize, post_form, redeem, register, sign_in, sign_in_to},
    session::{Session, next, text, until},
};

/// E6: processes of one client that share a token, each with the generation that it has read.
pub fn refresh_token_of_any_generation_gets_the_one_that_is_good(program: &Program) {
    let mut server = program.start();
    let first = sign_in(&server, "alice");
    let refreshed =
        |of: &Client, server: &Server| Client::of(of.client_id.clone(), &of.refresh(server).json());
    let second = refreshed(&first, &server);
    let third = refreshed(&second, &server);
    assert!(third.refresh_token != second.refresh_token);
    // What is needed for it is stored.
    server.kill();
    server.start();
    for earlier in [&first, &second] {
        let again = refreshed(earlier, &server);
        assert_eq!(again.refresh_token, third.refresh_token);
        assert!(again.works(&server));
    }
    assert!(first.works(&server) && third.works(&server));
}

/// E5, E6.
pub fn refresh_rotates_and_reuse_ends_the_session(program: &Program) {
    let server = program.with(&["--refresh-reuse", "0s"]).start();
    let first = sign_in(&server, "alice");
    let second = Client::of(first.client_id.clone(), &first.refresh(&server).json());
    assert_ne!(first.refresh_token, second.refresh_token);
    assert_ne!(first.access_token, second.access_token);
    assert!(second.works(&server));
    let third = Client::of(first.client_id.clone(), &second.refresh(&server).json());
    let reuse = first.refresh(&server);
    assert_eq!(
        (reuse.status, reuse.json()["error"].as_str()),
        (400, Some("invalid_grant"))
    );
    assert!(!third.works(&server), "a reuse ends the session");
    assert_eq!(third.refresh(&server).status, 400);
}

/// E12.
pub fn lifetimes_are_those_that_are_set(program: &Program) {
    const SETTINGS: [&str; 10] = [
        "--session-token-lifetime",
        "5m",
        "--session-idle-lifetime",
        "1h",
        "--session-lifetime",
        "1d",
        "--code-lifetime",
        "10s",
        "--consent-lifetime",
        "1h",
    ];
    let server = program.with(&SETTINGS).start();
    let client = sign_in(&server, "alice");
    assert!(client.works(&server));
    assert_eq!(client.refresh(&server).json()["expires_in"], 300);
}

/// E3.
pub fn concurrent_code_redemptions_give_one_session(program: &Program) {
    let server = program.start();
    let client_id = register(&server);
    let landed = client::browse(&server, &mut Browser::default(), &client_id, "alice");
    let code = client::parameter(&landed, "code").expect("there is a code");
    let good = at_once(&server, 20, |server| {
        redeem(server, &client_id, &code).status == 200
    });
    assert!(good <= 1, "{good} of twenty");
}

/// E3, E6.
pub fn concurrent_refreshes_give_one_successor(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    let tokens = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let good = at_once(&server, 20, |server| {
        let response = client.refresh(server);
        if response.status == 200 {
            let token = response.json()["refresh_token"]
                .as_str()
                .unwrap()
                .to_owned();
            tokens.lock().unwrap().insert(token);
        }
        response.status == 200
    });
    assert!(good >= 1, "an honest client gets through");
    assert_eq!(tokens.lock().unwrap().len(), 1);
}

fn at_once(server: &Server, count: usize, f: impl Fn(&Server) -> bool + Sync) -> usize {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(|| f(server))).collect();
        threads
            .into_iter()
            .filter(|_| true)
            .map(|thread| usize::from(thread.join().unwrap()))
            .sum()
    })
}

/// E11.
pub fn revoked_token_is_refused(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    assert!(client.works(&server));
    let fields = [
        ("token", client.access_token.as_str()),
        ("client_id", &client.client_id),
    ];
    assert_eq!(post_form(&server, "/revoke", &fields).status, 200);
    assert!(!client.works(&server));
    assert_eq!(client.refresh(&server).status, 400);
}

/// I7.
pub fn revoked_token_ends_its_stream(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    let session = client.initialize(&server, "2025-11-25");
    let headers = [
        ("Mcp-Session-Id", session.as_str()),
        ("MCP-Protocol-Version", "2025-11-25"),
    ];
    let (head, mut events) = client.stream(&server, "/mcp", &headers).unwrap();
    assert_eq!(head.status, 200);
    let fields = [
        ("token", client.refresh_token.as_str()),
        ("client_id", &client.client_id),
    ];
    assert_eq!(post_form(&server, "/revoke", &fields).status, 200);
    let end = Instant::now() + Duration::from_secs(20);
    while events.next_event().unwrap().is_some() {
        assert!(Instant::now() < end, "the stream goes on");
    }
}

/// I7: a call ends with an error, and its function with it.
pub fn revoked_token_ends_its_call(program: &Program) {
    let server = program.example("trouble").start();
    let session = Session::of(&server, "alice");
    let params = json!({"name": "wait", "arguments": {}, "_meta": {"progressToken": "p"}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    let mut events = session.post_for_stream(&call);
    let progress = next(&mut events);
    assert_eq!(progress["method"], "notifications/progress", "{progress}");
    let fields = [
        ("token", session.client.refresh_token.as_str()),
        ("client_id", &session.client.client_id),
    ];
    assert_eq!(post_form(&server, "/revoke", &fields).status, 200);
    let end = Instant::now() + Duration::from_secs(10);
    let error = next(&mut events);
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("sign in again"), "{error}");
    assert!(events.next_event().unwrap().is_none());
    assert!(Instant::now() < end, "it is told at once");
    let other = Session::of(&server, "bob");
    until("the function ends", || {
        text(&other.call("waiting", &json!({}))) == "0"
    });
}

/// F1 to F11.
pub fn invalid_token_gets_only_a_challenge(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    let token = &client.access_token;
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    let wrong = [
        "null".to_owned(),
        client.refresh_token.clone(),
        client.client_id.clone(),
        format!("{signed}."),
        signed.to_owned(),
        format!("{token}A"),
        format!("eyJhbGciOiJub25lIn0.{payload}."),
    ];
    let body = initialize("2025-11-25").to_string();
    let json = ("Content-Type", "application/json");
    for token in &wrong {
        let bearer = format!("Bearer {token}");
        let response = server.request("POST", "/mcp", &[("Authorization", &bearer), json], &body);
        assert_eq!(response.status, 401, "{token}");
        assert!(
            response
                .header("www-authenticate")
                .contains("error=\"invalid_token\"")
        );
        assert!(token.len() < 10 || !response.body.contains(token));
    }
    for (method, target) in [
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("DELETE", "/mcp"),
        ("GET", "/sse"),
    ] {
        let body = if method == "POST" { body.as_str() } else { "" };
        let response = server.request(method, target, &[json], body);
        assert_eq!(response.status, 401, "{method} {target}");
        let challenge = response.header("www-authenticate");
        assert!(challenge.contains("resource_metadata=") && challenge.contains("scope="));
        assert!(
            !challenge.contains("error="),
            "nothing was shown: {challenge}"
        );
    }
    let bearer = format!("Bearer {token}");
    let twice = [
        ("Authorization", bearer.as_str()),
        ("Authorization", &bearer),
        json,
    ];
    assert!(server.request("POST", "/mcp", &twice, &body).status >= 400);
    let in_query = format!("/mcp?access_token={token}");
    assert_eq!(
        server.request("POST", &in_query, &[json], &body).status,
        401
    );
    let lower = format!("bearer {token}");
    let response = server.request("POST", "/mcp", &[("Authorization", &lower), json], &body);
    assert_eq!(response.status, 200);
}

/// C9: with the metadata of the endpoint that was asked, by which the client signs in for it.
pub fn token_of_one_endpoint_is_refused_at_the_other(program: &Program) {
    let server = program.start();
    let sign_in = |endpoint| sign_in_to(&server, register(&server), endpoint, "alice");
    let [mcp, sse, both] = [Some("/mcp"), Some("/sse"), None].map(sign_in);
    let at_sse = |client: &Client| client.stream(&server, "/sse", &[]).unwrap().0;
    assert!(mcp.works(&server) && both.works(&server));
    assert_eq!((at_sse(&sse).status, at_sse(&both).status), (200, 200));
    let refused = [
        (at_sse(&mcp), "oauth-protected-resource/sse\""),
        (
            sse.post(&server, &[], &initialize("2025-11-25")),
            "oauth-protected-resource/mcp\"",
        ),
    ];
    for (response, metadata) in refused {
        assert_eq!(response.status, 401);
        let challenge = response.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert!(challenge.contains("another endpoint"), "{challenge}");
        assert!(challenge.contains(metadata), "{challenge}");
    }
}
