//! The id that a request has in the log, on the page and in the response.

use crate::{Program, server::Server, session::until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A request that is refused with a page, and what its response is called.
fn refused(server: &Server, headers: &[(&str, &str)]) -> String {
    let response = server.request("GET", "/authorize?client_id=nobody", headers, "");
    assert_eq!(response.status, 400);
    let id = response.header("x-request-id").to_owned();
    assert!(response.body.contains(&format!("Reference: {id}<")));
    let logged = format!("request_id=\"{id}\"");
    until("the line is in the log", || server.log().contains(&logged));
    id
}

fn is_own(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// O4. The id of a trusted proxy is on the page, in the log and in the response; what is not well-formed is replaced.
pub fn request_has_the_id_that_a_trusted_proxy_gave_it(program: &Program) {
    let server = program.start_with(&["--trusted-proxy", "127.0.0.1"]);
    let trace = format!("00-{TRACE}-00f067aa0ba902b7-01");
    assert_eq!(refused(&server, &[("traceparent", &trace)]), TRACE);
    assert_eq!(
        refused(&server, &[("X-Request-ID", "edge-1.2")]),
        "edge-1.2"
    );
    let long = "x".repeat(65);
    for hostile in ["", "a b", "\"><script>", "a\u{1}b", "é", &long] {
        let response = server.request("GET", "/authorize", &[("X-Request-ID", hostile)], "");
        if response.status == 400 && response.header("x-request-id").is_empty() {
            // No head has a control character: it was not even read.
            assert_eq!(hostile, "a\u{1}b");
            continue;
        }
        assert!(is_own(response.header("x-request-id")), "{hostile}");
    }
    // A challenge, a refusal of the head, a success.
    for (target, status) in [("/mcp", 401), ("/nowhere", 404), ("/healthz", 200)] {
        let response = server.request("GET", target, &[("X-Request-ID", "edge-2")], "");
        assert_eq!(response.status, status, "{target}");
        assert_eq!(response.header("x-request-id"), "edge-2", "{target}");
    }
}

/// O4. Nobody else chooses the id that the operator will search for.
pub fn id_of_a_stranger_is_replaced(program: &Program) {
    let server = program.start();
    let trace = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let stranger = [("traceparent", trace.as_str()), ("X-Request-ID", "mine")];
    let ids = [(); 2].map(|()| refused(&server, &stranger));
    assert!(ids.iter().all(|id| is_own(id)), "{ids:?}");
    assert_ne!(ids[0], ids[1]);
    assert!(!server.log().contains("mine"));
}
