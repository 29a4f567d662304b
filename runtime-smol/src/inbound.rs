//! The inbound side: requests in, answers out.
//!
//! `connection` serves one connection. Behind the seam of [`Service`] and [`ResponseWriter`] stand the MCP server and the dev tenant.

mod connection;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;

use async_channel::{Receiver, Sender, bounded};
use bytes::Bytes;
use entra_mcp_core::config::ClientAddress;
use entra_mcp_runtime::{RequestPermit, SessionKey};
use http::{Response, request::Parts};
use smol::future::{self, FutureExt as _};

pub(crate) use self::connection::connection;
use crate::executor::Work;

/// How many pieces of an answer may wait for the connection to take them.
const RESPONSE_PARTS: usize = 8;

/// Who answers requests: the MCP server, or the dev tenant.
pub(crate) trait Service: Send + Sync + 'static {
    /// The verdict by the head alone; see [`entra_mcp_core::admit::admit`].
    fn admit(&self, head: Parts) -> Result<Admitted, Box<Response<Bytes>>>;
}

/// Answers a request with its body, which came from that address.
pub(crate) type Serve =
    Box<dyn FnOnce(Bytes, Option<ClientAddress>, ResponseWriter) -> Work + Send>;

/// A request that was admitted.
pub(crate) struct Admitted {
    /// The most bytes of body that are read.
    pub(crate) body_limit: usize,
    /// The session whose good token it bears.
    pub(crate) session: Option<SessionKey>,
    /// Answers the request with its body. May panic.
    pub(crate) serve: Serve,
}

/// The panic barrier: what a panic left half done is dropped with the exchange, and its peer, which
/// has then had no end of its answer. What is shared is behind locks that are held for table
/// operations only.
///
/// The work holds the permits of its request and connection: whoever asks and leaves before the
/// response gains none by it.
fn guarded(admitted: Admitted, body: Bytes, writer: ResponseWriter, permit: RequestPermit) -> Work {
    let client = permit.client();
    let served = async move { (admitted.serve)(body, client, writer).await };
    Box::pin(async move {
        drop(AssertUnwindSafe(served).catch_unwind().await);
        drop(permit);
    })
}

/// A part of an answer, on its way to the connection.
#[derive(Debug)]
enum ResponsePart {
    Whole(Response<Bytes>),
    Head(Response<()>),
    Bytes(Bytes),
    End,
}

/// Whom a response goes to. What cannot be sent is dropped: the peer is then gone.
#[derive(Debug)]
pub(crate) struct ResponseWriter {
    parts: Option<Sender<ResponsePart>>,
    is_streaming: bool,
}

impl ResponseWriter {
    /// A peer, and where its answer arrives.
    fn new() -> (Self, Receiver<ResponsePart>) {
        let (sender, parts) = bounded(RESPONSE_PARTS);
        let writer = Self {
            parts: Some(sender),
            is_streaming: false,
        };
        (writer, parts)
    }

    /// The peer of an job.
    pub(crate) fn null() -> Self {
        Self {
            parts: None,
            is_streaming: false,
        }
    }

    /// Sends a whole response. Whatever follows is dropped.
    pub(crate) async fn respond(&mut self, response: Response<Bytes>) {
        self.send(ResponsePart::Whole(response)).await;
        self.parts = None;
    }

    /// Sends a head; the body follows.
    pub(crate) async fn open(&mut self, head: Response<()>) {
        self.is_streaming = true;
        self.send(ResponsePart::Head(head)).await;
    }

    /// Sends a piece of the body. Waits while the peer reads more slowly than is written.
    pub(crate) async fn write(&self, bytes: Bytes) {
        if self.is_streaming && !bytes.is_empty() {
            self.send(ResponsePart::Bytes(bytes)).await;
        }
    }

    /// Ends the body, if one is open.
    pub(crate) async fn close(&mut self) {
        if self.is_streaming {
            self.is_streaming = false;
            self.send(ResponsePart::End).await;
            self.parts = None;
        }
    }

    /// Ends when the peer has left; never, if it has its answer.
    pub(crate) async fn gone(&self) {
        match &self.parts {
            Some(parts) => parts.closed().await,
            None => future::pending().await,
        }
    }

    async fn send(&self, piece: ResponsePart) {
        if let Some(parts) = &self.parts {
            // Who does not take it is gone, and `gone` tells.
            let _ = parts.send(piece).await;
        }
    }
}
