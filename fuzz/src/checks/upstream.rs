//! What is between the server and Entra: who is disabled there is out, throttling holds, and a code of
//! Entra's is redeemed once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entra_mcp_core::{exchange::Outcome, limits};
use http::header;

use super::{Check, Ledger, ledger::form};
use crate::{
    clock::SimInstant, ids::ExchangeRef, observation::Observation, unkindness::Unkindness,
};

/// A user who was disabled in Entra gets no new tokens, unless Entra was asked just before.
#[derive(Debug)]
pub(super) struct DisabledUsersAreOut;

/// How long after a user was disabled Entra and the server may be busy with what began before.
const LEEWAY: Duration = Duration::from_secs(60);

/// Where Entra was asked less than this ago, it is not asked again.
const ASKED_LATELY: Duration = Duration::from_secs(30);

impl Check for DisabledUsersAreOut {
    fn name(&self) -> &'static str {
        "disabled users are out"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let Observation::ResponseStarted { who, head, .. } = seen else {
            return Ok(());
        };
        let Some(record) = ledger.case(*who).filter(|record| record.path == "/token") else {
            return Ok(());
        };
        let name = record.user.as_ref().and_then(|oid| ledger.names.get(oid));
        let Some(since) = name.and_then(|name| ledger.disabled.get(name)) else {
            return Ok(());
        };
        let is_refresh = form(&record.body, "refresh_token").is_some();
        let end = since.after(ASKED_LATELY).after(LEEWAY);
        if is_refresh && head.status() == 200 && record.since > end {
            return Err(format!("{who} refreshes for {name:?}, who is disabled"));
        }
        Ok(())
    }
}

/// Where Entra or Graph was busy and said for how long, it is left alone that long.
#[derive(Debug, Default)]
pub(super) struct ThrottlingHolds {
    /// For each process, which forgets it when it is killed.
    until: BTreeMap<Place, (SimInstant, SimInstant)>,
    /// What an exchange was told, until it ends.
    told: BTreeMap<ExchangeRef, Place>,
}

/// A replica, its generation, a path and a user.
type Place = (usize, u32, String);

impl Check for ThrottlingHolds {
    fn name(&self) -> &'static str {
        "throttling holds"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        if !ledger.unkindness.contains(&Unkindness::ThrottlingHolds) {
            return Ok(());
        }
        match seen {
            Observation::UpstreamReplied {
                who: Some(who),
                request,
                response,
                ..
            } if response.status() == 429 => {
                let after = response.headers().get(header::RETRY_AFTER);
                let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
                if let Some(after) = after {
                    let user = ledger.case(*who).and_then(|record| record.user.clone());
                    let place = format!("{} {user:?}", request.uri().path());
                    // The answer is on its way for a while; what was sent meanwhile is no fault.
                    let from = ledger.moment.after(Duration::from_secs(5));
                    let until = ledger.moment.after(Duration::from_secs(after));
                    let place = (who.replica, who.generation, place);
                    self.told.insert(*who, place.clone());
                    self.until.insert(place, (from, until));
                }
            }
            // The reply does not reach the server, or whoever would have read it is gone.
            Observation::UpstreamReplyLost { who }
            | Observation::ExchangeEnded {
                who,
                outcome: Outcome::Abandoned,
            } => {
                if let Some(place) = self.told.remove(who) {
                    self.until.remove(&place);
                }
            }
            Observation::ExchangeEnded { who, .. } => {
                self.told.remove(who);
            }
            Observation::FetchSent { who, request } => {
                let user = ledger.case(*who).and_then(|record| record.user.clone());
                let place = format!("{} {user:?}", request.uri().path());
                if let Some((from, until)) =
                    self.until
                        .get(&(who.replica, who.generation, place.clone()))
                    && ledger.moment > *from
                    && ledger.moment < *until
                {
                    return Err(format!("{who} asks {place}, which is busy until {until:?}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What Graph or a backend wants of a token, Entra is asked for next by the same exchange.
#[derive(Debug, Default)]
pub(super) struct ClaimsArePassedOn(BTreeMap<ExchangeRef, &'static str>);

impl Check for ClaimsArePassedOn {
    fn name(&self) -> &'static str {
        "claims are passed on"
    }

    fn see(&mut self, seen: &Observation<'_>, _: &Ledger) -> Result<(), String> {
        match seen {
            Observation::UpstreamReplied {
                who: Some(who),
                response,
                ..
            } if response.status() == 401 => {
                let challenge = response.headers().get(header::WWW_AUTHENTICATE);
                let challenge = challenge.and_then(|challenge| challenge.to_str().ok());
                if challenge.is_some_and(|challenge| challenge.contains("claims=")) {
                    self.0.insert(*who, "nbf");
                }
            }
            // A stream on which a backend is listened to may wait until a call has a good token.
            Observation::BackendChallenged {
                who,
                wanted,
                listens: false,
            } => {
                let is_of_context = wanted.pointer("/access_token/acrs").is_some();
                let name = if is_of_context { "acrs" } else { "nbf" };
                self.0.insert(*who, name);
            }
            Observation::UpstreamReplyLost { who } | Observation::ExchangeEnded { who, .. } => {
                self.0.remove(who);
            }
            Observation::FetchSent { who, request } => {
                let Some(claims) = form(request.body(), "claims") else {
                    return Ok(());
                };
                let wanted = self.0.remove(who);
                if wanted.is_some_and(|wanted| !claims.contains(wanted)) {
                    return Err(format!(
                        "{who} asks Entra for {claims} though {wanted:?} is wanted"
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A callback reaches Entra once, however often it is replayed: once from each process, and where replicas share the
/// store, once from all of them.
#[derive(Debug, Default)]
pub(super) struct CallbacksAreSpent {
    redeemed: BTreeSet<(usize, u32, String)>,
    /// When the code was spent in the store.
    spent: BTreeMap<String, SimInstant>,
}

impl Check for CallbacksAreSpent {
    fn name(&self) -> &'static str {
        "callbacks are spent"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let Observation::FetchSent { who, request } = seen else {
            return Ok(());
        };
        let Some(code) = form(request.body(), "code") else {
            return Ok(());
        };
        let mine = (who.replica, who.generation, code.clone());
        if !self.redeemed.insert(mine) {
            return Err(format!("{who} redeems a code at Entra once more"));
        }
        let spent = self.spent.get(&code);
        if spent.is_some_and(|spent| ledger.moment < spent.after(limits::SIGN_IN_TIMEOUT)) {
            return Err(format!("{who} redeems a code that another has redeemed"));
        }
        // The store judges by its own clock, which is right: what a replica whose clock is behind writes may be over.
        let is_on_time = ledger.case(*who).is_some_and(|record| record.is_on_time);
        if ledger.is_shared && is_on_time {
            self.spent.insert(code, ledger.moment);
        }
        Ok(())
    }
}
