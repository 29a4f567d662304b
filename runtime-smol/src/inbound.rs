//! The inbound side: requests in, answers out.
//!
//! `connection` serves one connection with `hyper`; `wire` is the socket under it, which lets only
//! heads through that can be read in one way; `answer` is the body of an answer, whole or a stream.
//! Behind the seam of [`Service`] and [`Peer`] stand the MCP server and the dev tenant.

mod answer;
mod connection;
#[cfg(test)]
mod tests;
mod wire;

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_channel::{Receiver, Sender, bounded};
use bytes::Bytes;
use entra_mcp_core::admit::Admission;
use entra_mcp_runtime::Pass;
use http::{Request, Response, request::Parts};
use smol::future::{self, FutureExt as _};

pub(crate) use self::connection::connection;
use crate::executor::Work;

/// How many pieces of an answer may wait for the connection to take them.
const PIECES: usize = 8;

/// Who answers requests: the MCP server, or the dev tenant.
pub(crate) trait Service: Send + Sync + 'static {
    /// The verdict by the head alone; see [`entra_mcp_core::admit::admit`].
    fn admit(&self, head: &Parts) -> Result<Admission, Box<Response<Bytes>>>;

    /// Answers a request that was admitted and read. May panic.
    fn serve(&self, request: Request<Bytes>, peer: Peer) -> Work;
}

/// The panic barrier: what a panic left half done is dropped with the exchange, and its peer, which
/// has then had no end of its answer. What is shared is behind locks that are held for table
/// operations only.
///
/// The work holds its connection's place in the house: whoever asks and leaves before the answer
/// gains none by it.
fn guarded(
    service: Arc<dyn Service>,
    request: Request<Bytes>,
    peer: Peer,
    pass: Arc<Pass>,
) -> Work {
    let served = async move { service.serve(request, peer).await };
    Box::pin(async move {
        drop(AssertUnwindSafe(served).catch_unwind().await);
        drop(pass);
    })
}

/// A part of an answer, on its way to the connection.
#[derive(Debug)]
enum Piece {
    Whole(Response<Bytes>),
    Head(Response<()>),
    Bytes(Bytes),
    End,
}

/// Whom a response goes to. What cannot be sent is dropped: the peer is then gone.
#[derive(Debug)]
pub(crate) struct Peer {
    pieces: Option<Sender<Piece>>,
    is_streaming: bool,
}

impl Peer {
    /// A peer, and where its answer arrives.
    fn new() -> (Self, Receiver<Piece>) {
        let (sender, pieces) = bounded(PIECES);
        let peer = Self {
            pieces: Some(sender),
            is_streaming: false,
        };
        (peer, pieces)
    }

    /// The peer of an job.
    pub(crate) fn nobody() -> Self {
        Self {
            pieces: None,
            is_streaming: false,
        }
    }

    /// Sends a whole response. Whatever follows is nothing to this peer.
    pub(crate) async fn respond(&mut self, response: Response<Bytes>) {
        self.send(Piece::Whole(response)).await;
        self.pieces = None;
    }

    /// Sends a head; the body follows.
    pub(crate) async fn open(&mut self, head: Response<()>) {
        self.is_streaming = true;
        self.send(Piece::Head(head)).await;
    }

    /// Sends a piece of the body. Waits while the peer reads more slowly than is written.
    pub(crate) async fn write(&self, bytes: Bytes) {
        if self.is_streaming && !bytes.is_empty() {
            self.send(Piece::Bytes(bytes)).await;
        }
    }

    /// Ends the body, if one is open.
    pub(crate) async fn close(&mut self) {
        if self.is_streaming {
            self.is_streaming = false;
            self.send(Piece::End).await;
            self.pieces = None;
        }
    }

    /// Ends when the peer has left; never, if it has its answer.
    pub(crate) async fn gone(&self) {
        match &self.pieces {
            Some(pieces) => pieces.closed().await,
            None => future::pending().await,
        }
    }

    async fn send(&self, piece: Piece) {
        if let Some(pieces) = &self.pieces {
            // Who does not take it is gone, and `gone` tells.
            let _ = pieces.send(piece).await;
        }
    }
}
