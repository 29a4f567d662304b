//! What a token is good for: only itself, only in its time, only once where it is for once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entra_mcp_core::{limits, time::UnixTime};
use entra_mcp_dev_tenant::CLIENT_ID;
use serde_json::Value;

use super::{
    Check, Ledger, Sort,
    ledger::{ExchangeRecord, claims, form},
    sessions::endpoint,
};
use crate::{clock::SimInstant, ids::ExchangeRef, observation::Observation};

/// Nothing protected is served without a session token that this server issued, in its lifetime
/// (threats E12, F1, F3 to F6, F9 to F11).
#[derive(Debug, Default)]
pub(super) struct BearerNeeded {
    clocks: BTreeMap<ExchangeRef, UnixTime>,
}

fn is_protected(path: &str) -> bool {
    endpoint(path).is_some()
}

/// Whether a token of ours is for the endpoint of a path (threat R26).
fn is_for(path: &str, token: &Value) -> bool {
    let name = endpoint(path).unwrap_or_default();
    let audience = token.get("aud").and_then(Value::as_str);
    name.is_empty() || audience.is_some_and(|audience| audience.ends_with(&format!("/{name}")))
}

impl Check for BearerNeeded {
    fn name(&self) -> &'static str {
        "bearer needed"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::RequestAdmitted { who, now, .. } => {
                self.clocks.insert(*who, now.unix);
                Ok(())
            }
            Observation::ExchangeEnded { who, .. } => {
                self.clocks.remove(who);
                Ok(())
            }
            Observation::ResponseStarted { who, head, .. } if head.status().is_success() => {
                let Some(case) = ledger.case(*who).filter(|case| is_protected(&case.path)) else {
                    return Ok(());
                };
                if case.method == "OPTIONS" {
                    return Ok(());
                }
                let token = case.bearer.as_deref().unwrap_or_default();
                let label = ledger.secrets.get(token.as_bytes());
                let is_token = label.is_some_and(|label| label.name == "access_token");
                let is_ours = label.is_some_and(|label| label.sort == Sort::Ours) && is_token;
                let said = claims(token).unwrap_or_default();
                // One of Entra's, for the server as an API.
                let is_for_us = is_token && said.get("aud") == Some(&Value::from(CLIENT_ID));
                if !is_ours && !is_for_us {
                    return Err(format!(
                        "{who} serves {} without a token of ours",
                        case.path
                    ));
                }
                if is_ours && !is_for(&case.path, &said) {
                    let audience = said.get("aud");
                    return Err(format!("{who} serves {} for {audience:?}", case.path));
                }
                let end = said.get("exp").and_then(Value::as_u64);
                // Entra's clock is another.
                let leeway = match is_ours {
                    true => Duration::ZERO,
                    false => limits::ENTRA_CLOCK_LEEWAY,
                };
                let now = self.clocks.get(who).copied().unwrap_or_default();
                match end {
                    Some(end) if now < UnixTime(end).after(leeway) => Ok(()),
                    _ => Err(format!("{who} serves with a token that ended at {end:?}")),
                }
            }
            _ => Ok(()),
        }
    }
}

/// A code is redeemed once. A refresh token has one successor while nobody uses that, then whichever is good, and is
/// worth nothing a while after (threats E2, E3, E5, E6).
#[derive(Debug, Default)]
pub(super) struct SpentOnce {
    codes: BTreeSet<String>,
    /// Refresh tokens that anybody has shown.
    shown: BTreeSet<String>,
    successors: BTreeMap<String, String>,
    /// Refresh tokens that were redeemed, and when first: in the world, and by the clock of the replica.
    redeemed: BTreeMap<String, (SimInstant, UnixTime)>,
    clocks: BTreeMap<ExchangeRef, UnixTime>,
}

/// How long an exchange takes at most, and a clock is ahead.
const SLACK: Duration = Duration::from_secs(120);

impl Check for SpentOnce {
    fn name(&self) -> &'static str {
        "spent once"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::RequestAdmitted {
                who, now, request, ..
            } => {
                self.clocks.insert(*who, now.unix);
                self.shown.extend(form(request.body(), "refresh_token"));
            }
            Observation::ExchangeEnded { who, .. } => {
                self.clocks.remove(who);
            }
            _ => {}
        }
        let Some((who, case, answer)) = issued(seen, ledger) else {
            return Ok(());
        };
        if let Some(code) = form(&case.body, "code")
            && !self.codes.insert(code)
        {
            return Err(format!("{who} redeems a code once more"));
        }
        if let Some(presented) = form(&case.body, "refresh_token") {
            let successor = answer.get("refresh_token").and_then(Value::as_str);
            let successor = successor.unwrap_or_default().to_owned();
            let used = self.redeemed.get(&successor);
            if used.is_some_and(|(used, _)| *used < case.since) {
                return Err(format!("{who} gives a token that was replaced"));
            }
            let clock = self.clocks.get(&who).copied().unwrap_or_default();
            let issued = answer.get("access_token").and_then(Value::as_str);
            let issued = issued.and_then(|token| claims(token)?.get("iat")?.as_u64());
            let redeemed = self.redeemed.entry(presented.clone());
            redeemed.or_insert((
                ledger.moment,
                clock.max(UnixTime(issued.unwrap_or_default())),
            ));
            let first = self
                .successors
                .entry(presented)
                .or_insert(successor.clone());
            if *first != successor && !self.shown.contains(first) {
                return Err(format!("{who} gives a refresh token a second successor"));
            }
            let used = self.redeemed.get(first);
            let reuse = limits::REFRESH_REUSE.saturating_add(SLACK);
            if used.is_some_and(|(_, used)| clock > used.after(reuse)) {
                return Err(format!(
                    "{who} takes a token whose successor was used long ago"
                ));
            }
        }
        Ok(())
    }
}

/// A good answer of the token endpoint.
pub(super) fn issued<'a>(
    seen: &Observation<'_>,
    ledger: &'a Ledger,
) -> Option<(ExchangeRef, &'a ExchangeRecord, Value)> {
    let Observation::ResponseStarted {
        who, head, body, ..
    } = seen
    else {
        return None;
    };
    let case = ledger.case(*who).filter(|case| case.path == "/token")?;
    if head.status() != 200 {
        return None;
    }
    Some((*who, case, serde_json::from_slice(body).ok()?))
}
