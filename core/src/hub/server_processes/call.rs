//! A request to a process, and what waits of its answer.

use std::collections::VecDeque;

use crate::{
    gateway::{ProcessFault, ProcessName, ProcessOutput, RawMessage},
    hub::{
        HubOutput,
        asks::{DeliverToCall, ReadProcess, Waiter},
    },
};

/// A request, and what was said for it that its exchange has not taken yet.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) process: ProcessName,
    pub(super) said: Vec<RawMessage>,
    pub(super) bytes: usize,
    /// Whether it wants what is said for no request, or is one that lasts.
    pub(super) listens: bool,
    /// How it ended.
    pub(super) end: Option<Result<(), ProcessFault>>,
    /// Its exchange, if it waits for more.
    pub(super) reader: Option<Waiter<ReadProcess>>,
    /// The exchange of the process, if that waits for room.
    pub(super) writer: Option<Waiter<DeliverToCall>>,
}

impl Call {
    /// Hands on what there is, if somebody waits for it; whether that was the last.
    pub(super) fn hand_on(&mut self, out: &mut VecDeque<HubOutput>) -> bool {
        if self.said.is_empty() && self.end.is_none() {
            return false;
        }
        let Some(reader) = self.reader.take() else {
            return false;
        };
        let said = std::mem::take(&mut self.said);
        self.bytes = 0;
        out.extend(self.writer.take().map(|writer| writer.answer(())));
        out.push_back(reader.answer(match self.end {
            None => ProcessOutput::Messages(said),
            Some(Ok(())) => ProcessOutput::Answered(said),
            Some(Err(fault)) => ProcessOutput::Failed(said, fault),
        }));
        self.end.is_some()
    }
}
