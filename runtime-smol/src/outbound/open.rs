//! Answers that are kept open: whoever wants the body reads it piece by piece, and nothing is read from the socket that nobody
//! wants.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use async_io::Timer;
use bytes::Bytes;
use entra_mcp_core::ask::{AskId, FetchFault, PIECE_BYTES};
use hyper::body::{Body as _, Incoming};
use smol::future::Future as _;

use super::Connection;

/// A body that is not read yet. To drop it closes its connection.
#[derive(Debug)]
pub(crate) struct OpenBody {
    /// What was read and is too much for one piece.
    rest: Bytes,
    source: Option<(Incoming, Connection)>,
    until: Option<Instant>,
    idle: Duration,
    /// When the piece that is waited for is late.
    late: Option<Timer>,
}

impl OpenBody {
    /// One that comes from this connection, until then; a piece of it may take so long.
    pub(super) fn new(
        source: (Incoming, Connection),
        until: Option<Instant>,
        idle: Duration,
    ) -> Self {
        Self {
            rest: Bytes::new(),
            source: Some(source),
            until,
            idle,
            late: None,
        }
    }

    /// One that is there as a whole.
    pub(crate) fn whole(body: Bytes) -> Self {
        Self {
            rest: body,
            source: None,
            until: None,
            idle: Duration::ZERO,
            late: None,
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, FetchFault>>> {
        loop {
            if !self.rest.is_empty() {
                let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
                return Poll::Ready(Some(Ok(piece)));
            }
            let Some((body, _)) = &mut self.source else {
                return Poll::Ready(None);
            };
            let frame = match Pin::new(body).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    ready!(self.poll_late(cx));
                    self.source = None;
                    return Poll::Ready(Some(Err(FetchFault::TimedOut)));
                }
            };
            self.late = None;
            match frame {
                None => self.source = None,
                Some(Err(_)) => {
                    self.source = None;
                    return Poll::Ready(Some(Err(FetchFault::Unreachable)));
                }
                // Of trailers nothing is wanted.
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
            }
        }
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (idle, until) = (self.idle, self.until);
        let late = self.late.get_or_insert_with(|| {
            let late = Instant::now() + idle;
            Timer::at(until.map_or(late, |until| late.min(until)))
        });
        Pin::new(late).poll(cx).map(drop)
    }
}

/// The bodies that an exchange has kept open, until somebody reads them. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenBodies(Arc<Mutex<Vec<(AskId, OpenBody)>>>);

impl OpenBodies {
    /// Keeps one.
    pub(crate) fn keep(&self, ask: AskId, body: OpenBody) {
        let mut bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.push((ask, body));
    }

    /// Gives that of this ask away.
    pub(crate) fn take(&self, ask: AskId) -> Option<OpenBody> {
        let mut bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = bodies.iter().position(|(kept, _)| *kept == ask)?;
        Some(bodies.swap_remove(place).1)
    }
}
