//! The inbound side: requests in, answers out.
//!
//! `connection` serves one connection. Behind the seam of [`Service`] and [`ResponseWriter`] stand the MCP server and the dev tenant.

mod connection;
mod in_memory;
#[cfg(test)]
pub(crate) mod tests;

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use entra_mcp_http1::RequestHead;
use entra_mcp_runtime::{RequestOrigin, RequestPermit, TokenHolder};
use http::Response;

pub(crate) use self::{connection::connection, in_memory::MemoryService};
use crate::{
    queue::{Receiver, Sender, queue},
    work::Work,
};

/// How many pieces of an answer may wait for the connection to take them.
const RESPONSE_PARTS: usize = 8;

/// Who answers requests: the MCP server, or the dev tenant.
pub(crate) trait Service: Send + Sync + 'static {
    /// The verdict by the head alone; see [`entra_mcp_core::admit::admit`].
    fn admit(
        &self,
        head: RequestHead,
        origin: RequestOrigin,
    ) -> Result<Admitted, Box<Response<Bytes>>>;
}

/// A request that was admitted.
pub(crate) struct Admitted {
    /// The most bytes of body that are read.
    pub(crate) body_limit: usize,
    /// The user whose good token it bears.
    pub(crate) holder: Option<TokenHolder>,
    /// Begins to answer the request with its body. May panic.
    pub(crate) serve: Serve,
}

/// The work that answers a request. It holds the permits of its request and connection: whoever asks and leaves
/// before the response gains none by it.
pub(crate) type Serve =
    Box<dyn FnOnce(Bytes, ResponseWriter, RequestPermit) -> Box<dyn Work> + Send>;

/// A part of an answer, on its way to the connection.
#[derive(Debug)]
pub(crate) enum ResponsePart {
    Full(Response<Bytes>),
    Head(Response<()>),
    Bytes(Bytes),
    End,
}

/// Whom a response goes to. What cannot be sent is dropped: the peer is then gone.
#[derive(Debug)]
pub(crate) struct ResponseWriter {
    parts: Option<Sender<ResponsePart>>,
    is_streaming: bool,
    /// Whether there may be no room for another part.
    may_be_full: bool,
}

impl ResponseWriter {
    /// A peer, and where its answer arrives.
    pub(crate) fn new() -> (Self, Receiver<ResponsePart>) {
        let (sender, parts) = queue();
        let writer = Self {
            parts: Some(sender),
            ..Self::null()
        };
        (writer, parts)
    }

    /// The peer of a job.
    pub(crate) fn null() -> Self {
        Self {
            parts: None,
            is_streaming: false,
            may_be_full: false,
        }
    }

    /// Ready when there is room for more. Pending while the peer reads more slowly than is written.
    pub(crate) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<()> {
        if let (Some(parts), true) = (&self.parts, self.may_be_full) {
            ready!(parts.poll_room(cx, RESPONSE_PARTS));
            self.may_be_full = false;
        }
        Poll::Ready(())
    }

    /// Ready when the peer has left; never, if it has its answer.
    pub(crate) fn poll_disconnected(&self, cx: &Context<'_>) -> Poll<()> {
        match &self.parts {
            Some(parts) => parts.poll_disconnected(cx),
            None => Poll::Pending,
        }
    }

    /// Sends a whole response. Whatever follows is dropped.
    pub(crate) fn respond(&mut self, response: Response<Bytes>) {
        self.send(ResponsePart::Full(response));
        self.parts = None;
    }

    /// Sends a head; the body follows.
    pub(crate) fn open(&mut self, head: Response<()>) {
        self.is_streaming = true;
        self.send(ResponsePart::Head(head));
    }

    /// Sends a piece of the body. Wait for [`ResponseWriter::poll_ready`] before the next.
    pub(crate) fn write(&mut self, bytes: Bytes) {
        if self.is_streaming && !bytes.is_empty() {
            self.may_be_full = true;
            self.send(ResponsePart::Bytes(bytes));
        }
    }

    /// Ends the body, if one is open.
    pub(crate) fn close(&mut self) {
        if self.is_streaming {
            self.is_streaming = false;
            self.send(ResponsePart::End);
            self.parts = None;
        }
    }

    fn send(&self, part: ResponsePart) {
        if let Some(parts) = &self.parts {
            // Who does not take it is gone, and `poll_gone` tells.
            parts.send(part);
        }
    }
}
