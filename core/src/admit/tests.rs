//! Threats F10, F11, J1 to J4, L7, L12, L13, M8, M9.

mod exempt;

use ::http::Request;

use super::*;
use crate::{
    request_id::RequestId,
    testing::{TestServer, header, session_token},
    time::UnixTime,
};

const PROTECTED: [(&str, &str); 5] = [
    ("POST", "/mcp"),
    ("GET", "/mcp"),
    ("DELETE", "/mcp"),
    ("GET", "/sse"),
    ("POST", "/message?sessionId=x"),
];

fn admitted(
    server: &TestServer,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
) -> Result<Admission, Box<Response<Bytes>>> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    admit(head, &server.server, server.now, RequestId::own(1))
}

fn status(server: &TestServer, method: &str, target: &str, fields: &[(&str, &str)]) -> u16 {
    match admitted(server, method, target, fields) {
        Ok(_) => 0,
        Err(refusal) => refusal.status().as_u16(),
    }
}

const HERE: (&str, &str) = ("host", "localhost:3001");
const JSON: (&str, &str) = ("content-type", "application/json");

// J1
#[test]
fn request_with_another_host_is_refused() {
    let server = TestServer::dev();
    for host in [
        "localhost:3001",
        "LocalHost:3001",
        "127.0.0.1:3001",
        "[::1]:3001",
    ] {
        assert_eq!(status(&server, "GET", "/", &[("host", host)]), 0, "{host}");
    }
    for host in [
        "evil.example",
        "localhost",
        "localhost:3002",
        "localhost:3001.evil.example",
        "evil.example:3001",
        "localhost.:3001",
        "user@localhost:3001",
        "",
    ] {
        for target in ["/", "/mcp", "/sse", "/message", "/authorize", "/nowhere"] {
            let fields = [
                ("host", host),
                ("x-forwarded-host", "localhost:3001"),
                ("forwarded", "host=localhost:3001"),
            ];
            assert_eq!(status(&server, "GET", target, &fields), 421, "{host}");
        }
    }
    let https = TestServer::https();
    assert_eq!(status(&https, "GET", "/", &[("host", "mcp.example")]), 0);
    assert_eq!(
        status(&https, "GET", "/", &[("host", "mcp.example:443")]),
        0
    );
    assert_eq!(
        status(&https, "GET", "/", &[("host", "localhost:3001")]),
        421
    );
}

// J1: the last colon of a bare IPv6 address is no port's.
#[test]
fn other_names_of_a_loopback_address_without_a_port_are_served() {
    let mut server = TestServer::dev();
    server.server.config.public_url = crate::config::PublicUrl::parse("http://[::1]").unwrap();
    for host in ["[::1]", "localhost", "127.0.0.1"] {
        assert_eq!(status(&server, "GET", "/", &[("host", host)]), 0, "{host}");
    }
    for host in ["[::1]:3001", "localhost:1]"] {
        assert_eq!(
            status(&server, "GET", "/", &[("host", host)]),
            421,
            "{host}"
        );
    }
}

// J1, C15: a further name is served, and named nowhere.
#[test]
fn request_with_a_host_that_the_operator_added_is_served() {
    let mut server = TestServer::https();
    server.server.config.allowed_hosts = vec!["inner.example:8443".to_owned()];
    for (host, expected) in [
        ("inner.example:8443", 0),
        ("Inner.Example:8443", 0),
        ("mcp.example", 0),
        ("inner.example", 421),
        ("inner.example:8443.evil.example", 421),
    ] {
        assert_eq!(
            status(&server, "GET", "/", &[("host", host)]),
            expected,
            "{host}"
        );
    }
    let get = |host: &str| {
        let request = Request::builder().uri("/.well-known/oauth-authorization-server");
        let request = request.header("host", host).body(Bytes::new());
        server.response(request.unwrap()).into_body()
    };
    assert_eq!(get("inner.example:8443"), get("mcp.example"));
    let challenge = |host: &str| {
        let refusal = admitted(&server, "POST", "/mcp", &[("host", host)]).unwrap_err();
        header(&refusal, "www-authenticate").to_owned()
    };
    assert_eq!(challenge("inner.example:8443"), challenge("mcp.example"));
}

// L8
#[test]
fn request_with_two_hosts_is_refused() {
    let server = TestServer::dev();
    assert_eq!(status(&server, "GET", "/", &[]), 400);
    assert_eq!(status(&server, "GET", "/", &[HERE, HERE]), 400);
}

#[test]
fn healthz_is_answered_under_any_host() {
    let server = TestServer::dev();
    assert_eq!(
        status(&server, "GET", "/healthz", &[("host", "10.0.0.7")]),
        0
    );
    assert_eq!(status(&server, "GET", "/healthz", &[]), 0);
}

// L9, L11, L12
#[test]
fn target_that_is_no_exact_path_is_not_found() {
    let server = TestServer::dev();
    let long = format!("/mcp?{}", "x".repeat(limits::TARGET_BYTES));
    assert_eq!(status(&server, "GET", &long, &[HERE]), 414);
    // RFC 9112 section 3.2.2: the host of an absolute target counts, not the field.
    let targets = [
        ("http://localhost:3001/mcp", 401),
        ("http://evil.example/mcp", 421),
    ];
    for (target, expected) in targets {
        assert_eq!(
            status(&server, "GET", target, &[HERE]),
            expected,
            "{target}"
        );
    }
    for target in [
        "/MCP",
        "/mcp//",
        "//mcp",
        "/./mcp",
        "/x/../mcp",
        "/%6dcp",
        "/mcp%00",
        "/mcp;a",
        "/metrics",
    ] {
        assert_eq!(status(&server, "GET", target, &[HERE]), 404, "{target}");
    }
}

// L13
#[test]
fn unknown_method_gets_405_with_allow() {
    let server = TestServer::dev();
    let token = format!("Bearer {}", session_token(&server));
    for (method, target) in [
        ("PUT", "/mcp"),
        ("HEAD", "/mcp"),
        ("TRACE", "/mcp"),
        ("CONNECT", "/mcp"),
        ("get", "/mcp"),
        ("GET", "/token"),
        ("GET", "/message"),
        ("POST", "/sse"),
        ("POST", "/authorize"),
    ] {
        let fields = [HERE, ("authorization", token.as_str())];
        let refusal = admitted(&server, method, target, &fields).unwrap_err();
        assert_eq!(refusal.status(), 405, "{method} {target}");
        assert!(header(&refusal, "allow").contains("OPTIONS"));
    }
}

// J2
#[test]
fn foreign_origin_is_forbidden_at_the_mcp_endpoints() {
    let server = TestServer::dev();
    let token = format!("Bearer {}", session_token(&server));
    let bearer = ("authorization", token.as_str());
    for (method, target) in PROTECTED {
        for origin in [
            "https://evil.example",
            "null",
            "file://",
            "http://localhost:3001.evil.example",
            "http://evil-localhost:3001",
            "https://localhost:3001",
            "http://localhost:62740",
            "chrome-extension://abc",
            "",
        ] {
            let fields = [HERE, JSON, bearer, ("origin", origin)];
            let refusal = admitted(&server, method, target, &fields).unwrap_err();
            assert_eq!(refusal.status(), 403, "{origin} {target}");
            assert_eq!(header(&refusal, "access-control-allow-origin"), "");
        }
        for origin in [
            "http://localhost:3001",
            "http://127.0.0.1:3001",
            "http://localhost:6274",
        ] {
            let fields = [HERE, JSON, bearer, ("origin", origin)];
            assert_eq!(status(&server, method, target, &fields), 0, "{origin}");
        }
        let twice = ("origin", "http://localhost:3001");
        let fields = [HERE, JSON, bearer, twice, twice];
        assert_eq!(status(&server, method, target, &fields), 403);
    }
}

// F11
#[test]
fn request_without_token_gets_a_challenge_before_anything_else() {
    let server = TestServer::dev();
    let unknown = [("HEAD", "/mcp"), ("PUT", "/mcp"), ("POST", "/sse")];
    for (method, target) in PROTECTED.into_iter().chain(unknown) {
        for fields in [
            vec![HERE],
            vec![HERE, ("mcp-protocol-version", "1999-01-01")],
            vec![
                HERE,
                ("content-encoding", "gzip"),
                ("content-length", "99999999999"),
            ],
            vec![HERE, ("authorization", "Basic YTpi")],
            vec![HERE, ("origin", "http://localhost:6274")],
        ] {
            let refusal = admitted(&server, method, target, &fields).unwrap_err();
            assert_eq!(refusal.status(), 401, "{method} {target} {fields:?}");
            let place = if target == "/mcp" { "mcp" } else { "sse" };
            let expected = format!(
                "Bearer resource_metadata=\"http://localhost:3001/.well-known/\
                 oauth-protected-resource/{place}\", scope=\"user.read\""
            );
            assert_eq!(header(&refusal, "www-authenticate"), expected);
        }
    }
    let page = [HERE, ("origin", "http://localhost:6274")];
    let refusal = admitted(&server, "POST", "/mcp", &page).unwrap_err();
    let allowed = header(&refusal, "access-control-allow-origin");
    assert_eq!(allowed, "http://localhost:6274");
}

// F9 to F11
#[test]
fn invalid_token_gets_invalid_token_and_is_not_echoed() {
    let mut server = TestServer::dev();
    let good = session_token(&server);
    let (signed, mac) = good.rsplit_once('.').unwrap();
    let unsigned = format!("{signed}.");
    let other = format!("{signed}.{}", mac.chars().rev().collect::<String>());
    for bad in [
        "null",
        "undefined",
        "dcr.abc.def",
        unsigned.as_str(),
        other.as_str(),
        "a b",
    ] {
        let token = format!("Bearer {bad}");
        let fields = [HERE, JSON, ("authorization", token.as_str())];
        let refusal = admitted(&server, "POST", "/mcp", &fields).unwrap_err();
        assert_eq!(refusal.status(), 401, "{bad}");
        let challenge = header(&refusal, "www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert!(!challenge.contains(mac) && !challenge.contains("dcr.abc"));
    }
    let token = format!("Bearer {good}");
    let bearer = ("authorization", token.as_str());
    assert_eq!(status(&server, "POST", "/mcp", &[HERE, JSON, bearer]), 0);
    assert_eq!(
        status(&server, "POST", "/mcp", &[HERE, JSON, bearer, bearer]),
        401
    );
    let query = format!("/mcp?access_token={good}");
    let cookie = format!("access_token={good}");
    let fields = [HERE, JSON, ("cookie", cookie.as_str())];
    assert_eq!(status(&server, "POST", &query, &fields), 401);
    server.now.unix = UnixTime(server.now.unix.0 + 3600);
    assert_eq!(status(&server, "POST", "/mcp", &[HERE, JSON, bearer]), 401);
}

// J3, M9
#[test]
fn body_of_another_content_type_or_encoding_is_refused() {
    let server = TestServer::dev();
    let token = format!("Bearer {}", session_token(&server));
    let bearer = ("authorization", token.as_str());
    for target in ["/mcp", "/message?sessionId=x"] {
        for json in ["application/json", "Application/JSON; charset=utf-8"] {
            let fields = [HERE, bearer, ("content-type", json)];
            assert_eq!(status(&server, "POST", target, &fields), 0, "{json}");
        }
        for other in [
            "text/plain",
            "text/plain; application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonp",
            "",
        ] {
            let fields = [HERE, bearer, ("content-type", other)];
            assert_eq!(status(&server, "POST", target, &fields), 415, "{other}");
        }
        assert_eq!(status(&server, "POST", target, &[HERE, bearer]), 415);
        assert_eq!(
            status(&server, "POST", target, &[HERE, bearer, JSON, JSON]),
            415
        );
    }
    for target in ["/mcp", "/token", "/register"] {
        let fields = [HERE, bearer, JSON, ("content-encoding", "gzip")];
        assert_eq!(status(&server, "POST", target, &fields), 415, "{target}");
    }
}

// M8
#[test]
fn body_announced_too_long_is_refused_before_it_is_read() {
    let server = TestServer::dev();
    let token = format!("Bearer {}", session_token(&server));
    let bearer = ("authorization", token.as_str());
    let announced = |target: &str, length: &str| {
        let fields = [HERE, JSON, bearer, ("content-length", length)];
        status(&server, "POST", target, &fields)
    };
    assert_eq!(
        announced("/mcp", &limits::MESSAGE_BODY_BYTES.to_string()),
        0
    );
    for length in ["4194305", "10000000000", "99999999999999999999999999"] {
        assert_eq!(announced("/mcp", length), 413, "{length}");
    }
    assert_eq!(announced("/register", "65536"), 0);
    assert_eq!(announced("/register", "65537"), 413);
    for odd in ["+5", "-1", "0x5", "5, 5", "5 "] {
        assert_eq!(announced("/register", odd), 400, "{odd}");
    }
    let admission = admitted(&server, "POST", "/mcp", &[HERE, JSON, bearer]);
    assert_eq!(admission.unwrap().body_limit(), limits::MESSAGE_BODY_BYTES);
    let mut smaller = TestServer::dev();
    smaller.server.config.capacity.message_bytes = 65_536;
    let admission = admitted(&smaller, "POST", "/mcp", &[HERE, JSON, bearer]);
    assert_eq!(admission.unwrap().body_limit(), 65_536);
    let admission = admitted(&server, "POST", "/token", &[HERE]);
    assert_eq!(
        admission.unwrap().body_limit(),
        limits::UNAUTHENTICATED_BODY_BYTES
    );
}

#[test]
fn preflight_needs_no_token() {
    let server = TestServer::dev();
    let fields = [HERE, ("origin", "http://localhost:6274")];
    assert_eq!(status(&server, "OPTIONS", "/mcp", &fields), 0);
    let foreign = [HERE, ("origin", "https://evil.example")];
    assert_eq!(status(&server, "OPTIONS", "/mcp", &foreign), 403);
}
