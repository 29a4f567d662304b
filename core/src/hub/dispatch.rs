//! From a message to the table that it is for.

use super::{
    BackendSessionFound, BackendSessionMessage, BackendSubscriptionMessage, FromHub, FromHubKind,
    Hub, HubOutput, ReadinessMessage, ToCall, ToHubKind, ToTask, asks::Waiter, in_flight::Call,
    replay::ReplayOwner,
};
use crate::{
    id::ExchangeId,
    time::{Instant, Now},
};

impl Hub {
    pub(super) fn handle_message(&mut self, from: ExchangeId, message: ToHubKind, now: Now) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::NeedMetadata { ticket, newer_than } => {
                let waiter = Waiter::new(from, ticket);
                self.entra.need_metadata(waiter, newer_than, now, out);
            }
            ToHubKind::MetadataFetched(fetched_metadata) => {
                self.entra.metadata_fetched(fetched_metadata, now, out)
            }
            ToHubKind::IdentityToken(message) => self.entra.identity_token(from, message, now, out),
            ToHubKind::PresentedTokens(message) => {
                self.entra_tokens.handle(from, message, now, out)
            }
            ToHubKind::Throttle { requests, until } => {
                self.entra.throttle(requests, until, now.instant, out);
            }
            ToHubKind::NeedClientDocument {
                ticket,
                url,
                browser,
            } => {
                let waiter = Waiter::new(from, ticket);
                self.documents.need(waiter, url, browser, now.instant, out);
            }
            ToHubKind::ClientDocumentFetched(url, result) => {
                self.documents.fetched(url, result, now.instant, out);
            }
            ToHubKind::SignedClients(message) => {
                self.signed_clients.handle(from, message, now, out)
            }
            ToHubKind::BeginCodeRedemption {
                ticket,
                sign_in,
                browser,
            } => {
                let waiter = Waiter::new(from, ticket);
                self.redemptions
                    .begin(waiter, sign_in, browser, now.instant, out);
            }
            ToHubKind::EndCodeRedemption { redeemed: true } => self.redemptions.redeemed(from),
            ToHubKind::EndCodeRedemption { redeemed: false } => self.redemptions.end(from),
            ToHubKind::CodeRefusedElsewhere(browser) => {
                self.redemptions.refused_elsewhere(browser, now.instant);
            }
            ToHubKind::Device(message) => self.devices.handle(from, message, now.instant, out),
            ToHubKind::Readiness(message) => self.handle_readiness(from, message, now.instant),
            ToHubKind::EndSession(session) => self.end_session(session, now.instant),
            ToHubKind::EndMcpSession {
                mcp_session,
                principal,
            } => {
                self.streams.end(mcp_session, principal, out);
                self.replays.end_mcp_session(mcp_session, principal);
                self.backend_sessions.end((principal, mcp_session));
                self.in_flight.end_mcp_session(principal, mcp_session, out);
            }
            ToHubKind::NotifyChanged(change, of) => {
                self.streams.notify_changed((&change, of), out);
            }
            ToHubKind::Changes(message) => self.announce(message, now.instant),
            message => self.handle_backend(from, message, now.instant),
        }
    }

    fn handle_readiness(&mut self, from: ExchangeId, message: ReadinessMessage, now: Instant) {
        match message {
            ReadinessMessage::ShutDown => self.shut_down(),
            ReadinessMessage::Ask { ticket, backends } => {
                let waiter = Waiter::new(from, ticket);
                self.readiness.ask(waiter, backends, now, &mut self.outputs);
            }
            ReadinessMessage::FoundBackend(endpoint, answers) => {
                self.readiness.found_backend(endpoint, answers);
            }
            ReadinessMessage::Found(found) => self.readiness.found(found),
        }
    }

    /// Takes a message about the backend, or one of those below.
    fn handle_backend(&mut self, from: ExchangeId, message: ToHubKind, now: Instant) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::Assertion(message) => self.assertions.handle(from, message, now, out),
            ToHubKind::BackendSession(BackendSessionMessage::Listen(ticket, owner, session)) => {
                let stream = Call::of_stream(owner, session);
                self.in_flight.add_stream(from, stream);
                let waiter = Waiter::new(from, ticket);
                self.backend_listeners.listen(waiter, owner, out);
            }
            ToHubKind::BackendSession(BackendSessionMessage::ListenForCall(ticket, owner)) => {
                let waiter = Waiter::new(from, ticket);
                match self.backend_sessions.has_stream(owner) {
                    true => self.backend_listeners.listen_for_call(waiter, owner, out),
                    false => out.push_back(waiter.answer(false)),
                }
            }
            ToHubKind::BackendSession(BackendSessionMessage::AwaitOther(ticket, owner, lost)) => {
                let waiter = Waiter::new(from, ticket);
                match self.backend_sessions.open_one(owner) {
                    Some(open) if lost.as_ref() != Some(&open) => {
                        let found = BackendSessionFound::Open(open);
                        out.push_back(waiter.answer(found));
                        self.backend_sessions.used_by(from, owner);
                    }
                    _ => self.backend_listeners.await_opened(waiter, owner),
                }
            }
            ToHubKind::BackendSession(message) => {
                if let BackendSessionMessage::Opened(owner, _, session) = &message {
                    self.backend_listeners.opened(*owner, session, out);
                }
                if let BackendSessionMessage::Opened(_, _, session) = &message
                    && let Some(name) = &session.id
                {
                    self.processes.opened(name);
                }
                let opened_by = match &message {
                    BackendSessionMessage::Opened(_, sign_in, _) => Some(*sign_in),
                    _ => None,
                };
                self.backend_sessions.handle(from, message, now, out);
                // It was revoked meanwhile.
                if let Some(sign_in) = opened_by.filter(|sign_in| self.ended.has(*sign_in)) {
                    self.backend_sessions.end_sign_in(sign_in);
                }
            }
            ToHubKind::BackendSubscription(BackendSubscriptionMessage::Asked(owner, asked)) => {
                self.backend_listeners.asked(from, owner, asked, out);
            }
            ToHubKind::BackendSubscription(message) => {
                let (subscriptions, tables) = self.backend_subscriptions();
                subscriptions.handle(from, message, tables);
            }
            ToHubKind::HeldBytes(message) => self.held_bytes.handle(from, message, out),
            ToHubKind::Process(message) => self.processes.handle(from, message, now, out),
            ToHubKind::Parked(message) => self.parked.handle(from, message, out),
            ToHubKind::TellBackend(telling) => self.tellings.tell(from, telling, out),
            ToHubKind::TellsBackend(name) => self.tellings.begun(from, name),
            message => self.handle_stream(from, message, now),
        }
    }

    /// Takes a message about a stream, or one of those below.
    fn handle_stream(&mut self, from: ExchangeId, message: ToHubKind, now: Instant) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::OpenStream {
                ticket,
                principal,
                user,
                session,
                token_expires,
                kind,
                subscriptions,
            } => {
                let (owner, mcp_session) = ((principal, user), kind.mcp_session());
                let opened = self.open_stream(from, owner, (session, token_expires), kind);
                if let Some(mcp_session) = mcp_session {
                    self.begin_subscribed(from, (session, mcp_session), &subscriptions);
                }
                self.stream_opened(Waiter::new(from, ticket), session, opened);
            }
            ToHubKind::ReadStream(ticket) => {
                self.streams.read(Waiter::new(from, ticket), out);
                self.feed(from);
            }
            ToHubKind::CloseStream => self.close_stream(from),
            ToHubKind::FindStream {
                ticket,
                mcp_session,
                principal,
                session,
                token_expires,
            } => {
                let (waiter, token) = (Waiter::new(from, ticket), (session, token_expires));
                self.streams
                    .find(waiter, mcp_session, principal, token, out);
            }
            ToHubKind::Negotiated {
                mcp_session,
                principal,
                negotiated,
            } => self.streams.negotiated(mcp_session, principal, negotiated),
            ToHubKind::Deliver {
                ticket,
                mcp_session,
                principal,
                events,
            } => {
                let waiter = Waiter::new(from, ticket);
                self.streams
                    .deliver(waiter, mcp_session, principal, events, out);
            }
            message => self.handle_call(from, message, now),
        }
    }

    /// Takes a message about a call, a resumable stream, a session's settings or a task.
    fn handle_call(&mut self, from: ExchangeId, message: ToHubKind, now: Instant) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::OpenReplay {
                ticket,
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
                out.push_back(Waiter::new(from, ticket).answer(is_kept));
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
                ticket,
                principal,
                session,
                mcp_session,
                requests,
            } => {
                let call = Call::new(principal, session, mcp_session, requests);
                self.in_flight.admit(Waiter::new(from, ticket), call, out);
                if self.ended.has(session) {
                    let ended = FromHub(FromHubKind::Call(ToCall::SessionEnded));
                    self.outputs.push_back(HubOutput::Deliver(from, ended));
                }
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
            ToHubKind::ChangeSetting {
                ticket,
                principal,
                mcp_session,
                change,
            } => {
                let stored = self.streams.change_setting(mcp_session, principal, change);
                out.push_back(Waiter::new(from, ticket).answer(stored));
            }
            ToHubKind::Subscribed(whose, subscriptions) => {
                self.subscribed(whose, subscriptions, now);
            }
            message => self.handle_task(from, message, now),
        }
    }

    /// Takes a message about a task.
    fn handle_task(&mut self, from: ExchangeId, message: ToHubKind, now: Instant) {
        let out = &mut self.outputs;
        match message {
            ToHubKind::AdmitTask {
                ticket,
                task,
                principal,
                session,
            } => {
                let (waiter, owner) = (Waiter::new(from, ticket), (principal, session));
                self.tasks.admit(waiter, task, owner, now, out);
                if self.ended.has(session) {
                    let ended = FromHub(FromHubKind::Task(ToTask::SessionEnded));
                    self.outputs.push_back(HubOutput::Deliver(from, ended));
                }
            }
            ToHubKind::TaskStored { bytes } => self.tasks.stored(from, bytes),
            ToHubKind::UpdateTask {
                ticket,
                task,
                principal,
                update,
            } => {
                let waiter = Waiter::new(from, ticket);
                self.tasks.update(waiter, task, principal, update, out);
            }
            ToHubKind::TaskUpdateApplied => self.tasks.applied(from, out),
            // The other parts of the table, listed so that nothing new is forgotten in each.
            ToHubKind::NeedMetadata { .. }
            | ToHubKind::Throttle { .. }
            | ToHubKind::Assertion(_)
            | ToHubKind::BackendSession(_)
            | ToHubKind::BackendSubscription(_)
            | ToHubKind::Process(_)
            | ToHubKind::Parked(_)
            | ToHubKind::HeldBytes(_)
            | ToHubKind::TellBackend(_)
            | ToHubKind::TellsBackend(_)
            | ToHubKind::NeedClientDocument { .. }
            | ToHubKind::ClientDocumentFetched(..)
            | ToHubKind::SignedClients(_)
            | ToHubKind::BeginCodeRedemption { .. }
            | ToHubKind::Device(_)
            | ToHubKind::Readiness(_)
            | ToHubKind::EndCodeRedemption { .. }
            | ToHubKind::CodeRefusedElsewhere(_)
            | ToHubKind::MetadataFetched(_)
            | ToHubKind::IdentityToken(_)
            | ToHubKind::PresentedTokens(_)
            | ToHubKind::OpenStream { .. }
            | ToHubKind::ReadStream(_)
            | ToHubKind::CloseStream
            | ToHubKind::FindStream { .. }
            | ToHubKind::Negotiated { .. }
            | ToHubKind::Deliver { .. }
            | ToHubKind::EndSession(_)
            | ToHubKind::EndMcpSession { .. }
            | ToHubKind::NotifyChanged(..)
            | ToHubKind::Changes(_)
            | ToHubKind::OpenReplay { .. }
            | ToHubKind::AppendReplay { .. }
            | ToHubKind::CloseReplay { .. }
            | ToHubKind::AdmitCall { .. }
            | ToHubKind::CallAnswered
            | ToHubKind::RegisterServerRequest(_)
            | ToHubKind::WithdrawServerRequest(_)
            | ToHubKind::ClientResponse { .. }
            | ToHubKind::CancelRequest { .. }
            | ToHubKind::ChangeSetting { .. }
            | ToHubKind::Subscribed(..) => {}
        }
    }
}
