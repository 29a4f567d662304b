//! Clients that the operator has registered for some users only.

use super::{Check, Ledger, ledger::form, tokens::issued};
use crate::{listed, observation::Observation};

/// Nobody else gets tokens by such a client (threat H13).
#[derive(Debug)]
pub(super) struct ListedUsersOnly;

impl Check for ListedUsersOnly {
    fn name(&self) -> &'static str {
        "listed users only"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let Some((who, record, _)) = issued(seen, ledger) else {
            return Ok(());
        };
        let client = form(&record.body, "client_id");
        let client = client.and_then(|id| listed::of_id(&id));
        let account = record.user.as_ref().and_then(|oid| ledger.names.get(oid));
        match (client, account) {
            (Some(client), Some(account)) if !client.admits(account) => {
                Err(format!("{who} lets {account} in by {}", client.id))
            }
            _ => Ok(()),
        }
    }
}
