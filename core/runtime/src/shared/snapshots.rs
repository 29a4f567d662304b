//! What an exchange has read of what may be replaced while it lasts.

use entra_mcp_core::{
    catalog::Catalog,
    config::PreregisteredClients,
    env::{EntraSnapshot, Env},
    policy::Policy,
    time::Now,
};

use super::Shared;
use crate::{published::Held, shared_hub::Mailbox};

/// What was read of it last.
pub(super) struct Snapshots {
    entra: Held<EntraSnapshot>,
    clients: Held<PreregisteredClients>,
    policy: Held<Policy>,
}

impl Snapshots {
    /// The newest.
    pub(super) fn of<M: Mailbox>(shared: &Shared<M>) -> Self {
        Self {
            entra: shared.hub.entra(),
            clients: shared.clients.current(),
            policy: shared.policy.current(),
        }
    }

    /// Makes all of it the newest.
    pub(super) fn renew<M: Mailbox>(&mut self, shared: &Shared<M>) {
        shared.hub.renew_entra(&mut self.entra);
        shared.clients.renew(&mut self.clients);
        shared.policy.renew(&mut self.policy);
    }

    /// What an exchange sees at this time.
    pub(super) fn env<'a, M>(
        &'a self,
        shared: &'a Shared<M>,
        catalog: &'a Catalog,
        now: Now,
    ) -> Env<'a> {
        Env {
            server: &shared.server,
            catalog,
            entra: &self.entra,
            clients: &self.clients,
            policy: &self.policy,
            endpoint: entra_mcp_core::config::Endpoint::MAIN,
            now,
        }
    }
}
