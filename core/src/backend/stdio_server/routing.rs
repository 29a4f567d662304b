//! What a process writes: whom each line is for.

use serde_json::json;

use super::{Stage, StdioServer};
use crate::{
    gateway::{MessageFault, MessageKind, ProcessCall, ProcessFault, ProcessShare, RawMessage},
    hub::{ProcessMessage, RunsProcess, ToHubKind},
    json_rpc::{Error, Id},
    log_event::{Field, LogEventId},
    step::Cx,
};

impl StdioServer {
    /// Reads a line. The next one comes once this one was taken.
    pub(super) fn line(&mut self, line: &[u8], cx: &mut Cx<'_>) {
        if matches!(self.stage, Stage::Running) {
            self.route_line(line, cx);
        }
        if self.delivering.is_none() {
            self.next_line(cx);
        }
    }

    fn route_line(&mut self, line: &[u8], cx: &mut Cx<'_>) {
        let Ok(text) = std::str::from_utf8(line) else {
            return self.skip(&String::from_utf8_lossy(line), cx);
        };
        match RawMessage::read(text) {
            Ok(message) if self.guard.is_in(text) => self.leaked(&message, cx),
            Ok(message) => self.route(message.without_null_params(), cx),
            Err(MessageFault::NotAnswerable) => {}
            Err(_) => {
                // Nothing that could be a secret is written to the log.
                let is_secret = self.guard.is_in(text);
                self.skip(if is_secret { "(a secret)" } else { text }, cx);
                let answered = RawMessage::answered_by_malformed(text);
                if let Some(call) = answered.and_then(|id| self.calls.answer(&id)) {
                    self.to_hub(RunsProcess::Fail(call, ProcessFault::NotUnderstood), cx);
                    self.call_ended(cx);
                }
            }
        }
    }

    fn route(&mut self, message: RawMessage, cx: &mut Cx<'_>) {
        let call = match message.kind() {
            MessageKind::Response { id, .. } => {
                let answered = id.as_ref().and_then(|id| self.calls.answer(id));
                if let Some(call) = answered {
                    self.note_initialized(&message, cx);
                    self.has_answered = true;
                    self.deliver(call, message, true, cx);
                    self.call_ended(cx);
                }
                return;
            }
            MessageKind::Request { id, method } if method == "ping" => {
                let pong = json!({"jsonrpc": "2.0", "id": id, "result": {}});
                return self.feed_answer(&pong, cx);
            }
            MessageKind::Request { id, .. } => {
                let id = id.clone();
                // Whose question it is nobody knows.
                let asked = match self.is_of_all() {
                    true => None,
                    false => self.calls.ask(&id),
                };
                if asked.is_none() {
                    return self.refuse(&id, "Nobody is there who could be asked.", cx);
                }
                asked
            }
            MessageKind::Notification { method } => match method.as_str() {
                "notifications/progress" => message.token().and_then(|id| self.calls.find(id)),
                "notifications/cancelled" => {
                    message.cancelled().and_then(|id| self.calls.asked(id))
                }
                _ if self.is_of_all() => None,
                _ => match subscription(&message) {
                    Some(id) => self.calls.find(&id),
                    None => self.calls.hearer(),
                },
            },
        };
        if let Some(call) = call {
            self.deliver(call, message, false, cx);
        }
    }

    /// Whether several users have it together, so that nothing reaches one of them that is not certainly theirs (threat R5).
    fn is_of_all(&self) -> bool {
        self.run.owner.share == Some(ProcessShare::All)
    }

    fn deliver(
        &mut self,
        call: ProcessCall,
        message: RawMessage,
        is_answer: bool,
        cx: &mut Cx<'_>,
    ) {
        let (name, message) = (self.run.name.clone(), Box::new(message));
        self.delivering = Some(cx.ask_hub(|ticket| {
            let deliver = RunsProcess::Deliver {
                ticket,
                call,
                message,
                is_answer,
            };
            ToHubKind::Process(ProcessMessage::Runs(name, deliver))
        }));
    }

    /// Answers what it asks with an error.
    pub(super) fn refuse(&mut self, id: &Id, why: &str, cx: &mut Cx<'_>) {
        let error = json!({"code": Error::METHOD_NOT_FOUND, "message": why});
        self.feed_answer(&json!({"jsonrpc": "2.0", "id": id, "error": error}), cx);
    }

    /// It sent a secret that it was given. Whom that was for is told that it failed.
    fn leaked(&mut self, message: &RawMessage, cx: &mut Cx<'_>) {
        if let MessageKind::Response { id: Some(id), .. } = message.kind()
            && let Some(call) = self.calls.answer(id)
        {
            self.to_hub(RunsProcess::Fail(call, ProcessFault::Leaked), cx);
            return self.call_ended(cx);
        }
        if let MessageKind::Request { id, .. } = message.kind() {
            let id = id.clone();
            self.refuse(&id, "It holds a secret.", cx);
        }
        let event = self.event(LogEventId::GatewayLeaked, cx);
        cx.log(event);
    }

    /// A line that is no message: a banner, or what a tool prints. The first is in the log, for it is a fault of that server.
    fn skip(&mut self, text: &str, cx: &mut Cx<'_>) {
        self.skipped += 1;
        if self.skipped == 1 && !text.trim().is_empty() {
            let event = self.event(LogEventId::GatewayProcessSkipped, cx);
            cx.log(event.with(Field::Text, text));
        }
    }

    /// One that is over the limit, and was skipped.
    pub(super) fn line_too_long(&mut self, cx: &mut Cx<'_>) {
        if matches!(self.stage, Stage::Running) {
            self.skipped += 1;
            self.calls.line_too_long();
            let event = self.event(LogEventId::GatewayProcessSkipped, cx);
            cx.log(event.with(Field::Reason, "it is too long"));
            self.call_ended(cx);
        }
        self.next_line(cx);
    }
}

/// The `subscriptions/listen` that a notification is for (2026-07-28).
fn subscription(message: &RawMessage) -> Option<Id> {
    let id = message.param_at(&["_meta", "io.modelcontextprotocol/subscriptionId"])?;
    serde_json::from_str(id).ok()
}
