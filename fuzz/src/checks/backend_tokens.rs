//! The access tokens of Entra's for a backend are kept (threat R3).

use std::collections::{BTreeMap, BTreeSet};

use entra_mcp_core::limits;
use serde_json::Value;

use super::{
    Check, ExchangeRecord, Ledger,
    ledger::{claims, form},
};
use crate::{
    backend::is_asked_for,
    clock::{self, SimInstant},
    ids::ExchangeRef,
    observation::Observation,
};

/// Entra is not asked for another token while one is good.
#[derive(Debug, Default)]
pub(super) struct TokensAreKept {
    /// Of each process and session: when the token ends, and since when it is used.
    kept: BTreeMap<Place, (u64, SimInstant)>,
    /// Those that a backend has refused; some calls still have them.
    refused: BTreeSet<(Place, u64)>,
}

/// A process of a replica, and the session.
type Place = (usize, u32, String);

/// The session of an exchange; or the token of Entra's in place of one.
fn place(who: ExchangeRef, ledger: &Ledger) -> Option<(Place, &ExchangeRecord)> {
    let case = ledger.case(who)?;
    let bearer = case.bearer.as_deref()?;
    let session = claims(bearer)?
        .get("sid")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let session = session.unwrap_or_else(|| bearer.to_owned());
    Some(((who.replica, who.generation, session), case))
}

/// Whether nothing is wanted of a token but that its resource takes challenges.
fn is_plain(claims: &str) -> bool {
    let claims: Value = serde_json::from_str(claims).unwrap_or_default();
    let members = claims.pointer("/access_token").and_then(Value::as_object);
    members.is_some_and(|members| members.keys().all(|name| name == "xms_cc"))
}

impl Check for TokensAreKept {
    fn name(&self) -> &'static str {
        "tokens are kept"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::BackendAsked {
                who,
                token: Some(token),
            } => {
                let ends = claims(token).and_then(|claims| claims.get("exp")?.as_u64());
                if let (Some((place, _)), Some(ends)) = (place(*who, ledger), ends)
                    && !self.refused.contains(&(place.clone(), ends))
                {
                    let since = self.kept.get(&place).filter(|(known, _)| *known == ends);
                    let since = since.map_or(ledger.moment, |(_, since)| *since);
                    self.kept.insert(place, (ends, since));
                }
            }
            Observation::BackendChallenged { who, .. } => {
                if let Some((place, _)) = place(*who, ledger)
                    && let Some((ends, _)) = self.kept.remove(&place)
                {
                    self.refused.insert((place, ends));
                }
            }
            Observation::FetchSent { who, request } => {
                let scope = form(request.body(), "scope").unwrap_or_default();
                let wanted = form(request.body(), "claims").unwrap_or_default();
                let Some((place, case)) = place(*who, ledger) else {
                    return Ok(());
                };
                let Some((ends, since)) = self.kept.get(&place) else {
                    return Ok(());
                };
                let now = clock::read(ledger.moment, SimInstant::default(), 0).unix.0;
                let is_good = now + limits::ACCESS_TOKEN_RENEWAL.as_secs() + 1 < *ends;
                if is_asked_for(&scope) && is_plain(&wanted) && is_good && *since < case.since {
                    return Err(format!(
                        "{who} asks for a token for the backend, and one is good until {ends}"
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
