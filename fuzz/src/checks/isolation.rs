//! Two users never mix: what belongs to one serves no request of another, whatever id they guess
//! (threats I2, I4, P2, P3).

use std::collections::BTreeSet;

use entra_mcp_core::{ask::Key, limits};
use entra_mcp_dev_tenant::IdTokenFault;

use super::{Check, ExchangeRecord, Ledger, Sort};
use crate::{
    checks::ledger::{bearer, form, redirected},
    clock::{self, SimInstant},
    ids::{ExchangeRef, Role},
    observation::Observation,
};

/// A token of one user never serves another, and nobody reads what is another's.
#[derive(Debug)]
pub(super) struct UserIsolation;

impl UserIsolation {
    fn only_of(who: ExchangeRef, ledger: &Ledger, place: &str, bytes: &[u8]) -> Result<(), String> {
        let user = ledger.case(who).and_then(|case| case.user.as_deref());
        for label in ledger.secrets.find(bytes) {
            let foreign = label.user.is_some() && label.user.as_deref() != user;
            let strange = match label.sort {
                Sort::Personal => foreign,
                // What we gave to somebody is told once: by the exchange that made it, or by
                // another of the same user (a repeated refresh).
                Sort::Ours => foreign && label.minted_by != Some(who),
                Sort::Upstream | Sort::Key | Sort::Fault => false,
            };
            if strange {
                return Err(format!(
                    "{place} of {who} for {user:?} holds {} of {:?}",
                    label.name, label.user
                ));
            }
        }
        Ok(())
    }
}

impl Check for UserIsolation {
    fn name(&self) -> &'static str {
        "user isolation"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::ResponseStarted {
                who, head, body, ..
            } => {
                for value in head.headers().values() {
                    Self::only_of(*who, ledger, "the answer", value.as_bytes())?;
                }
                Self::only_of(*who, ledger, "the answer", body)
            }
            Observation::BodyWritten { who, bytes } => {
                Self::only_of(*who, ledger, "the stream", bytes)
            }
            Observation::FetchSent { who, request } => {
                let shown = bearer(request.headers()).map(str::to_owned);
                let shown = shown.or_else(|| form(request.body(), "refresh_token"));
                let Some(shown) = shown else {
                    return Ok(());
                };
                let owner = ledger
                    .secrets
                    .get(shown.as_bytes())
                    .and_then(|label| label.user.as_deref());
                let user = ledger
                    .case(*who)
                    .and_then(|case: &ExchangeRecord| case.user.as_deref());
                if owner.is_some() && owner == user {
                    Ok(())
                } else {
                    Err(format!(
                        "{who} for {user:?} shows a token of {owner:?} to {}",
                        request.uri().path()
                    ))
                }
            }
            _ => Ok(()),
        }
    }
}

/// Nothing is stored for anyone who has not signed in, and nothing asked of Entra (threats H1, M1).
#[derive(Debug)]
pub(super) struct NothingUnauthenticated;

impl Check for NothingUnauthenticated {
    fn name(&self) -> &'static str {
        "nothing for strangers"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::RecordWritten { who, key, .. } => match ledger.case(*who) {
                Some(ExchangeRecord { user: Some(_), .. }) => Ok(()),
                // The keys of the server itself: one record, however many ask.
                _ if key.0 == "assertion-keys" => Ok(()),
                // What replicas must know of each other is bounded by each one's tables.
                _ if ledger.is_shared && is_of_replicas(key) => Ok(()),
                _ => Err(format!("{who} stores {} for a stranger", key.0)),
            },
            Observation::FetchSent { who, request } => match ledger.case(*who) {
                Some(ExchangeRecord {
                    role: Role::Stranger,
                    ..
                }) => Err(format!(
                    "{who} asks {} for a stranger",
                    request.uri().path()
                )),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// A device that waits for its user, that a sign-in or an assertion was spent, or what changed in the last minute.
fn is_of_replicas(key: &Key) -> bool {
    let names = ["device/", "spent/", "assertion/", "announcements"];
    names.iter().any(|name| key.0.starts_with(name))
}

/// No sign-in is completed by an ID token that must not be believed (threat D5). Whose clock is wrong cannot
/// see that a token is not of this hour.
#[derive(Debug, Default)]
pub(super) struct GoodIdTokensOnly {
    spoiled: BTreeSet<ExchangeRef>,
    clocks_off: BTreeSet<ExchangeRef>,
}

impl Check for GoodIdTokensOnly {
    fn name(&self) -> &'static str {
        "good id tokens only"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::RequestAdmitted { who, now, .. } => {
                let right = clock::read(ledger.moment, SimInstant::default(), 0).unix;
                let off = now.unix.0.abs_diff(right.0);
                if off > limits::ENTRA_CLOCK_LEEWAY.as_secs() {
                    self.clocks_off.insert(*who);
                }
                Ok(())
            }
            Observation::UpstreamReplied {
                who: Some(who),
                spoiled: Some(fault),
                ..
            } => {
                let is_of_time = matches!(fault, IdTokenFault::Expired | IdTokenFault::NotYetValid);
                if !is_of_time || !self.clocks_off.contains(who) {
                    self.spoiled.insert(*who);
                }
                Ok(())
            }
            Observation::ExchangeEnded { who, .. } => {
                self.clocks_off.remove(who);
                self.spoiled.remove(who);
                Ok(())
            }
            Observation::ResponseStarted { who, head, .. } if self.spoiled.contains(who) => {
                let path = ledger.case(*who).map(|case| case.path.as_str());
                if path == Some("/auth/callback") && redirected(head.headers(), "code").is_some() {
                    return Err(format!("{who} believes a spoiled ID token"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
