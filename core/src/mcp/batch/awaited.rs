//! What a batch waits for: what it may be told by its client, and the time.

use super::{BatchCx, BatchProgress, Current, RequestBatch};
use crate::{
    id::ServerRequestId,
    json_rpc::Id,
    mcp::{forward::Forward, invocation::Invocation},
    time::Instant,
};

impl RequestBatch {
    /// The requests that the client may cancel.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = &Id> {
        let current = self.current.iter().map(|(request, _)| request);
        current.chain(&self.queue).map(|request| &request.id)
    }

    /// When it wants to be woken.
    pub(crate) fn wake(&self) -> Option<Instant> {
        match &self.current {
            Some((_, Current::Forward(forward))) => forward.wake(),
            _ => self.invocation()?.wake(),
        }
    }

    /// Time has passed.
    pub(crate) fn tick(self: Box<Self>, bcx: &mut BatchCx<'_, '_>) -> BatchProgress {
        match self.forwarded() {
            true => self.forward_step(bcx, Forward::tick),
            false => self.step(bcx, Invocation::tick),
        }
    }

    /// The requests to the client that wait for its response.
    pub(crate) fn awaited_responses(&self) -> Vec<ServerRequestId> {
        match &self.current {
            Some((_, Current::Invocation(invocation))) => invocation.awaited_responses().collect(),
            Some((_, Current::Forward(forward))) => forward.awaited_responses().collect(),
            Some((_, Current::Setting(_) | Current::Task(_))) | None => Vec::new(),
        }
    }
}
