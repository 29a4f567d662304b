//! The claims of an access token that are read. One that is given twice, or has another form, makes the token malformed;
//! those of which only names are taken are read apart, by `ProfileClaims`.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::{config::TokenVersion, limits, session::profile::shown};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Claims {
    pub(super) ver: Option<String>,
    pub(super) iss: Option<String>,
    pub(super) aud: Value,
    pub(super) tid: Option<String>,
    pub(super) oid: Option<String>,
    pub(super) sub: Option<String>,
    pub(super) exp: Option<u64>,
    pub(super) nbf: Option<u64>,
    /// The application, in version 2.0 and in version 1.0.
    azp: Option<String>,
    appid: Option<String>,
    pub(super) scp: Option<String>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) idtyp: Option<String>,
    /// What facets the actor and the subject have: numbers with spaces between them.
    pub(super) xms_act_fct: Option<String>,
    pub(super) xms_sub_fct: Option<String>,
    /// What the client is capable of.
    xms_cc: Option<Vec<String>>,
    upn: Option<String>,
    unique_name: Option<String>,
    /// What only ID tokens have.
    pub(super) nonce: Option<IgnoredAny>,
    pub(super) c_hash: Option<IgnoredAny>,
    pub(super) at_hash: Option<IgnoredAny>,
}

impl Claims {
    pub(super) fn version(&self) -> Option<TokenVersion> {
        match self.ver.as_deref() {
            Some("1.0") => Some(TokenVersion::V1),
            Some("2.0") => Some(TokenVersion::V2),
            _ => None,
        }
    }

    /// The application that the token was issued to.
    pub(super) fn application(&self, version: TokenVersion) -> Option<&str> {
        match version {
            TokenVersion::V1 => self.appid.as_deref(),
            TokenVersion::V2 => self.azp.as_deref(),
        }
    }

    /// The scopes, without the `/` that stands for none.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &str> {
        let scopes = self.scp.as_deref().unwrap_or_default().split(' ');
        scopes
            .filter(|scope| !matches!(*scope, "" | "/"))
            .take(limits::ENTRA_TOKEN_NAMES)
    }

    /// Whether its client takes claims challenges.
    pub(super) fn takes_challenges(&self) -> bool {
        let mut capabilities = self.xms_cc.iter().flatten();
        capabilities.any(|capability| capability.eq_ignore_ascii_case("cp1"))
    }

    /// Whether it has a role.
    pub(super) fn has_roles(&self) -> bool {
        self.roles.as_ref().is_some_and(|roles| !roles.is_empty())
    }

    /// The name to sign in with, in version 1.0.
    pub(super) fn username(&self) -> Option<String> {
        let name = self.upn.as_deref().or(self.unique_name.as_deref());
        shown(&Value::from(name?))
    }
}
