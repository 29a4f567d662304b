//! What holds behind `tiny_http`, and what does not: the second half is written down as tests too,
//! so that a version that mends it is noticed, and the warnings with it can go.

use std::{net::SocketAddr, time::Instant};

use super::*;
use entra_mcp_e2e::echo::{connect, statuses, talk};
use entra_mcp_runtime::InboundLimits;

use crate::inbound::echo::EchoService;

fn server() -> SocketAddr {
    server_with(InboundLimits::of_connections(100))
}

fn server_with(limits: InboundLimits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let service: Arc<dyn Service> = Arc::new(EchoService);
    let limit = Arc::new(ConnectionLimit::new(limits));
    std::thread::spawn(move || serve(&listener, &service, &limit, &AtWork::for_ever()));
    address
}

/// All that the server says to these bytes and a last request that ends the connection.
fn raw_response(bytes: &str) -> String {
    let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    talk(&mut connect(server()), format!("{bytes}{last}").as_bytes())
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let response = raw_response(
        "GET /a?b=c HTTP/1.1\r\nHost: localhost:3001\r\n\r\n\
         POST /b HTTP/1.1\r\nhost: a\r\nContent-Length: 4\r\n\r\nbody\
         POST /c HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert_eq!(statuses(&response), [200; 4], "{response}");
    let answers = ["GET /a ", "POST /b body", "POST /c abc", "GET /last "];
    let places = answers.map(|text| response.find(text).unwrap());
    assert!(places.is_sorted(), "{response}");
}

#[test]
fn stream_is_written_piece_by_piece() {
    let response = raw_response("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    let chunks = "\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\nHTTP/1.1 200";
    assert!(response.contains(chunks), "{response}");
}

#[test]
fn head_has_no_body_and_a_panic_is_a_500() {
    let response =
        raw_response("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&response), [200, 500, 200], "{response}");
    assert!(response.contains("\r\n\r\nHTTP/1.1 500"), "{response}");
}

// M8
#[test]
fn body_over_its_limit_is_refused() {
    let body = "x".repeat(1001);
    let response = raw_response(&format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n{body}"
    ));
    assert_eq!(statuses(&response), [413, 200], "{response}");
}

// L2 to L4, L6, L8, L9
#[test]
fn ambiguous_framing_is_refused() {
    let odd = [
        "GET / HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 0",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc",
        "get / HTTP/1.1\r\nHost: a",
        "GET /#a HTTP/1.1\r\nHost: a",
    ];
    for head in odd {
        let response = raw_response(&format!("{head}\r\n\r\n"));
        assert_eq!(
            statuses(&response).first(),
            Some(&400),
            "{head:?}: {response}"
        );
    }
}

// L2, L4, L7: NOT held; `strict` holds them.
#[test]
fn smuggled_request_is_served_by_tiny_http() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = hidden.len();
    let smuggled = [
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("Content-Length: 0x{length:x}\r\n\r\n{hidden}"),
    ];
    for request in smuggled {
        let response = raw_response(&format!("POST /a HTTP/1.1\r\nHost: a\r\n{request}"));
        assert!(response.contains("GET /hidden "), "{request:?}: {response}");
    }
}

// L11: NOT held.
#[test]
fn number_of_fields_is_not_bounded_by_tiny_http() {
    let many = "X-A: b\r\n".repeat(10_000);
    let response = raw_response(&format!("GET /many HTTP/1.1\r\nHost: a\r\n{many}\r\n"));
    assert_eq!(statuses(&response), [200, 200], "{response}");
}

// M10
#[test]
fn buffered_bodies_of_strangers_are_bounded() {
    let address = server_with(InboundLimits {
        bytes: 10_000,
        ..InboundLimits::of_connections(100)
    });
    let body = "x".repeat(20_000);
    let head = "POST /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let request = format!("{head}Content-Length: 20000\r\n\r\n{body}");
    let received = talk(&mut connect(address), request.as_bytes());
    assert_eq!(statuses(&received), [503], "{received}");
    let request =
        format!("{head}Authorization: Bearer good\r\nContent-Length: 20000\r\n\r\n{body}");
    let received = talk(&mut connect(address), request.as_bytes());
    assert_eq!(statuses(&received), [200], "{received}");
}

// M10: requests of one address are bounded, but silent connections and slow heads are NOT; `strict` bounds them.
#[test]
fn silent_connections_and_slow_heads_are_not_counted() {
    let address = server_with(InboundLimits {
        strangers_per_address: 1,
        bytes: 0,
        ..InboundLimits::of_connections(2)
    });
    let ask = || {
        let request = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        statuses(&talk(&mut connect(address), request))
    };
    let _silent = connect(address);
    let mut slow = connect(address);
    let head = format!("GET / HTTP/1.1\r\nX-A: {}", "x".repeat(20_000));
    slow.write_all(head.as_bytes()).unwrap();
    assert_eq!(ask(), [200]);
    let mut body = connect(address);
    body.write_all(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo")
        .unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while ask() != [429] {
        assert!(Instant::now() < end);
    }
}
