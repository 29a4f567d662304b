//! Too much, too slow, too many: afterwards the server still answers (threats M1 to M16).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    Program,
    client::{register, sign_in, sign_in_to},
    raw_http::Connection,
    session::{Session, answer, next, text},
    unix::{Resource, getrlimit, setrlimit},
};

/// L11.
pub fn endless_heads_are_refused(program: &Program) {
    let server = program.start();
    let host = server.host();
    let large = "x".repeat(100 * 1024);
    let many = "X-A: b\r\n".repeat(500);
    for text in [
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-A: {large}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n{many}\r\n"),
        format!("GET /{large} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    ] {
        let mut connection = Connection::open(server.address()).unwrap();
        let _ = connection.send(text.as_bytes());
        if let Ok(response) = connection.response(false) {
            assert!(
                matches!(response.status, 400 | 414 | 431),
                "{}",
                response.status
            );
        }
    }
    let mut connection = Connection::open(server.address()).unwrap();
    connection
        .send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: ").as_bytes())
        .unwrap();
    let megabyte = "y".repeat(1024 * 1024);
    let sent = (0..64)
        .take_while(|_| connection.send(megabyte.as_bytes()).is_ok())
        .count();
    assert!(sent < 64, "64 MB of one header were taken");
    server.assert_healthy();
    assert!(server.resident_bytes() < 200 * 1024 * 1024);
}

/// M6.
pub fn slow_heads_time_out(program: &Program) {
    let server = program.start();
    let mut slow: Vec<_> = (0..50)
        .map(|_| Connection::open(server.address()).unwrap())
        .collect();
    for connection in &mut slow {
        connection.send(b"GET / HTTP/1.1\r\nX").unwrap();
    }
    server.assert_healthy();
    let end = Instant::now() + Duration::from_secs(25);
    for connection in &mut slow {
        // An answer such as 408 may come first.
        let _ = connection.response(false);
        assert!(
            connection.is_closed() && Instant::now() < end,
            "a slow head is borne for ever"
        );
    }
}

/// M8, M9.
pub fn endless_bodies_are_refused(program: &Program) {
    let server = program.start();
    let host = server.host();
    let mut connection = Connection::open(server.address()).unwrap();
    let head = format!(
        "POST /register HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    connection.send(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let sent = (0..1024)
        .take_while(|_| connection.send(chunk.as_bytes()).is_ok())
        .count();
    assert!(sent < 1024, "64 MB of a stranger's body were taken");
    let json = ("Content-Type", "application/json");
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(100 * 1024));
    assert_eq!(
        server.request("POST", "/register", &[json], &large).status,
        413
    );
    let packed = [json, ("Content-Encoding", "gzip")];
    assert_eq!(
        server.request("POST", "/register", &packed, "{}").status,
        415
    );
    let client = sign_in(&server, "alice");
    let bearer = format!("Bearer {}", client.access_token);
    let with = [json, ("Authorization", bearer.as_str())];
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(5 * 1024 * 1024));
    assert_eq!(server.request("POST", "/mcp", &with, &large).status, 413);
    server.assert_healthy();
}

/// M10.
pub fn two_thousand_idle_connections_block_nobody(program: &Program) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let server = program.start_with_descriptors(5000);
    let idle: Vec<_> = (0..2000)
        .map(|_| Connection::open(server.address()).unwrap())
        .collect();
    let client = sign_in(&server, "alice");
    assert!(client.works(&server));
    drop(idle);
    server.assert_healthy();
}

/// M10, M13.
pub fn exhausted_file_descriptors_delay_but_do_not_stop_the_server(program: &Program) {
    let server = program.start_with_descriptors(60);
    let idle: Vec<_> = (0..200)
        .map(|_| Connection::open(server.address()))
        .collect();
    drop(idle);
    server.assert_healthy();
    assert!(sign_in(&server, "alice").works(&server));
}

/// M7.
pub fn stalled_readers_block_nobody(program: &Program) {
    let server = program.start();
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.host()).repeat(200);
    let mut deaf: Vec<_> = (0..20)
        .map(|_| Connection::open(server.address()).unwrap())
        .collect();
    for connection in &mut deaf {
        let _ = connection.send(request.as_bytes());
    }
    let client = sign_in(&server, "alice");
    assert!(client.works(&server));
    assert!(server.resident_bytes() < 300 * 1024 * 1024);
}

/// M4.
pub fn streams_per_user_are_bounded(program: &Program) {
    let server = program.start();
    let client = sign_in_to(&server, register(&server), None, "alice");
    let mut streams = Vec::new();
    for _ in 0..40 {
        let (head, mut events) = client.stream(&server, "/sse", &[]).unwrap();
        match head.status {
            200 => {
                assert!(events.next_event().unwrap().is_some());
                streams.push(events);
            }
            429 => {}
            status => panic!("{status}"),
        }
    }
    assert!(
        streams.len() < 40 && !streams.is_empty(),
        "{} streams",
        streams.len()
    );
    assert!(client.works(&server));
}

/// M5: a call for which there is no room is refused at once, with a message.
pub fn calls_per_user_are_bounded(program: &Program) {
    let server = program.example("trouble").start();
    let session = Session::of(&server, "alice");
    let call = |id: usize| {
        let params = json!({"name": "wait", "arguments": {}, "_meta": {"progressToken": id}});
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
    };
    let streams: Vec<_> = (0..64)
        .map(|id| {
            let mut events = session.post_for_stream(&call(id));
            next(&mut events);
            events
        })
        .collect();
    let refused = answer(&session.post(&call(64)));
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Too many calls: 64"), "{refused}");
    let other = Session::of(&server, "bob");
    assert_eq!(text(&other.call("waiting", &json!({}))), "64");
    drop(streams);
}
