//! `subscriptions/listen` of a client of 2026-07-28 at a backend with sessions. All that one client listens for with the same
//! capabilities shares one session there and one stream of it; what that stream says goes through the hub to each.
//!
//! ```text
//! in its session --each resource: AwaitingSubscriber --nobody has--> Subscribing--> ... --all are there--> joined: AwaitingTurn
//! AwaitingTurn --it is the one that hears the backend--> as a stream of any session: Listening
//! ```
//!
//! The client is told what is listened for once the backend is heard, by whichever of them.
//!
//! Source: MCP specification 2026-07-28, basic/utilities/subscriptions; 2025-11-25, server/resources, subscriptions.

use std::{collections::VecDeque, sync::Arc};

use ::http::StatusCode;
use serde_json::{Value, json};

use super::{BackendStream, Heard, State, Wanted, gateway};
use crate::{
    admit::caller::Caller,
    backend::{Arrived, IncomingMessages},
    catalog::ChangeNotification,
    event::Answer,
    gateway::{BackendRequest, MessageKind, RawMessage, Telling, TellingKind},
    hub::{
        BackendOwner, BackendSessionMessage, BackendSubscriptionMessage, Hearing, SubscribeFirst,
        SubscriptionFilter, ToHub, ToHubKind,
    },
    json_rpc::{Error, Id},
    limits,
    mcp::forward::{can_be_heard, fresh_id},
    step::{Cx, Progress},
};

/// What a client listens for.
#[derive(Debug)]
pub(super) struct SharedListen {
    pub(super) id: Id,
    pub(super) owner: BackendOwner,
    /// With what its session at the backend is opened.
    pub(super) params: Arc<str>,
    /// As far as the backend tells of it.
    filter: SubscriptionFilter,
    /// The resources that are not subscribed to yet.
    to_subscribe: VecDeque<String>,
    pub(super) has_joined: bool,
    pub(super) was_acknowledged: bool,
    /// What was said meanwhile nobody has heard.
    pub(super) has_missed: bool,
}

impl SharedListen {
    /// What is asked for by this request, as far as a backend offers it that says this of itself.
    ///
    /// # Errors
    ///
    /// If the request cannot be understood.
    pub(super) fn new(
        (id, message): (Id, &RawMessage),
        owner: BackendOwner,
        params: Arc<str>,
        said: Option<&str>,
    ) -> Result<Self, Error> {
        let wanted = message.param_at(&["notifications"]);
        let wanted = wanted.and_then(|text| serde_json::from_str(text).ok());
        let Some(Value::Object(wanted)) = wanted else {
            let message = "The parameter `notifications` must be an object.";
            return Err(Error::invalid_params(message));
        };
        let said: Value = said
            .and_then(|said| serde_json::from_str(said).ok())
            .unwrap_or_default();
        let offers = |list: &str, what: &str| {
            let at = format!("/capabilities/{list}/{what}");
            said.pointer(&at) == Some(&Value::Bool(true))
        };
        let changes = |name: &str, list: &str| {
            wanted.get(name) == Some(&Value::Bool(true)) && offers(list, "listChanged")
        };
        let filter = SubscriptionFilter {
            tools: changes("toolsListChanged", "tools"),
            prompts: changes("promptsListChanged", "prompts"),
            resources: changes("resourcesListChanged", "resources"),
            ..SubscriptionFilter::default()
        };
        let mut to_subscribe = uris(wanted.get("resourceSubscriptions"))?;
        if !offers("resources", "subscribe") {
            to_subscribe.clear();
        }
        Ok(Self {
            id,
            owner,
            params,
            filter,
            to_subscribe,
            has_joined: false,
            was_acknowledged: false,
            has_missed: false,
        })
    }
}

fn uris(list: Option<&Value>) -> Result<VecDeque<String>, Error> {
    let message = "The member `resourceSubscriptions` must be a list of URIs, and not too long.";
    let refused = || Error::invalid_params(message);
    let Some(list) = list.filter(|list| !list.is_null()) else {
        return Ok(VecDeque::new());
    };
    let list = list
        .as_array()
        .filter(|list| list.len() <= limits::SUBSCRIPTIONS);
    let mut uris = VecDeque::new();
    for uri in list.ok_or_else(refused)? {
        let uri = uri
            .as_str()
            .filter(|uri| uri.len() <= limits::RESOURCE_URI_BYTES);
        let uri = uri.ok_or_else(refused)?.to_owned();
        if !uris.contains(&uri) {
            uris.push_back(uri);
        }
    }
    Ok(uris)
}

fn to_hub(message: BackendSubscriptionMessage, cx: &mut Cx<'_>) {
    cx.to_hub(ToHub(ToHubKind::BackendSubscription(message)));
}

impl BackendStream {
    /// There is a session: what is to be done in it first, or it is listened to.
    pub(super) fn in_session(mut self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) -> Heard {
        let session = self.session.as_ref();
        let is_stateless = session.is_none_or(|one| one.revision.features().stateless);
        // Of a process that several have nothing is honoured.
        let can_be_heard = can_be_heard(gateway(cx));
        if let Wanted::Request(request) = &self.wanted
            && !(is_stateless && can_be_heard)
        {
            let said = session.and_then(|session| session.said.as_deref());
            let said = said.filter(|_| can_be_heard);
            let (asked, params) = ((request.id.clone(), &*request.message), request.params());
            match SharedListen::new(asked, request.owner, params, said) {
                Ok(listen) => {
                    let was_acknowledged = request.was_acknowledged;
                    self.wanted = Wanted::Shared(Box::new(SharedListen {
                        was_acknowledged,
                        ..listen
                    }));
                }
                Err(error) => {
                    self.refuse_request_with(error, cx);
                    return Progress::Ready(());
                }
            }
        }
        match &self.wanted {
            Wanted::Shared(listen) if !listen.has_joined => self.subscribe_next(caller, cx),
            _ => self.listen(cx),
        }
    }

    /// Sees to the next resource; after the last one it is known what is listened for.
    fn subscribe_next(mut self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) -> Heard {
        let Wanted::Shared(listen) = &mut self.wanted else {
            return self.listen(cx);
        };
        let owner = listen.owner;
        if let Some(uri) = listen.to_subscribe.pop_front() {
            let first = cx.ask_hub(|ticket| {
                let subscribe = BackendSubscriptionMessage::Subscribe(ticket, owner, uri.clone());
                ToHubKind::BackendSubscription(subscribe)
            });
            self.state = State::AwaitingSubscriber(first, uri);
            return Progress::Pending(self);
        }
        listen.has_joined = true;
        let filter = listen.filter.clone();
        let is_empty = filter == SubscriptionFilter::default();
        to_hub(BackendSubscriptionMessage::Join(owner, filter), cx);
        self.state = match is_empty {
            true => State::Over,
            false => State::AwaitingTurn(cx.ask_hub(|ticket| {
                let listen = BackendSessionMessage::Listen(ticket, owner, caller.session.id);
                ToHubKind::BackendSession(listen)
            })),
        };
        Progress::Pending(self)
    }

    /// It is known who subscribes to a resource.
    pub(super) fn subscriber_found(
        mut self: Box<Self>,
        (first, uri): (SubscribeFirst, String),
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        match first {
            SubscribeFirst::TooMany => {}
            SubscribeFirst::IsSubscribed => {
                if let Wanted::Shared(listen) = &mut self.wanted {
                    listen.filter.uris.insert(uri);
                }
            }
            SubscribeFirst::ToSubscribe => {
                let id = fresh_id(cx);
                let body = asked("resources/subscribe", &id, &uri);
                let request = BackendRequest {
                    within: Some(limits::BACKEND_OPENING),
                    ..self.post(body)
                };
                let incoming = IncomingMessages::send(request, gateway(cx), &self.credentials, cx);
                self.state = State::Subscribing(incoming, uri);
                return Progress::Pending(self);
            }
        }
        self.subscribe_next(caller, cx)
    }

    /// The backend has answered whether it tells of a resource.
    pub(super) fn subscribed(
        mut self: Box<Self>,
        (mut incoming, uri): (IncomingMessages, String),
        answer: Answer,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        let (messages, end) = match incoming.handle(answer) {
            Arrived::Messages(messages) => (messages, None),
            Arrived::End(messages, fault) => (messages, Some(fault)),
            Arrived::Fault(fault) => {
                incoming.cancel(cx);
                return self.fail(fault, cx);
            }
        };
        let accepted = messages.iter().find_map(|message| match message.kind() {
            MessageKind::Response { is_error, .. } => Some(!*is_error),
            MessageKind::Request { .. } | MessageKind::Notification { .. } => None,
        });
        if accepted.is_none() && end.is_none() {
            incoming.more(cx);
            self.state = State::Subscribing(incoming, uri);
            return Progress::Pending(self);
        }
        match end {
            None => incoming.cancel(cx),
            Some(_) => incoming.release(cx),
        }
        let Wanted::Shared(listen) = &mut self.wanted else {
            return self.listen(cx);
        };
        let owner = listen.owner;
        let is_accepted =
            accepted == Some(true) && incoming.status().is_none_or(|s| s.is_success());
        let told = BackendSubscriptionMessage::Subscribed(owner, uri.clone(), is_accepted);
        to_hub(told, cx);
        if is_accepted {
            listen.filter.uris.insert(uri);
            return self.subscribe_next(caller, cx);
        }
        let is_unknown = matches!(
            incoming.status(),
            Some(StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST)
        );
        let lost = self.session.clone().filter(|one| one.id.is_some());
        if let Some(lost) = lost.filter(|_| is_unknown && !self.was_reopened) {
            listen.to_subscribe.push_front(uri);
            return Progress::Pending(self.lost(owner, lost, cx));
        }
        match (accepted, end) {
            (None, Some(fault)) => self.fail(fault, cx),
            _ => self.subscribe_next(caller, cx),
        }
    }

    /// The backend is heard from now on.
    pub(super) fn note_heard(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.is_heard, true) {
            return;
        }
        if let Wanted::Shared(listen) = &mut self.wanted {
            let owner = listen.owner;
            let hearing = match std::mem::take(&mut listen.has_missed) {
                true => Hearing::GoesOn,
                false => Hearing::Begins,
            };
            to_hub(BackendSubscriptionMessage::Heard(owner, hearing), cx);
        }
    }

    /// The backend has nothing to hear.
    pub(super) fn note_silent(&self, cx: &mut Cx<'_>) {
        if let Wanted::Shared(listen) = &self.wanted {
            let nothing = BackendSubscriptionMessage::Heard(listen.owner, Hearing::Nothing);
            to_hub(nothing, cx);
        }
    }

    /// Passes on what the backend says, to all who listen for it.
    pub(super) fn hear_for_all(&self, owner: BackendOwner, message: RawMessage, cx: &mut Cx<'_>) {
        let change = match message.kind() {
            MessageKind::Response { .. } => return,
            MessageKind::Request { id, method } if method == "ping" => {
                let pong = json!({"jsonrpc": "2.0", "id": id, "result": {}});
                return self.tell(TellingKind::AtOnce, &pong, cx);
            }
            MessageKind::Request { .. } => {
                let asked = BackendSubscriptionMessage::Asked(owner, Box::new(message));
                return to_hub(asked, cx);
            }
            MessageKind::Notification { method } => match method.as_str() {
                "notifications/cancelled" => {
                    let asked = BackendSubscriptionMessage::Asked(owner, Box::new(message));
                    return to_hub(asked, cx);
                }
                "notifications/tools/list_changed" => ChangeNotification::Tools,
                "notifications/prompts/list_changed" => ChangeNotification::Prompts,
                "notifications/resources/list_changed" => ChangeNotification::Resources,
                "notifications/resources/updated" => match message.param("uri") {
                    Some(uri) => ChangeNotification::Resource(uri.into_owned()),
                    None => return,
                },
                // Lines of the log and progress go with requests.
                _ => return,
            },
        };
        let changed = BackendSubscriptionMessage::Changed(owner, change);
        to_hub(changed, cx);
    }

    /// What the backend has asked is for nobody.
    pub(crate) fn refuse_question(&self, message: &RawMessage, cx: &mut Cx<'_>) {
        if let MessageKind::Request { id, .. } = message.kind() {
            self.answer_error(id, "The client of this gateway cannot be asked.", cx);
        }
    }

    /// Whether the client is to be told now what is listened for.
    pub(crate) fn acknowledge(&mut self) -> bool {
        match &mut self.wanted {
            Wanted::Shared(listen) => !std::mem::replace(&mut listen.was_acknowledged, true),
            Wanted::Session(_) | Wanted::HttpSse(_) | Wanted::Request(_) => false,
        }
    }

    /// Nobody of this client listens any longer for what nobody else listens for. `uri`: what is being subscribed to.
    pub(super) fn leave_shared(&mut self, uri: Option<String>, cx: &mut Cx<'_>) {
        let Wanted::Shared(listen) = &mut self.wanted else {
            return;
        };
        let (owner, filter) = (listen.owner, std::mem::take(&mut listen.filter));
        let uris: Vec<String> = filter.uris.into_iter().chain(uri).collect();
        let mut tellings = Vec::new();
        for uri in uris {
            let id = fresh_id(cx);
            let request = self.post(asked("resources/unsubscribe", &id, &uri));
            let (kind, as_whom) = (TellingKind::OfClient, self.credentials.clone());
            tellings.push((
                uri,
                Telling::message(kind, cx.env.endpoint, request, as_whom),
            ));
        }
        to_hub(BackendSubscriptionMessage::Leave(owner, tellings), cx);
    }
}

fn asked(method: &str, id: &Id, uri: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"uri": uri}}).to_string()
}
