//! The three outputs of an execution.

use super::{HttpSseOutput, ParkedOutput};
use crate::{
    json_rpc::Response,
    mcp::{
        invocation::ServerMessage, session::McpSession, streamable_http::PostResponse,
        tasks::TaskRunner,
    },
    step::Cx,
};

/// Where messages and responses go.
#[derive(Debug)]
pub(crate) enum Output {
    Post(PostResponse),
    HttpSse(HttpSseOutput),
    Task(Box<TaskRunner>),
    /// The response was sent, and asks something: the call waits for another exchange.
    Parked(ParkedOutput),
}

impl Output {
    /// Whether it still has somewhere to go when the peer has disconnected.
    pub(super) fn survives_disconnect(&mut self) -> bool {
        match self {
            Self::Post(response) => response.survives_disconnect(),
            Self::HttpSse(_) | Self::Parked(_) => true,
            Self::Task(task) => task.survives_disconnect(),
        }
    }

    pub(super) fn keep_alive(&mut self, mcp_session: Option<&McpSession>, cx: &mut Cx<'_>) {
        match self {
            Self::Post(response) => {
                response.open(mcp_session, cx);
                response.keep_alive(cx);
            }
            Self::HttpSse(_) | Self::Task(_) | Self::Parked(_) => {}
        }
    }

    pub(super) fn send(
        &mut self,
        mut messages: Vec<ServerMessage>,
        mcp_session: Option<&McpSession>,
        cx: &mut Cx<'_>,
    ) {
        let is_end = |one: &mut ServerMessage| matches!(one, ServerMessage::InputRequired(..));
        if matches!(self, Self::Post(_))
            && let Some(ServerMessage::InputRequired(id, text)) = messages.pop_if(is_end)
            && let Self::Post(mut response) =
                std::mem::replace(self, Self::Parked(ParkedOutput::default()))
        {
            response.send(messages, mcp_session, cx);
            return response.finish(&[Response::whole(id, text, None)], cx);
        }
        match self {
            Self::Parked(output) => output.send(messages, cx),
            Self::Post(response) => response.send(messages, mcp_session, cx),
            Self::HttpSse(output) => output.send(messages, cx),
            // Nothing is sent before the result of a task.
            Self::Task(_) => {}
        }
    }
}
