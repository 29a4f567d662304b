//! Two people never mix: what belongs to one serves no request of another, whatever id they guess
//! (SESS-02, SESS-06, SSE-08, TOOL-02, TOOL-03).

use std::collections::BTreeSet;

use super::{Case, Check, Ledger, Seen, Sort, Who};
use crate::checks::ledger::{bearer, form, redirected};

/// A token of one person never serves another, and nobody reads what is another's.
#[derive(Debug)]
pub(super) struct OnePersonOnly;

impl OnePersonOnly {
    fn only_of(who: Who, ledger: &Ledger, place: &str, bytes: &[u8]) -> Result<(), String> {
        let person = ledger.case(who).and_then(|case| case.person.as_deref());
        for label in ledger.secrets.find(bytes) {
            let foreign = label.person.is_some() && label.person.as_deref() != person;
            let strange = match label.sort {
                Sort::Personal => foreign,
                // What we gave to somebody is told once: by the exchange that made it, or by
                // another of the same person (a repeated refresh).
                Sort::Ours => foreign && label.minted_by != Some(who),
                Sort::Upstream | Sort::Key | Sort::Fault => false,
            };
            if strange {
                return Err(format!(
                    "{place} of {who} for {person:?} holds {} of {:?}",
                    label.name, label.person
                ));
            }
        }
        Ok(())
    }
}

impl Check for OnePersonOnly {
    fn name(&self) -> &'static str {
        "one person only"
    }

    fn see(&mut self, seen: &Seen<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Seen::Answered {
                who, head, body, ..
            } => {
                for value in head.headers().values() {
                    Self::only_of(*who, ledger, "the answer", value.as_bytes())?;
                }
                Self::only_of(*who, ledger, "the answer", body)
            }
            Seen::Wrote { who, bytes } => Self::only_of(*who, ledger, "the stream", bytes),
            Seen::Fetched { who, request } => {
                let shown = bearer(request.headers()).map(str::to_owned);
                let shown = shown.or_else(|| form(request.body(), "refresh_token"));
                let Some(shown) = shown else {
                    return Ok(());
                };
                let owner = ledger
                    .secrets
                    .get(shown.as_bytes())
                    .and_then(|label| label.person.as_deref());
                let person = ledger
                    .case(*who)
                    .and_then(|case: &Case| case.person.as_deref());
                if owner.is_some() && owner == person {
                    Ok(())
                } else {
                    Err(format!(
                        "{who} for {person:?} shows a token of {owner:?} to {}",
                        request.uri().path()
                    ))
                }
            }
            _ => Ok(()),
        }
    }
}

/// Nothing is stored for anyone who has not signed in (DOS-02, DOS-03).
#[derive(Debug)]
pub(super) struct NothingForStrangers;

impl Check for NothingForStrangers {
    fn name(&self) -> &'static str {
        "nothing for strangers"
    }

    fn see(&mut self, seen: &Seen<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Seen::Kept { who, key, .. } => match ledger.case(*who) {
                Some(Case {
                    person: Some(_), ..
                }) => Ok(()),
                _ => Err(format!("{who} stores {} for a stranger", key.0)),
            },
            _ => Ok(()),
        }
    }
}

/// No sign-in is completed by an ID token that must not be believed (threats.md D5).
#[derive(Debug, Default)]
pub(super) struct GoodIdTokensOnly {
    spoiled: BTreeSet<Who>,
}

impl Check for GoodIdTokensOnly {
    fn name(&self) -> &'static str {
        "good id tokens only"
    }

    fn see(&mut self, seen: &Seen<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Seen::Replied {
                who: Some(who),
                is_spoiled: true,
                ..
            } => {
                self.spoiled.insert(*who);
                Ok(())
            }
            Seen::Ended { who, .. } => {
                self.spoiled.remove(who);
                Ok(())
            }
            Seen::Answered { who, head, .. } if self.spoiled.contains(who) => {
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
