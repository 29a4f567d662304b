//! What the hub sends exchanges, and what it has its runtime do.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Job, asks::HubAnswer};
use crate::{
    catalog::{ClientCapabilities, ClientInfo, LogLevel},
    endpoint::Endpoint,
    env::EntraSnapshot,
    gateway::{
        BackendSettings, GivenCredentials, KeptHeaderParams, ParkedAnswers, ProcessCall,
        RawMessage, ToServer,
    },
    id::{ExchangeId, ServerRequestId},
    json_rpc::Id,
    revision::Revision,
};

/// A message from the hub.
#[derive(Debug)]
pub struct FromHub(pub(crate) FromHubKind);

/// A message from the hub, by what its receiver is to the hub.
#[derive(Debug)]
pub(crate) enum FromHubKind {
    /// The receiver has asked for something.
    Answer(HubAnswer),
    /// The receiver answers requests of a client, and was admitted as a call.
    Call(ToCall),
    /// The receiver runs a task, and was admitted as one.
    Task(ToTask),
    /// The receiver runs a process that is a server.
    Process(ToProcess),
    /// The client has resumed the response that the receiver sends on another stream.
    ReplayTakenOver,
}

/// A message to the exchange that answers a call.
#[derive(Debug)]
pub(crate) enum ToCall {
    /// The client has answered this request of the server: with a result, or with the message of an error.
    ClientResponse(ServerRequestId, Result<Box<Value>, String>),
    /// The client has cancelled this request.
    Cancelled(Id),
    /// The client has brought the answers that the call has waited for.
    Resumed(ParkedAnswers),
    /// The client has opened a stream for what the backend sends of its own accord.
    ClientListens,
    /// The backend asks this on a stream that another listens on, or takes it back.
    BackendAsks(Box<RawMessage>),
    /// Who has brought the answers has left, and nobody waits for the response.
    ClientLeft,
    /// The MCP session of the request has ended: the client ended it, or closed its HTTP+SSE stream.
    McpSessionEnded,
    /// The session in which the call began was revoked.
    SessionEnded,
}

/// A message to the exchange that runs a task.
#[derive(Debug)]
pub(crate) enum ToTask {
    /// The client updates it.
    Update(Box<TaskUpdate>),
    /// The session in which it began was revoked.
    SessionEnded,
}

/// A message to the exchange that runs a process.
#[derive(Debug)]
pub(crate) enum ToProcess {
    /// A message for it.
    Send(Box<ToServer>),
    /// This one wants what it says for no request.
    Listen(ProcessCall),
    /// Nobody waits any longer for the answer to this request.
    Left(ProcessCall),
    /// The server shuts down: it is to end as soon as it has nothing to do.
    ShutDown,
    /// It is to end.
    End,
}

/// What the runtime is to do for the hub.
#[derive(Debug)]
#[must_use]
pub enum HubOutput {
    /// Hand this to that exchange as [`crate::event::Event::FromHub`]; drop it if the exchange is gone.
    Deliver(ExchangeId, FromHub),
    /// Use this snapshot from now on. Do this before the deliveries that follow.
    Publish(Arc<EntraSnapshot>),
    /// Run this job.
    Spawn(Job),
    /// Do nothing more.
    Idle,
}

/// What `initialize` has negotiated on an HTTP+SSE stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Negotiated {
    pub(crate) revision: Revision,
    pub(crate) client_capabilities: ClientCapabilities,
    pub(crate) client_info: ClientInfo,
    /// From which level on it is sent lines of the log.
    pub(crate) level: LogLevel,
}

impl Negotiated {
    /// As `initialize` leaves it.
    pub(crate) fn new(
        revision: Revision,
        client_capabilities: ClientCapabilities,
        client_info: ClientInfo,
    ) -> Self {
        Self {
            revision,
            client_capabilities,
            client_info,
            level: LogLevel::Info,
        }
    }
}

/// What the client of a task says: `tasks/cancel`, or the input responses of `tasks/update`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskUpdate {
    pub(crate) cancel: bool,
    pub(crate) responses: Map<String, Value>,
}

/// A session of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BackendSession {
    /// At which endpoint its backend is.
    pub(crate) endpoint: Endpoint,
    /// Its name there, if it has one.
    pub(crate) id: Option<Arc<str>>,
    /// What was agreed on.
    pub(crate) revision: Revision,
    /// With what `initialize` was sent, to open it again.
    pub(crate) params: Arc<str>,
    /// For clients of 2026-07-28: what a backend with sessions says of itself, as a result of `server/discover`.
    pub(crate) said: Option<Arc<str>>,
    /// How long it lasts that nobody uses; of a process that is its own matter.
    pub(crate) idle: Option<Duration>,
    /// What the backend was given lately within it.
    pub(crate) given: GivenCredentials,
    /// What its tools want repeated in headers.
    pub(crate) header_params: KeptHeaderParams,
    pub(crate) refuses: RefusesWithin,
}

/// Whether the backend has answered 400 within a session that it had just opened: then it means a request by it, and not the session.
/// Sessions are not told apart by this.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RefusesWithin(pub(crate) bool);

impl PartialEq for RefusesWithin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for RefusesWithin {}

/// What is known of a session of the backend.
#[derive(Debug)]
pub(crate) enum BackendSessionFound {
    /// It is open.
    Open(BackendSession),
    /// The receiver is to open it, as it was before if it was open.
    ToOpen(Option<LostSession>),
    /// There is none, and the receiver is not to open one.
    NotOpen,
}

/// Who is to subscribe to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscribeFirst {
    /// The receiver: nobody has.
    ToSubscribe,
    /// Nobody: the backend tells of it.
    IsSubscribed,
    /// Nobody, for there are too many.
    TooMany,
}

/// What is known of a session of the backend that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostSession {
    /// With what `initialize` was sent.
    pub(crate) params: Arc<str>,
    /// What was set within it.
    pub(crate) settings: BackendSettings,
}
