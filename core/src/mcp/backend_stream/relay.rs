//! What a backend sends of its own accord, message by message: what of that the client gets.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::{BackendStream, Wanted};
use crate::{
    admit::caller::Caller,
    backend::BackendFault,
    gateway::{MessageKind, RawMessage, Replaced, Telling, TellingKind},
    hub::{ToHub, ToHubKind},
    id::ServerRequestId,
    json_rpc::{Error, Id, Response},
    limits,
    mcp::{forward::may_hear_of, server_messages::SUBSCRIPTION_ID, sse},
    step::Cx,
};

impl BackendStream {
    /// Passes a message on; whether it was the last.
    pub(super) fn hear(
        &mut self,
        message: RawMessage,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> ControlFlow<()> {
        let shared = match &self.wanted {
            Wanted::Shared(listen) => Some(listen.owner),
            Wanted::Session(_) | Wanted::HttpSse(_) | Wanted::Request(_) => None,
        };
        match message.kind() {
            MessageKind::Response { id, is_error } if self.wanted.is_session() => {
                self.is_refused |= *is_error && *id == self.listens_as && id.is_some();
            }
            MessageKind::Response { id, .. } => return self.answered(&message, id.as_ref(), cx),
            _ if let Some(owner) = shared => self.hear_for_all(owner, message, cx),
            MessageKind::Request { id, method } => {
                let (id, method) = (id.clone(), method.clone());
                self.asked(&message, id, &method, cx);
            }
            MessageKind::Notification { method } => match method.as_str() {
                // Of calls: it goes with their own answers.
                "notifications/progress" => {}
                _ if self.listens_as.is_some() => self.list_changed(message, cx),
                "notifications/cancelled" => self.question_cancelled(&message, cx),
                "notifications/resources/updated" if !may_hear_of(&message, caller, cx) => {}
                "notifications/subscriptions/acknowledged" => self.acknowledged(&message, cx),
                _ => self.pass(&message, cx),
            },
        }
        ControlFlow::Continue(())
    }

    /// Sends the client a message, with its own name for what it has asked for.
    fn pass(&self, message: &RawMessage, cx: &mut Cx<'_>) {
        match &self.wanted {
            Wanted::Session(_) | Wanted::HttpSse(_) => write(message.text(), cx),
            // What belongs to another request goes there.
            Wanted::Request(request) => {
                let (theirs, ours) = (&request.backend_id, &request.id);
                if let Some(named) = message.with_name(SUBSCRIPTION_ID, theirs, ours) {
                    write(&named, cx);
                }
            }
            Wanted::Shared(_) => {}
        }
    }

    /// What a client with a session hears of a backend of 2026-07-28: that lists have changed, as its own revision says it.
    fn list_changed(&self, message: RawMessage, cx: &mut Cx<'_>) {
        const LISTS: [&str; 3] = [
            "notifications/tools/list_changed",
            "notifications/prompts/list_changed",
            "notifications/resources/list_changed",
        ];
        let MessageKind::Notification { method } = message.kind() else {
            return;
        };
        if LISTS.contains(&method.as_str()) {
            write(message.without(&["_meta", SUBSCRIPTION_ID]).text(), cx);
        }
    }

    fn acknowledged(&mut self, message: &RawMessage, cx: &mut Cx<'_>) {
        if let Wanted::Request(request) = &mut self.wanted
            && !std::mem::replace(&mut request.was_acknowledged, true)
        {
            self.pass(message, cx);
        }
    }

    /// What the client has asked for is over.
    fn answered(
        &self,
        message: &RawMessage,
        answered: Option<&Id>,
        cx: &mut Cx<'_>,
    ) -> ControlFlow<()> {
        let Wanted::Request(request) = &self.wanted else {
            return ControlFlow::Continue(());
        };
        let (id, backend_id) = (&request.id, &request.backend_id);
        if answered != Some(backend_id) {
            return ControlFlow::Continue(());
        }
        let named = message.with_name(SUBSCRIPTION_ID, backend_id, id);
        let named = named.and_then(|text| RawMessage::of_checked(&text).ok());
        let message = named.as_ref().unwrap_or(message);
        let replaced = Replaced {
            id: Some(id),
            ..Replaced::default()
        };
        write(&message.with_ids(replaced), cx);
        ControlFlow::Break(())
    }

    /// The client is told that nothing can be listened to.
    pub(super) fn refuse_request(&self, fault: BackendFault, cx: &mut Cx<'_>) {
        let error = Error::with_message(Error::INTERNAL, fault.message());
        self.refuse_request_with(error, cx);
    }

    /// The same, with this error.
    pub(super) fn refuse_request_with(&self, error: Error, cx: &mut Cx<'_>) {
        let id = match &self.wanted {
            Wanted::Request(request) => &request.id,
            Wanted::Shared(listen) => &listen.id,
            Wanted::Session(_) | Wanted::HttpSse(_) => return,
        };
        write(&Response::error(Some(id.clone()), error).to_json(), cx);
    }

    /// The backend asks something: of the client, if that can be asked.
    fn asked(&mut self, message: &RawMessage, id: Id, method: &str, cx: &mut Cx<'_>) {
        if method == "ping" {
            let pong = json!({"jsonrpc": "2.0", "id": id, "result": {}});
            return self.tell(TellingKind::AtOnce, &pong, cx);
        }
        let is_asked = self.wanted.is_session();
        if !is_asked || self.questions.len() >= limits::INPUT_REQUESTS {
            return self.answer_error(&id, "The client of this gateway cannot be asked.", cx);
        }
        // Guessed by nobody, so that a response comes from whom the request was sent to.
        let own = ServerRequestId(cx.entropy.bytes());
        let name = Id::Text(own.to_string());
        cx.to_hub(ToHub(ToHubKind::RegisterServerRequest(own)));
        let replaced = Replaced {
            id: Some(&name),
            ..Replaced::default()
        };
        write(&message.with_ids(replaced), cx);
        self.questions.insert(own, id);
    }

    /// The client has answered what the backend asked: with a result, or with the message of an error.
    pub(crate) fn client_response(
        &mut self,
        request: ServerRequestId,
        result: Result<Box<Value>, String>,
        cx: &mut Cx<'_>,
    ) {
        let Some(id) = self.questions.remove(&request) else {
            return;
        };
        let answer = match result {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(message) => {
                let error = json!({"code": Error::INTERNAL, "message": message});
                json!({"jsonrpc": "2.0", "id": id, "error": error})
            }
        };
        self.tell(TellingKind::OfClient, &answer, cx);
    }

    /// The backend waits no longer for an answer of the client.
    fn question_cancelled(&mut self, message: &RawMessage, cx: &mut Cx<'_>) {
        let mut questions = self.questions.iter();
        let asked = questions.find(|(_, id)| message.cancelled() == Some(id));
        let Some(own) = asked.map(|(own, _)| *own) else {
            return;
        };
        self.questions.remove(&own);
        cx.to_hub(ToHub(ToHubKind::WithdrawServerRequest(own)));
        let name = Id::Text(own.to_string());
        let replaced = Replaced {
            cancelled: Some(&name),
            ..Replaced::default()
        };
        write(&message.with_ids(replaced), cx);
    }

    pub(super) fn answer_error(&self, id: &Id, why: &str, cx: &mut Cx<'_>) {
        let error = json!({"code": Error::METHOD_NOT_FOUND, "message": why});
        let answer = json!({"jsonrpc": "2.0", "id": id, "error": error});
        self.tell(TellingKind::AtOnce, &answer, cx);
    }

    /// Tells the backend something within its session.
    pub(super) fn tell(&self, kind: TellingKind, message: &Value, cx: &mut Cx<'_>) {
        if self.session.is_none() {
            return;
        }
        let request = self.post(message.to_string());
        let as_whom = self.credentials.clone();
        let telling = Telling::message(kind, cx.env.endpoint, request, as_whom);
        cx.to_hub(ToHub(ToHubKind::TellBackend(telling)));
    }
}

fn write(json: &str, cx: &mut Cx<'_>) {
    cx.write(sse::event("message", json));
}
