//! A process, as the hub knows it.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    gateway::ProcessOwner,
    hub::{FromHub, FromHubKind, HubOutput, ToProcess},
    id::ExchangeId,
    time::Instant,
};

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) owner: Arc<ProcessOwner>,
    /// Whether it serves requests without a session.
    pub(super) is_stateless: bool,
    /// The exchange that runs it; what comes before there is one waits.
    pub(super) run_by: Option<ExchangeId>,
    pub(super) waiting: Vec<ToProcess>,
    /// Who opens a session with it: if that fails, it is nobody's.
    pub(super) opened_by: Option<ExchangeId>,
    pub(super) used: Instant,
    pub(super) is_ending: bool,
}

impl Process {
    /// Hands it a message, as soon as there is somebody who takes it.
    pub(super) fn tell(&mut self, message: ToProcess, out: &mut VecDeque<HubOutput>) {
        match self.run_by {
            Some(exchange) => {
                let message = FromHub(FromHubKind::Process(message));
                out.push_back(HubOutput::Deliver(exchange, message));
            }
            None => self.waiting.push(message),
        }
    }

    /// Has it end.
    pub(super) fn end(&mut self, out: &mut VecDeque<HubOutput>) {
        if !std::mem::replace(&mut self.is_ending, true) {
            self.tell(ToProcess::End, out);
        }
    }
}
