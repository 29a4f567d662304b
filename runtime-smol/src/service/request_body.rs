//! The body of a request, under the limits that hold on the server's own sockets (threats L5, M5, M6).

use std::{pin::pin, time::Duration};

use async_io::Timer;
use bytes::{Buf as _, BufMut as _, Bytes};
use entra_mcp_http1::Refusal;
use entra_mcp_runtime::RequestPermit;
use http::Response;
use http_body::Body;
use smol::future;

/// Reads a whole body of at most so many bytes, within this time.
///
/// # Errors
///
/// The response to give: it is too long, too slow or broken, or too much is held of others already.
pub(super) async fn read<B: Body>(
    body: B,
    limit: usize,
    timeout: Duration,
    permit: &mut RequestPermit,
) -> Result<Bytes, Box<Response<Bytes>>> {
    let refused = |refusal: Refusal| Box::new(refusal.response());
    let mut whole = Vec::new();
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let mut body = pin!(body);
    let mut late = pin!(async {
        Timer::after(timeout).await;
        Err(refused(Refusal::TimedOut))
    });
    loop {
        let frame = future::poll_fn(|cx| body.as_mut().poll_frame(cx).map(Ok));
        let Some(frame) = future::or(frame, late.as_mut()).await? else {
            return Ok(whole.into());
        };
        let frame = frame.map_err(|_| refused(Refusal::Malformed))?;
        // Trailers say nothing to this server.
        if let Ok(data) = frame.into_data() {
            let bytes = whole.len().saturating_add(data.remaining());
            if bytes > limit {
                return Err(refused(Refusal::BodyTooLarge));
            }
            permit.buffer(bytes)?;
            whole.put(data);
        }
    }
}
