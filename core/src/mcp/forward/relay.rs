//! What the backend sends before its answer: where it goes.

use serde_json::{Value, json};

use super::{Forward, ForwardProgress, State, crossing::Eras, judge};
use crate::{
    admit::caller::Caller,
    gateway::{MessageKind, RawMessage, Replaced, TellingKind},
    hub::{ToHub, ToHubKind},
    id::ServerRequestId,
    json_rpc::{Error, Id},
    limits,
    mcp::{
        invocation::{InvocationCx, ServerMessage},
        server_messages,
    },
    policy::PolicyKind,
    step::{Cx, Progress},
};

impl Forward {
    /// Passes a message of the backend on. It comes back if it is the answer, with whether that is an error; what answers something
    /// else is dropped, and so is the progress of another call (threat R5).
    pub(super) fn relay(
        &mut self,
        message: RawMessage,
        icx: &mut InvocationCx<'_, '_>,
    ) -> Option<(RawMessage, bool)> {
        match message.kind() {
            MessageKind::Response { id, is_error } => {
                if *id != Some(self.backend_id.clone()) {
                    return None;
                }
                let is_error = *is_error;
                return Some((message, is_error));
            }
            MessageKind::Request { id, method } => {
                let (id, method) = (id.clone(), method.clone());
                self.asked(&message, id, &method, icx);
            }
            MessageKind::Notification { .. } if !self.client.streams => {}
            MessageKind::Notification { method } => match method.as_str() {
                "notifications/progress" => self.progress(&message, icx),
                "notifications/cancelled" => self.question_cancelled(&message, icx),
                method if !self.may_hear(method, &message) => {}
                "notifications/resources/updated" if !may_hear_of(&message, icx.caller, icx.cx) => {
                }
                _ => send(message.text().to_owned(), icx),
            },
        }
        None
    }

    /// There is room for more messages on the stream.
    pub(crate) fn has_room(mut self: Box<Self>, icx: &mut InvocationCx<'_, '_>) -> ForwardProgress {
        if let State::Calling(incoming) = &mut self.state {
            incoming.more(icx.cx);
        }
        Progress::Pending(self)
    }

    fn progress(&self, message: &RawMessage, icx: &mut InvocationCx<'_, '_>) {
        if let (Some(token), true) = (
            self.message.token(),
            message.token() == Some(&self.backend_id),
        ) {
            let replaced = Replaced {
                token: Some(token),
                ..Replaced::default()
            };
            send(message.with_ids(replaced), icx);
        }
    }

    /// The backend asks something: of the client, if that can be asked.
    pub(super) fn asked(
        &mut self,
        message: &RawMessage,
        id: Id,
        method: &str,
        icx: &mut InvocationCx<'_, '_>,
    ) {
        if method == "ping" {
            return self.answer_backend(&id, &json!({"result": {}}), icx);
        }
        if self.eras() == Eras::ToSession && self.may_park(method, message.params()) {
            return self.parked.ask(id, method, message.params());
        }
        let is_asked =
            self.client.streams && self.client.mcp_session.is_some() && self.eras() == Eras::Same;
        if !is_asked || self.questions.len() >= limits::INPUT_REQUESTS {
            let message = "The client of this gateway cannot be asked.";
            let error = json!({"code": Error::METHOD_NOT_FOUND, "message": message});
            return self.answer_backend(&id, &json!({"error": error}), icx);
        }
        // Guessed by nobody, so that a response comes from whom the request was sent to.
        let own = ServerRequestId(icx.cx.entropy.bytes());
        let name = Id::Text(own.to_string());
        icx.cx.to_hub(ToHub(ToHubKind::RegisterServerRequest(own)));
        let replaced = Replaced {
            id: Some(&name),
            ..Replaced::default()
        };
        send(message.with_ids(replaced), icx);
        self.questions.insert(own, id);
    }

    /// Answers what the backend asks, at once.
    pub(super) fn answer_backend(&self, id: &Id, outcome: &Value, icx: &mut InvocationCx<'_, '_>) {
        self.answer_backend_as(TellingKind::AtOnce, id, outcome, icx);
    }

    /// Answers what the backend has asked.
    pub(super) fn answer_backend_as(
        &self,
        kind: TellingKind,
        id: &Id,
        outcome: &Value,
        icx: &mut InvocationCx<'_, '_>,
    ) {
        let mut response = json!({"jsonrpc": "2.0", "id": id});
        if let (Some(members), Some(outcome)) = (response.as_object_mut(), outcome.as_object()) {
            members.extend(outcome.clone());
        }
        self.tell_text(kind, response.to_string(), icx);
    }

    /// What the backend has asked and the client has not answered yet.
    pub(crate) fn awaited_responses(&self) -> impl Iterator<Item = ServerRequestId> {
        self.questions.keys().copied().chain(self.input.asked())
    }

    /// The client has answered what the backend asked: with a result, or with the message of an error.
    pub(crate) fn client_response(
        mut self: Box<Self>,
        request: ServerRequestId,
        result: Result<Box<Value>, String>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        if matches!(&self.state, State::AwaitingConfirmation(own) if *own == request) {
            return self.confirmed(result, icx);
        }
        if self.input.is_asked(request) {
            return self.input_given(request, result, icx);
        }
        let Some(id) = self.questions.remove(&request) else {
            return Progress::Pending(self);
        };
        let outcome = match result {
            Ok(result) => json!({"result": result}),
            Err(message) => json!({"error": {"code": Error::INTERNAL, "message": message}}),
        };
        self.answer_backend_as(TellingKind::OfClient, &id, &outcome, icx);
        Progress::Pending(self)
    }

    /// The backend waits no longer for an answer of the client.
    pub(super) fn question_cancelled(
        &mut self,
        message: &RawMessage,
        icx: &mut InvocationCx<'_, '_>,
    ) {
        self.parked.withdraw(message.cancelled());
        let mut questions = self.questions.iter();
        let asked = questions.find(|(_, id)| message.cancelled() == Some(id));
        let Some(own) = asked.map(|(own, _)| *own) else {
            return;
        };
        self.questions.remove(&own);
        icx.cx.to_hub(ToHub(ToHubKind::WithdrawServerRequest(own)));
        let name = Id::Text(own.to_string());
        let replaced = Replaced {
            cancelled: Some(&name),
            ..Replaced::default()
        };
        send(message.with_ids(replaced), icx);
    }

    /// The call is over: the client need not answer any more.
    pub(super) fn withdraw_questions(&mut self, icx: &mut InvocationCx<'_, '_>) {
        let confirmation = match &self.state {
            State::AwaitingConfirmation(own) => Some(*own),
            _ => None,
        };
        let questions = std::mem::take(&mut self.questions).into_keys();
        let questions: Vec<_> = questions.chain(self.input.take_asked()).collect();
        for own in questions.into_iter().chain(confirmation) {
            let json = server_messages::cancelled(&own.to_string(), "The call has ended.");
            send(json, icx);
            icx.cx.to_hub(ToHub(ToHubKind::WithdrawServerRequest(own)));
        }
    }
}

/// Whether the caller may know of the resource that has changed.
pub(crate) fn may_hear_of(message: &RawMessage, caller: &Caller, cx: &Cx<'_>) -> bool {
    let is_limited = cx.env.policy.hides(PolicyKind::Resource);
    let uri = message.param("uri");
    !is_limited || uri.is_some_and(|uri| may_know_resource(&uri, caller, cx))
}

/// Whether the caller may know of the resource of this URI.
pub(crate) fn may_know_resource(uri: &str, caller: &Caller, cx: &Cx<'_>) -> bool {
    judge::is_shown(cx.env.policy, PolicyKind::Resource, uri, caller)
}

fn send(json: String, icx: &mut InvocationCx<'_, '_>) {
    icx.messages.push(ServerMessage::Json(json));
}
