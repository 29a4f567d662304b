//! Where no secret may be: a search for labelled values, not a model.
//!
//! Every token, code, verifier and secret is labelled where it is minted. Each byte that leaves the
//! server is searched for them, as it is and once more with whatever looks like base64url decoded
//! (our own tokens and client ids carry JSON inside).

use std::collections::{BTreeMap, VecDeque};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Check, Ledger};
use crate::ids::ExchangeRef;
use crate::observation::Observation;

/// What a labelled value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Entra's: access, refresh and ID tokens, codes, our verifier, our client secret there. Never
    /// in an answer, a log or the store.
    Upstream,
    /// A key of the server's. Nowhere.
    Key,
    /// What we gave to a client: session and refresh tokens, codes, client secrets. Never in a log
    /// or the store, nor towards Entra.
    Ours,
    /// Words about a fault of the server's own. In the log, and nowhere else.
    Fault,
    /// What tells a user apart. Only towards that user's own clients.
    Personal,
}

/// A labelled value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// What it is.
    pub sort: Sort,
    /// What it is called where it was minted.
    pub name: String,
    /// Whose it is, if that is known: the `oid`.
    pub user: Option<String>,
    /// The exchange that handed it out, if it is ours.
    pub minted_by: Option<ExchangeRef>,
}

/// Values by their first bytes, to search for all at once.
#[derive(Debug)]
pub struct Secrets {
    labels: BTreeMap<Vec<u8>, Label>,
    starts: BTreeMap<[u8; START], Vec<Vec<u8>>>,
    /// For each hash of the first four bytes, whether any value begins so: most places of a text
    /// are passed over by this alone.
    hints: Vec<bool>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            labels: BTreeMap::new(),
            starts: BTreeMap::new(),
            hints: vec![false; 1 << 16],
        }
    }
}

/// The place of four bytes among the hints.
fn hint(window: u32) -> usize {
    (window.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

const START: usize = 8;
/// Shorter values are words that may occur by chance.
const LEAST: usize = 8;

impl Secrets {
    /// Labels a value; the first label of a value stays, a user is filled in.
    pub fn add(&mut self, value: &[u8], label: Label) {
        if value.len() < LEAST {
            return;
        }
        if let Some(known) = self.labels.get_mut(value) {
            if known.user.is_none() {
                known.user = label.user;
            }
            return;
        }
        let start = value.first_chunk().expect("longer than its start");
        let bucket = self.starts.entry(*start).or_default();
        bucket.push(value.to_vec());
        let [a, b, c, d, ..] = *start;
        let place = hint(u32::from_be_bytes([a, b, c, d]));
        if let Some(known) = self.hints.get_mut(place) {
            *known = true;
        }
        self.labels.insert(value.to_vec(), label);
    }

    /// How many values are labelled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The label of a value.
    #[must_use]
    pub fn get(&self, value: &[u8]) -> Option<&Label> {
        self.labels.get(value)
    }

    /// Everything that is labelled.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Label)> {
        self.labels
            .iter()
            .map(|(value, label)| (value.as_slice(), label))
    }

    /// What is found in some bytes, as they are and decoded.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Vec<&Label> {
        let mut found = self.find_plain(bytes);
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        for run in bytes.split(|byte| !is_base64(byte)) {
            // A cut run of another length has no whole last byte, which does not matter here.
            let whole = run.get(..run.len() - usize::from(run.len() % 4 == 1));
            if run.len() >= 2 * LEAST
                && let Some(Ok(decoded)) = whole.map(|run| URL_SAFE_NO_PAD.decode(run))
            {
                found.extend(self.find_plain(&decoded));
            }
        }
        found
    }

    /// The labels of the values with which some bytes begin.
    fn starting(&self, bytes: &[u8]) -> Vec<&Label> {
        let start = bytes.first_chunk::<START>();
        let bucket = start.and_then(|start| self.starts.get(start));
        let values = bucket.into_iter().flatten();
        let values = values.filter(|value| bytes.starts_with(value));
        values.filter_map(|value| self.labels.get(value)).collect()
    }

    fn find_plain(&self, bytes: &[u8]) -> Vec<&Label> {
        let mut found = Vec::new();
        if self.starts.is_empty() {
            return found;
        }
        let mut window = 0;
        for (end, byte) in bytes.iter().enumerate() {
            window = window << 8 | u32::from(*byte);
            if end >= 3 && self.hints.get(hint(window)) == Some(&true) {
                let rest = bytes.get(end - 3..).unwrap_or_default();
                found.extend(self.starting(rest));
            }
        }
        found
    }
}

/// Nothing secret is where it may not be (threats G2, G3, O3).
#[derive(Debug, Default)]
pub(super) struct NothingLeaks {
    /// What was told lately, and what it must not hold: a value may be told before it is known to
    /// be a secret.
    lately: VecDeque<(String, Vec<u8>, &'static [Sort])>,
    known: usize,
}

/// How much of what was told is searched again.
const LATELY: usize = 64;

const UPSTREAM: &[Sort] = &[Sort::Upstream, Sort::Key, Sort::Fault];
const SECRET: &[Sort] = &[Sort::Upstream, Sort::Key, Sort::Ours];
const ANY: &[Sort] = &[
    Sort::Upstream,
    Sort::Key,
    Sort::Ours,
    Sort::Fault,
    Sort::Personal,
];
const OURS: &[Sort] = &[Sort::Ours, Sort::Key, Sort::Fault];

impl NothingLeaks {
    fn remember(&mut self, place: &str, bytes: &[u8], forbidden: &'static [Sort]) {
        if self.lately.len() == LATELY {
            self.lately.pop_front();
        }
        let disclosed = (place.to_owned(), bytes.to_vec(), forbidden);
        self.lately.push_back(disclosed);
    }

    fn search_again(&mut self, ledger: &Ledger) -> Result<(), String> {
        if self.known == ledger.secrets.len() {
            return Ok(());
        }
        self.known = ledger.secrets.len();
        let mut lately = self.lately.iter();
        lately.try_for_each(|(place, bytes, forbidden)| forbid(ledger, place, bytes, forbidden))
    }
}

fn forbid(ledger: &Ledger, place: &str, bytes: &[u8], forbidden: &[Sort]) -> Result<(), String> {
    let found = ledger.secrets.find(bytes);
    match found.iter().find(|label| forbidden.contains(&label.sort)) {
        Some(label) => Err(format!("{place} holds {:?} {}", label.sort, label.name)),
        None => Ok(()),
    }
}

impl Check for NothingLeaks {
    fn name(&self) -> &'static str {
        "nothing leaks"
    }

    fn see(&mut self, seen: &Observation<'_>, ledger: &Ledger) -> Result<(), String> {
        self.search_again(ledger)?;
        match seen {
            Observation::ResponseStarted {
                who, head, body, ..
            } => {
                let place = format!("the answer of {who}");
                for value in head.headers().values() {
                    forbid(ledger, &place, value.as_bytes(), UPSTREAM)?;
                    self.remember(&place, value.as_bytes(), UPSTREAM);
                }
                forbid(ledger, &place, body, UPSTREAM)
            }
            Observation::RequestRefused { response } => {
                forbid(ledger, "a refusal", response.body(), UPSTREAM)
            }
            Observation::BodyWritten { who, bytes } => {
                forbid(ledger, &format!("the stream of {who}"), bytes, UPSTREAM)
            }
            Observation::Logged { line } => {
                for (field, value) in line.fields() {
                    let place = format!("the log's {}", field.as_str());
                    forbid(ledger, &place, value.as_bytes(), SECRET)?;
                    self.remember(&place, value.as_bytes(), SECRET);
                }
                let audited = line.audit_line("").unwrap_or_default();
                forbid(ledger, "the audit log", audited.as_bytes(), SECRET)
            }
            Observation::Printed { text } => {
                forbid(ledger, "what is printed", text.as_bytes(), SECRET)
            }
            Observation::RecordWritten { key, record, .. } => {
                forbid(ledger, "the store's key", key.0.as_bytes(), ANY)?;
                forbid(ledger, "the store", &record.bytes, ANY)
            }
            Observation::FetchSent { who, request } => {
                let place = format!("the fetch of {who}");
                forbid(ledger, &place, request.uri().to_string().as_bytes(), OURS)?;
                for value in request.headers().values() {
                    forbid(ledger, &place, value.as_bytes(), OURS)?;
                }
                forbid(ledger, &place, request.body(), OURS)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labelled_value_is_found_plain_and_in_base64url() {
        let mut secrets = Secrets::default();
        let label = Label {
            sort: Sort::Upstream,
            name: "access_token".to_owned(),
            user: None,
            minted_by: None,
        };
        secrets.add(b"tok-1234567890", label);
        assert_eq!(secrets.find(b"{\"a\":\"tok-1234567890\"}").len(), 1);
        let inside = URL_SAFE_NO_PAD.encode(b"{\"key\":\"tok-1234567890\"}");
        let jwt = format!("eyJhbGciOiJub25lIn0.{inside}.x");
        assert_eq!(secrets.find(jwt.as_bytes()).len(), 1);
        assert_eq!(secrets.find(b"tok-123456789").len(), 0);
    }
}
