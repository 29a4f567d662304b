//! What a backend with sessions asks on the stream that it has for whatever it likes, while a call is in flight whose client has opened none:
//! the call opens that stream first, and asks for it. Otherwise the backend would wait for an answer until its own time is over.
//!
//! ```text
//! AwaitingTurn --no other stream of the session listens--> AwaitingStream --it is open, refused, or late--> the call is sent
//! ```
//!
//! A client that can be asked nothing costs its backend no such stream, nor does one that has opened its own.
//!
//! Source: MCP specification 2025-11-25, basic/transports, listening for messages.

use ::http::{Method, StatusCode};

use super::{Forward, ForwardProgress, State, crossing::Eras, gateway};
use crate::{
    ask::Awaiting,
    backend::{Arrived, IncomingMessages},
    catalog::ClientCapabilities,
    event::Answer,
    gateway::{BackendRequest, MessageKind, RawMessage},
    hub::{BackendSessionMessage, ListenToBackend, ToHub, ToHubKind},
    json_rpc::Error,
    limits,
    mcp::invocation::InvocationCx,
    step::Progress,
    ticket::AskId,
};

impl Forward {
    /// Which ask is the stream that was opened for the call.
    pub(crate) fn listens_by(&self) -> Option<AskId> {
        self.own_accord.incoming.as_ref().map(IncomingMessages::id)
    }

    /// Whether the backend may ask something, and nobody may hear it.
    pub(super) fn is_to_listen(&self, icx: &InvocationCx<'_, '_>) -> bool {
        let has_session = self
            .session
            .as_ref()
            .is_some_and(|session| session.id.is_some() && !session.revision.features().stateless);
        let has_way = match self.eras() {
            Eras::Same => self.client.streams,
            Eras::ToSession => true,
            Eras::ToStateless => false,
        };
        let can_be_asked = self.client.client_capabilities != ClientCapabilities::default();
        let is_call = matches!(
            self.method.as_str(),
            "tools/call" | "prompts/get" | "resources/read"
        );
        // What a process asks goes to its calls already.
        let is_process = gateway(icx.cx).command().is_some();
        is_call
            && has_session
            && has_way
            && can_be_asked
            && !is_process
            && !self.own_accord.was_looked
    }

    /// Asks whether there is a stream already.
    pub(super) fn look_for_stream(
        mut self: Box<Self>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        self.own_accord.was_looked = true;
        let owner = self.owner(icx);
        let turn = icx.cx.ask_hub(|ticket| {
            ToHubKind::BackendSession(BackendSessionMessage::ListenForCall(ticket, owner))
        });
        self.state = State::AwaitingTurn(turn);
        Progress::Pending(self)
    }

    /// There is one, or this call is to open it.
    pub(super) fn stream_looked_for(
        mut self: Box<Self>,
        turn: Awaiting<ListenToBackend>,
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if !turn.into_answer(answer) {
            return self.call(icx);
        }
        let request = BackendRequest {
            method: Method::GET,
            listens: true,
            within: Some(limits::BACKEND_LISTENING),
            ..self.request(String::new())
        };
        let gateway = gateway(icx.cx);
        let incoming = IncomingMessages::send(request, gateway, &self.credentials, icx.cx);
        self.own_accord.incoming = Some(incoming);
        let until = icx.cx.env.now.instant.after(limits::BACKEND_LISTEN_FIRST);
        self.state = State::AwaitingStream(until);
        Progress::Pending(self)
    }

    /// Takes what is for that stream.
    pub(super) fn hear_own_accord(
        mut self: Box<Self>,
        answer: Answer,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let Some(mut incoming) = self.own_accord.incoming.take() else {
            return Progress::Pending(self);
        };
        let (messages, is_over) = match incoming.handle(answer) {
            Arrived::Messages(messages) => (messages, false),
            Arrived::End(messages, _) => (messages, true),
            Arrived::Fault(_) => {
                incoming.cancel(icx.cx);
                (Vec::new(), true)
            }
        };
        for message in messages {
            self.hear(&message, icx);
        }
        let status = incoming.status();
        if status == Some(StatusCode::METHOD_NOT_ALLOWED) {
            let deaf = BackendSessionMessage::HasNoStream(self.owner(icx));
            icx.cx.to_hub(ToHub(ToHubKind::BackendSession(deaf)));
        }
        if !is_over {
            incoming.more(icx.cx);
            self.own_accord.incoming = Some(incoming);
        }
        let is_known = is_over || status.is_some();
        if matches!(self.state, State::AwaitingStream(_)) && is_known {
            return self.call(icx);
        }
        self.park_what_was_asked(icx)
    }

    /// Takes what the backend asks on the stream of another, which may be for this call.
    pub(crate) fn backend_asks(
        mut self: Box<Self>,
        message: &RawMessage,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        self.hear(message, icx);
        self.park_what_was_asked(icx)
    }

    fn park_what_was_asked(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        if !self.parked.is_empty() && matches!(self.state, State::Calling(_)) {
            let state = std::mem::replace(&mut self.state, State::AwaitingAdmission);
            if let State::Calling(incoming) = state {
                return self.park(incoming, icx);
            }
        }
        Progress::Pending(self)
    }

    fn hear(&mut self, message: &RawMessage, icx: &mut InvocationCx<'_, '_>) {
        match message.kind() {
            MessageKind::Request { id, method } => {
                let (id, method) = (id.clone(), method.clone());
                let is_called = matches!(self.state, State::Calling(_) | State::AwaitingPoll(_));
                if is_called || method == "ping" {
                    return self.asked(message, id, &method, icx);
                }
                let message = "The client of this gateway cannot be asked now.";
                let error = Error::METHOD_NOT_FOUND;
                let error = serde_json::json!({"error": {"code": error, "message": message}});
                self.answer_backend(&id, &error, icx);
            }
            MessageKind::Notification { method } if method == "notifications/cancelled" => {
                self.question_cancelled(message, icx);
            }
            // It is about no call, and whoever wants it opens a stream.
            MessageKind::Notification { .. } | MessageKind::Response { .. } => {}
        }
    }

    /// The client has opened a stream of its own, which is to hear the rest.
    pub(crate) fn leave_own_accord(
        mut self: Box<Self>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if let Some(incoming) = self.own_accord.incoming.take() {
            incoming.cancel(icx.cx);
        }
        match self.state {
            State::AwaitingStream(_) => self.call(icx),
            _ => Progress::Pending(self),
        }
    }
}
