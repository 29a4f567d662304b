//! The job that tells the backend something which needs no answer: that a call is cancelled, what a client has answered, that a
//! session has ended. The exchange that wants it told may be over by then.

use super::{Arrived, IncomingMessages};
use crate::{
    event::Answer,
    gateway::Telling,
    log_event::{Field, LogEvent, LogEventId},
    step::{Cx, Progress},
};

/// It is being told.
#[derive(Debug)]
pub(crate) struct TellBackend(IncomingMessages);

impl TellBackend {
    pub(crate) fn start(telling: Telling, cx: &mut Cx<'_>) -> Progress<Self> {
        let Some(gateway) = &cx.env.server.config.gateway else {
            return Progress::Ready(());
        };
        let Telling {
            request,
            credentials,
        } = telling;
        let incoming = IncomingMessages::send(request, gateway, &credentials, cx);
        Progress::Pending(Self(incoming))
    }

    pub(crate) fn handle(mut self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Self> {
        let fault = match self.0.handle(answer) {
            Arrived::Messages(_) => {
                self.0.more(cx);
                return Progress::Pending(self);
            }
            Arrived::End(_, _) if self.0.is_success() => return Progress::Ready(()),
            Arrived::End(_, fault) | Arrived::Fault(fault) => fault,
        };
        let event = LogEvent::new(LogEventId::GatewayNotTold);
        cx.log(event.with_text(Field::Reason, fault.reason()));
        Progress::Ready(())
    }
}
