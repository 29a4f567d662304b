//! One thread a connection: it drives the connection machine of `entra-mcp-http1`, RFC 9112 to the letter,
//! over a socket in which every wait has an end (threats L1 to L9, M6 to M11).

mod socket;
#[cfg(test)]
mod tests;

use std::{
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use bytes::Bytes;
use entra_mcp_http1::{Output, Timeouts};
use entra_mcp_runtime::{AdmittedHead, ConnectionLimit, ConnectionPermit, Inbound, timeouts_of};
use http::Response;

use self::socket::Socket;
use super::{ResponseWriter, Serve, Service, serve_guarded};
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
            let timeouts = timeouts_of(permit.kind());
            connection(socket, &*service, permit, timeouts);
        })
    });
}

/// Serves one request after the other, in their order, until one of the two sides closes.
fn connection(
    socket: TcpStream,
    service: &dyn Service,
    permit: Arc<ConnectionPermit>,
    timeouts: Timeouts,
) {
    let mut inbound = Inbound::new(permit);
    let mut socket = Socket::new(socket, timeouts);
    let mut accepted: Option<Serve> = None;
    loop {
        let (now, machine) = (socket.now(), &mut socket.connection);
        match machine.poll(now) {
            Output::Head(head) => {
                accepted = inbound.admit(machine, *head, now, |head| {
                    let admitted = service.admit(head)?;
                    Ok(AdmittedHead {
                        body_limit: admitted.body_limit,
                        session: admitted.session,
                        service: admitted.serve,
                    })
                });
                socket.renew_write_timeout();
            }
            Output::Request(body) => {
                if let (Some(serve), Some(permit)) = (accepted.take(), inbound.take_request()) {
                    serve_guarded(serve, body, permit, &mut socket);
                }
                // A response that was begun and not ended had a bug: the peer sees that it is not whole.
                socket.connection.abort();
                if !socket.connection.is_complete() {
                    socket.connection.fail();
                }
            }
            Output::ShutdownWrite => socket.shut_down_write(),
            Output::Wait { reads: true, .. } if inbound.count(machine, now) => {}
            Output::Wait { reads, until } => socket.wait(reads, until),
            Output::Close => return,
        }
    }
}

impl ResponseWriter for Socket {
    fn respond(&mut self, response: Response<Bytes>) {
        let now = self.now();
        self.connection.respond(&response, now);
        self.flush();
    }

    fn open(&mut self, head: Response<()>) {
        let now = self.now();
        self.connection.open(&head, now);
        self.flush();
    }

    fn write(&mut self, bytes: &[u8]) {
        let now = self.now();
        self.connection.write(bytes, now);
        self.flush();
    }

    fn close(&mut self) {
        let now = self.now();
        self.connection.close(now);
        self.flush();
    }

    fn is_disconnected(&mut self) -> bool {
        self.look_for_disconnect();
        self.connection.is_peer_gone()
    }

    fn is_streaming(&self) -> bool {
        self.connection.is_streaming()
    }

    fn is_complete(&self) -> bool {
        self.connection.is_complete()
    }

    fn has_started(&self) -> bool {
        self.connection.has_responded()
    }
}
