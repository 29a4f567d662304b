//! What a proxy says of the connection before the first request.

use entra_mcp_wire::time::Instant;

use super::{Connection, Output, State};
use crate::proxy_header;

impl Connection {
    /// Awaits the header of the PROXY protocol before the first request, as long as for a head: the peer is a proxy that is to
    /// send one. Call it before anything was received.
    pub fn await_proxy_header(&mut self, now: Instant) {
        if let State::Head { .. } = self.state {
            let deadline = now.after(self.timeouts.head);
            self.state = State::ProxyHeader { deadline };
        }
    }

    /// Who sends something else, or nothing in time, is no such proxy: there is nobody to answer in HTTP.
    pub(super) fn poll_proxy_header(&mut self, now: Instant) -> Option<Output> {
        let State::ProxyHeader { deadline } = self.state else {
            return None;
        };
        match proxy_header::parse(&self.input) {
            Ok(Some((length, source))) => {
                self.input.drain(..length);
                self.state = State::head(now.after(self.timeouts.head), false);
                return Some(Output::Proxied(source));
            }
            Ok(None) if !self.has_input_ended && !self.is_shutting_down && now < deadline => {
                return Some(self.wait(true, Some(deadline)));
            }
            Ok(None) | Err(_) => self.state = State::Closed,
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entra_mcp_wire::time::{Now, UnixTime};

    use super::*;
    use crate::Timeouts;

    const SECOND: Duration = Duration::from_secs(1);

    fn now(milliseconds: u64) -> Now {
        Now {
            instant: Instant(milliseconds),
            unix: UnixTime(1_790_000_000),
        }
    }

    fn awaiting() -> Connection {
        let timeouts = Timeouts {
            idle: SECOND,
            head: SECOND,
            body: SECOND,
            write: SECOND,
        };
        let mut connection = Connection::new(timeouts, Instant(0));
        connection.await_proxy_header(Instant(0));
        connection
    }

    const HEADER: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n";
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn request_follows_the_header_however_both_are_cut() {
        for piece in [1, 7, usize::MAX] {
            let mut connection = awaiting();
            let bytes = [HEADER, REQUEST].concat();
            let mut seen = Vec::new();
            for bytes in bytes.chunks(piece.min(bytes.len())) {
                connection.receive(bytes);
                loop {
                    match connection.poll(now(1)) {
                        Output::Proxied(source) => seen.push(format!("{source:?}")),
                        Output::Head(head) => {
                            seen.push(head.uri.to_string());
                            connection.accept(0, now(1));
                        }
                        _ => break,
                    }
                }
            }
            assert_eq!(seen, ["Some(203.0.113.7)", "/"], "{piece}");
        }
    }

    #[test]
    fn peer_that_sends_no_header_is_closed_without_an_answer() {
        for bytes in [REQUEST, b"PROXY TCP4 here\r\n", b""] {
            let mut connection = awaiting();
            connection.receive(bytes);
            if bytes.is_empty() {
                connection.end_input();
            }
            assert!(matches!(connection.poll(now(1)), Output::Close));
            assert!(connection.pending().is_empty());
        }
    }

    #[test]
    fn header_that_does_not_come_in_time_closes() {
        let mut connection = awaiting();
        connection.receive(b"PROXY ");
        assert!(matches!(connection.poll(now(999)), Output::Wait { .. }));
        assert!(matches!(connection.poll(now(1000)), Output::Close));
    }
}
