//! What comes of a call that was sent: messages, the answer, or its end.

use super::{Forward, ForwardProgress, State, ending};
use crate::{
    backend::{Arrived, BackendFault, IncomingMessages},
    event::Answer,
    mcp::invocation::InvocationCx,
    step::Progress,
};

impl Forward {
    /// Takes what has come of the call.
    pub(super) fn arrived(
        mut self: Box<Self>,
        mut incoming: IncomingMessages,
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let (messages, end) = match incoming.handle(answer) {
            Arrived::Messages(messages) => (messages, None),
            Arrived::End(messages, fault) => (messages, Some(fault)),
            Arrived::Fault(fault) => {
                self.excerpt = incoming.excerpt().map(str::to_owned);
                incoming.cancel(icx.cx);
                return self.fail(fault, icx);
            }
        };
        for message in messages {
            if let Some((answer, is_error)) = self.relay(message, icx) {
                match end {
                    None => incoming.cancel(icx.cx),
                    Some(_) => incoming.release(icx.cx),
                }
                return match (incoming.turned_away(), incoming.claims()) {
                    (None, _) => self.answered(answer, is_error, icx),
                    (Some(_), _) if self.polling.is_under_way() => {
                        self.fail(BackendFault::Broken, icx)
                    }
                    (Some(_), Some(claims)) => self.challenged(claims, icx),
                    (Some(fault), None) => self.fail(fault, icx),
                };
            }
        }
        if let Some(fault) = end {
            incoming.release(icx.cx);
            return self.ended(&incoming, fault, icx);
        }
        if !self.parked.is_empty() {
            return self.park(incoming, icx);
        }
        // A stream that all calls share takes what there is room for.
        if !self.client.shares_stream || icx.messages.is_empty() {
            incoming.more(icx.cx);
        }
        self.state = State::Calling(incoming);
        Progress::Pending(self)
    }

    /// The answer to what was sent has ended, and was none.
    fn ended(
        self: Box<Self>,
        incoming: &IncomingMessages,
        fault: BackendFault,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if ending::is_repeated(fault, icx.cx) {
            return self.call(icx);
        }
        let mut this = match self.poll_later(incoming, fault, icx) {
            Ok(this) => return Progress::Pending(this),
            Err(this) => this,
        };
        if this.polling.is_under_way() {
            let fault = match fault {
                BackendFault::TimedOut => fault,
                _ => BackendFault::Broken,
            };
            return this.fail(fault, icx);
        }
        match (this.lost(incoming, icx), incoming.claims()) {
            (Some(lost), _) => this.reopen(lost, incoming.status(), icx),
            (None, Some(claims)) => this.challenged(claims, icx),
            (None, None) => {
                this.note_not_lost(incoming.status(), icx);
                this.excerpt = incoming.excerpt().map(str::to_owned);
                this.fail(fault, icx)
            }
        }
    }
}
