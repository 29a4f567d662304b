//! How an execution ends: its requests are answered, cancelled, or their session is over.

use super::{Execution, Output};
use crate::{
    json_rpc::Response,
    mcp::{
        invocation::{Challenge, ServerMessage},
        reply,
    },
    step::{Cx, Progress},
};

impl Execution {
    /// Cancels what was not answered, and returns the messages that say so to the client.
    pub(super) fn cancel(&mut self, cx: &mut Cx<'_>) -> Vec<ServerMessage> {
        let mut messages = Vec::new();
        if let Some(batch) = self.batch.take() {
            batch.cancel(&mut self.batch_cx(&mut messages, cx));
        }
        messages
    }

    /// Sends the responses, and nothing after them.
    pub(super) fn finish(
        mut self: Box<Self>,
        responses: Vec<Response>,
        messages: Vec<ServerMessage>,
        cx: &mut Cx<'_>,
    ) -> Progress<Box<Self>> {
        self.output.send(messages, self.mcp_session.as_ref(), cx);
        match self.output {
            Output::Post(response) => {
                response.finish(&responses, cx);
                Progress::Ready(())
            }
            Output::HttpSse(output) => {
                output.finish(&responses, cx);
                Progress::Ready(())
            }
            Output::Parked(output) => {
                output.finish(&responses, cx);
                Progress::Ready(())
            }
            Output::Task(ref mut task) => {
                task.finish(responses.into_iter().next(), cx);
                self.wait(cx)
            }
        }
    }

    /// The session was revoked: what has not been answered ends with an error.
    pub(super) fn revoked(mut self: Box<Self>, cx: &mut Cx<'_>) -> Progress<Box<Self>> {
        let Some(batch) = self.batch.take() else {
            return self.wait(cx);
        };
        let mut messages = Vec::new();
        let error = reply::sign_in_ended();
        let responses = batch.end(&error, &mut self.batch_cx(&mut messages, cx));
        self.session_over(responses, messages, None, cx)
    }

    /// The session was revoked, or its user must sign in again.
    pub(super) fn session_over(
        mut self: Box<Self>,
        responses: Vec<Response>,
        messages: Vec<ServerMessage>,
        challenge: Challenge,
        cx: &mut Cx<'_>,
    ) -> Progress<Box<Self>> {
        self.output.send(messages, self.mcp_session.as_ref(), cx);
        match self.output {
            Output::Post(response) => {
                response.session_over(&responses, challenge, cx);
                Progress::Ready(())
            }
            Output::HttpSse(output) => {
                output.finish(&responses, cx);
                Progress::Ready(())
            }
            Output::Parked(output) => {
                output.finish(&responses, cx);
                Progress::Ready(())
            }
            Output::Task(ref mut task) => {
                task.finish(responses.into_iter().next(), cx);
                self.wait(cx)
            }
        }
    }
}
