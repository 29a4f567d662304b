//! The one style sheet of all pages.

use ::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;

use crate::http::response;

/// The style sheet. It is the same for everybody, and kept for a few minutes only, so that a new
/// version of the server is soon seen.
pub(crate) fn respond() -> Response<Bytes> {
    let sheet = include_str!("style.css");
    let mut response = response::of(StatusCode::OK, "text/css; charset=utf-8", sheet);
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}
