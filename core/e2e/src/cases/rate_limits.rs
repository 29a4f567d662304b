//! Requests that come too often (threat M17).

use serde_json::json;

use crate::{
    Program, Server,
    client::{self, call, register_as, sign_in},
    raw_http::Response,
};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Sends a request as the proxy of this client.
fn ask(
    server: &Server,
    client: &str,
    method: &str,
    target: &str,
    field: (&str, &str),
    body: &str,
) -> Response {
    server.request(method, target, &[("X-Forwarded-For", client), field], body)
}

fn assert_limited(response: &Response) {
    assert_eq!(response.status, 429, "{}", response.body);
    let seconds: u64 = response.header("retry-after").parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
}

/// M17: one address behind a proxy, and of IPv6 one network; others are served.
pub fn strangers_of_one_address_are_limited_in_rate(program: &Program) {
    let server = program.start_with(&[
        "--trusted-proxy",
        "127.0.0.1",
        "--rate-limit",
        "registration=3/1h sign-in=4/1h token=6/1h",
    ]);
    let metadata = json!({"redirect_uris": [client::REDIRECT_URI]}).to_string();
    let register = |from| ask(&server, from, "POST", "/register", JSON, &metadata);
    for host in ["2001:db8::1", "2001:db8::2", "[2001:db8::3]:4711"] {
        assert_eq!(register(host).status, 201);
    }
    let limited = register("2001:db8::4");
    assert_limited(&limited);
    assert_eq!(limited.json()["error"], "temporarily_unavailable");
    assert_eq!(register("2001:db8:0:1::1").status, 201);

    let token = |from, client: &str| {
        let body = format!("grant_type=refresh_token&refresh_token=x&client_id={client}");
        ask(&server, from, "POST", "/token", FORM, &body)
    };
    let [one, other] = ["a", "b"].map(|name| register_as(&server, name));
    for _ in 0..3 {
        assert_eq!(token("203.0.113.7", &one).status, 400);
    }
    for _ in 0..10 {
        assert_limited(&token("203.0.113.7", &one));
    }
    assert_eq!(token("203.0.113.7", &other).status, 400, "of its own half");
    assert_eq!(token("203.0.113.8", &one).status, 400, "elsewhere");

    let page = |target| ask(&server, "203.0.113.7", "GET", target, FORM, "");
    for target in [
        "/me",
        "/auth/callback?code=x&state=y",
        "/authorize?client_id=x",
        "/me",
    ] {
        assert_ne!(page(target).status, 429);
    }
    let limited = page("/authorize?client_id=x");
    assert_limited(&limited);
    assert!(
        limited.body.contains("<h1>Too many requests</h1>"),
        "{}",
        limited.body
    );
    assert_eq!(page("/.well-known/oauth-authorization-server").status, 200);
    assert_eq!(page("/healthz").status, 200);
    // One line a burst, and all that it takes to find out who it is.
    let log = server.log();
    assert_eq!(log.matches("rate.limited").count(), 1, "{log}");
    assert!(log.contains("2001:db8::/64"), "{log}");
}

/// M17: one user with one client, who has a whole allowance of their own.
pub fn user_is_limited_in_rate_and_others_are_not(program: &Program) {
    let server = program.start_with(&["--rate-limit", "tools=5/1h"]);
    let (alice, grace) = (sign_in(&server, "alice"), sign_in(&server, "grace"));
    let again = client::sign_in_with(&server, alice.client_id.clone(), "alice");
    let session = alice.initialize(&server, "2025-11-25");
    let headers = [
        ("Mcp-Session-Id", session.as_str()),
        ("MCP-Protocol-Version", "2025-11-25"),
    ];
    for number in 0..4 {
        assert_eq!(alice.post(&server, &headers, &call(number)).status, 200);
    }
    let limited = alice.post(&server, &headers, &call(9));
    assert_limited(&limited);
    assert_eq!(limited.json()["jsonrpc"], "2.0");
    let message = limited.json()["error"]["message"].to_string();
    assert!(message.contains("Too many requests"), "{message}");
    assert!(!again.works(&server), "the same user with the same client");
    let other_client = client::sign_in_with(&server, register_as(&server, "Another"), "alice");
    assert!(grace.works(&server) && other_client.works(&server));
}
