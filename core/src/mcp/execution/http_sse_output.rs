//! The output of a request that was posted to `/message`: the one stream of HTTP+SSE (2024-11-05).

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::{
    ask::Awaiting,
    event::Answer,
    hub::{Deliver, ToHub, ToHubKind},
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
    /// The answer once there is room for more messages, or the stream is gone.
    pub(crate) delivering: Option<Awaiting<Deliver>>,
}

impl HttpSseOutput {
    pub(crate) fn send(&mut self, messages: Vec<ServerMessage>, cx: &mut Cx<'_>) {
        let events = messages.into_iter().filter_map(|message| match message {
            ServerMessage::Json(json) => Some(v2024_11_05::message_event(&json)),
            // There is nowhere to come back to: the stream is one for everything.
            ServerMessage::CloseStream(_) | ServerMessage::InputRequired(..) => None,
        });
        self.deliver(events.collect(), cx);
    }

    /// Sends the responses, and nothing after them. The 202 is out already: also when the session was revoked,
    /// they are errors on the stream. When the client opens a new one, it gets the 401 that makes it sign in.
    pub(crate) fn finish(mut self, responses: &[Response], cx: &mut Cx<'_>) {
        if !responses.is_empty() {
            let json = json_rpc::to_json(responses, self.batch);
            self.deliver(vec![v2024_11_05::message_event(&json)], cx);
        }
        cx.to_hub(ToHub(ToHubKind::CallAnswered));
    }

    /// Takes the hub's answer: whether there is room for more messages, or else the stream is gone. Another
    /// answer is given back.
    pub(crate) fn answered(&mut self, answer: Answer) -> ControlFlow<bool, Answer> {
        let delivering = &mut self.delivering;
        match delivering.take_if(|delivering| delivering.id() == answer.ask()) {
            Some(delivering) => ControlFlow::Break(delivering.into_answer(answer)),
            None => ControlFlow::Continue(answer),
        }
    }

    fn deliver(&mut self, events: Vec<Bytes>, cx: &mut Cx<'_>) {
        if events.is_empty() {
            return;
        }
        let (mcp_session, principal) = (self.mcp_session, self.principal);
        self.delivering = Some(cx.ask_hub(|ticket| ToHubKind::Deliver {
            ticket,
            mcp_session,
            principal,
            events,
        }));
    }
}
