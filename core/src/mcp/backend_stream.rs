//! What a backend sends of its own accord, for a stream of a client that is open (GET, or HTTP+SSE): its answer to GET, or to the
//! `subscriptions/listen` of the client (2026-07-28), or what a process says for no request.
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

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::session::McpSession;
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
        ListenToBackend, ToHubKind,
    },
    id::{McpSessionId, ServerRequestId},
    json_rpc::Id,
    revision::Revision,
    step::{Cx, Progress},
    time::Instant,
};

/// Nothing can be said of who listens.
const UNAUTHORIZED: ::http::StatusCode = ::http::StatusCode::UNAUTHORIZED;

/// What a backend is listened to for.
#[derive(Debug)]
enum Wanted {
    /// What it sends within a session.
    Session(Box<McpSession>),
    /// The same within the session that a stream of HTTP+SSE is.
    HttpSse(McpSessionId),
    /// What the client asks for by this request; and what the backend knows it as, each time that it is asked.
    Request {
        id: Id,
        message: Box<RawMessage>,
        backend_id: Id,
        was_acknowledged: bool,
    },
}

impl Wanted {
    fn is_session(&self) -> bool {
        matches!(self, Self::Session(_) | Self::HttpSse(_))
    }
}

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
}

#[derive(Debug)]
enum State {
    AwaitingTurn(Awaiting<ListenToBackend>),
    /// The client has yet to begin its session.
    AwaitingFirst(Awaiting<FindBackendSession>),
    Identifying(Box<IdentifyUser>),
    AwaitingSession(Awaiting<FindBackendSession>),
    Opening(Box<ReopenSession>),
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
        let wanted = Wanted::Request {
            id,
            message,
            backend_id: Id::Positive(0),
            was_acknowledged: false,
        };
        Self::new(wanted, State::Over).identify(caller, cx)
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
                    Wanted::Session(_) | Wanted::Request { .. } => self.identify(caller, cx),
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
                    self.session = Some(session);
                    self.listen(cx)
                }
                BackendSessionFound::ToOpen(lost) => Progress::Pending(self.open(lost, cx)),
                BackendSessionFound::NotOpen => Progress::Pending(self.rest(cx)),
            },
            State::Opening(opening) => {
                let reopened = opening.handle(answer, gateway(cx), cx);
                self.reopened(reopened, caller, cx)
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
        if let Wanted::Request { backend_id, .. } = &mut self.wanted {
            *backend_id = super::forward::fresh_id(cx);
        }
        let Some(request) = self.request() else {
            self.state = State::Over;
            return Progress::Pending(self);
        };
        let incoming = IncomingMessages::send(request, gateway, &self.credentials, cx);
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
        let is_heard = incoming.status().is_none_or(|status| status.is_success());
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

    /// Whether it waits for the end of a rest: until then.
    pub(crate) fn wake(&self) -> Option<Instant> {
        match self.state {
            State::Resting(until) => Some(until),
            _ => None,
        }
    }

    /// Time has passed.
    pub(crate) fn tick(self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) -> Heard {
        match self.wake() {
            Some(until) if cx.env.now.instant >= until => self.identify(caller, cx),
            _ => Progress::Pending(self),
        }
    }

    /// The stream of the client ends.
    pub(crate) fn cancel(mut self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Listening(incoming) | State::Checking(incoming) => incoming.cancel(cx),
            State::Opening(_) => self.give_up_opening(caller, cx),
            State::AwaitingTurn(_)
            | State::AwaitingFirst(_)
            | State::Identifying(_)
            | State::AwaitingSession(_)
            | State::Resting(_)
            | State::Over => {}
        }
        for (_, id) in std::mem::take(&mut self.questions) {
            self.answer_error(&id, "The client has left.", cx);
        }
    }
}
