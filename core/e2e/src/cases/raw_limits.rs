//! Too many connections and too many bytes, in all and of one address (threat M10).

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use entra_mcp_core::{config::AddressRange, limits::UNCOUNTED_BYTES};
use entra_mcp_runtime::InboundLimits;

use crate::{
    echo::{EchoRuntime, connect, connect_from, statuses, talk},
    server::PATIENCE,
};

/// M10.
pub fn connections_over_the_limit_get_503_but_for_health_and_metadata(runtime: &impl EchoRuntime) {
    let address = runtime.start_limited(InboundLimits::of_connections(1));
    // The one permit is taken.
    let mut normal = connect(address);
    let stream = "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n";
    normal.write_all(stream.as_bytes()).unwrap();
    normal.read_exact(&mut [0]).unwrap();
    for (request, status) in [
        ("GET /mcp", 503),
        ("POST /healthz", 503),
        ("GET /healthz", 200),
        ("GET /.well-known/oauth-authorization-server", 200),
    ] {
        let request = format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n");
        let received = talk(&mut connect(address), request.as_bytes());
        assert_eq!(statuses(&received), [status], "{request}: {received}");
        assert!(received.contains("connection: close\r\n"), "{received}");
    }
}

/// M10. Silent connections of one address take nothing from others, and nothing from the users at that address.
pub fn strangers_of_one_address_lock_nobody_out(runtime: &impl EchoRuntime) {
    let address = runtime.start_limited(InboundLimits {
        strangers_per_address: 2,
        ..InboundLimits::of_connections(20)
    });
    let silent = ["127.0.0.2"; 2].map(|from| settled(connect_from(from, address)));
    let ask = |from, request: &str| ask(connect_from(from, address), request);
    let refused = ask("127.0.0.2", "GET /a");
    assert_eq!(statuses(&refused), [429], "{refused}");
    assert!(refused.contains("retry-after: 5\r\n"), "{refused}");
    assert!(refused.contains("Too many connections"), "{refused}");
    let user = ask("127.0.0.2", "GET /a HTTP/1.1\r\nAuthorization: Bearer good");
    assert_eq!(statuses(&user), [200], "{user}");
    assert_eq!(statuses(&ask("127.0.0.2", "GET /healthz")), [200]);
    assert_eq!(statuses(&ask("127.0.0.3", "GET /a")), [200]);
    drop(silent);
    until_served(|| ask("127.0.0.2", "GET /a"));
}

/// M10. Behind a proxy that the operator trusts: the client that it names, and nobody whom a client names itself.
pub fn strangers_behind_a_proxy_are_bounded_by_client(runtime: &impl EchoRuntime) {
    let address = runtime.start_limited(InboundLimits {
        strangers_per_address: 1,
        trusted_proxies: vec![AddressRange::parse("127.0.0.2").unwrap()],
        ..InboundLimits::of_connections(20)
    });
    let by = |client: &str, request: &str| {
        let request = format!("GET {request} HTTP/1.1\r\nX-Forwarded-For: 198.51.100.9, {client}");
        ask(connect_from("127.0.0.2", address), &request)
    };
    let mut first = connect_from("127.0.0.2", address);
    first
        .write_all(
            b"GET /until-disconnected HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n",
        )
        .unwrap();
    first.read_exact(&mut [0]).unwrap();
    assert_eq!(statuses(&by("203.0.113.7", "/a")), [429]);
    assert_eq!(statuses(&by("203.0.113.8", "/a")), [200]);
    let user = "GET /a HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7\r\nAuthorization: Bearer good";
    assert_eq!(
        statuses(&ask(connect_from("127.0.0.2", address), user)),
        [200]
    );
    let claimed = "GET /a HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7";
    assert_eq!(
        statuses(&ask(connect_from("127.0.0.3", address), claimed)),
        [200]
    );
    drop(first);
    until_served(|| by("203.0.113.7", "/a"));
}

/// M10. Long heads that do not end: a further one is refused, a short one is served.
pub fn buffered_heads_of_strangers_are_bounded(runtime: &impl EchoRuntime) {
    let address = runtime.start_limited(limited_bytes());
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {}", "x".repeat(BYTES));
    let slow = [(); 3].map(|()| {
        let mut socket = connect(address);
        socket.write_all(head.as_bytes()).unwrap();
        settled(socket)
    });
    let refused = talk(&mut connect(address), head.as_bytes());
    assert_busy(&refused);
    assert_eq!(statuses(&ask(connect(address), "GET /a")), [200]);
    drop(slow);
    until_served(|| {
        talk(
            &mut connect(address),
            format!("{head}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
    });
}

/// M10. Long bodies that do not end, in chunks or not; those of users are not counted.
pub fn buffered_bodies_of_strangers_are_bounded(runtime: &impl EchoRuntime) {
    let address = runtime.start_limited(limited_bytes());
    let whole = "x".repeat(BYTES);
    let request = |fields: &str| format!("POST /large HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
    let by_length = request(&format!("Content-Length: {}", BYTES + 1)) + &whole;
    let in_chunks = request("Transfer-Encoding: chunked") + &format!("{:x}\r\n{whole}", BYTES + 1);
    let slow = [&by_length, &in_chunks, &by_length].map(|request| {
        let mut socket = connect(address);
        socket.write_all(request.as_bytes()).unwrap();
        settled(socket)
    });
    for request in [&by_length, &in_chunks] {
        assert_busy(&talk(&mut connect(address), request.as_bytes()));
    }
    let short = "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
    let served = talk(&mut connect(address), short.as_bytes());
    assert!(served.ends_with("POST /a body"), "{served}");
    let fields = "Connection: close\r\nAuthorization: Bearer good\r\nContent-Length: ";
    let user = request(&format!("{fields}{BYTES}")) + &whole;
    let served = talk(&mut connect(address), user.as_bytes());
    assert!(served.ends_with(&BYTES.to_string()), "{served}");
    drop(slow);
    let fields = "Connection: close\r\nContent-Length: ";
    let stranger = request(&format!("{fields}{BYTES}")) + &whole;
    until_served(|| talk(&mut connect(address), stranger.as_bytes()));
}

/// How long the requests are.
const BYTES: usize = 20_000;

/// Three such requests, and not a fourth.
fn limited_bytes() -> InboundLimits {
    InboundLimits {
        bytes: 3 * (BYTES + 500 - UNCOUNTED_BYTES),
        ..InboundLimits::of_connections(20)
    }
}

/// Sends a request line, with whatever fields stand behind it, on a connection of its own.
fn ask(mut socket: TcpStream, request: &str) -> String {
    let request = match request.contains("HTTP/1.1") {
        true => request.to_owned(),
        false => format!("{request} HTTP/1.1"),
    };
    let request = format!("{request}\r\nHost: a\r\nConnection: close\r\n\r\n");
    talk(&mut socket, request.as_bytes())
}

fn assert_busy(received: &str) {
    assert_eq!(statuses(received), [503], "{received}");
    assert!(received.contains("retry-after: 5\r\n"), "{received}");
    assert!(received.contains("This server is busy"), "{received}");
}

/// Waits until the server has accepted a connection and read what was sent on it.
fn settled(socket: TcpStream) -> TcpStream {
    std::thread::sleep(Duration::from_millis(100));
    socket
}

/// What was held is given back when the connections are over, which takes a moment.
fn until_served(ask: impl Fn() -> String) {
    let end = Instant::now() + PATIENCE;
    loop {
        let received = ask();
        if statuses(&received) == [200] {
            return;
        }
        assert!(Instant::now() < end, "{received}");
    }
}
