//! What a runtime answers by itself, when a request does not get as far as an exchange: the same text
//! from every runtime. The body of a request that is too long is [`crate::admit::too_large`].

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use crate::http::response::text;

/// The request is not HTTP/1.1 as RFC 9112 has it, or can be read in two ways.
#[must_use]
pub fn bad_request() -> Response<Bytes> {
    text(
        StatusCode::BAD_REQUEST,
        "This is not a request that this server reads (RFC 9112).\n",
    )
}

/// The request did not arrive in time.
#[must_use]
pub fn request_timeout() -> Response<Bytes> {
    text(
        StatusCode::REQUEST_TIMEOUT,
        "The request did not arrive in time.\n",
    )
}

/// The target is longer than [`crate::limits::TARGET_BYTES`].
#[must_use]
pub fn target_too_long() -> Response<Bytes> {
    text(StatusCode::URI_TOO_LONG, "The address is too long.\n")
}

/// The request expects something other than `100-continue` (RFC 9110 section 10.1.1).
#[must_use]
pub fn expectation_failed() -> Response<Bytes> {
    text(
        StatusCode::EXPECTATION_FAILED,
        "This server does not do what the request expects.\n",
    )
}

/// The head is longer than [`crate::limits::HEAD_BYTES`] or has more fields than
/// [`crate::limits::HEAD_FIELDS`] (RFC 6585 section 5).
#[must_use]
pub fn head_too_large() -> Response<Bytes> {
    text(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The request has too many or too long header fields.\n",
    )
}

/// An exchange had a bug; the server lives.
#[must_use]
pub fn internal_error() -> Response<Bytes> {
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong in this server. The operator finds it in the log.\n",
    )
}

/// As many connections as there may be are open (threat M10).
#[must_use]
pub fn busy() -> Response<Bytes> {
    let mut response = text(
        StatusCode::SERVICE_UNAVAILABLE,
        "This server is busy. Please try again in a moment.\n",
    );
    let seconds = HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}
