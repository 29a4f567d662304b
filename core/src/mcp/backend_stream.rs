//! What a backend sends of its own accord, for a stream of a client that is open (GET, HTTP+SSE, or `subscriptions/listen`): its answer to
//! GET or to `subscriptions/listen` (2026-07-28), or what a process says for no request.
//!
//! ```text
//! AwaitingTurn --> Identifying --> AwaitingSession --there--> Listening --it ends--> Resting --> Identifying
//!                                         \--to be opened--> Opening --/  |  \--404--> Checking --the session is lost--> Opening
//!                                                                         \--405, or it answers the ping--> Over
//! ```
//!
//! A stream of HTTP+SSE is there before its session: it waits until that is open. One stream of a session listens, and once. When the stream of the backend ends it is opened again, after a while that doubles, from the
//! last event that had an id. A backend whose session is lost is found out by a `ping`, for many answer a GET with 404 that
//! just have no such stream.
//!
//! Source: MCP specification 2025-11-25, basic/transports, listening for messages, resumability; 2026-07-28, subscriptions.

mod reconnect;
mod relay;
mod session;
mod shared;
mod wanted;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use self::wanted::{ListenRequest, Wanted};
use super::{forward::named_by_capabilities, session::McpSession};
use crate::{
    admit::caller::Caller,
    ask::Awaiting,
    backend::{
        Arrived, BackendFault, Identified, IdentifyUser, IncomingMessages, NotIdentified,
        ReopenSession,
    },
    config::Gateway,
    event::Answer,
    gateway::{BackendRequest, Credentials, RawMessage},
    hub::{
        BackendSession, BackendSessionFound, BackendSessionMessage, FindBackendSession,
        ListenToBackend, SubscribeAtBackend, ToHubKind,
    },
    id::{McpSessionId, ServerRequestId},
    json_rpc::Id,
    limits,
    revision::Revision,
    step::{Cx, Progress},
    time::Instant,
};

/// Nothing can be said of who listens.
const UNAUTHORIZED: ::http::StatusCode = ::http::StatusCode::UNAUTHORIZED;

/// A backend that is listened to.
#[derive(Debug)]
pub(crate) struct BackendStream {
    wanted: Wanted,
    state: State,
    credentials: Credentials,
    session: Option<BackendSession>,
    /// What the backend has asked the client, by what the client knows it as.
    questions: BTreeMap<ServerRequestId, Id>,
    /// The last event that had an id.
    last_event: Option<String>,
    /// How long the backend wants to be left alone.
    retry: Duration,
    /// How often it was tried in vain, in a row.
    failures: u32,
    was_reopened: bool,
    /// What a backend of 2026-07-28 knows the request as by which it is listened to for a session.
    listens_as: Option<Id>,
    /// It has refused that.
    is_refused: bool,
    /// Whether what it sends arrives; if nothing has by then, it is taken to.
    is_heard: bool,
    heard_at: Option<Instant>,
}

#[derive(Debug)]
enum State {
    AwaitingTurn(Awaiting<ListenToBackend>),
    /// The client has yet to begin its session.
    AwaitingFirst(Awaiting<FindBackendSession>),
    Identifying(Box<IdentifyUser>),
    AwaitingSession(Awaiting<FindBackendSession>),
    Opening(Box<ReopenSession>),
    /// Who subscribes to a resource.
    AwaitingSubscriber(Awaiting<SubscribeAtBackend>, String),
    Subscribing(IncomingMessages, String),
    Listening(IncomingMessages),
    /// Whether the session is still there.
    Checking(IncomingMessages),
    Resting(Instant),
    /// There is nothing to listen to.
    Over,
}

/// What a step leaves; it is ready when the stream of the client is to end.
pub(crate) type Heard = Progress<Box<BackendStream>>;

fn gateway<'a>(cx: &Cx<'a>) -> &'a Gateway {
    let gateway = cx.env.gateway();
    gateway.expect("there is a backend to listen to")
}

impl BackendStream {
    fn new(wanted: Wanted, state: State) -> Box<Self> {
        Box::new(Self {
            wanted,
            state,
            credentials: Credentials::default(),
            session: None,
            questions: BTreeMap::new(),
            last_event: None,
            retry: Duration::ZERO,
            failures: 0,
            was_reopened: false,
            listens_as: None,
            is_refused: false,
            is_heard: false,
            heard_at: None,
        })
    }

    /// Listens for a stream of this session, if there is a backend.
    pub(crate) fn of_session(
        mcp_session: &McpSession,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Option<Box<Self>> {
        let wanted = Wanted::Session(Box::new(mcp_session.clone()));
        Self::take_turn(wanted, mcp_session.id, caller, cx)
    }

    /// Listens for a stream of HTTP+SSE, once its client has begun the session.
    pub(crate) fn of_http_sse(
        mcp_session: McpSessionId,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Option<Box<Self>> {
        Self::take_turn(Wanted::HttpSse(mcp_session), mcp_session, caller, cx)
    }

    fn take_turn(
        wanted: Wanted,
        mcp_session: McpSessionId,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Option<Box<Self>> {
        cx.env.gateway()?;
        let owner = (caller.principal_id, mcp_session);
        let turn = cx.ask_hub(|ticket| {
            let listen = BackendSessionMessage::Listen(ticket, owner, caller.session.id);
            ToHubKind::BackendSession(listen)
        });
        Some(Self::new(wanted, State::AwaitingTurn(turn)))
    }

    /// Listens for what this request asks for. What answers it ends the stream.
    pub(crate) fn of_request(
        (id, message): (Id, Box<RawMessage>),
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        let request = ListenRequest {
            id,
            owner: (caller.principal_id, named_by_capabilities(&message)),
            message,
            backend_id: Id::Positive(0),
            was_acknowledged: false,
        };
        Self::new(Wanted::Request(Box::new(request)), State::Over).identify(caller, cx)
    }

    fn identify(self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) -> Heard {
        let progress = IdentifyUser::start(caller, None, gateway(cx), cx);
        self.identified(progress, caller, cx)
    }

    fn identified(
        mut self: Box<Self>,
        progress: Identified,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        match progress {
            Progress::Pending(identify) => {
                self.state = State::Identifying(identify);
                Progress::Pending(self)
            }
            Progress::Ready(Ok(credentials)) => {
                self.credentials = credentials;
                self.find_session(caller, cx)
            }
            Progress::Ready(Err(NotIdentified::Fault(fault))) => self.fail(fault, cx),
            // The user hears of it at the next call.
            Progress::Ready(Err(_)) => self.fail(BackendFault::Refused(UNAUTHORIZED), cx),
        }
    }

    /// Takes an answer.
    pub(crate) fn handle(
        mut self: Box<Self>,
        answer: Answer,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        match std::mem::replace(&mut self.state, State::Over) {
            State::AwaitingTurn(turn) => {
                // A stream of a client is answered once it is its turn.
                let _ = turn.into_answer(answer);
                match self.wanted {
                    Wanted::HttpSse(mcp_session) => self.await_first(mcp_session, caller, cx),
                    Wanted::Session(_) | Wanted::Request(_) | Wanted::Shared(_) => {
                        self.identify(caller, cx)
                    }
                }
            }
            State::AwaitingFirst(found) => {
                found.into_answer(answer);
                self.identify(caller, cx)
            }
            State::Identifying(identify) => {
                let progress = identify.handle(answer, caller, gateway(cx), cx);
                self.identified(progress, caller, cx)
            }
            State::AwaitingSession(find) => match find.into_answer(answer) {
                BackendSessionFound::Open(session) => {
                    self.credentials = self.credentials.with_given(session.given.clone());
                    self.found(session);
                    self.in_session(caller, cx)
                }
                BackendSessionFound::ToOpen(lost) => Progress::Pending(self.open(lost, cx)),
                BackendSessionFound::NotOpen => Progress::Pending(self.rest(cx)),
            },
            State::Opening(opening) => {
                let reopened = opening.handle(answer, gateway(cx), cx);
                self.reopened(reopened, caller, cx)
            }
            State::AwaitingSubscriber(first, uri) => {
                self.subscriber_found((first.into_answer(answer), uri), caller, cx)
            }
            State::Subscribing(incoming, uri) => {
                self.subscribed((incoming, uri), answer, caller, cx)
            }
            State::Listening(incoming) => self.arrived(incoming, answer, caller, cx),
            State::Checking(incoming) => self.checked(incoming, answer, caller, cx),
            state @ (State::Resting(_) | State::Over) => {
                self.state = state;
                Progress::Pending(self)
            }
        }
    }

    /// Opens the stream of the backend. At one of 2026-07-28 that is a request, which a process is not sent.
    pub(super) fn listen(mut self: Box<Self>, cx: &mut Cx<'_>) -> Heard {
        let gateway = gateway(cx);
        let session = self.session.as_ref();
        let is_stateless = session.is_some_and(|one| one.revision.features().stateless);
        self.listens_as = None;
        if is_stateless && self.wanted.is_session() {
            if gateway.command().is_some() {
                self.state = State::Over;
                return Progress::Pending(self);
            }
            self.listens_as = Some(super::forward::fresh_id(cx));
        }
        if let Wanted::Request(request) = &mut self.wanted {
            request.backend_id = super::forward::fresh_id(cx);
        }
        let Some(request) = self.request() else {
            self.state = State::Over;
            return Progress::Pending(self);
        };
        let incoming = IncomingMessages::send(request, gateway, &self.credentials, cx);
        self.is_heard = false;
        let is_shared = matches!(self.wanted, Wanted::Shared(_));
        let first = cx.env.now.instant.after(limits::BACKEND_LISTEN_FIRST);
        self.heard_at = is_shared.then_some(first);
        self.state = State::Listening(incoming);
        Progress::Pending(self)
    }

    fn post(&self, body: String) -> BackendRequest {
        let session = self.session.as_ref();
        let revision = session.map_or(Revision::V2026_07_28, |session| session.revision);
        let name: Option<Arc<str>> = session.and_then(|session| session.id.clone());
        BackendRequest::post(name, revision, body)
    }

    fn arrived(
        mut self: Box<Self>,
        mut incoming: IncomingMessages,
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
        let is_open = incoming.status().is_some_and(|status| status.is_success());
        // A process has no status; a connection that ends without one was never open.
        let is_heard = is_open || (incoming.status().is_none() && end.is_none());
        if is_heard {
            self.note_heard(cx);
        }
        if is_open {
            // The session is there: it may be lost once more.
            self.was_reopened = false;
        }
        if is_heard && !messages.is_empty() {
            (self.failures, self.was_reopened) = (0, false);
        }
        for message in messages {
            if self.hear(message, caller, cx).is_break() {
                if end.is_none() {
                    incoming.cancel(cx);
                }
                return Progress::Ready(());
            }
        }
        self.note_place(&incoming);
        let Some(fault) = end else {
            incoming.more(cx);
            self.state = State::Listening(incoming);
            return Progress::Pending(self);
        };
        self.ended(incoming.status(), fault, caller, cx)
    }

    /// Whether it waits for the end of a rest, or to be heard: until then.
    pub(crate) fn wake(&self) -> Option<Instant> {
        match self.state {
            State::Resting(until) => Some(until),
            State::Listening(_) if !self.is_heard => self.heard_at,
            _ => None,
        }
    }

    /// Time has passed.
    pub(crate) fn tick(mut self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) -> Heard {
        match self.wake() {
            Some(until) if cx.env.now.instant < until => {}
            Some(_) if matches!(self.state, State::Resting(_)) => return self.identify(caller, cx),
            Some(_) => self.note_heard(cx),
            None => {}
        }
        Progress::Pending(self)
    }

    /// The stream of the client ends.
    pub(crate) fn cancel(mut self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) {
        let mut uri = None;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Listening(incoming) | State::Checking(incoming) => incoming.cancel(cx),
            State::Subscribing(incoming, subscribing) => {
                incoming.cancel(cx);
                uri = Some(subscribing);
            }
            State::Opening(_) => self.give_up_opening(caller, cx),
            State::AwaitingTurn(_)
            | State::AwaitingSubscriber(..)
            | State::AwaitingFirst(_)
            | State::Identifying(_)
            | State::AwaitingSession(_)
            | State::Resting(_)
            | State::Over => {}
        }
        self.leave_shared(uri, cx);
        for (_, id) in std::mem::take(&mut self.questions) {
            self.answer_error(&id, "The client has left.", cx);
        }
    }
}
