//! The response to the request under way: whole, or a head and a body that follows in pieces.

use bytes::Bytes;
use entra_mcp_wire::time::Now;
use http::{Method, Response, Version};

use super::{Body, Connection, State};
use crate::{
    encode::{self, BodyEnd},
    head::{Framing, Head},
};

/// How many bytes may be pending before the driver is asked to wait: a stream is written as fast as it is read.
const PENDING_BYTES: usize = 64 * 1024;

/// A request and its response.
#[derive(Debug)]
pub(super) struct Exchange {
    method: Method,
    end: BodyEnd,
    sent: Sent,
    closes: bool,
}

/// How much of a response was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Nothing,
    Head,
    All,
}

impl Default for Exchange {
    /// Of what was no request.
    fn default() -> Self {
        Self {
            method: Method::GET,
            end: BodyEnd::WithConnection,
            sent: Sent::Nothing,
            closes: true,
        }
    }
}

impl Exchange {
    pub(super) fn new(head: &Head) -> Self {
        Self {
            method: head.request.method.clone(),
            end: match head.request.version {
                Version::HTTP_10 => BodyEnd::WithConnection,
                _ => BodyEnd::WithLastChunk,
            },
            sent: Sent::Nothing,
            closes: head.closes,
        }
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    pub(super) fn is_streaming(&self) -> bool {
        self.sent == Sent::Head
    }

    pub(super) fn is_complete(&self) -> bool {
        self.sent == Sent::All
    }
}

impl Connection {
    /// Accepts the request whose head was handed out, with a body of so many bytes. Does nothing at any other
    /// time.
    pub fn accept(&mut self, body_limit: usize, now: Now) {
        let State::Verdict {
            framing,
            expects_continue,
        } = self.state
        else {
            return;
        };
        let timeout = self.timeouts.write;
        match Body::new(framing, body_limit) {
            Err(error) => self.refuse_with(error.into(), now),
            Ok(body) => {
                // The body is welcome (RFC 9110 section 10.1.1), if none of it has come unasked.
                if expects_continue && framing != Framing::Empty && self.input.is_empty() {
                    self.output.append(now.instant, timeout, |out| {
                        out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    });
                }
                let deadline = now.instant.after(self.timeouts.body);
                self.state = State::Body { body, deadline };
            }
        }
    }

    /// Closes the connection after the response under way.
    pub fn close_after_response(&mut self) {
        self.exchange.closes = true;
    }

    /// Sends a whole response: to a head instead of accepting it, or to a request. Does nothing if any of a
    /// response was sent.
    pub fn respond(&mut self, response: &Response<Bytes>, now: Now) {
        match self.state {
            // An unread body must not be read as the next request (threat L7).
            State::Verdict { framing, .. } => {
                self.exchange.closes |= framing != Framing::Empty;
                self.state = State::Response;
            }
            State::Response if self.exchange.sent == Sent::Nothing => {}
            _ => return,
        }
        self.exchange.sent = Sent::All;
        let closes = self.exchange.closes || self.is_shutting_down;
        let (method, timeout) = (&self.exchange.method, self.timeouts.write);
        self.output.append(now.instant, timeout, |out| {
            encode::response(out, response, method, closes, now.unix);
        });
    }

    /// Sends the head of a response; the body follows. Does nothing if any of a response was sent.
    pub fn open(&mut self, head: &Response<()>, now: Now) {
        if matches!(self.state, State::Response) && self.exchange.sent == Sent::Nothing {
            self.exchange.sent = Sent::Head;
            self.exchange.closes |= self.exchange.end == BodyEnd::WithConnection;
            self.append(now, |out, end| encode::head(out, head, end, now.unix));
        }
    }

    /// Sends a piece of the body that was opened.
    pub fn write(&mut self, bytes: &[u8], now: Now) {
        if self.exchange.is_streaming() && self.exchange.method != Method::HEAD {
            self.append(now, |out, end| encode::chunk(out, bytes, end));
        }
    }

    /// Ends the body that was opened.
    pub fn close(&mut self, now: Now) {
        if self.exchange.is_streaming() {
            self.exchange.sent = Sent::All;
            if self.exchange.method != Method::HEAD {
                self.append(now, encode::last_chunk);
            }
        }
    }

    /// Gives up the response in the middle: the connection is closed, and the peer can see that the body did
    /// not end. Does nothing if no body is open.
    pub fn abort(&mut self) {
        if self.exchange.is_streaming() {
            self.exchange.sent = Sent::All;
            self.exchange.closes = true;
        }
    }

    /// Whether a piece of a body may be written now: the peer has taken most of what is pending.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.output.pending().len() < PENDING_BYTES
    }

    /// Whether a body is open.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.exchange.is_streaming()
    }

    /// Whether any of a response to the request under way was sent.
    #[must_use]
    pub fn has_responded(&self) -> bool {
        self.exchange.sent != Sent::Nothing
    }

    /// Whether the whole response was sent.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.exchange.is_complete()
    }

    fn append(&mut self, now: Now, write: impl FnOnce(&mut Vec<u8>, BodyEnd)) {
        let (end, timeout) = (self.exchange.end, self.timeouts.write);
        self.output
            .append(now.instant, timeout, |out| write(out, end));
    }
}
