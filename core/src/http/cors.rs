//! Which web pages may read our answers (the Fetch standard's CORS protocol).
//!
//! Never with credentials. Public documents and endpoints that prove who asks by what they are
//! sent are open to every page; the MCP endpoints to configured origins; the authorization
//! endpoint to none (RFC 9700 section 2.6).

use ::http::{Request, Response, StatusCode};
use bytes::Bytes;

use super::answer;
use crate::{env::Server, route::Route};

/// The answer to a preflight.
pub(crate) fn preflight(
    _route: Route,
    _request: &Request<Bytes>,
    _server: &Server,
) -> Response<Bytes> {
    answer::empty(StatusCode::NO_CONTENT)
}
