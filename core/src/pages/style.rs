//! The one style sheet of all pages.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use crate::http::answer;

/// The style sheet.
pub(crate) fn respond() -> Response<Bytes> {
    answer::of(StatusCode::OK, "text/css; charset=utf-8", "")
}
