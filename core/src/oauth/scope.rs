//! Scopes: the short ones that clients see, and the hidden table to Entra's (products.md 25).
//!
//! A client is granted what it asked for as far as it is offered, and told what that is (RFC 6749
//! section 3.3). Without a wish it gets all that is offered.

use super::error::{OAuthError, Refusal};
use crate::{config::EntraApp, limits};

/// A scope that clients may ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offered {
    /// Its name towards clients.
    pub(crate) name: &'static str,
    /// The permission of Microsoft Graph that it stands for.
    graph: &'static str,
    /// What it allows, for the consent page.
    pub(crate) words: &'static str,
}

/// All scopes that are offered. `offline_access` is not among them: whoever lists it makes clients
/// ask for consent at every sign-in (products.md 2).
pub(crate) const OFFERED: [Offered; 1] = [Offered {
    name: "user.read",
    graph: "User.Read",
    words: "See who you are: your name, e-mail address and the rest of your work profile.",
}];

/// Scopes that clients add out of habit. They mean nothing here and are no reason to refuse.
const TOLERATED: [&str; 4] = ["offline_access", "openid", "profile", "email"];

/// The scopes that were granted: at least one, in the order of [`OFFERED`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope(Vec<&'static Offered>);

impl Scope {
    /// All that is offered.
    pub(crate) fn all() -> Self {
        Self(OFFERED.iter().collect())
    }

    /// What a client that asks for this is granted.
    pub(crate) fn grant(requested: Option<&str>) -> Result<Self, Refusal> {
        let requested = requested.unwrap_or_default();
        let well_formed = requested
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
        if requested.len() > limits::SCOPE_BYTES || !well_formed {
            return Err(refusal("The scope is too long or malformed."));
        }
        let wishes = || {
            requested
                .split(' ')
                .filter(|wish| !wish.is_empty() && !TOLERATED.contains(wish))
        };
        if wishes().next().is_none() {
            return Ok(Self::all());
        }
        let granted = OFFERED
            .iter()
            .filter(|offered| wishes().any(|wish| wish == offered.name));
        let granted = Self(granted.collect());
        if granted.0.is_empty() {
            return Err(refusal("No scope that was asked for is offered."));
        }
        Ok(granted)
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let scope = Self::grant(Some(text)).ok()?;
        (scope.to_string() == text).then_some(scope)
    }

    /// The scopes that are granted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Offered> {
        self.0.iter().copied()
    }

    /// Whether every scope of `other` is one of these.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.0.contains(scope))
    }

    /// Whether Entra's `scope` holds the permission of each. Entra writes them with the resource or
    /// without, as they were asked for, and in whichever case it knows them.
    pub(crate) fn is_granted_by(&self, entra_scope: &str) -> bool {
        let granted = entra_scope
            .split(' ')
            .map(|scope| scope.rsplit('/').next().unwrap_or(scope));
        self.0.iter().all(|offered| {
            granted
                .clone()
                .any(|scope| scope.eq_ignore_ascii_case(offered.graph))
        })
    }

    /// What Entra is asked for: the sign-in itself, a refresh token, and the permissions of
    /// Microsoft Graph, of one resource only (AADSTS28000).
    pub(crate) fn of_entra(&self, entra: &EntraApp) -> String {
        let mut scope = "openid profile offline_access".to_owned();
        for offered in &self.0 {
            scope.push_str(&format!(
                " {}/{}",
                entra.graph.as_str().trim_end_matches('/'),
                offered.graph
            ));
        }
        scope
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.0.iter().map(|offered| offered.name).collect();
        f.write_str(&names.join(" "))
    }
}

fn refusal(description: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidScope, description)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(requested: &str) -> Option<String> {
        let scope = Scope::grant(Some(requested)).ok()?;
        Some(scope.to_string())
    }

    // C11: AUTHZ-16, META-11; products.md 2, 25
    #[test]
    fn only_what_is_offered_is_granted() {
        assert_eq!(Scope::grant(None).unwrap().to_string(), "user.read");
        for asked in [
            "user.read",
            "user.read offline_access",
            "offline_access",
            "openid profile user.read",
            "user.read mail.readwrite admin",
            " user.read  user.read ",
        ] {
            assert_eq!(granted(asked).as_deref(), Some("user.read"), "{asked}");
        }
        for asked in ["mail.readwrite", "User.Read", "user.read\r\nX: y", "a\"b"] {
            assert_eq!(granted(asked), None, "{asked}");
        }
        assert_eq!(granted(&"x ".repeat(1000)), None);
        assert!(
            OFFERED
                .iter()
                .all(|offered| offered.name != "offline_access")
        );
    }
}
