//! One connection, served by `hyper`: requests one after the other, in their order, until one of
//! the two sides closes (RFC 9112 section 9).

use std::{convert::Infallible, future::Future, net::TcpStream, pin::Pin, sync::Arc};

use async_io::{Async, Timer};
use bytes::Bytes;
use entra_mcp_core::{
    admit::{self, is_exempt_from_limit},
    error_responses, limits,
};
use entra_mcp_runtime::{ConnectionPermit, PermitKind, Timeouts};
use http::{HeaderValue, Request, Response, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
};
use smol::future::{self, FutureExt as _};

use super::{
    Admitted, ResponsePart, ResponseWriter, Service, guarded,
    response_body::{ResponseBody, ResponseTaken},
    wire::Wire,
};
use crate::{
    executor::{DetachOnDrop, Executor},
    listen::Closing,
};

/// The most that `hyper` buffers: more than the longest head, which the wire has bounded.
const BUFFER_BYTES: usize = 2 * limits::HEAD_BYTES;

/// Serves a connection to its end.
pub(crate) async fn connection(
    socket: Async<TcpStream>,
    service: Arc<dyn Service>,
    executor: Executor,
    permit: ConnectionPermit,
    closing: Closing,
) {
    let timeouts = Timeouts::of(permit.kind());
    serve(socket, service, executor, permit, closing, timeouts).await;
}

/// The same, with as much patience as a test has.
pub(super) async fn serve(
    socket: Async<TcpStream>,
    service: Arc<dyn Service>,
    executor: Executor,
    permit: ConnectionPermit,
    closing: Closing,
    timeouts: Timeouts,
) {
    let (permit, served) = (Arc::new(permit), ResponseTaken::default());
    let wire = Wire::new(socket, timeouts, served.clone());
    let inbound = Inbound(Arc::new(Inner {
        service,
        executor,
        permit: Arc::clone(&permit),
        timeouts,
        served,
        closing: closing.clone(),
    }));
    let mut http = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(wire, inbound);
    let mut ending = Box::pin(closing.recv());
    let mut is_ending = false;
    let ended = future::poll_fn(|cx| {
        if !is_ending && ending.as_mut().poll(cx).is_ready() {
            is_ending = true;
            Pin::new(&mut http).graceful_shutdown();
        }
        http.poll_without_shutdown(cx)
    })
    .await;
    let mut wire = http.into_parts().io;
    if ended.is_ok() {
        wire.finish().await;
    }
    drop(permit);
}

/// The requests of a connection, as `hyper` hands them over.
struct Inbound(Arc<Inner>);

struct Inner {
    service: Arc<dyn Service>,
    executor: Executor,
    permit: Arc<ConnectionPermit>,
    timeouts: Timeouts,
    served: ResponseTaken,
    closing: Closing,
}

impl hyper::service::Service<Request<Incoming>> for Inbound {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Ok(inner.exchange(request).await) })
    }
}

impl Inner {
    /// Answers a request.
    async fn exchange(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        // Where a body in chunks ends is seen by hyper only: nothing behind it is read.
        let closes = self.permit.kind() == PermitKind::Overflow
            || head.headers.contains_key(header::TRANSFER_ENCODING);
        let admitted = match self.admit(head, has_body) {
            Ok(admitted) => admitted,
            // An unread body must not be read as the next request (threat L7).
            Err(answer) => return self.whole(*answer, closes || has_body),
        };
        let body = match self.read(body, admitted.body_limit).await {
            Ok(body) => body,
            Err(answer) => return self.whole(answer, true),
        };
        let (writer, parts) = ResponseWriter::new();
        let work = guarded(admitted, body, writer, Arc::clone(&self.permit));
        let mut work = DetachOnDrop::new(self.executor.clone(), work);
        let worked = async {
            (&mut work).await;
            parts.recv().await
        };
        match worked.or(parts.recv()).await {
            Ok(ResponsePart::Whole(response)) => {
                // A message of HTTP+SSE is accepted first and worked on then: elsewhere, so that
                // the connection can take its next request, unless there is too much of it.
                if self.executor.is_saturated() {
                    work.await;
                }
                self.whole(response, closes)
            }
            Ok(ResponsePart::Head(head)) => {
                work.detach();
                let (closing, served) = (self.closing.clone(), self.served.clone());
                let mut response = ResponseBody::stream(head, parts, closing, served);
                close_if(closes, &mut response);
                response
            }
            _ => self.whole(error_responses::internal_error(), closes),
        }
    }

    /// The verdict by the head alone.
    fn admit(&self, head: Parts, has_body: bool) -> Result<Admitted, Box<Response<Bytes>>> {
        let is_exempt = !has_body && is_exempt_from_limit(&head);
        if self.permit.kind() == PermitKind::Overflow && !is_exempt {
            return Err(Box::new(error_responses::busy()));
        }
        self.service.admit(head)
    }

    /// Reads a whole body, bounded in bytes and time (threats M6, M8).
    async fn read(&self, body: Incoming, limit: usize) -> Result<Bytes, Response<Bytes>> {
        if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(admit::too_large());
        }
        let whole = async { Some(Limited::new(body, limit).collect().await) };
        let late = async {
            Timer::after(self.timeouts.body).await;
            None
        };
        match whole.or(late).await {
            Some(Ok(body)) => Ok(body.to_bytes()),
            Some(Err(error)) if error.is::<LengthLimitError>() => Err(admit::too_large()),
            // Its chunks are no chunks, or the peer has left and reads no answer.
            Some(Err(_)) => Err(error_responses::bad_request()),
            None => Err(error_responses::request_timeout()),
        }
    }

    fn whole(&self, response: Response<Bytes>, closes: bool) -> Response<ResponseBody> {
        let mut response = ResponseBody::whole(response, self.served.clone());
        close_if(closes, &mut response);
        response
    }
}

fn close_if<T>(closes: bool, response: &mut Response<T>) {
    if closes {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
}
