//! How requests are given up: all of them, one, or those of an MCP session.

use super::{BatchCx, BatchProgress, Current, RequestBatch, invocation_cx};
use crate::{
    json_rpc::{Error, Id, Response},
    mcp::audit,
};

impl RequestBatch {
    /// Drops all requests.
    pub(crate) fn cancel(mut self: Box<Self>, bcx: &mut BatchCx<'_, '_>) {
        self.cancel_current(bcx);
    }

    /// Ends it: what was not answered is answered with this error.
    pub(crate) fn end(
        mut self: Box<Self>,
        error: &Error,
        bcx: &mut BatchCx<'_, '_>,
    ) -> Vec<Response> {
        let mut responses = std::mem::take(&mut self.responses);
        let current = self.current.as_ref().map(|(request, _)| request.id.clone());
        let rest = self.queue.iter().map(|request| request.id.clone());
        let unanswered = current.into_iter().chain(rest);
        responses.extend(unanswered.map(|id| Response::error(Some(id), error.clone())));
        self.cancel_current(bcx);
        responses
    }

    pub(super) fn cancel_current(&mut self, bcx: &mut BatchCx<'_, '_>) {
        match self.current.take() {
            Some((request, Current::Invocation(invocation))) => {
                audit::cancelled(&request, bcx.caller, bcx.cx);
                invocation.cancel(&mut invocation_cx(&mut self.registration, bcx));
            }
            Some((_, Current::Forward(forward))) => {
                let listens_by = forward.listens_by();
                forward.cancel(&mut invocation_cx(&mut self.registration, bcx));
                listens_by
                    .into_iter()
                    .for_each(|ask| bcx.cx.cancel_ask(ask));
            }
            Some((_, Current::Setting(_) | Current::Task(_))) | None => {}
        }
    }

    /// The client cancels a request: the current one, one that waits its turn, or one that was answered
    /// already. Nobody waits for its response (basic/utilities/cancellation).
    pub(crate) fn cancel_request(
        mut self: Box<Self>,
        id: &Id,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        self.queue.retain(|request| request.id != *id);
        if self.current.as_ref().is_some_and(|(one, _)| one.id == *id) {
            self.cancel_current(bcx);
        }
        self.advance(bcx)
    }

    /// The client has ended its MCP session, and with it all requests.
    pub(crate) fn end_mcp_session(mut self: Box<Self>, bcx: &mut BatchCx<'_, '_>) -> BatchProgress {
        self.queue.clear();
        self.cancel_current(bcx);
        self.advance(bcx)
    }
}
