//! The session in which a backend is listened to: found, awaited, or opened again.

use std::sync::Arc;

use ::http::StatusCode;

use super::{BackendStream, Heard, State, UNAUTHORIZED, Wanted, gateway};
use crate::{
    admit::caller::Caller,
    backend::{BackendFault, NotOpened, ReopenSession, Reopened},
    catalog::ClientCapabilities,
    gateway::BackendSettings,
    hub::{BackendOwner, BackendSession, BackendSessionMessage, LostSession, ToHub, ToHubKind},
    id::McpSessionId,
    mcp::forward::{backend_session, client_params},
    revision::Revision,
    step::{Cx, Progress},
};

impl BackendStream {
    pub(super) fn owner(&self, caller: &Caller) -> BackendOwner {
        match &self.wanted {
            Wanted::Session(session) => (caller.principal_id, session.id),
            Wanted::HttpSse(mcp_session) => (caller.principal_id, *mcp_session),
            Wanted::Request(request) => request.owner,
            Wanted::Shared(listen) => listen.owner,
        }
    }

    pub(super) fn find_session(mut self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) -> Heard {
        let owner = self.owner(caller);
        // A process is begun by who needs its answers, and a session by its client.
        let only_looks = match &self.wanted {
            Wanted::HttpSse(_) => true,
            Wanted::Session(_) => gateway(cx).command().is_some(),
            Wanted::Request(_) | Wanted::Shared(_) => {
                gateway(cx).command().is_some() && !self.wanted.is_unanswered()
            }
        };
        let find = cx.ask_hub(|ticket| {
            ToHubKind::BackendSession(match only_looks {
                true => BackendSessionMessage::Look(ticket, owner),
                false => BackendSessionMessage::Find(ticket, owner, self.credentials.clone()),
            })
        });
        self.state = State::AwaitingSession(find);
        Progress::Pending(self)
    }

    pub(super) fn await_first(
        mut self: Box<Self>,
        mcp_session: McpSessionId,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        let owner = (caller.principal_id, mcp_session);
        let found = cx.ask_hub(|ticket| {
            let other = BackendSessionMessage::AwaitOther(ticket, owner, None);
            ToHubKind::BackendSession(other)
        });
        self.state = State::AwaitingFirst(found);
        Progress::Pending(self)
    }

    pub(super) fn open(
        mut self: Box<Self>,
        lost: Option<LostSession>,
        cx: &mut Cx<'_>,
    ) -> Box<Self> {
        let revision = self.revision();
        let params = || match &self.wanted {
            Wanted::Session(session) => {
                client_params(session.revision, session.client_capabilities).into()
            }
            Wanted::HttpSse(_) => client_params(revision, ClientCapabilities::default()).into(),
            Wanted::Request(request) => request.params(),
            Wanted::Shared(listen) => Arc::clone(&listen.params),
        };
        let lost = lost.unwrap_or_else(|| LostSession {
            params: params(),
            settings: BackendSettings::default(),
        });
        let credentials = self.credentials.clone();
        let gateway = gateway(cx);
        self.state = State::Opening(ReopenSession::start(
            lost,
            revision,
            credentials,
            gateway,
            cx,
        ));
        self
    }

    pub(super) fn reopened(
        mut self: Box<Self>,
        reopened: Reopened,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Heard {
        match reopened {
            Progress::Pending(opening) => {
                self.state = State::Opening(opening);
                Progress::Pending(self)
            }
            Progress::Ready(Ok((opened, params))) => {
                let client = self.revision();
                let session = backend_session((opened, params), client, &self.credentials, cx);
                let (owner, by) = (self.owner(caller), caller.session.id);
                let opened = BackendSessionMessage::Opened(owner, by, session.clone());
                cx.to_hub(ToHub(ToHubKind::BackendSession(opened)));
                self.found(session);
                self.in_session(caller, cx)
            }
            Progress::Ready(Err(reason)) => {
                self.give_up_opening(caller, cx);
                if !self.wanted.is_unanswered() {
                    return Progress::Pending(self.rest(cx));
                }
                let fault = match reason {
                    NotOpened::Fault(fault) => fault,
                    NotOpened::Refused(_) => BackendFault::Status(StatusCode::BAD_REQUEST),
                    // The user hears of it at the next call.
                    NotOpened::ClaimsRequired(_) => BackendFault::Refused(UNAUTHORIZED),
                };
                self.fail(fault, cx)
            }
        }
    }

    /// This is the session now. What the one before has said meanwhile nobody has heard.
    pub(super) fn found(&mut self, session: BackendSession) {
        let before = self.session.replace(session);
        let name = self.session.as_ref().and_then(|one| one.id.as_ref());
        let is_another = before.is_some_and(|before| before.id.as_ref() != name);
        if let Wanted::Shared(listen) = &mut self.wanted {
            listen.has_missed |= is_another && listen.has_joined;
        }
    }

    /// What the client speaks.
    fn revision(&self) -> Revision {
        match &self.wanted {
            Wanted::Session(session) => session.revision,
            Wanted::HttpSse(_) => Revision::V2024_11_05,
            Wanted::Request(_) | Wanted::Shared(_) => Revision::V2026_07_28,
        }
    }

    pub(super) fn give_up_opening(&self, caller: &Caller, cx: &mut Cx<'_>) {
        let failed = BackendSessionMessage::NotOpened(self.owner(caller));
        cx.to_hub(ToHub(ToHubKind::BackendSession(failed)));
    }
}
