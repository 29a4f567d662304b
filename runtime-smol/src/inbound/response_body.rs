//! The body of an answer: whole, or piece by piece as the exchange writes it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use async_channel::Receiver;
use bytes::Bytes;
use http::{Response, header};
use hyper::body::{Body, Frame, SizeHint};
use smol::stream::Stream as _;

use super::ResponsePart;
use crate::listen::Closing;

/// Whether the answer to the last request has been taken whole, so that the wire may give the next
/// one.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseTaken(Arc<AtomicBool>);

impl ResponseTaken {
    /// Whether it has, since this was asked last.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

/// The body of an answer. When it is dropped, the request was served.
pub(super) struct ResponseBody {
    kind: Kind,
    served: ResponseTaken,
}

enum Kind {
    Whole(Bytes),
    Stream {
        parts: Pin<Box<Receiver<ResponsePart>>>,
        closing: Pin<Box<Closing>>,
    },
}

/// The exchange ended in the middle of its answer: it had a bug.
#[derive(Debug)]
pub(super) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer ended before its end")
    }
}

impl std::error::Error for Broken {}

impl ResponseBody {
    /// A whole response.
    pub(super) fn whole(response: Response<Bytes>, served: ResponseTaken) -> Response<Self> {
        response.map(|body| Self {
            kind: Kind::Whole(body),
            served,
        })
    }

    /// The head of a response whose body is sent as its pieces come. It ends when they do, or when
    /// the server does.
    pub(super) fn stream(
        mut head: Response<()>,
        parts: Receiver<ResponsePart>,
        closing: Closing,
        served: ResponseTaken,
    ) -> Response<Self> {
        head.headers_mut().remove(header::CONTENT_LENGTH);
        head.map(|()| Self {
            kind: Kind::Stream {
                parts: Box::pin(parts),
                closing: Box::pin(closing),
            },
            served,
        })
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.kind {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Stream { parts, closing } => match parts.as_mut().poll_next(cx) {
                Poll::Ready(Some(ResponsePart::Bytes(bytes))) => {
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
                Poll::Ready(Some(ResponsePart::End)) => Poll::Ready(None),
                Poll::Ready(Some(ResponsePart::Whole(_) | ResponsePart::Head(_)) | None) => {
                    Poll::Ready(Some(Err(Broken)))
                }
                Poll::Pending => closing.as_mut().poll_next(cx).map(ended),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.kind, Kind::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Kind::Stream { .. } => SizeHint::default(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.served.0.store(true, Ordering::Release);
    }
}

/// The channel of the server's end never says anything but that.
fn ended<T>(never: Option<Infallible>) -> Option<T> {
    never.map(|never| match never {})
}
