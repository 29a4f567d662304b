//! The session of the backend is opened that a request needs: by its own parameters, if they are still known.

use std::sync::Arc;

use super::{Forward, ForwardProgress, State, gateway, initialize};
use crate::{
    backend::{Opened, ReopenSession},
    gateway::BackendSettings,
    hub::{BackendSession, BackendSessionMessage, LostSession, ToHub, ToHubKind},
    mcp::invocation::{ClientProfile, InvocationCx},
    step::Progress,
};

impl Forward {
    pub(super) fn open(
        mut self: Box<Self>,
        lost: Option<LostSession>,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let ClientProfile {
            revision,
            client_capabilities,
            ..
        } = self.client;
        let lost = lost.unwrap_or_else(|| LostSession {
            params: initialize::params(revision, client_capabilities).into(),
            settings: BackendSettings::default(),
        });
        let credentials = self.credentials.clone();
        let opening = ReopenSession::start(lost, credentials, gateway(icx.cx), icx.cx);
        self.state = State::Opening(opening);
        Progress::Pending(self)
    }

    pub(super) fn opened(
        mut self: Box<Self>,
        params: Arc<str>,
        opened: Opened,
        icx: &mut InvocationCx<'_, '_>,
    ) -> ForwardProgress {
        let session = BackendSession {
            id: opened.session,
            revision: opened.revision,
            params,
        };
        if let Some(owner) = self.owner(icx) {
            let opened = BackendSessionMessage::Opened(owner, session.clone());
            icx.cx.to_hub(ToHub(ToHubKind::BackendSession(opened)));
        }
        self.session = Some(session);
        self.call(icx)
    }
}
