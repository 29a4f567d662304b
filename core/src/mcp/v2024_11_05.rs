//! Revision 2024-11-05: HTTP+SSE. A stream at `GET /sse` first tells where to post, by an event
//! named `endpoint`; messages go to `POST /message` and are answered on the stream.
//!
//! Source: MCP specification 2024-11-05, basic/transports, HTTP with SSE.

use bytes::Bytes;

use super::sse;
use crate::{env::Env, id::McpSessionId};

/// The event that tells where to post: a path on this origin, whatever `Host` was sent, with the
/// name of the stream and nothing secret (threat C15).
pub(crate) fn endpoint_event(stream: McpSessionId, env: Env<'_>) -> Bytes {
    let path = match env.endpoint_name() {
        Some(name) => format!("/message/{name}"),
        None => "/message".to_owned(),
    };
    let path = env.server.config.public_url.base_path().join(&path);
    sse::event("endpoint", &format!("{path}?sessionId={stream}"))
}

/// The event that carries a message.
pub(crate) fn message_event(json: &str) -> Bytes {
    sse::event("message", json)
}
