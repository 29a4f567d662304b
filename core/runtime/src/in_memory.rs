//! A server that is asked without a socket: its requests and answers are values. For tests, and for who has HTTP already.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use bytes::Bytes;
use entra_mcp_http1::{Refusal, RequestHead};
use http::{Request, Response};

use crate::{AdmittedHead, ConnectionLimit, ConnectionPermit, RequestOrigin, RequestPermit};

/// A part of an answer.
#[derive(Debug)]
pub enum ResponsePart {
    /// All of it.
    Full(Response<Bytes>),
    /// Its head; the body follows.
    Head(Response<()>),
    /// A piece of its body.
    Bytes(Bytes),
}

/// An answer, as it comes. Whoever drops it has left.
pub struct MemoryResponse {
    parts: Receiver<ResponsePart>,
    left: Option<Box<dyn FnOnce() + Send>>,
}

impl MemoryResponse {
    /// The answer whose parts come here; `left` is called when nobody waits for more.
    #[must_use]
    pub fn new(parts: Receiver<ResponsePart>, left: impl FnOnce() + Send + 'static) -> Self {
        Self {
            parts,
            left: Some(Box::new(left)),
        }
    }

    /// The next part; `None` after the last.
    ///
    /// # Errors
    ///
    /// None came for so long.
    pub fn next(&self, within: Duration) -> Result<Option<ResponsePart>, RecvTimeoutError> {
        match self.parts.recv_timeout(within) {
            Ok(part) => Ok(Some(part)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(timeout) => Err(timeout),
        }
    }
}

impl Drop for MemoryResponse {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            left();
        }
    }
}

impl std::fmt::Debug for MemoryResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryResponse")
    }
}

/// A runtime that is asked without a socket.
pub trait InMemory: Send + Sync {
    /// Begins to answer a request.
    fn send(&self, request: Request<Bytes>) -> MemoryResponse;
}

/// A request that was admitted by its head, under the limits of a connection of its own.
#[derive(Debug)]
pub struct AdmittedRequest<T> {
    /// What the service does with it.
    pub service: T,
    /// The most bytes of body that are read.
    pub body_limit: usize,
    /// Held until its work is over.
    pub permit: RequestPermit,
    /// Held until its response was taken.
    pub connection: Arc<ConnectionPermit>,
}

/// Admits a request that comes on no connection of this server's own, under the same limits as if it were alone on one of this
/// peer's. Who does not know the peer names none ([`Ipv4Addr::UNSPECIFIED`]): that is counted for no address, and no proxy.
///
/// # Errors
///
/// The refusal, as a whole response.
pub fn admit_alone<T>(
    limit: &Arc<ConnectionLimit>,
    peer: IpAddr,
    head: impl Into<RequestHead>,
    admit: impl FnOnce(RequestHead, RequestOrigin) -> Result<AdmittedHead<T>, Box<Response<Bytes>>>,
) -> Result<AdmittedRequest<T>, Box<Response<Bytes>>> {
    let busy = || Box::new(entra_mcp_core::error_responses::busy());
    let head = head.into();
    let connection = limit.acquire(peer).ok_or_else(busy)?;
    let pending = connection.pending_request(&head)?;
    let admitted = admit(head, pending.origin())?;
    let permit = pending.begin(&connection, admitted.holder)?;
    Ok(AdmittedRequest {
        service: admitted.service,
        body_limit: permit.body_limit(admitted.body_limit),
        permit,
        connection,
    })
}

/// Admits a request that is whole, under the limits of connections from this machine.
///
/// # Errors
///
/// The refusal, as a whole response.
pub fn admit_whole<T>(
    limit: &Arc<ConnectionLimit>,
    head: impl Into<RequestHead>,
    body: &Bytes,
    admit: impl FnOnce(RequestHead, RequestOrigin) -> Result<AdmittedHead<T>, Box<Response<Bytes>>>,
) -> Result<(T, RequestPermit), Box<Response<Bytes>>> {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let admitted = admit_alone(limit, here, head, admit)?;
    if body.len() > admitted.body_limit {
        return Err(Box::new(Refusal::BodyTooLarge.response()));
    }
    Ok((admitted.service, admitted.permit))
}
