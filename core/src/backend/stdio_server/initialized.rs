//! A process is initialized once, however many sessions share it: later ones are answered as the first was.
//!
//! Source: MCP specification 2025-11-25, basic/lifecycle.

use super::StdioServer;
use crate::{
    gateway::{MessageKind, ProcessCall, ProcessOutput, RawMessage, Replaced, ToServer},
    hub::RunsProcess,
    json_rpc::Id,
    step::Cx,
};

/// How far that has come.
#[derive(Debug, Default)]
pub(super) struct Initialized {
    /// The first `initialize`.
    first: Option<Id>,
    /// What it was answered.
    result: Option<RawMessage>,
    /// Those that came before that.
    waiting: Vec<(ProcessCall, Id)>,
    /// Whether the process was told that its session is open.
    is_open: bool,
}

impl Initialized {
    /// Nobody answers those that wait.
    pub(super) fn take_waiting(&mut self) -> impl Iterator<Item = ProcessCall> + use<> {
        std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(call, _)| call)
    }
}

impl StdioServer {
    /// Whether a message is passed on. If it is not, its sender gets what the first such message got, or will get.
    pub(super) fn passes(&mut self, sent: &ToServer, cx: &mut Cx<'_>) -> bool {
        if self.run.owner.share.is_none() {
            return true;
        }
        let initialized = &mut self.initialized;
        match (sent.message.kind(), sent.call) {
            (MessageKind::Notification { method }, _) if method == "notifications/initialized" => {
                !std::mem::replace(&mut initialized.is_open, true)
            }
            (MessageKind::Request { id, method }, Some(call)) if method == "initialize" => {
                match (&initialized.first, &initialized.result) {
                    (None, _) => {
                        initialized.first = Some(id.clone());
                        return true;
                    }
                    (Some(_), None) => initialized.waiting.push((call, id.clone())),
                    (Some(_), Some(result)) => {
                        let result = result.clone();
                        self.answer_as_first(&result, call, id, cx);
                    }
                }
                false
            }
            _ => true,
        }
    }

    /// The process has answered a request.
    pub(super) fn note_initialized(&mut self, answer: &RawMessage, cx: &mut Cx<'_>) {
        let MessageKind::Response {
            id,
            is_error: false,
        } = answer.kind()
        else {
            return;
        };
        if id.is_none() || *id != self.initialized.first || self.initialized.result.is_some() {
            return;
        }
        self.initialized.result = Some(answer.clone());
        for (call, id) in std::mem::take(&mut self.initialized.waiting) {
            self.answer_as_first(answer, call, &id, cx);
        }
    }

    fn answer_as_first(&self, result: &RawMessage, call: ProcessCall, id: &Id, cx: &mut Cx<'_>) {
        let text = result.with_ids(Replaced {
            id: Some(id),
            ..Replaced::default()
        });
        if let Ok(answer) = RawMessage::read(&text) {
            self.to_hub(RunsProcess::Answer(call, Box::new(answer)), cx);
        }
    }

    /// If the first was not answered with a result, the next one is the first: those that wait come again.
    pub(super) fn check_initialized(&mut self, cx: &mut Cx<'_>) {
        let Initialized { first, result, .. } = &self.initialized;
        let is_over = first
            .as_ref()
            .is_some_and(|id| self.calls.find(id).is_none());
        if !is_over || result.is_some() {
            return;
        }
        self.initialized.first = None;
        for call in self.initialized.take_waiting() {
            self.to_hub(RunsProcess::NotSent(call, ProcessOutput::Busy(1)), cx);
        }
    }
}
