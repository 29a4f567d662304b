//! A connection, fed by hand.

use std::time::Duration;

use entra_mcp_wire::time::UnixTime;
use http::Response;

use super::*;

const TIMEOUTS: Timeouts = Timeouts {
    idle: Duration::from_secs(60),
    head: Duration::from_secs(10),
    body: Duration::from_secs(30),
    write: Duration::from_secs(30),
};

/// A connection and its clock.
struct Driven {
    connection: Connection,
    second: u64,
    written: String,
}

impl Driven {
    fn new() -> Self {
        Self {
            connection: Connection::new(TIMEOUTS, Instant(0)),
            second: 0,
            written: String::new(),
        }
    }

    fn now(&self) -> Now {
        Now {
            instant: Instant(self.second * 1000),
            unix: UnixTime(784_111_777),
        }
    }

    fn at(&mut self, second: u64) -> &mut Self {
        self.second = second;
        self
    }

    fn receive(&mut self, text: &str) -> &mut Self {
        self.connection.receive(text.as_bytes());
        self
    }

    /// Writes what is pending and answers requests, until there is nothing to do: what it waits for then.
    fn run(&mut self) -> String {
        loop {
            let now = self.now();
            let output = self.connection.poll(now);
            let has_written = self.flush();
            match output {
                Output::Proxied(source) => panic!("nobody awaits {source:?}"),
                Output::Head(head) if head.uri.path() == "/refused" => {
                    let response = Response::builder().status(401).body(Bytes::new()).unwrap();
                    self.connection.respond(&response, now);
                }
                Output::Head(_) => self.connection.accept(10, now),
                Output::Request(body) => {
                    self.connection.respond(&Response::new(body), now);
                }
                Output::ShutdownWrite => self.written.push_str("(shut down)"),
                Output::Close => return "close".to_owned(),
                Output::Wait { .. } if has_written => {}
                Output::Wait { reads, until } => {
                    let until = until.map_or(0, |until| until.0 / 1000);
                    return format!("{} {until}", if reads { "read" } else { "wait" });
                }
            }
        }
    }

    fn flush(&mut self) -> bool {
        let (now, pending) = (self.now(), self.connection.pending());
        let (length, text) = (pending.len(), String::from_utf8_lossy(pending).into_owned());
        self.written.push_str(&text);
        self.connection.written(length, now.instant);
        length > 0
    }

    fn statuses(&self) -> Vec<&str> {
        let responses = self.written.split("HTTP/1.1 ").skip(1);
        responses.filter_map(|response| response.get(..3)).collect()
    }
}

const HOST: &str = "HTTP/1.1\r\nHost: a\r\n";

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut driven = Driven::new();
    driven.receive(&format!("POST /a {HOST}Content-Length: 3\r\n\r\nabc\r\n"));
    driven.receive(&format!("POST /b {HOST}Content-Length: 2\r\n\r\nde"));
    assert_eq!(driven.run(), "read 60");
    assert_eq!(driven.statuses(), ["200", "200"]);
    let places = ["\r\n\r\nabc", "\r\n\r\nde"].map(|text| driven.written.find(text).unwrap());
    assert!(places.is_sorted());
    assert!(!driven.written.contains("connection: close"));
}

// L7
#[test]
fn refused_request_with_a_body_closes_the_connection() {
    let mut driven = Driven::new();
    driven.receive(&format!("POST /refused {HOST}Content-Length: 40\r\n\r\n"));
    driven.receive(&format!("GET /hidden {HOST}\r\n"));
    assert_eq!(driven.run(), "read 1");
    assert_eq!(driven.statuses(), ["401"]);
    assert!(driven.written.ends_with("(shut down)"));
    driven.connection.end_input();
    assert_eq!(driven.run(), "close");
    let mut driven = Driven::new();
    driven.receive(&format!("GET /refused {HOST}\r\nGET / {HOST}\r\n"));
    assert_eq!(driven.run(), "read 60");
    assert_eq!(driven.statuses(), ["401", "200"]);
}

// M6
#[test]
fn slow_head_or_body_times_out_and_idle_connection_closes() {
    let mut driven = Driven::new();
    assert_eq!(driven.run(), "read 10");
    assert_eq!(driven.at(9).receive("GET / HT").run(), "read 19");
    assert_eq!(driven.at(18).receive("TP/1.1\r\n").run(), "read 19");
    assert_eq!(driven.at(19).run(), "read 20");
    assert_eq!(driven.statuses(), ["408"]);
    assert_eq!(driven.at(20).run(), "close");

    let mut driven = Driven::new();
    assert_eq!(driven.at(10).run(), "close");
    assert_eq!(driven.written, "");

    let mut driven = Driven::new();
    driven.receive(&format!("POST / {HOST}Content-Length: 4\r\n\r\nab"));
    assert_eq!(driven.run(), "read 30");
    assert_eq!(driven.at(30).run(), "read 31");
    assert_eq!(driven.statuses(), ["408"]);
}

// M6
#[test]
fn empty_lines_do_not_renew_the_time_of_a_head() {
    let mut driven = Driven::new();
    assert_eq!(driven.at(5).receive("\r\n").run(), "read 15");
    assert_eq!(driven.at(10).receive("\r\n\r").run(), "read 15");
    assert_eq!(driven.at(14).receive("\n\r\n").run(), "read 15");
    assert_eq!(driven.at(15).run(), "close");
    let mut driven = Driven::new();
    driven.receive(&format!("\r\n\r\nGET / {HOST}\r\n"));
    assert_eq!(driven.run(), "read 60");
    assert_eq!(driven.statuses(), ["200"]);
}

#[test]
fn malformed_request_gets_400_and_closes() {
    for text in ["\x16\x03\x01\x02", "GET / HTTP/1.1\nHost: a\n\n", "\rGET"] {
        let mut driven = Driven::new();
        assert_eq!(driven.receive(text).run(), "read 1", "{text:?}");
        assert_eq!(driven.statuses(), ["400"], "{text:?}");
        assert!(driven.written.contains("connection: close"));
    }
}

// L13
#[test]
fn expect_continue_is_answered_once_the_request_is_accepted() {
    let expects = "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let mut driven = Driven::new();
    driven.receive(&format!("POST / {HOST}{expects}"));
    assert_eq!(driven.run(), "read 30");
    assert_eq!(driven.statuses(), ["100"]);
    driven.receive("ab").run();
    assert_eq!(driven.statuses(), ["100", "200"]);
    let mut driven = Driven::new();
    driven
        .receive(&format!("POST /refused {HOST}{expects}"))
        .run();
    assert_eq!(driven.statuses(), ["401"]);
    let mut driven = Driven::new();
    driven.receive(&format!("POST / {HOST}{expects}ab")).run();
    assert_eq!(driven.statuses(), ["200"], "it came unasked");
}

// M8
#[test]
fn body_over_its_limit_is_413() {
    let mut driven = Driven::new();
    driven.receive(&format!("POST / {HOST}Content-Length: 11\r\n\r\n"));
    assert_eq!(driven.run(), "read 1");
    assert_eq!(driven.statuses(), ["413"]);
    // What still comes is discarded, within bounds.
    let more = "x".repeat(limits::LINGER_BYTES);
    assert_eq!(driven.receive(&more).run(), "read 1");
    assert_eq!(driven.receive("x").run(), "close");
}

/// A stream that was opened.
fn streaming(version: &str) -> Driven {
    let mut driven = Driven::new();
    driven.receive(&format!("GET / {version}\r\nHost: a\r\n\r\n"));
    let now = driven.now();
    let Output::Head(_) = driven.connection.poll(now) else {
        panic!("a head")
    };
    driven.connection.accept(0, now);
    let Output::Request(_) = driven.connection.poll(now) else {
        panic!("a request")
    };
    driven.connection.open(&Response::new(()), now);
    driven.connection.write(b"data: 1\n\n", now);
    driven.flush();
    driven
}

#[test]
fn stream_ends_with_its_last_chunk_or_with_the_connection() {
    let mut driven = streaming("HTTP/1.1");
    assert_eq!(driven.run(), "read 0");
    driven.connection.close(driven.now());
    assert_eq!(driven.run(), "read 60");
    assert!(
        driven
            .written
            .ends_with("\r\n\r\n9\r\ndata: 1\n\n\r\n0\r\n\r\n")
    );
    let mut driven = streaming("HTTP/1.0");
    driven.connection.close(driven.now());
    assert_eq!(driven.run(), "read 1");
    assert!(driven.written.ends_with("\r\n\r\ndata: 1\n\n(shut down)"));
}

// O2
#[test]
fn aborted_stream_has_no_last_chunk() {
    let mut driven = streaming("HTTP/1.1");
    driven.connection.abort();
    assert_eq!(driven.run(), "read 1");
    assert!(driven.written.ends_with("data: 1\n\n\r\n(shut down)"));
}

// M11
#[test]
fn peer_that_leaves_a_stream_is_noticed() {
    let mut driven = streaming("HTTP/1.1");
    assert!(!driven.connection.is_peer_disconnected());
    driven.connection.end_input();
    assert_eq!(driven.run(), "wait 0");
    assert!(driven.connection.is_peer_disconnected());
}

// M7
#[test]
fn peer_that_takes_no_response_is_disconnected() {
    let mut driven = Driven::new();
    driven.receive(&format!("GET / {HOST}\r\nGET / {HOST}\r\n"));
    let now = driven.now();
    let Output::Head(_) = driven.connection.poll(now) else {
        panic!("a head")
    };
    driven.connection.respond(&Response::new(Bytes::new()), now);
    let stuck = driven.connection.poll(now);
    assert!(matches!(
        stuck,
        Output::Wait {
            reads: false,
            until: Some(Instant(30_000))
        }
    ));
    let now = driven.at(30).now();
    assert!(matches!(driven.connection.poll(now), Output::Close));
}

// M10
#[test]
fn idle_or_streaming_connection_holds_no_buffer() {
    let mut driven = Driven::new();
    driven.receive(&format!("POST / {HOST}Content-Length: 3\r\n\r\nabc"));
    driven.run();
    assert_eq!(driven.connection.input.capacity(), 0);
    let mut driven = streaming("HTTP/1.1");
    driven.run();
    assert_eq!(driven.connection.input.capacity(), 0);
    assert_eq!(driven.connection.output.capacity(), 0);
}

#[test]
fn shutdown_closes_after_the_response_under_way() {
    let mut driven = Driven::new();
    driven.connection.shut_down();
    assert_eq!(driven.run(), "close");
    let mut driven = Driven::new();
    driven.receive(&format!("GET / {HOST}\r\nGET / {HOST}\r\n"));
    driven.connection.shut_down();
    assert_eq!(driven.run(), "read 1");
    assert_eq!(driven.statuses(), ["200"]);
    assert!(driven.written.contains("connection: close"));
}

#[test]
fn input_that_ends_in_a_request_closes_without_an_answer() {
    for text in [
        "GET / HT",
        &format!("POST / {HOST}Content-Length: 3\r\n\r\nab"),
    ] {
        let mut driven = Driven::new();
        driven.receive(text).connection.end_input();
        assert_eq!(driven.run(), "close");
        assert_eq!(driven.written, "");
    }
}
