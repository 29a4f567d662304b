//! What a runtime answers by itself, when there is no exchange to answer: the same text from every runtime.

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use crate::http::response::text;

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
