//! One parser, one thread a connection, RFC 9112 to the letter: what can be read in two ways is
//! answered with 400 and the connection closed. Heads and bodies are bounded in bytes and time,
//! answers in the time that the peer takes to read them (threats L1 to L9, M6 to M11).

mod body;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use bytes::Bytes;
use entra_mcp_core::{
    admit::{self, is_exempt_from_limit},
    error_responses,
    request_head::{Framing, Head},
};
use entra_mcp_runtime::{
    ConnectionLimit, PermitKind, Timeouts,
    http1_encode::{self, BodyEnd},
};
use http::{Method, Response, Version};

use self::{
    body::BodyError,
    wire::{Wire, WireError},
};
use super::{ResponseWriter, Sent, Service, serve_guarded};
use crate::listen::accept;

/// Accepts connections and serves each on a thread of its own.
pub(super) fn serve(
    listener: &TcpListener,
    service: &Arc<dyn Service>,
    limit: &Arc<ConnectionLimit>,
) {
    accept(listener, limit, |socket, permit| {
        let service = Arc::clone(service);
        crate::listen::thread(move || {
            match permit.kind() {
                PermitKind::Normal => connection(socket, &*service, Timeouts::NORMAL),
                PermitKind::Overflow => reject_over_limit(socket, &*service),
            }
            drop(permit);
        })
    });
}

/// Serves one request after the other, in their order, until one of the two sides closes.
fn connection(socket: TcpStream, service: &dyn Service, timeouts: Timeouts) {
    let mut wire = Wire::new(socket, timeouts.write);
    // Who has just connected has something to say.
    let mut idle = timeouts.head;
    loop {
        match wire.read_head(idle, timeouts.head) {
            Ok(head) => {
                if !exchange(&mut wire, head, service, timeouts) {
                    return;
                }
            }
            Err(stopped) => return refuse(&mut wire, stopped),
        }
        idle = timeouts.idle;
    }
}

/// Answers a request; whether the connection may take another.
fn exchange(wire: &mut Wire, head: Head, service: &dyn Service, timeouts: Timeouts) -> bool {
    let mut writer = WireWriter::new(wire, &head);
    let admitted = match service.admit(head.parts) {
        Ok(admitted) => admitted,
        Err(answer) => {
            // An unread body must not be read as the next request (threat L7).
            writer.closes |= head.framing != Framing::Empty;
            writer.respond(*answer);
            return writer.is_reusable() || {
                wire.linger();
                false
            };
        }
    };
    if head.expects_continue && head.framing != Framing::Empty {
        // The verdict by the head is entra: the body is welcome (RFC 9110 section 10.1.1).
        writer.wire.invite();
    }
    let body = body::read(
        writer.wire,
        head.framing,
        admitted.body_limit,
        timeouts.body,
    );
    let answer = match body {
        Ok(body) => {
            serve_guarded(admitted.serve, body, &mut writer);
            return writer.is_reusable();
        }
        Err(BodyError::TooLarge) => admit::too_large(),
        Err(BodyError::Malformed) => error_responses::bad_request(),
        Err(BodyError::TimedOut) => error_responses::request_timeout(),
        Err(BodyError::Disconnected) => return false,
    };
    writer.closes = true;
    writer.respond(answer);
    wire.linger();
    false
}

/// Answers what is no request, and closes.
fn refuse(wire: &mut Wire, stopped: WireError) {
    let answer = match stopped {
        WireError::Invalid(refusal) => refusal.answer(),
        WireError::TimedOut { has_started: true } => error_responses::request_timeout(),
        // Nothing was asked: there is nothing to answer.
        WireError::TimedOut { has_started: false } | WireError::Disconnected => return,
    };
    wire.send(&http1_encode::response(&answer, &Method::GET, true));
    wire.linger();
}

/// Reads one head and says that the house is full, unless it asks for what is always answered.
fn reject_over_limit(socket: TcpStream, service: &dyn Service) {
    let timeouts = Timeouts::OVERFLOW;
    let mut wire = Wire::new(socket, timeouts.write);
    let mut head = match wire.read_head(timeouts.head, timeouts.head) {
        Ok(head) => head,
        Err(stopped) => return refuse(&mut wire, stopped),
    };
    head.closes = true;
    if is_exempt_from_limit(&head.parts) && head.framing == Framing::Empty {
        exchange(&mut wire, head, service, timeouts);
    } else {
        wire.send(&http1_encode::response(
            &error_responses::busy(),
            &head.parts.method,
            true,
        ));
        wire.linger();
    }
}

/// The peer of a request on a connection of ours.
struct WireWriter<'a> {
    wire: &'a mut Wire,
    method: Method,
    ends: BodyEnd,
    sent: Sent,
    closes: bool,
}

impl<'a> WireWriter<'a> {
    fn new(wire: &'a mut Wire, head: &Head) -> Self {
        Self {
            wire,
            method: head.parts.method.clone(),
            ends: match head.parts.version {
                Version::HTTP_10 => BodyEnd::WithConnection,
                _ => BodyEnd::WithLastChunk,
            },
            sent: Sent::Nothing,
            closes: head.closes,
        }
    }

    /// Whether the connection can take another request: a body that was not ended cannot be told
    /// from the next response.
    fn is_reusable(&self) -> bool {
        self.sent == Sent::All && !self.closes && !self.wire.is_broken()
    }
}

impl ResponseWriter for WireWriter<'_> {
    fn respond(&mut self, response: Response<Bytes>) {
        self.sent = Sent::All;
        self.wire.send(&http1_encode::response(
            &response,
            &self.method,
            self.closes,
        ));
    }

    fn open(&mut self, head: Response<()>) {
        self.sent = Sent::Head;
        self.wire.send(&http1_encode::head(&head, self.ends));
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.sent == Sent::Head && !bytes.is_empty() {
            self.wire.send(&http1_encode::chunk(bytes, self.ends));
        }
    }

    fn close(&mut self) {
        if self.sent == Sent::Head {
            self.sent = Sent::All;
            self.closes |= self.ends == BodyEnd::WithConnection;
            self.wire.send(http1_encode::last_chunk(self.ends));
        }
    }

    fn is_disconnected(&mut self) -> bool {
        self.wire.is_disconnected()
    }

    fn is_streaming(&self) -> bool {
        self.sent == Sent::Head
    }

    fn is_complete(&self) -> bool {
        self.sent == Sent::All
    }

    fn has_started(&self) -> bool {
        self.sent != Sent::Nothing
    }
}
