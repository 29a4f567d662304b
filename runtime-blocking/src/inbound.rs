//! The inbound side: requests in, answers out. Two implementations stand behind one seam, the
//! traits [`Service`] and [`ResponseWriter`]; `--http-server` chooses.
//!
//! - `strict`, the default: a loop of our own, RFC 9112 to the letter.
//! - `tiny`: `tiny_http`, contained as far as it can be, for loopback or behind a proxy that
//!   normalises requests.

#[cfg(test)]
mod echo;
mod in_memory;
mod strict;
mod tiny;

use std::{net::TcpListener, panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use entra_mcp_core::error_responses;
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::{ConnectionLimit, RequestOrigin, RequestPermit, TokenHolder};
use http::Response;

pub(crate) use self::in_memory::MemoryService;
use crate::{
    listen::AtWork,
    work::{ActiveRequest, Peer, Work},
};

/// Who answers requests: the MCP server, or the dev tenant.
pub(crate) trait Service: Send + Sync + 'static {
    /// The verdict by the head alone; see [`entra_mcp_core::admit::admit`].
    fn admit(
        &self,
        head: RequestHead,
        origin: RequestOrigin,
    ) -> Result<Admitted, Box<Response<Bytes>>>;
}

/// Begins to answer a request with its body.
pub(crate) type Serve = Box<dyn FnOnce(Bytes, RequestPermit) -> Box<dyn Work> + Send>;

/// A request that was admitted.
pub(crate) struct Admitted {
    /// The most bytes of body that are read.
    pub(crate) body_limit: usize,
    /// The user whose good token it bears.
    pub(crate) holder: Option<TokenHolder>,
    /// May panic: [`serve_guarded`] is for that.
    pub(crate) serve: Serve,
}

/// Whom a response goes to. What cannot be sent is remembered: the peer is then gone.
pub(crate) trait ResponseWriter {
    /// Sends a whole response.
    fn respond(&mut self, response: Response<Bytes>);
    /// Sends a head; the body follows.
    fn open(&mut self, head: Response<()>);
    /// Sends a piece of the body and flushes it.
    fn write(&mut self, bytes: &[u8]);
    /// Ends the body.
    fn close(&mut self);
    /// Whether the peer has left.
    fn is_disconnected(&mut self) -> bool;
    /// Whether a body is open.
    fn is_streaming(&self) -> bool;
    /// Whether the whole response was sent: the connection could take its next request.
    fn is_complete(&self) -> bool;
    /// Whether any of a response was sent.
    fn has_started(&self) -> bool;
}

/// The peer of an job, or of an exchange that has answered and goes on.
pub(crate) struct NullWriter;

impl ResponseWriter for NullWriter {
    fn respond(&mut self, _response: Response<Bytes>) {}
    fn open(&mut self, _head: Response<()>) {}
    fn write(&mut self, _bytes: &[u8]) {}
    fn close(&mut self) {}
    fn is_disconnected(&mut self) -> bool {
        false
    }
    fn is_streaming(&self) -> bool {
        false
    }
    fn is_complete(&self) -> bool {
        false
    }
    fn has_started(&self) -> bool {
        true
    }
}

/// How much of a response was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Nothing,
    Head,
    All,
}

/// Which implementation reads HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpServer {
    Strict,
    TinyHttp,
}

impl HttpServer {
    /// The value of `--http-server`.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "tiny_http" => Self::TinyHttp,
            _ => Self::Strict,
        }
    }

    /// Accepts and serves connections until the server stops.
    pub(crate) fn serve(
        self,
        listener: &TcpListener,
        service: &Arc<dyn Service>,
        limit: &Arc<ConnectionLimit>,
        at_work: &AtWork,
    ) {
        match self {
            Self::Strict => strict::serve(listener, service, limit, at_work),
            Self::TinyHttp => tiny::serve(listener, service, limit, at_work),
        }
    }
}

/// Serves a request to its end, behind the panic barrier: if its exchange has a bug, it gets 500, and the server
/// lives. Returns the peer, unless another thread has taken it over.
fn serve_guarded<P: Peer>(
    serve: Serve,
    body: Bytes,
    permit: RequestPermit,
    mut peer: P,
) -> Option<P> {
    match std::panic::catch_unwind(AssertUnwindSafe(|| serve(body, permit))) {
        Ok(work) => ActiveRequest::run(work, peer),
        Err(_) => {
            peer.respond(error_responses::internal_error());
            Some(peer)
        }
    }
}
