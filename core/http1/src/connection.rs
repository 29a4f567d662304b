//! One connection of a server (RFC 9112 section 9): requests one after the other, in their order, until one
//! of the two sides closes.

mod first_bytes;
mod request_head;
mod response;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use entra_mcp_wire::time::{Instant, Now};
use http::Response;

use self::response::Exchange;
use crate::{
    body::Body, encode, head::Framing, head_end::HeadEnd, limits, output::OutputBuffer,
    refusal::Refusal, request_head::RequestHead, timeouts::Timeouts,
};

/// What the driver of a connection does next.
#[derive(Debug)]
#[must_use]
pub enum Output {
    /// A proxy in front has said whose connection this is; `None`: its own.
    Proxied(Option<IpAddr>),
    /// A head has arrived: [`Connection::accept`] the request, or [`Connection::respond`] at once.
    Head(Box<RequestHead>),
    /// The request that was accepted is whole, with this body: respond to it.
    Request(Bytes),
    /// Everything was written: shut down the writing side of the socket, and poll again.
    ShutdownWrite,
    /// Write what is [pending](Connection::pending), and read if `reads`; poll again when something was read or
    /// written, or at this time.
    Wait {
        /// Whether bytes are wanted. While they are not, the peer's next request waits in the socket.
        reads: bool,
        /// When to poll again at the latest.
        until: Option<Instant>,
    },
    /// Close the socket.
    Close,
}

/// A connection.
///
/// ```
/// use bytes::Bytes;
/// use entra_mcp_http1::{Connection, Output, Timeouts};
/// use entra_mcp_wire::time::{Instant, Now, UnixTime};
/// use std::time::Duration;
///
/// let now = Now { instant: Instant(0), unix: UnixTime(1_790_000_000) };
/// let second = Duration::from_secs(1);
/// let timeouts = Timeouts { idle: second, head: second, body: second, write: second };
/// let mut connection = Connection::new(timeouts, now.instant);
/// connection.receive(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
/// let Output::Head(head) = connection.poll(now) else { panic!("a head") };
/// assert_eq!(head.uri.path(), "/healthz");
/// connection.accept(0, now);
/// let Output::Request(body) = connection.poll(now) else { panic!("a request") };
/// assert!(body.is_empty());
/// connection.respond(&http::Response::new(Bytes::from_static(b"ok")), now);
/// assert!(connection.pending().starts_with(b"HTTP/1.1 200 OK\r\n"));
/// ```
#[derive(Debug)]
pub struct Connection {
    timeouts: Timeouts,
    /// What was received and is not yet used.
    input: Vec<u8>,
    has_input_ended: bool,
    output: OutputBuffer,
    state: State,
    exchange: Exchange,
    /// Whether the server is shutting down.
    is_shutting_down: bool,
}

/// What is awaited.
#[derive(Debug)]
enum State {
    /// What a proxy says before anything else.
    ProxyHeader {
        deadline: Instant,
    },
    Head {
        end: HeadEnd,
        deadline: Instant,
        has_started: bool,
    },
    /// Whether the request is accepted.
    Verdict {
        framing: Framing,
        expects_continue: bool,
    },
    Body {
        body: Body,
        deadline: Instant,
    },
    /// The rest of the response.
    Response,
    /// That the peer has taken the last response.
    LastWrite,
    /// That the peer closes: what it still sends is discarded.
    PeerClose {
        deadline: Instant,
        discarded: usize,
    },
    /// Nothing.
    Closed,
}

impl State {
    fn head(deadline: Instant, has_started: bool) -> Self {
        Self::Head {
            end: HeadEnd::default(),
            deadline,
            has_started,
        }
    }
}

impl Connection {
    /// Begins a connection, whose first request is awaited.
    #[must_use]
    pub fn new(timeouts: Timeouts, now: Instant) -> Self {
        Self {
            timeouts,
            input: Vec::new(),
            has_input_ended: false,
            output: OutputBuffer::default(),
            // A peer that has just connected has something to ask.
            state: State::head(now.after(timeouts.head), false),
            exchange: Exchange::default(),
            is_shutting_down: false,
        }
    }

    /// Takes bytes that were read. Poll afterwards.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The peer sends nothing more.
    pub fn end_input(&mut self) {
        self.has_input_ended = true;
    }

    /// Reading or writing has failed.
    pub fn fail(&mut self) {
        self.state = State::Closed;
        self.has_input_ended = true;
        self.output = OutputBuffer::default();
    }

    /// The server shuts down: the connection is closed after the response under way, at once if it is idle.
    pub fn shut_down(&mut self) {
        self.is_shutting_down = true;
    }

    /// What is to be written now.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.output.pending()
    }

    /// So many of the pending bytes were written.
    pub fn written(&mut self, length: usize, now: Instant) {
        self.output.written(length, now, self.timeouts.write);
    }

    /// How many bytes are held that were received.
    #[must_use]
    pub fn received_bytes(&self) -> usize {
        match &self.state {
            State::Body { body, .. } => self.input.len() + body.received_bytes(),
            _ => self.input.len(),
        }
    }

    /// Gives the peer these times from the next wait on.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// How long the peer may take for a piece of a response.
    #[must_use]
    pub fn write_timeout(&self) -> Duration {
        self.timeouts.write
    }

    /// Whether the peer has left: it sends nothing more, or the connection has failed. While its next request
    /// waits this is not noticed.
    #[must_use]
    pub fn is_peer_disconnected(&self) -> bool {
        self.has_input_ended
    }

    /// Whether the peer has taken too little of what is pending for too long.
    #[must_use]
    pub fn is_write_overdue(&self, now: Instant) -> bool {
        self.output.deadline().is_some_and(|end| now >= end)
    }

    /// Returns what to do next.
    pub fn poll(&mut self, now: Now) -> Output {
        if self.is_write_overdue(now.instant) {
            self.fail();
        }
        loop {
            let stepped = match &self.state {
                State::ProxyHeader { .. } => self.poll_proxy_header(now.instant),
                State::Head { .. } => self.poll_head(now),
                State::Body { .. } => self.poll_body(now),
                State::Response if self.exchange.is_complete() => self.finish_exchange(now.instant),
                State::Verdict { .. } | State::Response => Some(self.wait_for_driver()),
                State::LastWrite if !self.output.is_empty() => Some(self.wait(false, None)),
                State::LastWrite => {
                    self.state = State::PeerClose {
                        deadline: now.instant.after(limits::LINGER_TIMEOUT),
                        discarded: 0,
                    };
                    Some(Output::ShutdownWrite)
                }
                State::PeerClose { .. } => self.poll_peer_close(now.instant),
                State::Closed => Some(Output::Close),
            };
            if let Some(output) = stepped {
                return output;
            }
        }
    }

    fn poll_body(&mut self, now: Now) -> Option<Output> {
        let State::Body { body, deadline } = &mut self.state else {
            return None;
        };
        let deadline = *deadline;
        match body.read(&mut self.input) {
            Ok(Some(body)) => {
                self.state = State::Response;
                return Some(Output::Request(body));
            }
            Ok(None) if self.has_input_ended => self.state = State::Closed,
            Ok(None) if now.instant < deadline => return Some(self.wait(true, Some(deadline))),
            Ok(None) => self.refuse_with(Refusal::TimedOut, now),
            Err(error) => self.refuse_with(error.into(), now),
        }
        None
    }

    /// The response is complete: turns to the next request, if there may be one.
    fn finish_exchange(&mut self, now: Instant) -> Option<Output> {
        let has_started = !self.input.is_empty();
        let timeout = match has_started {
            true => self.timeouts.head,
            false => self.timeouts.idle,
        };
        self.state = match self.exchange.closes() || self.is_shutting_down {
            true => State::LastWrite,
            false => State::head(now.after(timeout), has_started),
        };
        None
    }

    fn poll_peer_close(&mut self, now: Instant) -> Option<Output> {
        let State::PeerClose {
            deadline,
            discarded,
        } = &mut self.state
        else {
            return None;
        };
        *discarded += std::mem::take(&mut self.input).len();
        let deadline = *deadline;
        if self.has_input_ended || *discarded > limits::LINGER_BYTES || now >= deadline {
            self.state = State::Closed;
            return None;
        }
        Some(self.wait(true, Some(deadline)))
    }

    /// Answers what is no request, and closes.
    fn refuse_with(&mut self, refusal: Refusal, now: Now) {
        self.refuse(&refusal.response(), now);
    }

    /// Sends this instead of waiting for the rest of a head or body, and closes. Does nothing at any other time.
    pub fn refuse(&mut self, response: &Response<Bytes>, now: Now) {
        if matches!(
            self.state,
            State::Response | State::LastWrite | State::PeerClose { .. } | State::Closed
        ) {
            return;
        }
        let (timeout, exchange) = (self.timeouts.write, &self.exchange);
        self.output.append(now.instant, timeout, |out| {
            encode::response(out, response, exchange.method(), true, now.unix);
        });
        self.input = Vec::new();
        self.state = State::LastWrite;
    }

    /// Takes bytes off the front of what was received.
    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.input.split_off(length.min(self.input.len()));
        std::mem::replace(&mut self.input, rest)
    }

    /// While the driver works on a request, what arrives is the next one, or that the peer leaves.
    fn wait_for_driver(&mut self) -> Output {
        if self.exchange.is_streaming() {
            self.output.release();
        }
        self.wait(self.input.is_empty() && !self.has_input_ended, None)
    }

    fn wait(&self, reads: bool, until: Option<Instant>) -> Output {
        let write = self.output.deadline();
        let until = match (until, write) {
            (Some(until), Some(write)) => Some(until.min(write)),
            (until, write) => until.or(write),
        };
        Output::Wait { reads, until }
    }
}

#[cfg(test)]
mod tests;
