//! The session of the backend that a request belongs to: found, opened, and opened again if it is lost.
//!
//! Requests of 2026-07-28 have no session of ours. Theirs at a backend belongs to whoever calls, and to the capabilities that the
//! client declares, for a backend offers and asks by them.

use std::sync::Arc;

use ::http::StatusCode;

use super::{
    Forward, ForwardProgress, State, called, can_be_heard, crossing::Reopened, gateway, initialize,
};
use crate::{
    backend::{BackendFault, IncomingMessages, NotOpened, Opened, ReopenSession},
    catalog::ClientCapabilities,
    gateway::{
        BackendSettings, Credentials, GivenCredentials, KeptHeaderParams, RawMessage,
        discover_of_initialize,
    },
    hub::{
        BackendOwner, BackendSession, BackendSessionMessage, GivenUp, LostSession, RefusesWithin,
        ToHub, ToHubKind,
    },
    id::{McpSessionId, PrincipalId},
    limits,
    mcp::{invocation::InvocationCx, v2026_07_28},
    planted::Planted,
    revision::Revision,
    session::record::Hash,
    step::{Cx, Progress},
};

/// The name of what one client's requests without a session have in common: the capabilities that they declare.
pub(crate) fn named_by_capabilities(message: &RawMessage) -> McpSessionId {
    let declared = message.declared_capabilities();
    let text = format!("capabilities of 2026-07-28: {}", declared.unwrap_or("{}"));
    let Hash(hash) = Hash::of(text.as_bytes());
    let mut name = [0; 16];
    name.copy_from_slice(hash.split_at(16).0);
    McpSessionId(name)
}

/// The parameters of `initialize` of a client without a session, which says this of itself, or could have said that it is capable of this.
pub(crate) fn params_without_session(
    message: &RawMessage,
    capabilities: ClientCapabilities,
) -> Arc<str> {
    let revision = Revision::NEWEST_WITH_SESSIONS;
    let declared = message.declared();
    let params = declared.map(|declared| declared.to_initialize(revision));
    let params = params.filter(|params| params.len() <= initialize::PARAMS_BYTES);
    let known = || initialize::params(revision, capabilities);
    params.unwrap_or_else(known).into()
}

/// A session that was opened with these parameters, for a client of this revision.
pub(crate) fn backend_session(
    (opened, params): (Opened, Arc<str>),
    client: Revision,
    credentials: &Credentials,
    cx: &Cx<'_>,
) -> BackendSession {
    let gateway = gateway(cx);
    let is_across = client.features().stateless && !opened.revision.features().stateless;
    let said = is_across.then(|| {
        let is_heard = can_be_heard(gateway);
        let versions = v2026_07_28::versions_as_json();
        let said = discover_of_initialize(&opened.result, &versions, is_heard);
        said.filter(|said| said.len() <= limits::BACKEND_SAID_BYTES)
    });
    BackendSession {
        endpoint: cx.env.endpoint,
        id: opened.session,
        revision: opened.revision,
        params,
        said: said.flatten().map(Arc::from),
        idle: gateway.session_idle(),
        given: GivenCredentials::of(credentials),
        header_params: KeptHeaderParams::default(),
        refuses: RefusesWithin::default(),
    }
}

impl Forward {
    pub(super) fn owner(&self, icx: &InvocationCx<'_, '_>) -> BackendOwner {
        let own = self.client.mcp_session;
        let name = own.unwrap_or_else(|| named_by_capabilities(&self.message));
        let is_shared = icx.cx.env.server.has(Planted::BackendSessionsShared);
        let principal = match is_shared && own.is_none() {
            true => PrincipalId([0; 32]),
            false => icx.caller.principal_id,
        };
        (principal, name)
    }

    pub(super) fn find_session(
        mut self: Box<Self>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let owner = self.owner(icx);
        let given = self.credentials.clone();
        let find = icx.cx.ask_hub(|ticket| {
            ToHubKind::BackendSession(BackendSessionMessage::Find(ticket, owner, given))
        });
        self.state = State::AwaitingSession(find);
        Progress::Pending(self)
    }

    /// The backend does not know the session any more.
    pub(super) fn reopen(
        mut self: Box<Self>,
        (owner, lost): (BackendOwner, BackendSession),
        status: Option<StatusCode>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        called::reopened(icx.cx);
        let is_400 = status == Some(StatusCode::BAD_REQUEST);
        self.reopened = Reopened {
            was: true,
            after_400: is_400.then(|| lost.clone()),
        };
        let find = icx.cx.ask_hub(|ticket| {
            ToHubKind::BackendSession(BackendSessionMessage::Lost(ticket, owner, lost))
        });
        self.state = State::AwaitingSession(find);
        Progress::Pending(self)
    }

    /// The parameters of `initialize`, which the client has sent or would send.
    fn params(&self) -> Arc<str> {
        if !self.client.revision.features().stateless {
            let (revision, capabilities) = (self.client.revision, self.client.client_capabilities);
            return initialize::params(revision, capabilities).into();
        }
        params_without_session(&self.message, self.client.client_capabilities)
    }

    pub(super) fn open(
        mut self: Box<Self>,
        lost: Option<LostSession>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let lost = lost.unwrap_or_else(|| LostSession {
            params: self.params(),
            settings: BackendSettings::default(),
        });
        let (credentials, revision) = (self.credentials.clone(), self.client.revision);
        let opening = ReopenSession::start(lost, revision, credentials, gateway(icx.cx), icx.cx);
        self.state = State::Opening(opening);
        Progress::Pending(self)
    }

    pub(super) fn opened(
        mut self: Box<Self>,
        params: Arc<str>,
        opened: Opened,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let client = self.client.revision;
        let session = backend_session((opened, params), client, &self.credentials, icx.cx);
        let opened =
            BackendSessionMessage::Opened(self.owner(icx), icx.caller.session.id, session.clone());
        icx.cx.to_hub(ToHub(ToHubKind::BackendSession(opened)));
        self.session = Some(session);
        self.call(icx)
    }

    pub(super) fn not_opened(
        self: Box<Self>,
        reason: &NotOpened,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        self.give_up_opening(icx);
        match reason {
            NotOpened::Fault(fault) => self.fail(*fault, icx),
            NotOpened::Refused(_) => self.fail(BackendFault::Status(StatusCode::BAD_REQUEST), icx),
            NotOpened::ClaimsRequired(claims) => self.challenged(claims.clone(), icx),
        }
    }

    pub(super) fn give_up_opening(&self, icx: &mut InvocationCx<'_, '_>) {
        let failed = BackendSessionMessage::NotOpened(self.owner(icx));
        icx.cx.to_hub(ToHub(ToHubKind::BackendSession(failed)));
    }

    /// The session that the backend has just said it does not know; once a call. One without a name is lost if the backend does not
    /// know its era any more.
    pub(super) fn lost(
        &self,
        incoming: &IncomingMessages,
        icx: &InvocationCx<'_, '_>,
    ) -> Option<(BackendOwner, BackendSession)> {
        let is_it = |session: &BackendSession| {
            session.id.is_some() || session.revision.features().stateless
        };
        let session = self.session.clone().filter(is_it)?;
        let is_unknown = match incoming.status() {
            Some(StatusCode::NOT_FOUND) => true,
            Some(StatusCode::BAD_REQUEST) => !session.refuses.0,
            _ => false,
        };
        let is_lost = is_unknown && !self.was_answered() && !self.reopened.was;
        is_lost.then(|| (self.owner(icx), session))
    }

    /// The call has failed. If that is as it failed in the session before, the backend had not lost that one.
    pub(super) fn note_not_lost(
        &mut self,
        status: Option<StatusCode>,
        icx: &mut InvocationCx<'_, '_>,
    ) {
        let before = self.reopened.after_400.take();
        if let (Some(before), Some(instead)) = (before, self.session.clone())
            && status == Some(StatusCode::BAD_REQUEST)
        {
            let given_up = Box::new(GivenUp { before, instead });
            let not_lost = BackendSessionMessage::NotLost(self.owner(icx), given_up);
            icx.cx.to_hub(ToHub(ToHubKind::BackendSession(not_lost)));
        }
    }
}
