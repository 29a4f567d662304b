//! Assertions of clients that sign who they are (RFC 7523; threat E14).

use std::collections::{BTreeMap, BTreeSet};

use entra_mcp_core::limits;
use serde_json::Value;

use super::{
    Check, Ledger,
    ledger::{claims, form},
    tokens::issued,
};
use crate::{
    clock::{self, SimInstant},
    observation::Observation,
};

/// An assertion is taken once by each process, and where replicas share the store, once by all of them; in its time, and
/// only if it is for this server.
#[derive(Debug, Default)]
pub(super) struct AssertedOnce {
    taken: BTreeSet<(usize, u32, String)>,
    /// What the store knows, and until when.
    stored: BTreeMap<String, u64>,
}

impl Check for AssertedOnce {
    fn name(&self) -> &'static str {
        "asserted once"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let Some((who, record, _)) = issued(seen, ledger) else {
            return Ok(());
        };
        let Some(assertion) = form(&record.body, "client_assertion") else {
            return Ok(());
        };
        let claims = claims(&assertion).unwrap_or_default();
        let audience = claims.get("aud").and_then(Value::as_str);
        if audience.is_none_or(|audience| !audience.ends_with("/token") || is_of_another(audience))
        {
            return Err(format!("{who} takes an assertion for {audience:?}"));
        }
        let expires = claims.get("exp").and_then(Value::as_u64);
        let now = clock::read(ledger.moment, SimInstant::default(), 0).unix.0;
        // A replica's clock may be a day behind.
        let off = 86_400 + 2 * limits::CLOCK_LEEWAY.as_secs();
        if expires.is_none_or(|expires| expires + off < now) {
            return Err(format!(
                "{who} takes an assertion that ended at {expires:?}"
            ));
        }
        let mine = (who.replica, who.generation, assertion.clone());
        if !self.taken.insert(mine) || self.stored.get(&assertion).is_some_and(|end| now < *end) {
            return Err(format!("{who} takes an assertion once more"));
        }
        if ledger.is_shared {
            self.stored.insert(assertion, expires.unwrap_or_default());
        }
        Ok(())
    }
}

/// Whether an address is one of the other server that clients of a world know.
fn is_of_another(audience: &str) -> bool {
    audience.starts_with("https://other.example/")
}
