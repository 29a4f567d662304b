//! Answers of Microsoft Graph that a function reads piece by piece.

use std::{
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use entra_mcp_core::catalog::{GraphError, GraphResponse};
use entra_mcp_runtime::handlers::{Interrupted, broken_stream};

use crate::outbound::OpenBody;

/// An answer of Microsoft Graph whose body is read piece by piece: [`Context::graph_stream`](crate::Context::graph_stream).
///
/// While nobody reads, Graph waits: no more than a piece or two is held in memory, however large the whole is. To drop it closes the
/// connection, as does the end of the call.
#[derive(Debug)]
pub struct GraphStream {
    response: GraphResponse,
    shared: Arc<SharedStream>,
}

impl GraphStream {
    pub(crate) fn new(response: GraphResponse, shared: Arc<SharedStream>) -> Self {
        Self { response, shared }
    }

    /// The answer of a script, which is there as a whole.
    pub(crate) fn of_whole(response: GraphResponse) -> Self {
        let body = OpenBody::whole(response.body().clone());
        Self::new(response, Arc::new(SharedStream::new(body)))
    }

    /// Returns status and headers. The body is not among them: [`Self::next`].
    #[must_use]
    pub fn head(&self) -> &GraphResponse {
        &self.response
    }

    /// Reads the next piece, of at most 64 KiB; `None` once that was all.
    ///
    /// # Errors
    ///
    /// The connection broke before the end, or no piece came in time: what was read is not all. Or the call is over.
    pub async fn next(&mut self) -> Result<Option<Bytes>, GraphError> {
        poll_fn(|cx| self.shared.poll_next(cx)).await
    }
}

/// A body that is read, as far as its call may end it.
#[derive(Debug)]
pub(crate) struct SharedStream(Mutex<State>);

#[derive(Debug)]
struct State {
    body: Body,
    /// Who waits for a piece.
    waker: Option<Waker>,
}

#[derive(Debug)]
enum Body {
    Open(Box<OpenBody>),
    Ended,
    Failed(GraphError),
}

impl SharedStream {
    pub(crate) fn new(body: OpenBody) -> Self {
        Self(Mutex::new(State {
            body: Body::Open(Box::new(body)),
            waker: None,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there may be more.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state().body, Body::Open(_))
    }

    /// The call is over: the connection is closed, and whoever waits for a piece is told.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        let ended = mem::replace(&mut state.body, Body::Failed(Interrupted.into()));
        let waker = state.waker.take();
        drop(state);
        drop(ended);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, GraphError>> {
        let mut state = self.state();
        let next = match &mut state.body {
            Body::Ended => return Poll::Ready(Ok(None)),
            Body::Failed(error) => return Poll::Ready(Err(error.clone())),
            Body::Open(body) => body.poll_next(cx),
        };
        match next {
            Poll::Pending => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Poll::Ready(Some(Ok(piece))) => Poll::Ready(Ok(Some(piece))),
            Poll::Ready(Some(Err(fault))) => {
                let error = broken_stream(fault);
                state.body = Body::Failed(error.clone());
                Poll::Ready(Err(error))
            }
            Poll::Ready(None) => {
                state.body = Body::Ended;
                Poll::Ready(Ok(None))
            }
        }
    }
}
