//! The well-known documents: RFC 9728 and RFC 8414.

use ::http::Response;
use bytes::Bytes;

use crate::{env::Env, http::answer, route::Route};

/// The document of a route.
pub(crate) fn respond(_route: Route, _env: Env<'_>) -> Response<Bytes> {
    answer::not_found()
}
