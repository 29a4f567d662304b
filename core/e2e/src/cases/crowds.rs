//! Crowds: thousands of connections, hundreds of calls (threats M5, M10, M13).

use std::time::Duration;

use entra_mcp_core::limits;
use serde_json::{Value, json};

use crate::{
    Program, Server,
    client::{Client, Events, initialize, register, register_as, sign_in_to},
    raw_http::{self, Connection},
    session::text,
    unix::{Resource, getrlimit, setrlimit},
};

/// M10, M13. Neither the buffers of a long head nor those of a long body stay while a connection is idle; what a
/// slow client has sent is all that is held for it.
pub fn two_thousand_connections_hold_little_memory(program: &Program) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let short = grown_by(program, |server| idle_after(server, 10));
    let long = grown_by(program, |server| idle_after(server, 30_000));
    let slow = grown_by(program, |server| {
        let mut connection = Connection::open(server.address()).unwrap();
        connection.send(head(server, 30_000).as_bytes()).unwrap();
        connection
    });
    println!("each of 2000: {short} bytes idle, {long} idle after long requests, {slow} slow");
    // What is there of a thread is its stack, in a debug build.
    assert!(short < 96 * 1024, "{short} bytes for an idle connection");
    assert!(
        long < short + 8 * 1024,
        "{long} bytes after long requests, {short} after short ones"
    );
    assert!(slow < 96 * 1024, "{slow} bytes for a slow connection");
}

/// A head with a field of this length, but for its end.
fn head(server: &Server, length: usize) -> String {
    let (host, field) = (server.host(), "x".repeat(length));
    format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-A: {field}")
}

/// A connection that is idle after a request with a head of this length and one with a body of twice that.
fn idle_after(server: &Server, length: usize) -> Connection {
    let mut connection = Connection::open(server.address()).unwrap();
    let request = format!("{}\r\n\r\n", head(server, length));
    connection.send(request.as_bytes()).unwrap();
    assert_eq!(connection.response(false).unwrap().status, 200);
    let (host, body) = (server.host(), "x".repeat(2 * length));
    let request = format!(
        "POST /register HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.send(request.as_bytes()).unwrap();
    assert_eq!(connection.response(false).unwrap().status, 400);
    connection
}

/// How many bytes of memory a new server has more for each of many connections.
fn grown_by(program: &Program, open: impl Fn(&Server) -> Connection) -> u64 {
    const CONNECTIONS: u16 = 2000;
    let server = program.start_with_descriptors(5000);
    let before = server.resident_bytes();
    let connections: Vec<_> = (0..CONNECTIONS).map(|_| open(&server)).collect();
    std::thread::sleep(Duration::from_millis(300));
    let grown = server.resident_bytes().saturating_sub(before);
    drop(connections);
    server.assert_healthy();
    grown / u64::from(CONNECTIONS)
}

/// M5. A message of HTTP+SSE is accepted first and worked on then: however much of it there is, the response to
/// another is sent at once, and the connection takes the next request.
pub fn calls_of_some_users_delay_no_response_to_others(program: &Program) {
    let server = program.example("trouble").start();
    let busy: Vec<_> = (0..5)
        .map(|number| {
            let client_id = register_as(&server, &format!("Client {number}"));
            let client = HttpSse::open(&server, sign_in_to(&server, client_id, None, "alice"));
            for id in 1..=limits::CALLS_PER_PRINCIPAL {
                assert_eq!(client.send(&call("wait", id)).status, 202);
            }
            client
        })
        .collect();
    let mut other = HttpSse::open(
        &server,
        sign_in_to(&server, register(&server), None, "grace"),
    );
    // Two requests on one connection: the first goes on.
    let body = call("wait", 1).to_string();
    let bearer = format!("Bearer {}", other.client.access_token);
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let first = server.watched().asked(&other.target, &headers, &body);
    let text_of_first = raw_http::text("POST", &other.target, &server.host(), &headers, &body);
    let mut connection = Connection::open(server.address()).unwrap();
    connection
        .send(
            text_of_first
                .replace("Connection: close\r\n", "")
                .as_bytes(),
        )
        .unwrap();
    let accepted = connection.response(false).unwrap();
    assert_eq!(accepted.status, 202);
    first.answered(&accepted);
    connection.send(server.get("/healthz").as_bytes()).unwrap();
    assert_eq!(connection.response(false).unwrap().status, 200);
    assert_eq!(other.send(&call("waiting", 2)).status, 202);
    let result = loop {
        let (_, data) = other
            .events
            .next_event()
            .unwrap()
            .expect("the result comes");
        let message: Value = serde_json::from_str(&data).unwrap();
        if message["id"] == 2 {
            break message["result"].clone();
        }
    };
    let waiting: usize = text(&result).parse().unwrap();
    assert!(waiting > 256, "{waiting} calls go on");
    drop(busy);
}

fn call(tool: &str, id: usize) -> Value {
    let params = json!({"name": tool, "arguments": {}});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

/// A client of HTTP+SSE.
struct HttpSse<'a> {
    server: &'a Server,
    client: Client,
    target: String,
    events: Events,
}

impl<'a> HttpSse<'a> {
    fn open(server: &'a Server, client: Client) -> Self {
        let (_, mut events) = client.stream(server, "/sse", &[]).unwrap();
        let (_, target) = events
            .next_event()
            .unwrap()
            .expect("the endpoint comes first");
        let opened = Self {
            server,
            client,
            target,
            events,
        };
        assert_eq!(opened.send(&initialize("2024-11-05")).status, 202);
        opened
    }

    fn send(&self, message: &Value) -> raw_http::Response {
        let bearer = format!("Bearer {}", self.client.access_token);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let body = message.to_string();
        self.server.request("POST", &self.target, &headers, &body)
    }
}
