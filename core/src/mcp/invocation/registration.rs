//! What the hub knows of the requests that an exchange answers: once one of them takes a while, the client
//! can cancel each of them, and its responses find the invocation.

use super::InvocationCx;
use crate::{
    admit::caller::Caller,
    hub::{ToHub, ToHubKind},
    id::{McpSessionId, PrincipalId},
    json_rpc::{Id, Request},
};

/// The registration of the requests of one exchange.
#[derive(Debug)]
pub(crate) struct InFlightRegistration {
    /// What to register, unless it was done or there is no MCP session.
    pending: Option<(PrincipalId, McpSessionId, Vec<Id>)>,
}

impl InFlightRegistration {
    pub(crate) fn new(
        caller: &Caller,
        mcp_session: Option<McpSessionId>,
        requests: &[Request],
    ) -> Self {
        let pending = mcp_session.map(|mcp_session| {
            let ids = requests.iter().map(|request| request.id.clone()).collect();
            (caller.principal_id, mcp_session, ids)
        });
        Self { pending }
    }
}

impl InvocationCx<'_, '_> {
    /// Registers the requests of the exchange with the hub, if that has not been done.
    pub(super) fn register(&mut self) {
        if let Some((principal, mcp_session, requests)) = self.registration.pending.take() {
            self.cx.to_hub(ToHub(ToHubKind::RegisterRequests {
                principal,
                mcp_session,
                requests,
            }));
        }
    }
}
