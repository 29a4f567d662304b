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

/// As many connections as there may be are open, or as many bytes are buffered (threat M10).
#[must_use]
pub fn busy() -> Response<Bytes> {
    try_again(
        StatusCode::SERVICE_UNAVAILABLE,
        "This server is busy. Please try again in a moment.\n",
    )
}

/// One address has as many connections open as it may (threat M10; RFC 6585 section 4).
#[must_use]
pub fn too_many_connections() -> Response<Bytes> {
    try_again(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many connections are open from your address. Close some, or try again in a moment.\n",
    )
}

/// As many requests of one session are still worked on after their response as may be.
#[must_use]
pub fn too_many_requests() -> Response<Bytes> {
    try_again(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many of your requests are still being worked on. Wait until some of them are done.\n",
    )
}

/// Whoever asks is not on this machine, and the development tenant is for this machine alone.
#[must_use]
pub fn local_only() -> Response<Bytes> {
    text(
        StatusCode::FORBIDDEN,
        "This server has the development tenant, where anybody is whoever they like: only this machine may use it.\n",
    )
}

fn try_again(status: StatusCode, sentence: &'static str) -> Response<Bytes> {
    let mut response = text(status, sentence);
    let seconds = HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}
