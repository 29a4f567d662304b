//! RFC 9112 to the letter: what can be read in two ways is refused, and nothing that follows it on
//! the connection is served (threats L1 to L9).

use crate::{Program, Server, raw_http::Connection};

/// Sends bytes; the statuses of all that comes back until the server closes.
fn statuses(server: &Server, bytes: &str) -> Vec<u16> {
    let mut connection = Connection::open(server.address()).unwrap();
    // The server may refuse before it has read everything.
    let _ = connection.send(bytes.as_bytes());
    let mut statuses = Vec::new();
    while let Ok(response) = connection.response(false) {
        statuses.push(response.status);
    }
    statuses
}

/// The one answer is a refusal, and then the connection is closed.
fn assert_refused(server: &Server, bytes: &str) {
    let statuses = statuses(server, bytes);
    assert!(
        matches!(statuses.as_slice(), [400..=499 | 501 | 505] | []),
        "{statuses:?} to {bytes:?}"
    );
}

const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n";

fn post(server: &Server, headers: &str, body: &str) -> String {
    let hidden = HIDDEN.replace("HOST", &server.host());
    format!(
        "POST /register HTTP/1.1\r\nHost: {}\r\n{headers}\r\n{body}{hidden}",
        server.host()
    )
}

/// L1. Refused, or read as chunked and then closed (RFC 9112 section 6.1).
pub fn conflicting_framing_hides_no_second_request(program: &Program) {
    let server = program.start();
    let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n";
    for text in [post(&server, both, "0\r\n\r\n"), post(&server, both, "")] {
        let statuses = statuses(&server, &text);
        assert!(
            statuses.len() <= 1 && !statuses.contains(&200),
            "{statuses:?}"
        );
    }
    for coding in [
        "xchunked",
        "chunked, identity",
        "gzip, chunked",
        "identity",
        "chunked, chunked",
    ] {
        assert_refused(
            &server,
            &post(
                &server,
                &format!("Transfer-Encoding: {coding}\r\n"),
                "0\r\n\r\n",
            ),
        );
    }
    server.assert_healthy();
}

/// L2, L4.
pub fn invalid_content_lengths_are_refused(program: &Program) {
    let server = program.start();
    for length in [
        "+4",
        "-1",
        "0x4",
        "4, 5",
        "4 4",
        "99999999999999999999999",
        "",
        "four",
    ] {
        assert_refused(
            &server,
            &post(&server, &format!("Content-Length: {length}\r\n"), "abcd"),
        );
    }
    let two = "Content-Length: 4\r\nContent-Length: 5\r\n";
    assert_refused(&server, &post(&server, two, "abcd"));
    server.assert_healthy();
}

/// L5.
pub fn broken_chunks_are_refused(program: &Program) {
    let server = program.start();
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    for body in [
        "-1\r\n",
        "zz\r\nab\r\n0\r\n\r\n",
        "2\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "0x2\r\nab\r\n0\r\n\r\n",
    ] {
        let statuses = statuses(&server, &post(&server, chunked, body));
        assert!(
            statuses.len() <= 1 && !statuses.contains(&200),
            "{statuses:?} to {body:?}"
        );
    }
    server.assert_healthy();
}

/// L6.
pub fn broken_header_lines_are_refused(program: &Program) {
    let server = program.start();
    for line in [
        "X-A: b\r\n folded",
        "X-A : b",
        ": b",
        " X-A: b",
        "X-A: a\0b",
        "X(A): b",
        "X-A: a\rb",
    ] {
        let text = format!(
            "GET /healthz HTTP/1.1\r\nHost: {}\r\n{line}\r\n\r\n",
            server.host()
        );
        assert_refused(&server, &text);
    }
    server.assert_healthy();
}

/// L8.
pub fn exactly_one_host_is_required(program: &Program) {
    let server = program.start();
    let host = server.host();
    assert_refused(&server, "GET /mcp HTTP/1.1\r\n\r\n");
    for second in [host.as_str(), "evil.example"] {
        let text = format!("GET /mcp HTTP/1.1\r\nHost: {host}\r\nHost: {second}\r\n\r\n");
        assert_refused(&server, &(text + "GET /healthz HTTP/1.1\r\n\r\n"));
    }
    server.assert_healthy();
}

/// H12, L9, L13.
pub fn malformed_requests_are_refused(program: &Program) {
    let server = program.start();
    let host = server.host();
    for line in [
        "GET /healthz HTTP/2.0",
        "GET /healthz HTTP/1.1 x",
        "GET  /healthz HTTP/1.1",
        "get /healthz HTTP/1.1",
        "GET http://evil.example/mcp HTTP/1.1",
        "GET ftp://evil.example/healthz HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1",
        "TRACE / HTTP/1.1",
        "MADEUP / HTTP/1.1",
        "PRI * HTTP/2.0",
        "\u{16}\u{3}\u{1}\u{2}",
    ] {
        let text = format!("{line}\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_refused(&server, &text);
    }
    let upgrade = format!(
        "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"
    );
    assert!(!statuses(&server, &upgrade).contains(&101));
    for path in [
        "//mcp",
        "/mcp//",
        "/MCP",
        "/./mcp",
        "/%6dcp",
        "/mcp;x",
        "/.env",
        "/etc/passwd",
    ] {
        let response = server.request("GET", path, &[], "");
        assert!(
            matches!(response.status, 400..=404 | 421),
            "L12 {path}: {}",
            response.status
        );
    }
}

/// L7, L13, M8.
pub fn refusal_leaves_no_request_behind(program: &Program) {
    let server = program.start();
    let host = server.host();
    let hidden = HIDDEN.replace("HOST", &host);
    let length = hidden.len();
    for (target, length) in [
        ("/mcp", length),
        ("/register", 10_000_000_000),
        ("/nowhere", length),
    ] {
        let text = format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{hidden}"
        );
        let statuses = statuses(&server, &text);
        assert!(
            matches!(statuses.as_slice(), [400..=499] | []),
            "{target}: {statuses:?}"
        );
    }
    let expects = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    );
    assert_eq!(
        statuses(&server, &expects).first(),
        Some(&401),
        "refused by its head"
    );
}

/// L10.
pub fn pipelined_requests_are_answered_in_order(program: &Program) {
    let server = program.start();
    let host = server.host();
    let get =
        |target: &str, last: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{last}\r\n");
    let text = get("/healthz", "")
        + &get("/nowhere", "")
        + &get("/mcp", "")
        + &get("/healthz", "Connection: close\r\n");
    assert_eq!(statuses(&server, &text), [200, 404, 401, 200]);
}

/// L13.
pub fn head_response_has_no_body(program: &Program) {
    let server = program.start();
    let mut connection = Connection::open(server.address()).unwrap();
    let host = server.host();
    let text = format!("HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    connection
        .send((text + &server.get("/healthz")).as_bytes())
        .unwrap();
    assert_eq!(connection.response(true).unwrap().status, 200);
    assert_eq!(connection.response(false).unwrap().body, "ok\n");
}
