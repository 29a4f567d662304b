//! What a client wants to hear of a backend, and how it has asked for that.

use std::sync::Arc;

use super::shared::SharedListen;
use crate::{
    catalog::ClientCapabilities,
    gateway::RawMessage,
    hub::BackendOwner,
    id::McpSessionId,
    json_rpc::Id,
    mcp::{forward::params_without_session, session::McpSession},
};

/// What a backend is listened to for.
#[derive(Debug)]
pub(super) enum Wanted {
    /// What it sends within a session.
    Session(Box<McpSession>),
    /// The same within the session that a stream of HTTP+SSE is.
    HttpSse(McpSessionId),
    /// What the client asks for by this request (2026-07-28).
    Request(Box<ListenRequest>),
    /// The same, of a backend with sessions.
    Shared(Box<SharedListen>),
}

/// A request that the backend answers.
#[derive(Debug)]
pub(super) struct ListenRequest {
    pub(super) id: Id,
    pub(super) message: Box<RawMessage>,
    /// Whose session at the backend it belongs to.
    pub(super) owner: BackendOwner,
    /// What the backend knows it as, each time that it is asked.
    pub(super) backend_id: Id,
    pub(super) was_acknowledged: bool,
}

impl ListenRequest {
    /// With what a session is opened for it.
    pub(super) fn params(&self) -> Arc<str> {
        params_without_session(&self.message, ClientCapabilities::default())
    }
}

impl Wanted {
    pub(super) fn is_session(&self) -> bool {
        !matches!(self, Self::Request(_))
    }

    /// Whether a request has yet to be answered, be it by an acknowledgement.
    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Session(_) | Self::HttpSse(_) => false,
            Self::Request(request) => !request.was_acknowledged,
            Self::Shared(listen) => !listen.was_acknowledged,
        }
    }
}
