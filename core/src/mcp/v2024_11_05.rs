//! Revision 2024-11-05: HTTP+SSE. A stream at `GET /sse` first tells where to post, by an event
//! named `endpoint`; messages go to `POST /message` and are answered on the stream.
//!
//! Source: MCP specification 2024-11-05, basic/transports, HTTP with SSE.

use bytes::Bytes;

use super::{revision::Features, sse};
use crate::hub::StreamId;

/// What the revision has.
pub(crate) const FEATURES: Features = Features {
    name: "2024-11-05",
    batches: false,
    annotations: false,
    titles: false,
    audio: false,
    resource_links: false,
    elicitation: false,
    url_elicitation: false,
    rich_forms: false,
    priming: false,
    icons: false,
    structured_content: false,
    bad_arguments_are_tool_errors: false,
    stateless: false,
};
/// The event that tells where to post: a path on this origin, whatever `Host` was sent, with the
/// name of the stream and nothing secret (threats.md, SSE-05).
pub(crate) fn endpoint_event(stream: StreamId) -> Bytes {
    sse::event("endpoint", &format!("/message?sessionId={stream}"))
}

/// The event that carries a message.
pub(crate) fn message_event(json: &str) -> Bytes {
    sse::event("message", json)
}
