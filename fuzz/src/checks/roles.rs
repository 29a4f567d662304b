//! What is known of the roles and groups that users have: when they were taken away and given back at Entra, and since when the
//! server knows, which it does by the next refresh (threat R7).

use std::{collections::BTreeMap, time::Duration};

use entra_mcp_dev_tenant::{Control, USERS};

use super::{
    Check, Ledger,
    ledger::{claims, form},
    tokens::issued,
};
use crate::{
    backend::policy::{self, RESOURCES},
    clock::SimInstant,
    observation::Observation,
};

/// Roles and groups.
#[derive(Debug, Default)]
pub struct Roles {
    /// By `oid`: when what they have was taken away, or given back.
    changes: BTreeMap<String, Vec<(SimInstant, bool)>>,
    /// By session token: since when at the latest what it stands for is known.
    known_since: BTreeMap<String, SimInstant>,
    /// By session: when tokens were given, and since when what they stand for is known.
    given: BTreeMap<String, Vec<(SimInstant, SimInstant)>>,
}

/// How much older what a refresh gives may be than the refresh: where Entra was asked just before, it is not asked again.
const ASKED_BEFORE: Duration = Duration::from_secs(90);

/// The same of a sign-in, whose user takes their time.
const SIGNED_IN_BEFORE: Duration = Duration::from_secs(1800);

/// How long after a session was renewed its streams go by that: until they have looked at the store, which may be down once or twice.
const LOOKED_AT: Duration = Duration::from_secs(75);

/// The session of a token.
fn session(token: &str) -> Option<String> {
    Some(claims(token)?.get("sid")?.as_str()?.to_owned())
}

fn before(moment: SimInstant, by: Duration) -> SimInstant {
    let by = u64::try_from(by.as_millis()).unwrap_or_default();
    SimInstant(moment.0.saturating_sub(by))
}

impl Roles {
    /// Entra is told what a user has from now on.
    pub(crate) fn change(&mut self, control: &Control, moment: SimInstant) {
        let (username, has) = match control {
            Control::Roles { username, roles } => (username, !roles.is_empty()),
            Control::Groups { username, groups } => (username, !groups.is_empty()),
            _ => return,
        };
        if let Some(user) = USERS.iter().find(|user| user.username == username) {
            let changes = self.changes.entry(user.oid.to_owned()).or_default();
            changes.push((moment, has));
        }
    }

    /// Everybody has again what they had.
    pub(crate) fn are_back(&mut self, moment: SimInstant) {
        for changes in self.changes.values_mut() {
            changes.push((moment, true));
        }
    }

    /// Whether a user had what they have on the first day, from one moment to another; `None`: not all the time.
    fn had(&self, oid: &str, from: SimInstant, to: SimInstant) -> Option<bool> {
        let mut had = true;
        let mut varies = false;
        for (at, has) in self.changes.get(oid).into_iter().flatten() {
            if *at > to {
                break;
            }
            varies = *at > from && (varies || *has != had);
            had = *has;
        }
        (!varies).then_some(had)
    }

    /// Since when at the latest a stream of this session knows what it stands for; the token with which it began.
    fn stream_knows_since(&self, token: &str, now: SimInstant) -> Option<SimInstant> {
        let since = self.known_since.get(token).copied()?;
        let given = self.given.get(&session(token)?).into_iter().flatten();
        let given = given.filter(|(at, _)| at.after(LOOKED_AT) < now);
        given.map(|(_, since)| *since).max().max(Some(since))
    }

    /// Whether who shows this token may know of a tool; `None` if either may be, since what they have has changed.
    pub(crate) fn may_know(
        &self,
        (tool, name): (&str, Option<&str>),
        oid: &str,
        token: Option<&str>,
        now: SimInstant,
    ) -> Option<bool> {
        let at_first = policy::may_know(tool, oid, name);
        if !at_first || !policy::is_limited(tool) {
            return Some(at_first);
        }
        let since = token.and_then(|token| self.known_since.get(token));
        self.had(oid, since.copied().unwrap_or_default(), now)
    }
}

impl Ledger {
    /// Notes since when what a token stands for is known.
    pub(super) fn note_token(&mut self, seen: &Observation<'_>) {
        let Some((_, case, answer)) = issued(seen, self) else {
            return;
        };
        let is_refresh = form(&case.body, "refresh_token").is_some();
        let by = if is_refresh {
            ASKED_BEFORE
        } else {
            SIGNED_IN_BEFORE
        };
        let since = before(case.since, by);
        let token = answer.get("access_token").and_then(|token| token.as_str());
        if let Some(token) = token {
            self.roles.known_since.insert(token.to_owned(), since);
            if let Some(session) = session(token) {
                let given = self.roles.given.entry(session).or_default();
                given.push((self.moment, since));
            }
        }
    }
}

/// A stream tells nobody of the changes of what is hidden from them.
#[derive(Debug)]
pub(super) struct HiddenIsNotTold;

impl Check for HiddenIsNotTold {
    fn name(&self) -> &'static str {
        "hidden is not told"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        let Observation::BodyWritten { who, bytes } = seen else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(bytes);
        let told = RESOURCES.iter().find(|(uri, _)| text.contains(uri));
        let (Some((uri, tool)), Some(case)) = (told, ledger.case(*who)) else {
            return Ok(());
        };
        let (Some(oid), Some(token)) = (&case.user, &case.bearer) else {
            return Ok(());
        };
        // What a replica cannot look up it does not know.
        let knows = ledger.partitions.knows_since(who.replica);
        if knows.after(LOOKED_AT) > ledger.moment {
            return Ok(());
        }
        let roles = &ledger.roles;
        let Some(since) = roles.stream_knows_since(token, ledger.moment) else {
            return Ok(());
        };
        let may_know = policy::may_know(tool, oid, None)
            && roles.had(oid, since, ledger.moment) != Some(false);
        match may_know {
            true => Ok(()),
            false => Err(format!("{who} tells {oid} of {uri}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "alice@contoso.example";

    #[test]
    fn what_changes_within_a_time_is_either_and_what_changed_before_is_known() {
        let mut roles = Roles::default();
        let oid = USERS
            .iter()
            .find(|user| user.username == ALICE)
            .expect("Alice")
            .oid;
        let told = |roles: &[&str]| Control::Roles {
            username: ALICE.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        let had = |roles: &Roles, from, to| roles.had(oid, SimInstant(from), SimInstant(to));
        assert_eq!(had(&roles, 0, 100), Some(true));
        roles.change(&told(&[]), SimInstant(50));
        assert_eq!(had(&roles, 0, 40), Some(true));
        assert_eq!(had(&roles, 0, 60), None);
        assert_eq!(had(&roles, 55, 60), Some(false));
        roles.change(&told(&["Reports.Read"]), SimInstant(80));
        assert_eq!(had(&roles, 55, 70), Some(false));
        assert_eq!(had(&roles, 55, 90), None);
        assert_eq!(had(&roles, 0, 90), None);
        assert_eq!(had(&roles, 85, 90), Some(true));
    }
}
