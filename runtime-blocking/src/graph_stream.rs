//! Answers of Microsoft Graph that a function reads piece by piece.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use entra_mcp_core::catalog::{GraphError, GraphResponse};
use entra_mcp_runtime::handlers::{Interrupted, broken_stream};

use crate::outbound::OpenBody;

/// An answer of Microsoft Graph whose body is read piece by piece: [`Context::graph_stream`](crate::Context::graph_stream).
///
/// While nobody reads, Graph waits: no more than a piece or two is held in memory, however large the whole is. To drop it closes the
/// connection, as does the end of the call; a read that waits then ends with the time of a piece at the latest.
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
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would go on after an error"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, GraphError> {
        self.shared.next()
    }
}

/// A body that is read, as far as its call may end it.
#[derive(Debug)]
pub(crate) struct SharedStream(Mutex<Body>);

#[derive(Debug)]
enum Body {
    Open(OpenBody),
    /// Somebody reads it just now.
    Read,
    Ended,
    Failed(GraphError),
}

impl SharedStream {
    pub(crate) fn new(body: OpenBody) -> Self {
        Self(Mutex::new(Body::Open(body)))
    }

    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there may be more.
    pub(crate) fn is_open(&self) -> bool {
        matches!(&*self.body(), Body::Open(_) | Body::Read)
    }

    /// The call is over: the connection is closed, at once if nobody reads.
    pub(crate) fn end(&self) {
        let ended = mem::replace(&mut *self.body(), Body::Failed(Interrupted.into()));
        drop(ended);
    }

    fn next(&self) -> Result<Option<Bytes>, GraphError> {
        let mut open = {
            let mut body = self.body();
            match mem::replace(&mut *body, Body::Read) {
                Body::Open(open) => open,
                other => {
                    let answer = match &other {
                        Body::Failed(error) => Err(error.clone()),
                        Body::Open(_) | Body::Read | Body::Ended => Ok(None),
                    };
                    *body = other;
                    return answer;
                }
            }
        };
        // Without the lock: the end of the call does not wait for a piece.
        let next = open.next();
        let mut body = self.body();
        if let Body::Failed(error) = &*body {
            return Err(error.clone());
        }
        match next {
            Ok(Some(piece)) => {
                *body = Body::Open(open);
                Ok(Some(piece))
            }
            Ok(None) => {
                *body = Body::Ended;
                Ok(None)
            }
            Err(fault) => {
                let error = broken_stream(fault);
                *body = Body::Failed(error.clone());
                Err(error)
            }
        }
    }
}
