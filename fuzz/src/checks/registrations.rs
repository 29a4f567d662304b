//! What a confidential client is given when it registers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Check, Ledger};
use crate::observation::Observation;

/// Each registration gets a secret that no other has: whoever registers the same metadata knows nothing.
#[derive(Debug, Default)]
pub(super) struct SecretsOfTheirOwn {
    secrets: BTreeSet<String>,
}

impl Check for SecretsOfTheirOwn {
    fn name(&self) -> &'static str {
        "secrets of their own"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let Observation::ResponseStarted { who, body, .. } = seen else {
            return Ok(());
        };
        let is_registration = ledger
            .case(*who)
            .is_some_and(|record| record.path == "/register");
        if !is_registration {
            return Ok(());
        }
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        match answer.get("client_secret").and_then(Value::as_str) {
            Some(secret) if !self.secrets.insert(secret.to_owned()) => {
                Err(format!("{who} gives out a client secret once more"))
            }
            _ => Ok(()),
        }
    }
}
