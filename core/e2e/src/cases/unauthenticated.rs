//! Strangers: floods that leave nothing behind, addresses that are never fetched, and errors that
//! are dull.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use entra_mcp_core::limits;
use serde_json::json;

use crate::{
    Program, Server,
    client::{self, post_form, redeem, register, sign_in},
    raw_http::Connection,
    server::PATIENCE,
};

/// M1, M2, M11 to M13.
pub fn unauthenticated_flood_leaves_no_state(program: &Program) {
    let server = program.start();
    let before = sign_in(&server, "alice");
    let resident = server.resident_bytes();
    let threads = server.threads();
    for number in 0..200 {
        let metadata = json!({
            "client_name": format!("Client {number}"),
            "redirect_uris": [format!("https://client{number}.example/cb")],
            "token_endpoint_auth_method": "none",
        });
        let json = [("Content-Type", "application/json")];
        let registered = server.request("POST", "/register", &json, &metadata.to_string());
        assert_eq!(registered.status, 201);
        let client_id = registered.json()["client_id"].as_str().unwrap().to_owned();
        let address = client::authorize(&server, &client_id).to_string();
        let address = address.replace("127.0.0.1%3A9%2Fcallback", "client.example");
        let begun = server.request("GET", address.trim_start_matches(&server.url()), &[], "");
        assert!(begun.status < 500);
        let callback = format!("/auth/callback?code=guess{number}&state=guess{number}");
        assert!((400..500).contains(&server.request("GET", &callback, &[], "").status));
        assert_eq!(redeem(&server, &client_id, "guess").status, 400);
        let bearer = format!("Bearer guess{number}");
        assert_eq!(
            server
                .request("GET", "/mcp", &[("Authorization", &bearer)], "")
                .status,
            401
        );
        // Broken off in the middle.
        let mut connection = Connection::open(server.address()).unwrap();
        connection
            .send(b"POST /register HTTP/1.1\r\nContent-Length: 100\r\n")
            .unwrap();
    }
    assert!(
        sign_in(&server, "alice").works(&server),
        "nobody is locked out"
    );
    assert!(before.works(&server));
    let grown = server.resident_bytes().saturating_sub(resident);
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes more");
    assert!(
        server.threads() < threads + 64,
        "{} threads",
        server.threads()
    );
}

/// C10, H7, H8, H11.
pub fn urls_named_by_unauthenticated_clients_are_not_fetched(program: &Program) {
    let server = program.start();
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let port = trap.local_addr().unwrap().port();
    let here = format!("https://127.0.0.1:{port}/metadata.json");
    let addresses = [
        here.clone(),
        here.replace("https", "http"),
        here.replace("127.0.0.1", "0x7f000001"),
        here.replace("127.0.0.1", "localhost."),
        here.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
    ];
    for address in &addresses {
        let target = client::authorize(&server, address).to_string();
        let target = target.trim_start_matches(&server.url()).to_owned();
        let page = server.request("GET", &target, &[], "");
        assert_eq!(page.status, 400, "an unknown client gets a page");
        assert_eq!(page.header("location"), "");
        let refused = redeem(&server, address, "code").status;
        assert!(matches!(refused, 400 | 401), "{refused}");
        let metadata = json!({
            "redirect_uris": ["https://client.example/cb"], "logo_uri": address,
            "jwks_uri": address, "client_uri": address, "policy_uri": address,
            "sector_identifier_uri": address, "software_statement": address,
        });
        let json = [("Content-Type", "application/json")];
        let answer = server.request("POST", "/register", &json, &metadata.to_string());
        assert!(answer.status < 500);
        let client_id = register(&server);
        let mut target = client::authorize(&server, &client_id);
        target
            .query_pairs_mut()
            .append_pair("request_uri", address)
            .append_pair("iss", address);
        let target = target.to_string();
        let _ = server.request("GET", target.trim_start_matches(&server.url()), &[], "");
        let alice = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id.as_str()),
            ("client_assertion", address),
            ("resource", address),
            ("code", address),
            ("code_verifier", client::VERIFIER),
        ];
        assert!((400..500).contains(&post_form(&server, "/token", &alice).status));
    }
    assert!(trap.accept().is_err(), "somebody called");
}

/// C14, E1, L14, O1, O2.
pub fn errors_disclose_nothing(program: &Program) {
    let server = program.start();
    let client = sign_in(&server, "alice");
    let long = "x".repeat(8000);
    let odd = [
        "%00",
        "%0d%0aX-A:%20b",
        "%ff%fe",
        "<script>alert(1)</script>",
        "%F0%9F%92%A9",
        &long,
    ];
    for value in odd {
        for target in [
            format!("/authorize?client_id={value}"),
            format!("/authorize?state={value}&client_id={}", client.client_id),
            format!("/auth/callback?error={value}&state={value}"),
            format!("/message?sessionId={value}"),
        ] {
            let target = target.replace(['<', '>', ' '], "");
            assert_dull(&server, "GET", &target, "", value);
        }
        let json = format!("{{\"redirect_uris\":[\"{value}\"],\"client_name\":\"{value}\"}}");
        assert_dull(&server, "POST", "/register", &json, value);
        let bearer = format!("Bearer {}", client.access_token);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let message = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{value}\"}}");
        let response = server.request("POST", "/mcp", &headers, &message);
        assert!(
            response.status < 500 && response.body.len() < 2000,
            "K10: {}",
            response.status
        );
    }
    server.assert_healthy();
}

fn assert_dull(server: &Server, method: &str, target: &str, body: &str, value: &str) {
    let headers = [("Content-Type", "application/json")];
    let response = server.request(method, target, &headers, body);
    assert!(
        response.status < 500,
        "{method} {target}: {}",
        response.status
    );
    for text in ["panicked", "RUST_BACKTRACE", ".rs:", "AADSTS", "<script"] {
        assert!(
            !response.body.contains(text),
            "{text} in the answer to {value}"
        );
    }
    assert!(
        response.headers.iter().all(|(name, _)| name != "x-a"),
        "C8: a header was made"
    );
    if !response.body.is_empty() {
        assert_ne!(response.header("content-type"), "");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
    }
}

/// M14. Though nothing follows the burst.
pub fn burst_of_refusals_is_counted_in_the_log_when_it_is_over(program: &Program) {
    let mut server = program.start();
    let refuse = |server: &Server| {
        for _ in 0..2 * limits::LOG_BURST {
            let refused = server.request("GET", "/authorize?client_id=unknown", &[], "");
            assert_eq!(refused.status, 400);
        }
    };
    let count = |server: &Server, id: &str| server.log().matches(id).count();
    refuse(&server);
    let end = Instant::now() + PATIENCE;
    while count(&server, "[log.throttled]") == 0 {
        assert!(Instant::now() < end, "{}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let written = count(&server, "[authorization.refused]") as u64;
    assert_eq!(written, limits::LOG_BURST);
    refuse(&server);
    assert!(server.terminate().success());
    let end = Instant::now() + PATIENCE;
    while count(&server, "[log.throttled]") < 2 {
        assert!(Instant::now() < end, "{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}
