//! What becomes of the requests of one connection, whichever runtime reads them: they are admitted, and what
//! is held for them is counted.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use entra_mcp_core::time::{Instant, Now};
use entra_mcp_http1::{Connection, RequestHead};
use http::Response;

use crate::{
    ConnectionPermit, PermitKind, RequestOrigin, RequestPermit, SessionKey, TokenHolder,
    connection_limit::UnwrittenResponse, timeouts_of,
};

/// A connection under the limits, and the request on it.
#[derive(Debug)]
pub struct Inbound {
    connection: Arc<ConnectionPermit>,
    request: Option<RequestPermit>,
    /// The session of the request that is served.
    session: Option<SessionKey>,
    unwritten: Option<UnwrittenResponse>,
}

/// What a service says of a head that it admits.
#[derive(Debug)]
pub struct AdmittedHead<T> {
    /// The most bytes of body that are read.
    pub body_limit: usize,
    /// The user whose good token the request bears.
    pub holder: Option<TokenHolder>,
    /// What the service does with the request.
    pub service: T,
}

impl Inbound {
    /// A connection with this permit, of which nothing was received yet.
    #[must_use]
    pub fn new(connection: Arc<ConnectionPermit>, machine: &mut Connection, now: Instant) -> Self {
        if connection.awaits_proxy_header() {
            machine.await_proxy_header(now);
        }
        Self {
            connection,
            request: None,
            session: None,
            unwritten: None,
        }
    }

    /// A trusted proxy has said whose the connection is: it is counted as that client's from now on (threat M10).
    pub fn proxied(&mut self, machine: &mut Connection, client: Option<IpAddr>) {
        let Some(client) = client else {
            return;
        };
        match self.connection.of_client(client) {
            Some(connection) => {
                machine.set_timeouts(timeouts_of(connection.kind()));
                self.connection = connection;
            }
            None => machine.fail(),
        }
    }

    /// Accepts the request of a head that `admit` admits, or responds to it at once. Returns what the service
    /// does with it, if it was accepted.
    ///
    /// A connection over a limit gets one response: an error, unless it asks for health or metadata, or a user
    /// comes where only strangers are too many (threat M10).
    pub fn admit<T>(
        &mut self,
        machine: &mut Connection,
        head: RequestHead,
        now: Now,
        admit: impl FnOnce(RequestHead, RequestOrigin) -> Result<AdmittedHead<T>, Box<Response<Bytes>>>,
    ) -> Option<T> {
        let is_over_limit = self.connection.kind() == PermitKind::Overflow;
        if is_over_limit {
            machine.close_after_response();
        }
        let pending = self.connection.pending_request_at(&head, now);
        let admitted = pending.and_then(|pending| {
            let admitted = admit(head, pending.origin())?;
            let permit = pending.begin(&self.connection, admitted.holder)?;
            Ok((admitted, permit))
        });
        match admitted {
            Ok((admitted, permit)) => {
                if is_over_limit && admitted.holder.is_some() {
                    machine.set_timeouts(timeouts_of(PermitKind::Normal));
                }
                machine.accept(permit.body_limit(admitted.body_limit), now);
                self.request = Some(permit);
                Some(admitted.service)
            }
            Err(response) => {
                machine.respond(&response, now);
                None
            }
        }
    }

    /// Counts what was received and is held, before more is read. Returns whether that was too much: the request
    /// was refused then.
    #[must_use]
    pub fn count(&mut self, machine: &mut Connection, now: Now) -> bool {
        let bytes = machine.received_bytes();
        let counted = match &mut self.request {
            Some(request) => request.buffer(bytes),
            None => self.connection.buffer(bytes),
        };
        match counted {
            Ok(()) => false,
            Err(response) => {
                self.request = None;
                machine.refuse(&response, now);
                true
            }
        }
    }

    /// Takes the permit of the request, which is whole.
    pub fn take_request(&mut self) -> Option<RequestPermit> {
        let request = self.request.take();
        self.session = request.as_ref().and_then(RequestPermit::session);
        request
    }

    /// Sends a whole response; if its user reads too little of what they are sent, an error in place of it (threat M5).
    pub fn respond(&mut self, machine: &mut Connection, response: &Response<Bytes>, now: Now) {
        match self.hold(response.body().len()) {
            Ok(()) => machine.respond(response, now),
            Err(refusal) => machine.respond(&refusal, now),
        }
    }

    /// Sends a piece of a response; in the same case it ends there, and is not whole.
    pub fn write(&mut self, machine: &mut Connection, piece: &[u8], now: Now) {
        match self.hold(machine.pending().len() + piece.len()) {
            Ok(()) => machine.write(piece, now),
            Err(_) => machine.abort(),
        }
    }

    /// Nothing waits to be written any more.
    pub fn written(&mut self) {
        self.unwritten = None;
    }

    /// Counts what waits to be written.
    fn hold(&mut self, bytes: usize) -> Result<(), Box<Response<Bytes>>> {
        self.unwritten = None;
        if let Some(session) = self.session {
            self.unwritten = UnwrittenResponse::hold(&self.connection, session, bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use entra_mcp_core::{limits, rate_limit::Subject};
    use entra_mcp_http1::Output;

    use super::*;
    use crate::{Clock, ConnectionLimit, InboundLimits};

    /// A connection on which a user's request is to be answered.
    fn requested(limit: &Arc<ConnectionLimit>, now: Now) -> (Connection, Inbound) {
        let permit = limit.acquire([192, 0, 2, 1].into()).unwrap();
        let mut machine = Connection::new(timeouts_of(permit.kind()), now.instant);
        let mut inbound = Inbound::new(permit, &mut machine, now.instant);
        machine.receive(b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        loop {
            match machine.poll(now) {
                Output::Head(head) => {
                    let holder = Some(TokenHolder {
                        session: SessionKey::from([1; 16]),
                        subject: Subject::of("user"),
                    });
                    let admitted = AdmittedHead {
                        body_limit: 1,
                        holder,
                        service: (),
                    };
                    let admitted = inbound.admit(&mut machine, *head, now, |_, _| Ok(admitted));
                    assert!(admitted.is_some());
                }
                Output::Request(_) => break,
                other => panic!("a request, not {other:?}"),
            }
        }
        drop(inbound.take_request());
        (machine, inbound)
    }

    // M5
    #[test]
    fn responses_are_counted_until_they_are_written() {
        let limit = Arc::new(ConnectionLimit::new(InboundLimits::of_connections(10)));
        let now = Clock::start().now();
        let long = Response::new(Bytes::from(vec![0; limits::SESSION_RESPONSE_BYTES / 2 + 1]));
        let respond = || {
            let (mut machine, mut inbound) = requested(&limit, now);
            inbound.respond(&mut machine, &long, now);
            let status = String::from_utf8_lossy(&machine.pending()[9..12]).into_owned();
            (status, inbound)
        };
        let (first, mut unread) = respond();
        assert_eq!((first.as_str(), respond().0.as_str()), ("200", "429"));
        let (mut machine, mut inbound) = requested(&limit, now);
        machine.open(&Response::new(()), now);
        inbound.write(&mut machine, b"short", now);
        assert!(!machine.is_peer_disconnected());
        inbound.write(&mut machine, long.body(), now);
        let pending = machine.pending().len();
        assert!(pending < limits::UNCOUNTED_BYTES, "{pending} bytes");
        unread.written();
        assert_eq!(respond().0, "200");
    }
}
