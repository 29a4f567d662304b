//! The documents of clients (OAuth Client ID Metadata Document): fetched only while a user is asked or a client proves
//! who it is, and believed only as its own site has said it, and not for long.

use std::{collections::BTreeMap, time::Duration};

use entra_mcp_core::limits;
use http::header;
use serde_json::Value;

use super::{
    Check, ExchangeRecord, Ledger, Sort,
    ledger::{claims, form, sealed_in},
};
use crate::{
    clock::SimInstant,
    ids::{ENTRA_ORIGIN, ExchangeRef},
    net,
    observation::Observation,
};

/// How long an exchange waits for a document at most, and its fetch before that.
const SLACK: Duration = Duration::from_secs(60);

/// A document is fetched only for a request that names it: one by which a user is asked, or one that shows what this
/// server gave (threats H7, H8).
#[derive(Debug, Default)]
pub(super) struct FetchedForSomebody {
    /// When an address was last needed, in each process.
    needed: BTreeMap<(usize, u32, String), SimInstant>,
    /// Where the keys are that a document names.
    keys: BTreeMap<String, String>,
}

impl FetchedForSomebody {
    /// The client whose document a request may need.
    fn named(record: &ExchangeRecord, ledger: &Ledger) -> Option<String> {
        let of_body = |name| form(&record.body, name);
        let signing = || {
            let assertion = of_body("client_assertion")?;
            Some(claims(&assertion)?.get("sub")?.as_str()?.to_owned())
        };
        match record.path.as_str() {
            "/authorize" => form(record.query.as_bytes(), "client_id"),
            "/device_authorization" => of_body("client_id").or_else(signing),
            "/token" | "/revoke" => {
                let names = ["code", "refresh_token", "device_code", "token"];
                let shown = names.into_iter().find_map(of_body)?;
                let label = ledger.secrets.get(shown.as_bytes())?;
                signing().filter(|_| label.sort == Sort::Ours)
            }
            _ => None,
        }
    }
}

impl Check for FetchedForSomebody {
    fn name(&self) -> &'static str {
        "fetched for somebody"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::RequestAdmitted { who, .. } => {
                let named = ledger
                    .case(*who)
                    .and_then(|record| Self::named(record, ledger));
                if let Some(url) = named {
                    let keys = self.keys.get(&url).cloned();
                    for address in [Some(url), keys].into_iter().flatten() {
                        let place = (who.replica, who.generation, address);
                        self.needed.insert(place, ledger.moment);
                    }
                }
            }
            Observation::SiteReplied {
                address, response, ..
            } => {
                let document: Value = serde_json::from_slice(response.body()).unwrap_or_default();
                if let Some(keys) = document.get("jwks_uri").and_then(Value::as_str) {
                    self.keys.insert((*address).to_owned(), keys.to_owned());
                }
            }
            Observation::FetchSent { who, request }
                if net::origin(request.uri()) != ENTRA_ORIGIN =>
            {
                let place = (who.replica, who.generation, request.uri().to_string());
                let is_key_of_needed = || {
                    let named = self.keys.iter().filter(|(_, keys)| **keys == place.2);
                    named
                        .filter_map(|(url, _)| {
                            self.needed.get(&(who.replica, who.generation, url.clone()))
                        })
                        .max()
                        .copied()
                };
                let needed = self.needed.get(&place).copied().max(is_key_of_needed());
                if needed.is_none_or(|needed| ledger.moment > needed.after(SLACK)) {
                    return Err(format!("{who} fetches {} for nobody", place.2));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a site has said of its client.
#[derive(Debug)]
struct Version {
    replied: SimInstant,
    redirect_uris: Vec<String>,
}

/// A user is asked for a client, or sent on to Entra, only as the client's own site has described it lately (threat H9).
#[derive(Debug, Default)]
pub(super) struct AsItsSiteSays {
    versions: BTreeMap<String, Vec<Version>>,
}

impl AsItsSiteSays {
    fn note(&mut self, address: &str, body: &[u8], moment: SimInstant) {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        if document.get("client_id").and_then(Value::as_str) != Some(address) {
            return;
        }
        let uris = document.get("redirect_uris").and_then(Value::as_array);
        let uris = uris.into_iter().flatten().filter_map(Value::as_str);
        let versions = self.versions.entry(address.to_owned()).or_default();
        versions.push(Version {
            replied: moment,
            redirect_uris: uris.map(str::to_owned).collect(),
        });
    }

    /// Whether a site has said within the time that a document is kept that its client returns there.
    fn has_said(&self, url: &str, redirect_uri: &str, since: SimInstant) -> bool {
        // The sites say nothing of how long, so the shortest time holds; and an exchange waits a while.
        let kept = limits::CLIENT_DOCUMENT_FLOOR.saturating_add(SLACK);
        let versions = self.versions.get(url).into_iter().flatten();
        let mut lately = versions.filter(|version| version.replied.after(kept) >= since);
        lately.any(|version| version.redirect_uris.iter().any(|own| own == redirect_uri))
    }
}

impl Check for AsItsSiteSays {
    fn name(&self) -> &'static str {
        "as its site says"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        match seen {
            Observation::SiteReplied {
                address, response, ..
            } if response.status() == 200 => {
                self.note(address, response.body(), ledger.moment);
                Ok(())
            }
            Observation::ResponseStarted {
                who, head, body, ..
            } => {
                let record = ledger.case(*who).filter(|one| one.path == "/authorize");
                let Some(record) = record else {
                    return Ok(());
                };
                let to = head.headers().get(header::LOCATION);
                let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
                let goes_on = to.starts_with(ENTRA_ORIGIN) || sealed_in(body).is_some();
                self.judge(*who, record, goes_on)
            }
            _ => Ok(()),
        }
    }
}

impl AsItsSiteSays {
    fn judge(
        &self,
        who: ExchangeRef,
        record: &ExchangeRecord,
        goes_on: bool,
    ) -> Result<(), String> {
        let query = record.query.as_bytes();
        let url = form(query, "client_id").filter(|id| id.starts_with("https:"));
        let (Some(url), true) = (url, goes_on) else {
            return Ok(());
        };
        let redirect_uri = form(query, "redirect_uri").unwrap_or_default();
        if self.has_said(&url, &redirect_uri, record.since) {
            Ok(())
        } else {
            Err(format!(
                "{who} lets {url} return to {redirect_uri}, which its site did not say"
            ))
        }
    }
}
