//! What a request, or the MCP session that it belongs to, says besides what is called.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value};

use crate::{
    catalog::{ClientCapabilities, ClientInfo, InputResult, LogLevel},
    id::McpSessionId,
    json_rpc::Id,
    mcp::step_up::{self, StoppedCall},
    revision::Revision,
};

/// What the client's requests, or its session, say of the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientProfile {
    pub(crate) revision: Revision,
    pub(crate) client_capabilities: ClientCapabilities,
    /// Its MCP session; none in 2026-07-28.
    pub(crate) mcp_session: Option<McpSessionId>,
    /// Whether a message can reach it before the response.
    pub(crate) streams: bool,
    /// Whether all calls share one stream (HTTP+SSE): after a message each waits until there is room for more.
    pub(crate) shares_stream: bool,
    /// Whether it knows tasks (2026-07-28).
    pub(crate) tasks: bool,
    /// Whether it is told of the scopes of tools in the way of ChatGPT.
    pub(crate) security_schemes: bool,
    /// From which level on its MCP session is sent lines of the log.
    pub(crate) level: Option<LogLevel>,
    /// Whether an earlier request of the same batch may have changed a setting.
    pub(crate) has_set: bool,
}

impl ClientProfile {
    /// A call of its that ends because the user must satisfy more.
    pub(in crate::mcp) fn stopped(
        self,
        answers: BTreeMap<String, InputResult>,
        responses: &Map<String, Value>,
    ) -> StoppedCall {
        StoppedCall {
            revision: self.revision,
            client_capabilities: self.client_capabilities,
            in_session: self.mcp_session.is_some(),
            answers,
            was_asked: responses.keys().any(|key| step_up::is_answer(key)),
        }
    }
}

/// What a request says besides what it calls, and how long it may take.
#[derive(Debug)]
pub(crate) struct RequestMeta {
    /// `_meta.progressToken`: progress is reported.
    pub(crate) progress_token: Option<Id>,
    /// From which level on lines of the log are sent, where the request says so (2026-07-28).
    pub(crate) level: Option<LogLevel>,
    /// Input responses of earlier rounds, from `requestState`.
    pub(crate) answers: BTreeMap<String, InputResult>,
    /// `inputResponses`: those of this round, not read yet.
    pub(crate) responses: Map<String, Value>,
    /// How long the invocation may take.
    pub(crate) time_limit: Duration,
    /// What the tool itself says of that.
    pub(crate) timeout: Option<Duration>,
    /// The authentication context that the tool wants.
    pub(crate) authentication_context: Option<String>,
    /// Which program the client says that it is, where the request says so (2026-07-28).
    pub(crate) client_info: Option<ClientInfo>,
    /// `_meta`, without what is MCP's own.
    pub(crate) extensions: Map<String, Value>,
}
