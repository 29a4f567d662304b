//! Which access tokens of Entra ID are taken in place of a session token, and whom clients are sent to for one.

use std::collections::BTreeSet;

use crate::provider_metadata::is_guid;

/// Which access tokens for this application are taken at the MCP endpoints.
///
/// ```
/// use entra_mcp_core::config::{AcceptedEntraTokens, TokenVersion};
/// let mut accepted = AcceptedEntraTokens::default();
/// assert!(accepted.add_version(TokenVersion::V2));
/// assert!(accepted.add_application("04B07795-8DDB-461A-BBEE-02F9E1BF7B46"));
/// assert!(!accepted.add_application("Azure CLI"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptedEntraTokens {
    versions: BTreeSet<TokenVersion>,
    app_id_uris: BTreeSet<String>,
    applications: BTreeSet<String>,
    scopes: BTreeSet<String>,
    roles: BTreeSet<String>,
    refuses_agents: bool,
}

/// A version of Entra's access tokens, which the registration of the application chooses (`requestedAccessTokenVersion`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenVersion {
    /// `ver` is `1.0`: what a registration has that says nothing.
    V1,
    /// `ver` is `2.0`.
    V2,
}

/// Which authorization servers the protected resource metadata names (RFC 9728 section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorizationServers {
    /// This server alone.
    #[default]
    Own,
    /// Entra ID alone.
    Entra,
    /// This server, and after it Entra ID.
    Both,
}

impl AcceptedEntraTokens {
    /// Takes tokens of this version.
    pub fn add_version(&mut self, version: TokenVersion) -> bool {
        self.versions.insert(version)
    }

    /// Takes tokens for this App ID URI, too; whether it is one.
    pub fn add_app_id_uri(&mut self, uri: &str) -> bool {
        let uri = uri.strip_suffix('/').unwrap_or(uri);
        let is_absolute = uri.split_once("://").is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && !scheme.is_empty()
                && scheme.bytes().all(|byte| byte.is_ascii_lowercase())
        });
        let is_visible = uri
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
        let is_uri = is_absolute && is_visible && uri.len() <= 255;
        if is_uri {
            self.app_id_uris.insert(uri.to_owned());
        }
        is_uri
    }

    /// Takes tokens of this application, by its client id, and no others; whether it is one.
    pub fn add_application(&mut self, client_id: &str) -> bool {
        let is_one = is_guid(client_id);
        if is_one {
            self.applications.insert(client_id.to_ascii_lowercase());
        }
        is_one
    }

    /// Takes tokens of users that have this scope, or another that is named; whether it is one.
    pub fn add_scope(&mut self, scope: &str) -> bool {
        is_name(scope) && {
            self.scopes.insert(scope.to_owned());
            true
        }
    }

    /// Takes tokens of applications that have this app role, or another that is named; whether it is one.
    pub fn add_role(&mut self, role: &str) -> bool {
        is_name(role) && {
            self.roles.insert(role.to_owned());
            true
        }
    }

    /// Takes no tokens of agents.
    pub fn refuse_agents(&mut self) {
        self.refuses_agents = true;
    }

    /// Whether tokens of this version are taken.
    #[must_use]
    pub fn has_version(&self, version: TokenVersion) -> bool {
        self.versions.contains(&version)
    }

    /// Whether a token for this is for the application: its client id, or, in version 1, an App ID URI with a slash at
    /// its end or without.
    pub(crate) fn is_audience(
        &self,
        audience: &str,
        client_id: &str,
        version: TokenVersion,
    ) -> bool {
        let uri = audience.strip_suffix('/').unwrap_or(audience);
        audience.eq_ignore_ascii_case(client_id)
            || version == TokenVersion::V1 && self.app_id_uris.contains(uri)
    }

    /// Whether this application may call at all.
    pub(crate) fn takes_application(&self, client_id: &str) -> bool {
        self.applications.is_empty() || self.applications.contains(client_id)
    }

    /// Whether the operator has named this application, so that it needs no role.
    pub(crate) fn names_application(&self, client_id: &str) -> bool {
        self.applications.contains(client_id)
    }

    /// The scopes of which a user's token must have one; none: one of this server's own.
    pub(crate) fn scopes(&self) -> &BTreeSet<String> {
        &self.scopes
    }

    /// The app roles of which an application's token must have one; none: the application must be named.
    pub(crate) fn roles(&self) -> &BTreeSet<String> {
        &self.roles
    }

    /// Whether agents may call.
    pub(crate) fn takes_agents(&self) -> bool {
        !self.refuses_agents
    }

    /// The App ID URI that scopes are asked for with at Entra ID: the first that was named, else that of a new
    /// registration.
    pub(crate) fn app_id_uri(&self, client_id: &str) -> String {
        let named = self.app_id_uris.first().cloned();
        named.unwrap_or_else(|| format!("api://{client_id}"))
    }
}

/// Whether this can be the value of a scope or of an app role of Entra's.
fn is_name(text: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/' | b',');
    !text.is_empty() && text.len() <= 120 && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "22222222-2222-2222-2222-222222222222";

    // D16
    #[test]
    fn audience_is_the_client_id_or_in_version_1_an_app_id_uri_that_is_named() {
        let mut accepted = AcceptedEntraTokens::default();
        assert!(accepted.add_app_id_uri("https://mcp.contoso.com/mcp/"));
        for (audience, v1, v2) in [
            (ID, true, true),
            ("https://mcp.contoso.com/mcp", true, false),
            ("https://mcp.contoso.com/mcp/", true, false),
            ("https://mcp.contoso.com/MCP", false, false),
            ("https://mcp.contoso.com/mcp//", false, false),
            ("https://mcp.contoso.com", false, false),
            ("https://graph.microsoft.com", false, false),
            ("00000003-0000-0000-c000-000000000000", false, false),
            ("", false, false),
        ] {
            let is_one = |version| accepted.is_audience(audience, ID, version);
            let found = (is_one(TokenVersion::V1), is_one(TokenVersion::V2));
            assert_eq!(found, (v1, v2), "{audience}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let mut accepted = AcceptedEntraTokens::default();
        for uri in [
            "",
            "mcp",
            "://x",
            "https://",
            "api://a b",
            "API://x",
            "api://\"x",
        ] {
            assert!(!accepted.add_app_id_uri(uri), "{uri}");
        }
        for name in ["", "a b", "a\"b", "api://x/scope", &"x".repeat(121)] {
            assert!(
                !accepted.add_scope(name) && !accepted.add_role(name),
                "{name}"
            );
        }
        assert_eq!(accepted, AcceptedEntraTokens::default());
        assert!(accepted.add_scope("tools.read") && accepted.add_role("Tools.Execute.All"));
    }
}
