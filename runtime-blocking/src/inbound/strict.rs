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
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_core::{
    admit::{self, is_exempt_from_limit},
    error_responses, limits,
    request_head::{Framing, Head},
};
use entra_mcp_runtime::{
    Gate, Lane,
    encode::{self, Ends},
};
use http::{Method, Request, Response, Version};

use self::{
    body::BodyFault,
    wire::{Stopped, Wire},
};
use super::{Peer, Sent, Service, serve_guarded};
use crate::listen::accept;

/// How long a connection is borne.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Until the first byte of a request, after the first.
    idle: Duration,
    /// Until the head is there.
    head: Duration,
    /// Until the body is there.
    body: Duration,
    /// Until a piece of an answer is taken.
    write: Duration,
}

impl Patience {
    const USUAL: Self = Self {
        idle: limits::IDLE_TIMEOUT,
        head: limits::HEAD_TIMEOUT,
        body: limits::BODY_TIMEOUT,
        write: limits::WRITE_TIMEOUT,
    };

    /// With those who came when the house was full.
    const BRIEF: Self = Self {
        idle: Duration::ZERO,
        head: Duration::from_secs(2),
        body: Duration::ZERO,
        write: Duration::from_secs(2),
    };
}

/// Accepts connections and serves each on a thread of its own.
pub(super) fn serve(listener: &TcpListener, service: &Arc<dyn Service>, gate: &Arc<Gate>) {
    accept(listener, gate, |socket, pass| {
        let service = Arc::clone(service);
        crate::listen::thread(move || {
            match pass.lane() {
                Lane::Usual => connection(socket, &*service, Patience::USUAL),
                Lane::Brief => turn_away(socket, &*service),
            }
            drop(pass);
        })
    });
}

/// Serves one request after the other, in their order, until one of the two sides closes.
fn connection(socket: TcpStream, service: &dyn Service, patience: Patience) {
    let mut wire = Wire::new(socket, patience.write);
    // Who has just connected has something to say.
    let mut idle = patience.head;
    loop {
        match wire.read_head(idle, patience.head) {
            Ok(head) => {
                if !exchange(&mut wire, head, service, patience) {
                    return;
                }
            }
            Err(stopped) => return refuse(&mut wire, stopped),
        }
        idle = patience.idle;
    }
}

/// Answers a request; whether the connection may take another.
fn exchange(wire: &mut Wire, head: Head, service: &dyn Service, patience: Patience) -> bool {
    let mut peer = Connected::new(wire, &head);
    let admission = match service.admit(&head.parts) {
        Ok(admission) => admission,
        Err(answer) => {
            // An unread body must not be read as the next request (threat L7).
            peer.closes |= head.framing != Framing::Empty;
            peer.respond(*answer);
            return peer.goes_on() || {
                wire.linger();
                false
            };
        }
    };
    if head.expects_continue && head.framing != Framing::Empty {
        // The verdict by the head is known: the body is startup_banner (RFC 9110 section 10.1.1).
        peer.wire.invite();
    }
    let body = body::read(peer.wire, head.framing, admission.body_limit, patience.body);
    let answer = match body {
        Ok(body) => {
            let request = Request::from_parts(head.parts, body);
            serve_guarded(service, request, &mut peer);
            return peer.goes_on();
        }
        Err(BodyFault::TooLarge) => admit::too_large(),
        Err(BodyFault::Bad) => error_responses::bad_request(),
        Err(BodyFault::Slow) => error_responses::request_timeout(),
        Err(BodyFault::Gone) => return false,
    };
    peer.closes = true;
    peer.respond(answer);
    wire.linger();
    false
}

/// Answers what is no request, and closes.
fn refuse(wire: &mut Wire, stopped: Stopped) {
    let answer = match stopped {
        Stopped::Refused(refusal) => refusal.answer(),
        Stopped::Slow { begun: true } => error_responses::request_timeout(),
        // Nothing was asked: there is nothing to answer.
        Stopped::Slow { begun: false } | Stopped::Gone => return,
    };
    wire.send(&encode::whole(&answer, &Method::GET, true));
    wire.linger();
}

/// Reads one head and says that the house is full, unless it asks for what is always answered.
fn turn_away(socket: TcpStream, service: &dyn Service) {
    let patience = Patience::BRIEF;
    let mut wire = Wire::new(socket, patience.write);
    let mut head = match wire.read_head(patience.head, patience.head) {
        Ok(head) => head,
        Err(stopped) => return refuse(&mut wire, stopped),
    };
    head.closes = true;
    if is_exempt_from_limit(&head.parts) && head.framing == Framing::Empty {
        exchange(&mut wire, head, service, patience);
    } else {
        wire.send(&encode::whole(
            &error_responses::busy(),
            &head.parts.method,
            true,
        ));
        wire.linger();
    }
}

/// The peer of a request on a connection of ours.
struct Connected<'a> {
    wire: &'a mut Wire,
    method: Method,
    ends: Ends,
    sent: Sent,
    closes: bool,
}

impl<'a> Connected<'a> {
    fn new(wire: &'a mut Wire, head: &Head) -> Self {
        Self {
            wire,
            method: head.parts.method.clone(),
            ends: match head.parts.version {
                Version::HTTP_10 => Ends::WithConnection,
                _ => Ends::WithLastChunk,
            },
            sent: Sent::Nothing,
            closes: head.closes,
        }
    }

    /// Whether the connection can take another request: a body that was not ended cannot be told
    /// from the next response.
    fn goes_on(&self) -> bool {
        self.sent == Sent::All && !self.closes && !self.wire.is_broken()
    }
}

impl Peer for Connected<'_> {
    fn respond(&mut self, response: Response<Bytes>) {
        self.sent = Sent::All;
        self.wire
            .send(&encode::whole(&response, &self.method, self.closes));
    }

    fn open(&mut self, head: Response<()>) {
        self.sent = Sent::Head;
        self.wire.send(&encode::open(&head, self.ends));
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.sent == Sent::Head && !bytes.is_empty() {
            self.wire.send(&encode::piece(bytes, self.ends));
        }
    }

    fn close(&mut self) {
        if self.sent == Sent::Head {
            self.sent = Sent::All;
            self.closes |= self.ends == Ends::WithConnection;
            self.wire.send(encode::last(self.ends));
        }
    }

    fn is_gone(&mut self) -> bool {
        self.wire.is_gone()
    }

    fn is_streaming(&self) -> bool {
        self.sent == Sent::Head
    }

    fn is_served(&self) -> bool {
        self.sent == Sent::All
    }

    fn is_begun(&self) -> bool {
        self.sent != Sent::Nothing
    }
}
