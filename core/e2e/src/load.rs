//! How fast a runtime is and what it costs: the numbers of the README's section "How it is built". After `--store ADDRESS` the
//! sessions are in that Redis, for which the program is built with its feature `redis`.
//!
//! Client and server share the machine, so this compares runtimes, and says little of how fast
//! either would be alone.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    Program, Server,
    client::{self, Client, register_as, sign_in, sign_in_to},
    raw_http::Connection,
};

/// How many connections ask at once.
const CONNECTIONS: usize = 8;
/// How long they ask.
const ASKING: Duration = Duration::from_secs(3);
/// How many streams are held open: as many as a user may hold with each of the clients.
const STREAMS: usize = 512;
const STREAMS_PER_CLIENT: usize = 16;

/// A master key, which is public and worthless.
const KEY: &str = "wG3vF4mZ0l2T8cQy5bXn7Jr1Sd9Ke6Ua-PoHiMtLxVE";

/// Measures a runtime and prints what it found, one line each.
pub fn measure(name: &str, program: &Program) {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--store");
    let server = match arguments.nth(1) {
        None => program.start(),
        Some(store) => {
            let key = ("ENTRA_MCP_KEY", KEY);
            program.start_with_variables(&["--store", &store], &[key])
        }
    };
    let alice = sign_in(&server, "alice");
    let session = alice.initialize(&server, "2025-11-25");
    let health = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.host());
    println!(
        "{name}: {:.0} health checks a second",
        rate(&server, &health)
    );
    let call = request(
        &server,
        &alice,
        &session,
        &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
    );
    println!(
        "{name}: {:.0} authenticated tools/list a second",
        rate(&server, &call)
    );
    let call = request(&server, &alice, &session, &client::call(1));
    println!(
        "{name}: {:.0} getUserDetails a second, Graph by the dev tenant",
        rate(&server, &call)
    );
    let (resident, threads) = (server.resident_bytes(), server.threads());
    let mut streams = Vec::new();
    for number in 0..STREAMS / STREAMS_PER_CLIENT {
        let client_id = register_as(&server, &format!("Client {number}"));
        let client = sign_in_to(&server, client_id, Some("/sse"), "alice");
        for _ in 0..STREAMS_PER_CLIENT {
            let (head, mut events) = client.stream(&server, "/sse", &[]).expect("a stream opens");
            assert_eq!(head.status, 200);
            assert!(events.next_event().is_ok_and(|event| event.is_some()));
            streams.push(events);
        }
    }
    let grown = server.resident_bytes().saturating_sub(resident);
    let each = grown / u64::try_from(STREAMS).unwrap_or(1);
    println!("{name}: {} bytes for each idle stream, of {STREAMS}", each);
    println!(
        "{name}: {threads} threads, {} with the streams",
        server.threads()
    );
}

fn request(server: &Server, client: &Client, session: &str, message: &serde_json::Value) -> String {
    let body = message.to_string();
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nMcp-Session-Id: {session}\r\n\
         MCP-Protocol-Version: 2025-11-25\r\nContent-Type: application/json\r\nAccept: application/json, \
         text/event-stream\r\nContent-Length: {}\r\n\r\n{body}",
        server.host(),
        client.access_token,
        body.len()
    )
}

/// Requests a second, over kept connections.
fn rate(server: &Server, request: &str) -> f64 {
    let began = Instant::now();
    let asked: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(move || {
                    let mut connection = Connection::open(server.address()).expect("it listens");
                    let mut asked = 0;
                    while began.elapsed() < ASKING {
                        connection.send(request.as_bytes()).expect("it reads");
                        let response = connection.response(false).expect("it answers");
                        assert_eq!(response.status, 200, "{}", response.body);
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("every answer is 200"))
            .sum()
    });
    let seconds = began.elapsed().as_secs_f64();
    f64::from(u32::try_from(asked).unwrap_or(u32::MAX)) / seconds
}
