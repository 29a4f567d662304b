//! What exchanges ask the hub, and what it answers. An ask carries its ticket, as those of the runtime do, so an
//! answer that nobody waits for any more is dropped like theirs, in [`crate::exchange::Exchange::handle`].

use std::{sync::Arc, time::Duration};

use super::{
    AssertionRefused, BackendSessionFound, FindRefusal, FromHub, FromHubKind, HubOutput,
    KnownReadiness, KnownToken, Negotiated, OnBehalfOfAnswer, OwnRecord, RecordConflict,
    RedemptionRefused, SettingsFull, StreamOutput, StreamRefusal, SubscribeFirst, TableFull,
    TasksFull,
};
use crate::{
    client_document::{ClientDocument, DocumentError},
    client_keys::ClientKeys,
    gateway::{ParkedOutput, ProcessOutput, SigningKeys},
    id::ExchangeId,
    secret::Secret,
    ticket::{Answered, Ask, AskId, Ticket},
};

/// An ask of the hub.
pub(crate) trait HubAsk: Ask<Event = FromHub> {
    /// The answer to an ask of this kind, if this is one.
    fn of(answer: HubAnswer) -> Option<Answered<Self>>;
}

macro_rules! hub_asks {
    ($($(#[$doc:meta])* $name:ident -> $answer:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) enum $name {}

            impl Ask for $name {
                type Answer = $answer;
                type Event = FromHub;

                fn answered(answered: Answered<Self>) -> FromHub {
                    FromHub(FromHubKind::Answer(HubAnswer::$name(answered)))
                }
            }

            impl HubAsk for $name {
                fn of(answer: HubAnswer) -> Option<Answered<Self>> {
                    match answer {
                        HubAnswer::$name(answered) => Some(answered),
                        _ => None,
                    }
                }
            }
        )*

        /// An answer of the hub.
        #[derive(Debug)]
        pub(crate) enum HubAnswer {
            $($(#[$doc])* $name(Answered<$name>),)*
        }

        impl HubAnswer {
            /// Which ask it answers.
            pub(crate) fn ask(&self) -> AskId {
                match self {
                    $(Self::$name(answered) => answered.id,)*
                }
            }
        }
    };
}

hub_asks! {
    /// For Entra's metadata: `false` if it could not be fetched, or not again so soon.
    NeedMetadata -> bool;
    /// For a token of the managed identity: `false` if it could not be fetched, or not again so soon.
    NeedIdentityToken -> bool;
    /// For the keys that assertions for backends are signed with; `None` if there are none.
    NeedSigningKeys -> Option<Arc<SigningKeys>>;
    /// For the session of the backend that belongs to an MCP session.
    FindBackendSession -> BackendSessionFound;
    /// To be the stream that listens to the backend for its MCP session: answered once it is. A call is answered at once, and is it or is not.
    ListenToBackend -> bool;
    /// For a resource of the backend to be subscribed to; answered once it is certain who does it.
    SubscribeAtBackend -> SubscribeFirst;
    /// To hold bytes of a backend: `false` if too many are held.
    HoldBackendBytes -> bool;
    /// For what comes of a message for a process.
    ReadProcess -> ProcessOutput;
    /// To hand on what a process has said: answered once there is room for more.
    DeliverToCall -> ();
    /// For a call to wait until its client has answered what its backend asks.
    ParkCall -> Result<(), TableFull>;
    /// For what a call says that waited so.
    ReadParked -> ParkedOutput;
    /// To say something to whoever has brought the answers: answered once that was taken.
    SayParked -> ();
    /// For an assertion that was signed a moment ago.
    FindAssertion -> Option<Arc<Secret<String>>>;
    /// For what a token of Entra's says that was verified lately.
    FindEntraCaller -> KnownToken;
    /// For a token on behalf of a caller.
    GetOnBehalfOf -> OnBehalfOfAnswer;
    /// For the document of a client, or why there is none.
    NeedClientDocument -> Result<Arc<ClientDocument>, DocumentError>;
    /// For the keys of a client, or why there are none.
    NeedClientKeys -> Result<Arc<ClientKeys>, DocumentError>;
    /// To use an assertion of a client, which can be done once.
    UseAssertion -> Result<(), AssertionRefused>;
    /// Whether a code may be redeemed.
    BeginCodeRedemption -> Result<(), RedemptionRefused>;
    /// For a device to wait for its user: `false` if too many do.
    BeginDeviceAuthorization -> bool;
    /// For the record of a device, as the store would be asked.
    AskDeviceRecord -> Result<Option<OwnRecord>, RecordConflict>;
    /// To look up a user code; or for how long no more may be.
    TypeUserCode -> Result<(), Duration>;
    /// Whether a device asks too early.
    PollDeviceAuthorization -> bool;
    /// To open a stream.
    OpenStream -> Result<(), StreamRefusal>;
    /// For what a stream does next, once there is something.
    ReadStream -> StreamOutput;
    /// For the HTTP+SSE stream of an MCP session, and what its client has negotiated, if it has; answered once
    /// there is room on it.
    FindStream -> Result<Option<Negotiated>, FindRefusal>;
    /// To send events on a HTTP+SSE stream: answered once there is room for more; `false` if it is gone.
    Deliver -> bool;
    /// To keep the events of a response: `false` if too many are already, so they are not.
    OpenReplay -> bool;
    /// For room for a call.
    AdmitCall -> Result<(), TableFull>;
    /// To change a setting of an HTTP+SSE stream.
    ChangeSetting -> Result<(), SettingsFull>;
    /// For room for a task.
    AdmitTask -> Result<(), TasksFull>;
    /// For whether this replica is ready for requests.
    AskReadiness -> KnownReadiness;
    /// To update a task: answered once the task has applied the update; `false` if it does not run here.
    UpdateTask -> bool;
}

/// An exchange that waits for an answer of the hub.
#[derive(Debug)]
pub(super) struct Waiter<A: HubAsk> {
    pub(super) exchange: ExchangeId,
    pub(super) ticket: Ticket<A>,
}

impl<A: HubAsk> Waiter<A> {
    pub(super) fn new(exchange: ExchangeId, ticket: Ticket<A>) -> Self {
        Self { exchange, ticket }
    }

    pub(super) fn answer(self, answer: A::Answer) -> HubOutput {
        HubOutput::Deliver(self.exchange, self.ticket.answer(answer))
    }
}
