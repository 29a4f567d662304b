//! The front page: how to add this server to an MCP client.

use ::http::{Response, StatusCode};
use bytes::Bytes;

use crate::{env::Env, http::answer};

/// The front page.
pub(crate) fn respond(_env: Env<'_>) -> Response<Bytes> {
    answer::text(StatusCode::OK, "entra-mcp\n")
}
