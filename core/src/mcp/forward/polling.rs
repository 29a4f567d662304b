//! The stream of a call that its backend closes before the answer, after an event with an id: the backend wants to be polled. The call
//! goes on with a GET from that event, in the same session and with the same credentials; it is never sent again.
//!
//! ```text
//! Calling --the stream ends before the answer, an event had an id--> AwaitingPoll --after a while--> Calling, by GET
//!    \--no event had one, the GET is refused, polled in vain too often, too late--> over
//! ```
//!
//! Source: MCP specification 2025-11-25, basic/transports, sending messages to the server, resumability and redelivery.

use std::time::Duration;

use ::http::Method;

use super::{Forward, ForwardProgress, State, gateway};
use crate::{
    backend::{BackendFault, IncomingMessages},
    gateway::BackendRequest,
    limits,
    mcp::invocation::InvocationCx,
    step::Progress,
};

impl Forward {
    /// The stream has ended, which means this fault if the backend is not polled.
    ///
    /// # Errors
    ///
    /// It is not.
    pub(super) fn poll_later(
        mut self: Box<Self>,
        incoming: &IncomingMessages,
        fault: BackendFault,
        icx: &InvocationCx<'_, '_>,
    ) -> Result<Box<Self>, Box<Self>> {
        let session = self.session.as_ref();
        let has_session = session
            .is_some_and(|session| session.id.is_some() && !session.revision.features().stateless);
        if fault != BackendFault::Broken || !has_session || !incoming.is_success() {
            return Err(self);
        }
        let (id, retry) = incoming.place();
        let polling = &mut self.polling;
        if let Some(id) = id {
            let fits = !id.is_empty()
                && id.len() <= limits::BACKEND_EVENT_ID_BYTES
                && id.bytes().all(|byte| byte.is_ascii_graphic());
            polling.last_event = fits.then(|| id.to_owned());
        }
        if incoming.messages() > polling.messages {
            (polling.messages, polling.in_vain) = (incoming.messages(), 0);
        }
        polling.in_vain += 1;
        if polling.last_event.is_none() || polling.in_vain > limits::BACKEND_POLLS_IN_VAIN {
            return Err(self);
        }
        let wait = retry.map_or(limits::BACKEND_POLL, Duration::from_millis);
        let wait = wait.clamp(limits::BACKEND_POLL_SHORTEST, limits::BACKEND_POLL_LONGEST);
        let over = polling.sent.after(gateway(icx.cx).call_timeout);
        let due = icx.cx.env.now.instant.after(wait);
        self.state = State::AwaitingPoll(due.min(over));
        Ok(self)
    }

    /// It is time to ask for what has come since.
    pub(super) fn poll(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        let gateway = gateway(icx.cx);
        let lasted = icx.cx.env.now.instant.since(self.polling.sent);
        let left = gateway.call_timeout.saturating_sub(lasted);
        if left.is_zero() {
            return self.fail(BackendFault::TimedOut, icx);
        }
        let request = BackendRequest {
            method: Method::GET,
            within: Some(left),
            after: self.polling.last_event.clone(),
            ..self.request(String::new())
        };
        let mut incoming = IncomingMessages::send(request, gateway, &self.credentials, icx.cx);
        incoming.follow(self.polling.messages);
        self.polling.is_under_way = true;
        self.state = State::Calling(incoming);
        Progress::Pending(self)
    }
}
