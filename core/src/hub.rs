//! The hub: the little that exchanges share, behind the runtime's one mutex.
//!
//! It knows the open streams, the events that a client may resume from, the settings of MCP sessions, the
//! requests and tasks in flight, which sign-ins are spent, and who waits for Entra's metadata. It does table
//! operations only: no parsing, no JSON, no signatures. Exchanges and the hub exchange messages that only they
//! understand; a runtime carries them.

mod code_redemptions;
mod counts;
mod ended_sessions;
mod in_flight;
mod job;
mod message;
mod metadata_refresh;
mod replay;
mod resumption;
mod session_settings;
mod stats;
mod stream_queue;
mod streams;
mod tasks;

use std::collections::VecDeque;

use self::{
    code_redemptions::CodeRedemptions,
    ended_sessions::EndedSessions,
    in_flight::{Call, InFlightRequests},
    metadata_refresh::RefreshGate,
    replay::{ReplayBuffers, ReplayOwner},
    session_settings::SessionSettings,
    streams::Streams,
    tasks::Tasks,
};
pub(crate) use self::{
    code_redemptions::RedemptionRefused,
    job::JobKind,
    message::{
        EndReason, FindRefusal, FromHubKind, Negotiated, SettingsFull, StreamKind, StreamOutput,
        StreamRefusal, SubscriptionFilter, TableFull, TaskUpdate, TasksFull, ToHubKind,
    },
};
pub use self::{
    job::Job,
    message::{FromHub, HubOutput, ToHub},
    stats::HubStats,
};
use crate::{
    id::{ExchangeId, SessionId},
    time::{Instant, Now},
};

/// The shared tables.
#[derive(Debug, Default)]
pub struct Hub {
    metadata: RefreshGate,
    redemptions: CodeRedemptions,
    ended: EndedSessions,
    streams: Streams,
    replays: ReplayBuffers,
    in_flight: InFlightRequests,
    settings: SessionSettings,
    tasks: Tasks,
    outputs: VecDeque<HubOutput>,
}

impl Hub {
    /// Returns an empty hub.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins anew with what is known of Entra.
    #[cfg(test)]
    pub(crate) fn publish(&mut self, snapshot: crate::env::EntraSnapshot) {
        self.metadata = RefreshGate::of_snapshot(snapshot);
    }

    /// Takes a message of an exchange. Poll until idle afterwards.
    pub fn handle(&mut self, from: ExchangeId, message: ToHub, now: Now) {
        self.replays.expire(now.instant);
        self.handle_message(from, message.0, now);
        self.feed_woken();
    }

    fn handle_message(&mut self, from: ExchangeId, message: ToHubKind, now: Now) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::NeedMetadata { newer_than } => {
                self.metadata.need(from, newer_than, now, out)
            }
            ToHubKind::MetadataFetched(facts) => self.metadata.fetched(facts, now, out),
            ToHubKind::Throttle { requests, until } => {
                self.metadata.throttle(requests, until, now.instant, out);
            }
            ToHubKind::BeginCodeRedemption { sign_in, device } => {
                self.redemptions
                    .begin(from, sign_in, device, now.instant, out);
            }
            ToHubKind::EndCodeRedemption { redeemed: true } => self.redemptions.redeemed(from),
            ToHubKind::EndCodeRedemption { redeemed: false } => self.redemptions.end(from),
            ToHubKind::OpenStream {
                principal,
                session,
                token_expires,
                kind,
            } => {
                let opened = self.open_stream(from, principal, (session, token_expires), kind);
                self.stream_opened(from, session, opened);
            }
            ToHubKind::ReadStream => {
                self.streams.read(from, out);
                self.feed(from);
            }
            ToHubKind::CloseStream => self.close_stream(from),
            ToHubKind::FindStream {
                mcp_session,
                principal,
                session,
                token_expires,
            } => {
                let token = (session, token_expires);
                self.streams.find(from, mcp_session, principal, token, out);
            }
            ToHubKind::Negotiated {
                mcp_session,
                principal,
                negotiated,
            } => self.streams.negotiated(mcp_session, principal, negotiated),
            ToHubKind::Deliver {
                mcp_session,
                principal,
                events,
            } => self
                .streams
                .deliver(from, mcp_session, principal, events, out),
            ToHubKind::ShutDown => self.streams.shut_down(out),
            ToHubKind::EndSession(session) => self.end_session(session, now.instant),
            ToHubKind::EndMcpSession {
                mcp_session,
                principal,
            } => {
                self.streams.end(mcp_session, principal, out);
                self.replays.end_mcp_session(mcp_session, principal);
                self.settings.end(mcp_session, principal);
                self.in_flight.end_mcp_session(principal, mcp_session, out);
            }
            ToHubKind::NotifyChanged(change) => {
                self.streams.notify_changed(&change, &self.settings, out);
            }
            message => self.handle_call(from, message, now.instant),
        }
    }

    /// Takes a message about a call, a resumable stream, a session's settings or a task.
    fn handle_call(&mut self, from: ExchangeId, message: ToHubKind, now: Instant) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::OpenReplay {
                stream,
                principal,
                session,
                mcp_session,
            } => {
                let owner = ReplayOwner {
                    principal,
                    session,
                    mcp_session,
                };
                let is_kept = self.replays.open(from, stream, owner, now);
                let opened = FromHub(FromHubKind::ReplayOpened(is_kept));
                out.push_back(HubOutput::Deliver(from, opened));
            }
            ToHubKind::AppendReplay {
                stream,
                number,
                event,
                instead,
            } => self.replays.append(stream, (number, event), instead, now),
            ToHubKind::CloseReplay { stream, is_sent } => {
                self.replays.close(stream, is_sent, now);
            }
            ToHubKind::AdmitCall {
                principal,
                session,
                mcp_session,
                requests,
            } => {
                let call = Call::new(principal, session, mcp_session, requests);
                self.in_flight.admit(from, call, out);
                self.end_if_over(from, session);
            }
            ToHubKind::CallAnswered => self.forget_call(from),
            ToHubKind::RegisterServerRequest(request) => {
                self.in_flight.register_server_request(from, request);
            }
            ToHubKind::WithdrawServerRequest(request) => {
                self.in_flight.withdraw_server_request(from, request);
            }
            ToHubKind::ClientResponse {
                principal,
                mcp_session,
                request,
                result,
            } => {
                let client = (principal, mcp_session);
                self.in_flight.client_response(client, request, result, out);
            }
            ToHubKind::CancelRequest {
                principal,
                mcp_session,
                request,
            } => self.in_flight.cancel(principal, mcp_session, &request, out),
            message => self.handle_settings(from, message, now),
        }
    }

    /// Takes a message about a session's settings, or a task.
    fn handle_settings(&mut self, from: ExchangeId, message: ToHubKind, now: Instant) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::GetLogLevel {
                principal,
                mcp_session,
            } => {
                let level = self.settings.level(mcp_session, principal, now);
                let message = FromHubKind::LogLevel(level);
                out.push_back(HubOutput::Deliver(from, FromHub(message)));
            }
            ToHubKind::SetLogLevel {
                principal,
                mcp_session,
                level,
            } => {
                let owner = (mcp_session, principal);
                let stored = self.settings.set_level(owner, level, now);
                let message = FromHubKind::SettingStored(stored);
                out.push_back(HubOutput::Deliver(from, FromHub(message)));
            }
            ToHubKind::Subscribe {
                principal,
                mcp_session,
                uri,
            } => {
                let owner = (mcp_session, principal);
                let stored = self.settings.subscribe(owner, uri, now);
                let message = FromHubKind::SettingStored(stored);
                out.push_back(HubOutput::Deliver(from, FromHub(message)));
            }
            ToHubKind::Unsubscribe {
                principal,
                mcp_session,
                uri,
            } => self.settings.unsubscribe(mcp_session, principal, &uri),
            message => self.handle_task(from, message, now),
        }
    }

    /// Takes a message about a task.
    fn handle_task(&mut self, from: ExchangeId, message: ToHubKind, now: Instant) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::AdmitTask {
                task,
                principal,
                session,
            } => {
                let owner = (principal, session);
                self.tasks.admit(from, task, owner, now, out);
                self.end_if_over(from, session);
            }
            ToHubKind::TaskStored { bytes } => self.tasks.stored(from, bytes),
            ToHubKind::UpdateTask {
                task,
                principal,
                update,
            } => self.tasks.update(from, task, principal, update, out),
            ToHubKind::TaskUpdateApplied => self.tasks.applied(from, out),
            // The other parts of the table, listed so that nothing new is forgotten in each.
            ToHubKind::NeedMetadata { .. }
            | ToHubKind::Throttle { .. }
            | ToHubKind::BeginCodeRedemption { .. }
            | ToHubKind::EndCodeRedemption { .. }
            | ToHubKind::MetadataFetched(_)
            | ToHubKind::OpenStream { .. }
            | ToHubKind::ReadStream
            | ToHubKind::CloseStream
            | ToHubKind::FindStream { .. }
            | ToHubKind::Negotiated { .. }
            | ToHubKind::Deliver { .. }
            | ToHubKind::ShutDown
            | ToHubKind::EndSession(_)
            | ToHubKind::EndMcpSession { .. }
            | ToHubKind::NotifyChanged(_)
            | ToHubKind::OpenReplay { .. }
            | ToHubKind::AppendReplay { .. }
            | ToHubKind::CloseReplay { .. }
            | ToHubKind::AdmitCall { .. }
            | ToHubKind::CallAnswered
            | ToHubKind::RegisterServerRequest(_)
            | ToHubKind::WithdrawServerRequest(_)
            | ToHubKind::ClientResponse { .. }
            | ToHubKind::CancelRequest { .. }
            | ToHubKind::GetLogLevel { .. }
            | ToHubKind::SetLogLevel { .. }
            | ToHubKind::Subscribe { .. }
            | ToHubKind::Unsubscribe { .. } => {}
        }
    }

    /// A stream is closed. Requests of an HTTP+SSE session have nowhere to be answered without it.
    fn close_stream(&mut self, id: ExchangeId) {
        if let Some((mcp_session, principal)) = self.streams.sse_of(id) {
            self.settings.end(mcp_session, principal);
            self.in_flight
                .end_mcp_session(principal, mcp_session, &mut self.outputs);
        }
        self.streams.close(id, &mut self.outputs);
        self.replays.leave(id);
    }

    /// Drops what was kept long enough. Poll until idle afterwards.
    pub fn expire(&mut self, now: Instant) {
        self.replays.expire(now);
        self.feed_woken();
    }

    /// A session was revoked. A stream of HTTP+SSE ends after its calls: their errors are sent on it.
    fn end_session(&mut self, session: SessionId, now: Instant) {
        self.ended.end(session, now);
        self.replays.end_session(session);
        let out = &mut self.outputs;
        self.in_flight.end_session(session, out);
        self.tasks.end_session(session, out);
        let in_flight = &self.in_flight;
        let has_calls = |mcp_session| in_flight.has_call(session, mcp_session);
        self.streams.end_session(session, has_calls, out);
    }

    /// Answers a stream, and ends it if its session has ended since it was authenticated.
    fn stream_opened(
        &mut self,
        from: ExchangeId,
        session: SessionId,
        opened: Result<(), StreamRefusal>,
    ) {
        let out = &mut self.outputs;
        let message = FromHubKind::StreamOpened(opened);
        out.push_back(HubOutput::Deliver(from, FromHub(message)));
        if self.ended.has(session) {
            self.streams.end_session(session, |_| false, out);
        }
    }

    /// Ends a call or task that begins in a session which has ended since it was authenticated.
    fn end_if_over(&mut self, from: ExchangeId, session: SessionId) {
        if self.ended.has(session) {
            let ended = FromHub(FromHubKind::SessionEnded);
            self.outputs.push_back(HubOutput::Deliver(from, ended));
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
        self.metadata.forget(id);
        self.redemptions.end(id);
        self.close_stream(id);
        self.forget_call(id);
        self.tasks.forget(id, &mut self.outputs);
    }

    /// Returns what to do next.
    pub fn poll(&mut self) -> HubOutput {
        self.outputs.pop_front().unwrap_or(HubOutput::Idle)
    }
}
