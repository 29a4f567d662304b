//! The hub: the little that exchanges share, behind the runtime's one mutex.
//!
//! It knows the open streams, the events that a client may resume from, the subscriptions of MCP sessions, the
//! requests and tasks in flight, which sign-ins are spent, how many devices wait for their users, who waits for Entra's metadata, and the documents and keys of clients. It does table
//! operations only: no parsing, no JSON, no signatures. Exchanges and the hub exchange messages that only they
//! understand; a runtime carries them.

mod allowances;
mod announcement;
mod asks;
mod assertions;
mod backend_listeners;
mod backend_sessions;
mod backend_subscriptions;
mod changes;
mod client_assertions;
mod client_documents;
mod code_redemptions;
mod counts;
mod device_authorizations;
mod dispatch;
mod ended_sessions;
mod entra_snapshot;
mod entra_tokens;
mod fetch_gate;
mod from_hub;
mod held_bytes;
mod in_flight;
mod job;
mod message;
mod on_behalf_of;
mod parked_calls;
mod presented_tokens;
mod process_failures;
mod readiness;
mod refusals;
mod replay;
mod resumption;
mod server_processes;
mod signed_clients;
mod stats;
mod stream_message;
mod stream_queue;
mod streams;
mod subscriptions;
mod tasks;
mod tellings;

use std::collections::VecDeque;

pub(crate) use self::{
    allowances::Browser,
    announcement::Announcement,
    asks::{
        AdmitCall, AdmitTask, AskDeviceRecord, AskReadiness, BeginCodeRedemption,
        BeginDeviceAuthorization, ChangeSetting, Deliver, DeliverToCall, FindAssertion,
        FindBackendSession, FindEntraCaller, FindStream, GetOnBehalfOf, HoldBackendBytes,
        HubAnswer, HubAsk, ListenToBackend, NeedClientDocument, NeedClientKeys, NeedIdentityToken,
        NeedMetadata, NeedSigningKeys, OpenReplay, OpenStream, ParkCall, PollDeviceAuthorization,
        ReadParked, ReadProcess, ReadStream, SayParked, SubscribeAtBackend, TypeUserCode,
        UpdateTask, UseAssertion,
    },
    assertions::AssertionMessage,
    backend_sessions::{BackendOwner, BackendSessionMessage, GivenUp},
    backend_subscriptions::{BackendSubscriptionMessage, Hearing},
    changes::ChangesMessage,
    client_assertions::AssertionRefused,
    device_authorizations::{OwnRecord, RecordConflict, RecordOperation},
    entra_tokens::PresentedTokenMessage,
    from_hub::{
        BackendSession, BackendSessionFound, FromHubKind, LostSession, Negotiated, RefusesWithin,
        SubscribeFirst, TaskUpdate, ToCall, ToProcess, ToTask,
    },
    held_bytes::HeldBytesMessage,
    job::JobKind,
    message::{DeviceMessage, IdentityTokenMessage, ToHubKind, ToSignedClients},
    parked_calls::ParkedMessage,
    presented_tokens::{KnownToken, OnBehalfOfAnswer, OnBehalfOfFailure},
    readiness::{KnownBackends, KnownReadiness, NotReady, ReadinessMessage},
    refusals::{FindRefusal, RedemptionRefused, SettingsFull, StreamRefusal, TableFull, TasksFull},
    server_processes::{MostProcesses, ProcessMessage, RunsProcess},
    stream_message::{EndReason, StreamKind, StreamOutput, SubscriptionFilter},
    subscriptions::{SettingChange, Subscriber, Subscriptions},
};
use self::{
    asks::Waiter,
    assertions::Assertions,
    backend_listeners::BackendListeners,
    backend_sessions::BackendSessions,
    backend_subscriptions::{BackendSubscriptions, Tables},
    changes::Changes,
    client_documents::ClientFiles,
    code_redemptions::CodeRedemptions,
    device_authorizations::DeviceAuthorizations,
    ended_sessions::EndedSessions,
    entra_snapshot::PublishedSnapshot,
    entra_tokens::PresentedTokens,
    held_bytes::HeldBytes,
    in_flight::InFlightRequests,
    parked_calls::ParkedCalls,
    readiness::Readiness,
    replay::ReplayBuffers,
    server_processes::ServerProcesses,
    signed_clients::SignedClients,
    streams::Streams,
    subscriptions::ToldSubscriptions,
    tasks::Tasks,
    tellings::Tellings,
};
pub use self::{
    from_hub::{FromHub, HubOutput},
    job::Job,
    message::ToHub,
    stats::HubStats,
};
use crate::{
    client_document::ClientDocument,
    config::Capacity,
    id::{ExchangeId, SessionId},
    time::{Instant, Now},
};

/// The shared tables.
#[derive(Debug, Default)]
pub struct Hub {
    entra: PublishedSnapshot,
    assertions: Assertions,
    backend_sessions: BackendSessions,
    backend_listeners: BackendListeners,
    backend_subscriptions: BackendSubscriptions,
    tellings: Tellings,
    changes: Changes,
    processes: ServerProcesses,
    parked: ParkedCalls,
    held_bytes: HeldBytes,
    documents: ClientFiles<ClientDocument>,
    signed_clients: SignedClients,
    entra_tokens: PresentedTokens,
    redemptions: CodeRedemptions,
    devices: DeviceAuthorizations,
    ended: EndedSessions,
    readiness: Readiness,
    streams: Streams,
    replays: ReplayBuffers,
    in_flight: InFlightRequests,
    subscriptions: ToldSubscriptions,
    tasks: Tasks,
    outputs: VecDeque<HubOutput>,
}

impl Hub {
    /// Returns an empty hub, with the usual limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty hub with room for this much.
    #[must_use]
    pub fn with_capacity(capacity: Capacity) -> Self {
        Self {
            streams: Streams::with_capacity(capacity),
            replays: ReplayBuffers::with_capacity(capacity),
            in_flight: InFlightRequests::with_capacity(capacity),
            tasks: Tasks::with_capacity(capacity),
            ..Self::default()
        }
    }

    /// Begins anew with what is known of Entra.
    #[cfg(test)]
    pub(crate) fn publish(&mut self, snapshot: crate::env::EntraSnapshot) {
        self.entra = PublishedSnapshot::of_snapshot(snapshot);
    }

    /// Takes a message of an exchange. Poll until idle afterwards.
    pub fn handle(&mut self, from: ExchangeId, message: ToHub, now: Now) {
        self.replays.expire(now.instant);
        self.tellings.tick(now.instant, &mut self.outputs);
        self.backend_sessions.tick(now.instant);
        self.handle_message(from, message.0, now);
        self.tell_of_ended_sessions();
        self.feed_woken();
    }

    /// A stream is closed. Requests of an HTTP+SSE session have nowhere to be answered without it.
    fn close_stream(&mut self, id: ExchangeId) {
        if let Some((mcp_session, principal)) = self.streams.sse_of(id) {
            let out = &mut self.outputs;
            self.in_flight.end_mcp_session(principal, mcp_session, out);
            self.backend_sessions.end((principal, mcp_session));
        }
        self.streams.close(id, &mut self.outputs);
        self.backend_listeners.forget(id, &mut self.outputs);
        let (subscriptions, mut tables) = self.backend_subscriptions();
        subscriptions.forget(id, &mut tables);
        self.replays.forget(id);
    }

    fn backend_subscriptions(&mut self) -> (&mut BackendSubscriptions, Tables<'_>) {
        let tables = Tables {
            sessions: &mut self.backend_sessions,
            streams: &mut self.streams,
            tellings: &mut self.tellings,
            out: &mut self.outputs,
        };
        (&mut self.backend_subscriptions, tables)
    }

    /// Drops what was kept long enough. Poll until idle afterwards.
    pub fn expire(&mut self, now: Instant) {
        self.replays.expire(now);
        self.entra_tokens.expire(now);
        self.tellings.tick(now, &mut self.outputs);
        self.backend_sessions.tick(now);
        self.tell_of_ended_sessions();
        self.feed_woken();
    }

    /// Backends are told which of their sessions are over.
    fn tell_of_ended_sessions(&mut self) {
        for telling in self.backend_sessions.take_over() {
            // It is of a session that has a name, whoever tells it.
            self.tellings
                .tell(ExchangeId(0), Box::new(telling), &mut self.outputs);
        }
    }

    /// The server shuts down: who listens is told, and what has nothing to do ends.
    fn shut_down(&mut self) {
        let out = &mut self.outputs;
        self.readiness.shut_down();
        self.processes.shut_down(out);
        self.streams.shut_down(out);
    }

    /// A session was revoked. A stream of HTTP+SSE ends after its calls: their errors are sent on it.
    fn end_session(&mut self, session: SessionId, now: Instant) {
        self.ended.end(session, now);
        self.replays.end_session(session);
        let out = &mut self.outputs;
        self.processes.end_session(session, out);
        self.backend_sessions.end_sign_in(session);
        self.in_flight.end_session(session, out);
        self.tasks.end_session(session, out);
        let in_flight = &self.in_flight;
        let has_calls = |mcp_session| in_flight.has_call(session, mcp_session);
        self.streams.end_session(session, has_calls, out);
    }

    /// Takes a message about what changed on any replica, and announces what was not announced here before.
    fn announce(&mut self, message: ChangesMessage, now: Instant) {
        let out = &mut self.outputs;
        for (change, of) in self.changes.handle(message, now, out) {
            let change = (&change, of);
            self.streams.notify_changed(change, out);
        }
    }

    /// Gives the streams of an MCP session its subscriptions, and those that begin within a moment.
    fn subscribed(&mut self, whose: Subscriber, subscriptions: Subscriptions, now: Instant) {
        self.streams.subscribed(whose, &subscriptions);
        self.subscriptions.tell(whose, subscriptions, now);
    }

    /// A stream begins with the subscriptions that its record has, or newer ones.
    fn begin_subscribed(&mut self, id: ExchangeId, whose: Subscriber, recorded: &Subscriptions) {
        let told = self.subscriptions.get(whose);
        let newer = told.filter(|told| told.number > recorded.number);
        self.streams.begin_subscribed(id, newer.unwrap_or(recorded));
    }

    /// Answers a stream, and ends it if its session has ended since it was authenticated.
    fn stream_opened(
        &mut self,
        waiter: Waiter<OpenStream>,
        session: SessionId,
        opened: Result<(), StreamRefusal>,
    ) {
        let out = &mut self.outputs;
        out.push_back(waiter.answer(opened));
        if self.ended.has(session) {
            self.streams.end_session(session, |_| false, out);
        }
    }

    /// Forgets a call. If it was the last that kept a stream of a revoked session, that ends.
    fn forget_call(&mut self, id: ExchangeId) {
        let Some((session, Some(mcp_session))) = self.in_flight.forget(id) else {
            return;
        };
        if !self.in_flight.has_call(session, mcp_session) {
            self.streams
                .calls_ended(session, mcp_session, &mut self.outputs);
        }
    }

    /// Forgets an exchange that ended, however it ended. Poll until idle afterwards.
    pub fn forget(&mut self, id: ExchangeId) {
        self.entra.forget(id);
        self.assertions.forget(id);
        self.backend_sessions.forget(id, &mut self.outputs);
        self.processes.forget(id, &mut self.outputs);
        self.parked.forget(id, &mut self.outputs);
        self.held_bytes.forget(id);
        self.documents.forget(id);
        self.signed_clients.forget(id);
        self.entra_tokens.forget(id, &mut self.outputs);
        self.redemptions.end(id);
        self.devices.forget(id);
        self.close_stream(id);
        self.forget_call(id);
        self.tasks.forget(id, &mut self.outputs);
        self.tellings.forget(id, &mut self.outputs);
        self.tell_of_ended_sessions();
    }

    /// Returns what to do next.
    pub fn poll(&mut self) -> HubOutput {
        self.outputs.pop_front().unwrap_or(HubOutput::Idle)
    }
}
