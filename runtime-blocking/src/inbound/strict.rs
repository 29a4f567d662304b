//! One thread a connection: it drives the connection machine of `entra-mcp-http1`, RFC 9112 to the letter,
//! over a socket in which every wait has an end (threats L1 to L9, M6 to M11).

mod socket;
#[cfg(test)]
mod tests;

use std::{
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use entra_mcp_core::time::Now;
use entra_mcp_http1::{Output, RequestHead, Timeouts};
use entra_mcp_runtime::{AdmittedHead, ConnectionLimit, ConnectionPermit, Inbound, timeouts_of};
use http::Response;

use self::socket::Socket;
use super::{ResponseWriter, Serve, Service, serve_guarded};
use crate::{
    listen::{AtWork, accept},
    work::Peer,
};

/// Accepts connections and serves each on a thread of its own.
pub(super) fn serve(
    listener: &TcpListener,
    service: &Arc<dyn Service>,
    limit: &Arc<ConnectionLimit>,
    at_work: &AtWork,
) {
    accept(listener, limit, &at_work.stopped, |socket, permit| {
        let (service, closing) = (Arc::clone(service), Arc::clone(&at_work.closing));
        at_work.threads.run(move || {
            let timeouts = timeouts_of(permit.kind());
            connection(socket, service, permit, timeouts, closing);
        })
    });
}

/// Serves one request after the other, in their order, until one of the two sides closes; on this thread, or on
/// others from the moment on when this one is wanted for a call.
fn connection(
    socket: TcpStream,
    service: Arc<dyn Service>,
    permit: Arc<ConnectionPermit>,
    timeouts: Timeouts,
    closing: Arc<AtomicBool>,
) {
    let mut socket = Socket::new(socket, timeouts);
    let now = socket.now().instant;
    let inbound = Inbound::new(permit, &mut socket.connection, now);
    let connection = Connection {
        socket,
        inbound,
        service,
        accepted: None,
        closing,
    };
    Box::new(connection).serve();
}

/// A connection.
struct Connection {
    socket: Socket,
    inbound: Inbound,
    service: Arc<dyn Service>,
    accepted: Option<Serve>,
    /// See [`AtWork::closing`].
    closing: Arc<AtomicBool>,
}

impl Connection {
    fn serve(mut self: Box<Self>) {
        let mut now = self.socket.now();
        loop {
            self.look_for_shutdown();
            match self.socket.connection.poll(now) {
                Output::Proxied(client) => {
                    self.inbound.proxied(&mut self.socket.connection, client);
                    self.socket.renew_write_timeout();
                }
                Output::Head(head) => self.admit(*head, now),
                Output::Request(body) => match self.request(body) {
                    Some(connection) => {
                        self = connection.end_request();
                        // A peer that asks again at once would keep this processor until this thread's slice of time
                        // is over, and then all other threads would have theirs: so each has its turn after a request.
                        std::thread::yield_now();
                        now = self.socket.now();
                    }
                    None => return,
                },
                Output::ShutdownWrite => self.socket.shut_down_write(),
                Output::Wait { reads, until } => {
                    let machine = &mut self.socket.connection;
                    if !(reads && self.inbound.count(machine, now)) {
                        self.socket.wait(reads, until);
                        now = self.socket.now();
                    }
                }
                Output::Close => return,
            }
        }
    }

    fn admit(&mut self, head: RequestHead, now: Now) {
        let (machine, service) = (&mut self.socket.connection, &self.service);
        self.accepted = self.inbound.admit(machine, head, now, |head, origin| {
            let admitted = service.admit(head, origin)?;
            Ok(AdmittedHead {
                body_limit: admitted.body_limit,
                holder: admitted.holder,
                service: admitted.serve,
            })
        });
        self.socket.renew_write_timeout();
    }

    /// Serves the request that was accepted; `None` if another thread goes on with the connection.
    fn request(mut self: Box<Self>, body: Bytes) -> Option<Box<Self>> {
        match (self.accepted.take(), self.inbound.take_request()) {
            (Some(serve), Some(permit)) => serve_guarded(serve, body, permit, self),
            _ => Some(self),
        }
    }

    fn look_for_shutdown(&mut self) {
        if self.closing.load(Ordering::Relaxed) {
            self.socket.connection.shut_down();
        }
    }

    fn end_request(mut self: Box<Self>) -> Box<Self> {
        // A response that was begun and not ended had a bug: the peer sees that it is not whole.
        self.socket.connection.abort();
        if !self.socket.connection.is_complete() {
            self.socket.connection.fail();
        }
        self
    }
}

impl Peer for Box<Connection> {
    fn go_on(self) {
        self.end_request().serve();
    }
}

impl ResponseWriter for Box<Connection> {
    fn respond(&mut self, response: Response<Bytes>) {
        self.look_for_shutdown();
        let now = self.socket.now();
        let machine = &mut self.socket.connection;
        self.inbound.respond(machine, &response, now);
        drop(response);
        self.socket.flush();
        self.inbound.written();
    }

    fn open(&mut self, head: Response<()>) {
        self.look_for_shutdown();
        let now = self.socket.now();
        self.socket.connection.open(&head, now);
        self.socket.flush();
    }

    fn write(&mut self, bytes: &[u8]) {
        let now = self.socket.now();
        let machine = &mut self.socket.connection;
        self.inbound.write(machine, bytes, now);
        self.socket.flush();
        self.inbound.written();
    }

    fn close(&mut self) {
        let now = self.socket.now();
        self.socket.connection.close(now);
        self.socket.flush();
    }

    fn is_disconnected(&mut self) -> bool {
        self.socket.look_for_disconnect();
        self.socket.connection.is_peer_disconnected()
    }

    fn is_streaming(&self) -> bool {
        self.socket.connection.is_streaming()
    }

    fn is_complete(&self) -> bool {
        self.socket.connection.is_complete()
    }

    fn has_started(&self) -> bool {
        self.socket.connection.has_responded()
    }
}
