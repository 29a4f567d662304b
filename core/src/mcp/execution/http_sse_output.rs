//! The output of a request that was posted to `/message`: the one stream of HTTP+SSE (2024-11-05).

use crate::{
    hub::{ToHub, ToHubKind},
    id::{McpSessionId, PrincipalId},
    json_rpc::{self, Response},
    mcp::{invocation::ServerMessage, v2024_11_05},
    step::Cx,
};

/// The stream of the client's MCP session, which another exchange holds.
#[derive(Debug)]
pub(crate) struct HttpSseOutput {
    pub(crate) mcp_session: McpSessionId,
    pub(crate) principal: PrincipalId,
    /// Whether the responses are those of a batch.
    pub(crate) batch: bool,
}

impl HttpSseOutput {
    pub(crate) fn send(&self, messages: Vec<ServerMessage>, cx: &mut Cx<'_>) {
        for message in messages {
            match message {
                ServerMessage::Json(json) => self.deliver(&json, cx),
                // There is nowhere to come back to: the stream is one for everything.
                ServerMessage::CloseStream(_) => {}
            }
        }
    }

    /// Sends the responses, and nothing after them. The 202 is out already: also when the session was revoked,
    /// they are errors on the stream. When the client opens a new one, it gets the 401 that makes it sign in.
    pub(crate) fn finish(&self, responses: &[Response], cx: &mut Cx<'_>) {
        if !responses.is_empty() {
            self.deliver(&json_rpc::to_json(responses, self.batch), cx);
        }
        cx.to_hub(ToHub(ToHubKind::CallAnswered));
    }

    fn deliver(&self, json: &str, cx: &mut Cx<'_>) {
        cx.to_hub(ToHub(ToHubKind::Deliver {
            mcp_session: self.mcp_session,
            principal: self.principal,
            bytes: v2024_11_05::message_event(json),
        }));
    }
}
