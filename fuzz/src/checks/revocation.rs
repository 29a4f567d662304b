//! A session that has ended: it is served no more, and what runs for it ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use super::{
    Check, Ledger,
    ledger::{ExchangeRecord, claims, form, short_name},
    tokens::issued,
};
use crate::{
    clock::SimInstant, ids::ExchangeRef, observation::Observation, unkindness::Unkindness,
};

/// How long after its session ended an exchange may go on: so long it takes until another replica has
/// looked at the store, which may be down once or twice.
const LEEWAY: Duration = Duration::from_secs(75);

/// How long after its session ended an exchange may use Graph: what is on its way then, and until another replica has
/// looked at the store, which may fail once.
const GRAPH_LEEWAY: Duration = Duration::from_secs(24);

/// A session that ended stays ended: revoked, or a refresh token of it used again whose successor was used, too
/// (threats E6, E11).
#[derive(Debug, Default)]
pub(super) struct EndedStaysEnded {
    /// The session that a token belongs to, and the client that it was given to as the token names it.
    sessions: BTreeMap<String, (String, String)>,
    /// When a session first gave tokens, and to which user.
    began: BTreeMap<String, (SimInstant, Option<String>)>,
    /// Refresh tokens that were used, with what followed and when first.
    spent: BTreeMap<String, (String, SimInstant)>,
    ended: BTreeMap<String, SimInstant>,
    /// Exchanges with nothing left to answer.
    answered: BTreeSet<ExchangeRef>,
}

impl EndedStaysEnded {
    fn note(&mut self, case: &ExchangeRecord, answer: &Value, moment: SimInstant) {
        let member = |name: &str| answer.get(name).and_then(Value::as_str);
        let Some(access) = member("access_token") else {
            return;
        };
        let claims = claims(access).unwrap_or_default();
        let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let session = (claim("sid").to_owned(), claim("client_id").to_owned());
        self.began
            .entry(session.0.clone())
            .or_insert((moment, case.user.clone()));
        for token in [Some(access), member("refresh_token")]
            .into_iter()
            .flatten()
        {
            self.sessions.insert(token.to_owned(), session.clone());
        }
        if let Some(presented) = form(&case.body, "refresh_token") {
            let successor = member("refresh_token").unwrap_or_default().to_owned();
            self.spent.entry(presented).or_insert((successor, moment));
        }
    }

    /// The sessions that a user has ended on the page of their connections.
    fn ended_by_user(&self, case: &ExchangeRecord, status: u16) -> Vec<String> {
        if case.path != "/me" || case.method != "POST" || status != 303 {
            return Vec::new();
        }
        let target = form(&case.body, "end").unwrap_or_default();
        let is_meant = |session: &str| match target.strip_prefix("session.") {
            Some(one) => one == session,
            None => target == "all",
        };
        let began = self.began.iter().filter(|(session, (began, user))| {
            user.is_some() && *user == case.user && *began < case.since && is_meant(session)
        });
        began.map(|(session, _)| session.clone()).collect()
    }

    /// Whether what followed this refresh token was used before then.
    fn was_successor_used(&self, token: &str, before: SimInstant) -> bool {
        let successor = self.spent.get(token).map(|(successor, _)| successor);
        let used = successor.and_then(|successor| self.spent.get(successor));
        used.is_some_and(|(_, used)| *used < before)
    }

    /// The session that a refused or revoking request puts an end to.
    fn ends(&self, case: &ExchangeRecord, status: u16, body: &[u8]) -> Option<String> {
        let token = match (case.path.as_str(), status) {
            ("/token", 400) => {
                let answer: Value = serde_json::from_slice(body).unwrap_or_default();
                let is_grant = answer.get("error").and_then(Value::as_str) == Some("invalid_grant");
                form(&case.body, "refresh_token")
                    .filter(|token| is_grant && self.was_successor_used(token, case.since))
            }
            ("/revoke", 200) => form(&case.body, "token"),
            _ => None,
        };
        let (session, client) = self.sessions.get(&token?)?;
        // Only its own client can end it that way (threat E11).
        let presented = form(&case.body, "client_id");
        let is_own = presented.is_some_and(|id| short_name(&id) == *client);
        is_own.then(|| session.clone())
    }
}

impl EndedStaysEnded {
    /// What began before its session ended is over soon after it (threat E11).
    fn has_ended(&self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        if !ledger.unkindness.contains(&Unkindness::RevocationsHold) {
            return Ok(());
        }
        let (who, leeway, what) = match seen {
            Observation::FetchSent { who, .. } => (who, GRAPH_LEEWAY, "uses Graph"),
            Observation::BackendAsked { who, .. } => (who, GRAPH_LEEWAY, "asks the backend"),
            Observation::Idle { who, .. } => (who, LEEWAY, "goes on"),
            _ => return Ok(()),
        };
        let Some(record) = ledger.case(*who) else {
            return Ok(());
        };
        // What goes on after its answer is a task. Its call is over by then, but it lives until that is written, which
        // cannot be without the store.
        let is_task = self.answered.contains(who);
        if what == "goes on" && is_task && ledger.partitions.is_without_store(who.replica) {
            return Ok(());
        }
        // What a replica cannot look up goes on until it can, or for as long as is allowed.
        let knows = ledger.partitions.knows_since(who.replica);
        match self.ended_of(record) {
            Some(ended) if ledger.moment > ended.max(record.since).max(knows).after(leeway) => Err(
                format!("{who} {what} although its session ended at {ended:?}"),
            ),
            _ => Ok(()),
        }
    }

    /// When the session ended that an exchange is of.
    fn ended_of(&self, record: &ExchangeRecord) -> Option<SimInstant> {
        let token = record.bearer.as_ref()?;
        let (session, _) = self.sessions.get(token)?;
        self.ended.get(session).copied()
    }
}

impl Check for EndedStaysEnded {
    fn name(&self) -> &'static str {
        "ended stays ended"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::ResponseStarted {
                who, open: false, ..
            }
            | Observation::ResponseEnded { who } => drop(self.answered.insert(*who)),
            Observation::ExchangeEnded { who, .. } => drop(self.answered.remove(who)),
            _ => {}
        }
        let Observation::ResponseStarted {
            who, head, body, ..
        } = seen
        else {
            return self.has_ended(seen, ledger);
        };
        let Some(case) = ledger.case(*who) else {
            return Ok(());
        };
        let served = head.status().is_success() && case.path != "/revoke";
        let shown = case.bearer.clone();
        let shown = shown.or_else(|| form(&case.body, "refresh_token"));
        if let Some((session, _)) = shown.and_then(|token| self.sessions.get(&token))
            && served
            && let Some(ended) = self.ended.get(session)
            && *ended < case.since
        {
            return Err(format!("{who} serves a session that ended at {ended:?}"));
        }
        if let Some((_, case, answer)) = issued(seen, ledger) {
            self.note(case, &answer, ledger.moment);
        }
        let status = head.status().as_u16();
        let ended = self.ends(case, status, body).into_iter();
        for session in ended.chain(self.ended_by_user(case, status)) {
            self.ended.entry(session).or_insert(ledger.moment);
        }
        Ok(())
    }
}
