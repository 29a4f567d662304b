//! The session in which a backend is listened to: found, awaited, or opened again.

use super::{BackendStream, Heard, State, Wanted, gateway};
use crate::{
    admit::caller::Caller,
    backend::{ReopenSession, Reopened},
    catalog::ClientCapabilities,
    gateway::{BackendSettings, GivenCredentials, KeptHeaderParams},
    hub::{BackendOwner, BackendSession, BackendSessionMessage, LostSession, ToHub, ToHubKind},
    id::McpSessionId,
    mcp::forward::client_params,
    revision::Revision,
    step::{Cx, Progress},
};

impl BackendStream {
    pub(super) fn owner(&self, caller: &Caller) -> Option<BackendOwner> {
        match &self.wanted {
            Wanted::Session(session) => Some((caller.principal_id, session.id)),
            Wanted::HttpSse(mcp_session) => Some((caller.principal_id, *mcp_session)),
            Wanted::Request { .. } => None,
        }
    }

    pub(super) fn find_session(mut self: Box<Self>, caller: &Caller, cx: &mut Cx<'_>) -> Heard {
        let Some(owner) = self.owner(caller) else {
            return self.listen(cx);
        };
        // A process is begun by who needs its answers, and a session by its client.
        let only_looks =
            gateway(cx).command().is_some() || matches!(self.wanted, Wanted::HttpSse(_));
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
        let (revision, capabilities) = match &self.wanted {
            Wanted::Session(session) => (session.revision, session.client_capabilities),
            Wanted::HttpSse(_) => (Revision::V2024_11_05, ClientCapabilities::default()),
            Wanted::Request { .. } => (Revision::V2026_07_28, ClientCapabilities::default()),
        };
        let lost = lost.unwrap_or_else(|| LostSession {
            params: client_params(revision, capabilities).into(),
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
        let owner = self.owner(caller);
        match reopened {
            Progress::Pending(opening) => {
                self.state = State::Opening(opening);
                Progress::Pending(self)
            }
            Progress::Ready(Ok((opened, params))) => {
                let session = BackendSession {
                    endpoint: cx.env.endpoint,
                    id: opened.session,
                    revision: opened.revision,
                    params,
                    said: None,
                    idle: gateway(cx).session_idle(),
                    given: GivenCredentials::of(&self.credentials),
                    header_params: KeptHeaderParams::default(),
                };
                if let Some(owner) = owner {
                    let opened =
                        BackendSessionMessage::Opened(owner, caller.session.id, session.clone());
                    cx.to_hub(ToHub(ToHubKind::BackendSession(opened)));
                }
                self.session = Some(session);
                self.listen(cx)
            }
            Progress::Ready(Err(_)) => {
                self.give_up_opening(caller, cx);
                Progress::Pending(self.rest(cx))
            }
        }
    }

    pub(super) fn give_up_opening(&self, caller: &Caller, cx: &mut Cx<'_>) {
        if let Some(owner) = self.owner(caller) {
            let failed = BackendSessionMessage::NotOpened(owner);
            cx.to_hub(ToHub(ToHubKind::BackendSession(failed)));
        }
    }
}
