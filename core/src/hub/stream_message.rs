//! What a stream is told, and what it tells the hub of itself.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::{
    catalog::ChangeNotification,
    id::{McpSessionId, StreamId},
    time::UnixTime,
};

/// Of which kind a stream is: that decides which messages it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// The HTTP+SSE stream of this MCP session.
    Sse(McpSessionId),
    /// The GET stream of Streamable HTTP.
    Standalone(McpSessionId),
    /// The rest of a response, after this event, for a client that came back: it gets nothing else.
    Resumed {
        mcp_session: McpSessionId,
        stream: StreamId,
        after: u64,
    },
    /// The response of `subscriptions/listen` (2026-07-28).
    Subscription(SubscriptionFilter),
}

/// What a stream does next: it sends messages, and may have to end after them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamOutput {
    /// Events, as they are sent.
    pub(crate) events: Vec<Bytes>,
    /// What is listened for from now on (`subscriptions/listen`): said before anything that has changed.
    pub(crate) acknowledged: Option<SubscriptionFilter>,
    /// What has changed: however often, it is said once.
    pub(crate) changes: BTreeSet<ChangeNotification>,
    /// The client has shown a newer token, which expires then.
    pub(crate) token_expires: Option<UnixTime>,
    pub(crate) end: Option<EndReason>,
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// The session was revoked.
    SessionRevoked,
    /// The client has ended its MCP session.
    McpSessionEnded,
    /// The response that was resumed is complete.
    Complete,
    /// The client has resumed the response on another stream.
    TakenOver,
    /// The events of the response are no longer kept.
    ReplayDropped,
    /// The server is shutting down.
    ShuttingDown,
}

/// What a `subscriptions/listen` listens for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubscriptionFilter {
    pub(crate) tools: bool,
    pub(crate) prompts: bool,
    pub(crate) resources: bool,
    pub(crate) uris: BTreeSet<String>,
}
