//! Clients that the operator has registered in a file (RFC 6749 section 2; MCP 2025-11-25, authorization,
//! preregistration): platforms have an id and a secret typed in, and register nothing by themselves.
//!
//! The runtime reads the file, and again when it changes; what it says is checked here, and handed in with each
//! event. A redirect URI is exact. Only where a platform of Microsoft makes one for each tool may a `*` stand at the end,
//! and only with a secret: that site is shared by all tenants of the platform (threat H13).

mod check;
mod entry;

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};

pub use self::{
    check::ClientEntryError,
    entry::{ClientEntry, SecretHash},
};
use super::AllowedUsers;
use crate::{redirect_uri::RedirectUri, secret::Secret};

/// Below this address the Power Platform makes a redirect URI for each tool, after the client was registered.
const SHARED_REDIRECT: &str = "https://global.consent.azure-apim.net/redirect/";

/// The clients of the operator's list, by the SHA-256 of their ids. Empty where there is none.
#[derive(Clone, Debug, Default)]
pub struct PreregisteredClients(BTreeMap<[u8; 32], PreregisteredClient>);

/// A client of the operator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreregisteredClient {
    pub(crate) id: String,
    /// What users are told that it is called.
    pub(crate) name: String,
    secrets: Vec<SecretHash>,
    redirect_uris: Vec<ListedRedirectUri>,
    /// What it may ask for, and gets if it asks for nothing; empty: as any other client.
    pub(crate) scopes: Vec<String>,
    pkce_optional: bool,
    /// Who may sign in with it.
    pub(crate) allowed_users: AllowedUsers,
}

/// Where a client of the list may be returned to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ListedRedirectUri {
    /// To this URI; on loopback to any port.
    Exactly(RedirectUri),
    /// To what follows this, which is one segment of letters, digits, `-` and `_`.
    Below(String),
}

impl PreregisteredClients {
    /// No client.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: PreregisteredClients = PreregisteredClients(BTreeMap::new());
        &NONE
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The client of this id.
    pub(crate) fn of_id(&self, id: &str) -> Option<&PreregisteredClient> {
        if self.is_empty() {
            return None;
        }
        self.of_hash(&hash(id.as_bytes()))
    }

    /// The client whose id has this SHA-256.
    pub(crate) fn of_hash(&self, hash: &[u8; 32]) -> Option<&PreregisteredClient> {
        self.0.get(hash)
    }
}

impl PreregisteredClient {
    /// Whether it shows the secret that it has, or has none and shows none. How long that takes does not depend on
    /// the secret.
    pub(crate) fn is_proven_by(&self, secret: Option<&Secret<String>>) -> bool {
        match secret {
            None => self.secrets.is_empty(),
            Some(secret) => {
                let shown = SecretHash::of(secret);
                let equal = self.secrets.iter().map(|own| own.equals(&shown));
                equal.fold(false, |any, equal| any | equal)
            }
        }
    }

    /// Whether it may leave PKCE out: its secret protects its codes (RFC 9700 section 2.1.1).
    pub(crate) fn may_omit_pkce(&self) -> bool {
        self.pkce_optional && !self.secrets.is_empty()
    }

    /// The redirect URI of a request, if it is listed; without one, the only one that is.
    pub(crate) fn redirect_uri(&self, requested: Option<&str>) -> Option<RedirectUri> {
        match (requested, self.redirect_uris.as_slice()) {
            (Some(requested), listed) => listed.iter().find_map(|own| own.admits(requested)),
            (None, [ListedRedirectUri::Exactly(only)]) => Some(only.clone()),
            (None, _) => None,
        }
    }
}

impl ListedRedirectUri {
    fn admits(&self, requested: &str) -> Option<RedirectUri> {
        match self {
            Self::Exactly(own) => own.admits(requested),
            Self::Below(start) => {
                let name = requested.strip_prefix(start.as_str())?;
                let is_one_segment = !name.is_empty()
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
                RedirectUri::parse(requested).filter(|_| is_one_segment)
            }
        }
    }
}

/// The SHA-256.
fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests;
