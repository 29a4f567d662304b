//! The output of a request that was posted to `/message`: the one stream of HTTP+SSE (2024-11-05).

use bytes::Bytes;

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
        let events = messages.into_iter().filter_map(|message| match message {
            ServerMessage::Json(json) => Some(v2024_11_05::message_event(&json)),
            // There is nowhere to come back to: the stream is one for everything.
            ServerMessage::CloseStream(_) => None,
        });
        self.deliver(events.collect(), cx);
    }

    /// Sends the responses, and nothing after them. The 202 is out already: also when the session was revoked,
    /// they are errors on the stream. When the client opens a new one, it gets the 401 that makes it sign in.
    pub(crate) fn finish(&self, responses: &[Response], cx: &mut Cx<'_>) {
        if !responses.is_empty() {
            let json = json_rpc::to_json(responses, self.batch);
            self.deliver(vec![v2024_11_05::message_event(&json)], cx);
        }
        cx.to_hub(ToHub(ToHubKind::CallAnswered));
    }

    fn deliver(&self, events: Vec<Bytes>, cx: &mut Cx<'_>) {
        if events.is_empty() {
            return;
        }
        cx.to_hub(ToHub(ToHubKind::Deliver {
            mcp_session: self.mcp_session,
            principal: self.principal,
            events,
        }));
    }
}
