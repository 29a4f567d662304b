//! The three outputs of an execution.

use super::HttpSseOutput;
use crate::{
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
}

impl Output {
    /// Whether it still has somewhere to go when the peer has disconnected.
    pub(super) fn survives_disconnect(&mut self) -> bool {
        match self {
            Self::Post(response) => response.survives_disconnect(),
            Self::HttpSse(_) => true,
            Self::Task(task) => task.survives_disconnect(),
        }
    }

    pub(super) fn keep_alive(&mut self, mcp_session: Option<&McpSession>, cx: &mut Cx<'_>) {
        match self {
            Self::Post(response) => {
                response.open(mcp_session, cx);
                response.keep_alive(cx);
            }
            Self::HttpSse(_) | Self::Task(_) => {}
        }
    }

    pub(super) fn send(
        &mut self,
        messages: Vec<ServerMessage>,
        mcp_session: Option<&McpSession>,
        cx: &mut Cx<'_>,
    ) {
        match self {
            Self::Post(response) => response.send(messages, mcp_session, cx),
            Self::HttpSse(output) => output.send(messages, cx),
            // Nothing is sent before the result of a task.
            Self::Task(_) => {}
        }
    }
}
