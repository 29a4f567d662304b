//! What a batch may be told by its client.

use super::{Current, RequestBatch};
use crate::{id::ServerRequestId, json_rpc::Id};

impl RequestBatch {
    /// The requests that the client may cancel.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = &Id> {
        let current = self.current.iter().map(|(request, _)| request);
        current.chain(&self.queue).map(|request| &request.id)
    }

    /// The requests to the client that wait for its response.
    pub(crate) fn awaited_responses(&self) -> Vec<ServerRequestId> {
        match &self.current {
            Some((_, Current::Invocation(invocation))) => invocation.awaited_responses().collect(),
            Some((_, Current::Forward(forward))) => forward.awaited_responses().collect(),
            Some((_, Current::StoringSetting(_) | Current::Task(_))) | None => Vec::new(),
        }
    }
}
