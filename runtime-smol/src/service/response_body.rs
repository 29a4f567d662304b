//! The body of a response, as whoever sends it takes it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use async_io::Timer;
use bytes::Bytes;
use entra_mcp_runtime::ConnectionPermit;
use http_body::{Body, Frame, SizeHint};

use super::lock;
use crate::{inbound::ResponsePart, listen::ConnectionGuard, queue::Receiver};

/// What a request holds until its response was taken.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) _connection: Arc<ConnectionPermit>,
    pub(super) _guard: ConnectionGuard,
}

/// The body of a response of an [`McpService`](super::McpService).
#[derive(Debug)]
pub struct ResponseBody(Inner);

#[derive(Debug)]
enum Inner {
    /// All of it is there.
    Full { bytes: Bytes, _held: Option<Held> },
    /// It goes on.
    Stream(Arc<Mutex<Option<Reading>>>),
    /// It was taken.
    Over,
}

/// A stream that is being taken.
#[derive(Debug)]
struct Reading {
    parts: Receiver<ResponsePart>,
    /// Since when a piece was taken and the next one not asked for.
    idle_since: Option<Instant>,
    _held: Held,
}

/// A response ended before it was whole: the server had a bug, or nobody read it for too long. Whoever sends it breaks it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incomplete;

impl std::fmt::Display for Incomplete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the response ended before it was whole")
    }
}

impl std::error::Error for Incomplete {}

impl ResponseBody {
    /// A refusal: nothing is held for it.
    pub(super) fn full(bytes: Bytes) -> Self {
        Self(Inner::Full { bytes, _held: None })
    }

    pub(super) fn held(bytes: Bytes, held: Held) -> Self {
        let _held = Some(held);
        Self(Inner::Full { bytes, _held })
    }

    /// A stream, and what ends it when nobody reads it.
    pub(super) fn stream(
        parts: Receiver<ResponsePart>,
        held: Held,
        timeout: Duration,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let reading = Arc::new(Mutex::new(Some(Reading {
            parts,
            idle_since: Some(Instant::now()),
            _held: held,
        })));
        let watched = Arc::downgrade(&reading);
        let watch = async move {
            loop {
                Timer::after(timeout).await;
                let Some(reading) = watched.upgrade() else {
                    return;
                };
                let is_idle = |reading: &mut Reading| {
                    let since = reading.idle_since;
                    since.is_some_and(|since| since.elapsed() >= timeout)
                };
                let unread = lock(&reading).take_if(is_idle);
                drop(unread);
            }
        };
        (Self(Inner::Stream(reading)), watch)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        let frame = match &mut self.0 {
            Inner::Over => None,
            Inner::Full { bytes, .. } if bytes.is_empty() => None,
            Inner::Full { bytes, .. } => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Inner::Stream(reading) => {
                let mut reading = lock(reading);
                let part = match &mut *reading {
                    Some(reading) => reading.poll_next(cx),
                    None => Poll::Ready(None),
                };
                match std::task::ready!(part) {
                    Some(ResponsePart::Bytes(bytes)) => {
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                    Some(ResponsePart::End) => None,
                    Some(ResponsePart::Full(_) | ResponsePart::Head(_)) | None => {
                        Some(Err(Incomplete))
                    }
                }
            }
        };
        self.0 = Inner::Over;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Over => true,
            Inner::Full { bytes, .. } => bytes.is_empty(),
            Inner::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Over => SizeHint::with_exact(0),
            Inner::Full { bytes, .. } => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Inner::Stream(_) => SizeHint::default(),
        }
    }
}

impl Reading {
    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<ResponsePart>> {
        let part = self.parts.poll_next(cx);
        self.idle_since = part.is_ready().then(Instant::now);
        part
    }
}
