//! The peer's end of a connection.

use std::task::Poll;

use bytes::Bytes;
use http::Response;

use super::{Piece, join};
use crate::{ids::ConnId, world::World};

/// The connection ended before the answer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection broke")
    }
}

impl std::error::Error for Broken {}

/// A request that was sent. Dropped before its end, it closes the connection.
#[derive(Debug)]
pub struct Call {
    world: World,
    id: ConnId,
}

impl Call {
    pub(super) fn new(world: World, id: ConnId) -> Self {
        Self { world, id }
    }

    /// Its connection.
    #[must_use]
    pub fn id(&self) -> ConnId {
        self.id
    }

    /// The replica that answers, once the request has reached one.
    #[must_use]
    pub fn replica(&self) -> Option<usize> {
        self.world.with(|state| {
            let conn = state.net.get(self.id)?;
            conn.exchange.map(|(process, _)| process.replica)
        })
    }

    async fn next(&self) -> Piece {
        let piece = std::future::poll_fn(|_| {
            self.world.with(|state| match state.take_piece(self.id) {
                Poll::Ready(piece) => Poll::Ready(piece.unwrap_or(Piece::Broken)),
                Poll::Pending => Poll::Pending,
            })
        });
        piece.await
    }

    /// The head of the answer.
    ///
    /// # Errors
    ///
    /// [`Broken`] if there will be none.
    pub async fn head(&mut self) -> Result<Response<()>, Broken> {
        match self.next().await {
            Piece::Head(head) => Ok(head),
            Piece::Body(_) | Piece::End | Piece::Broken => Err(Broken),
        }
    }

    /// The next piece of the body, after the head; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the connection ended before the body did.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Broken> {
        match self.next().await {
            Piece::Body(bytes) => Ok(Some(bytes)),
            Piece::End => Ok(None),
            Piece::Head(_) | Piece::Broken => Err(Broken),
        }
    }

    /// The rest of the body, after the head.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the connection ended before the body did.
    pub async fn rest(&mut self) -> Result<Bytes, Broken> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.piece().await? {
            pieces.push(piece);
        }
        Ok(join(&pieces))
    }

    /// The whole answer.
    ///
    /// # Errors
    ///
    /// [`Broken`] if the connection ended before the answer did.
    pub async fn whole(mut self) -> Result<Response<Bytes>, Broken> {
        let (parts, ()) = self.head().await?.into_parts();
        let body = self.rest().await?;
        Ok(Response::from_parts(parts, body))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.world.if_not_borrowed(|state| state.let_go(self.id));
    }
}
