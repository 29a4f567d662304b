//! What becomes of the requests of one connection, whichever runtime reads them: they are admitted, and what
//! is held for them is counted.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use entra_mcp_core::time::{Instant, Now};
use entra_mcp_http1::{Connection, RequestHead};
use http::Response;

use crate::{ConnectionPermit, PermitKind, RequestOrigin, RequestPermit, TokenHolder, timeouts_of};

/// A connection under the limits, and the request on it.
#[derive(Debug)]
pub struct Inbound {
    connection: Arc<ConnectionPermit>,
    request: Option<RequestPermit>,
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
        self.request.take()
    }
}
