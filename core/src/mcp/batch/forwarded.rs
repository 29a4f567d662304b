//! The request of a batch that the backend answers.

use serde_json::Value;

use super::{BatchCx, BatchProgress, Current, RequestBatch, invocation_cx};
use crate::{
    gateway::{ParkedAnswers, RawMessage},
    id::ServerRequestId,
    json_rpc::Request,
    mcp::{
        forward::{Forward, ForwardEnd, ForwardProgress},
        invocation::{InvocationCx, OverAt},
    },
    step::Progress,
};

impl RequestBatch {
    /// Whether the backend answers the current request.
    pub(super) fn forwarded(&self) -> bool {
        matches!(self.current, Some((_, Current::Forward(_))))
    }

    /// Lets it go on.
    pub(super) fn forward_step(
        mut self: Box<Self>,
        bcx: &mut BatchCx<'_, '_>,
        step: impl FnOnce(Box<Forward>, &mut InvocationCx<'_, '_>) -> ForwardProgress,
    ) -> BatchProgress {
        match self.current.take() {
            Some((request, Current::Forward(forward))) => {
                let listens_by = forward.listens_by();
                let progress = step(forward, &mut invocation_cx(&mut self.registration, bcx));
                // What it has listened to ends with it.
                if let (Some(ask), Progress::Ready(_)) = (listens_by, &progress) {
                    bcx.cx.cancel_ask(ask);
                }
                self.after_forward(request, progress, bcx)
            }
            current => {
                self.current = current;
                Progress::Pending(self)
            }
        }
    }

    /// Hands it the client's response to what the backend has asked.
    pub(super) fn forward_response(
        self: Box<Self>,
        id: ServerRequestId,
        result: Result<Box<Value>, String>,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        self.forward_step(bcx, |forward, icx| forward.client_response(id, result, icx))
    }

    /// Goes on after a step.
    pub(super) fn after_forward(
        mut self: Box<Self>,
        request: Request,
        progress: ForwardProgress,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        match self.on_forward(request, progress, bcx) {
            Ok(()) => self.advance(bcx),
            Err(over) => self.session_over(over, bcx),
        }
    }

    /// Its client has opened a stream for what the backend sends of its own accord.
    pub(crate) fn client_listens(self: Box<Self>, bcx: &mut BatchCx<'_, '_>) -> BatchProgress {
        self.forward_step(bcx, Forward::leave_own_accord)
    }

    /// Hands it what the backend asks on another stream, which may be for it.
    pub(crate) fn backend_asks(
        self: Box<Self>,
        message: &RawMessage,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        self.forward_step(bcx, |forward, icx| forward.backend_asks(message, icx))
    }

    /// Hands it the answers of its client that it has waited for.
    pub(crate) fn resumed(
        self: Box<Self>,
        answers: ParkedAnswers,
        bcx: &mut BatchCx<'_, '_>,
    ) -> BatchProgress {
        self.forward_step(bcx, |forward, icx| forward.resumed(answers, icx))
    }

    /// Takes what a step leaves.
    ///
    /// # Errors
    ///
    /// The request, if the user must sign in again, and what that must satisfy.
    pub(super) fn on_forward(
        &mut self,
        request: Request,
        progress: ForwardProgress,
        bcx: &mut BatchCx<'_, '_>,
    ) -> Result<(), OverAt> {
        match progress {
            Progress::Pending(forward) => {
                self.current = Some((request, Current::Forward(forward)));
            }
            Progress::Ready(ForwardEnd::Response(response)) => self.responses.push(response),
            Progress::Ready(ForwardEnd::OfUser(end)) => {
                return self.apply(request, Progress::Ready(end), bcx);
            }
        }
        Ok(())
    }
}
