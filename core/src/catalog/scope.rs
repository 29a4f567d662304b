//! Scopes: the short ones that clients see, and the hidden table to Entra's.
//!
//! A client is granted what it asked for as far as it is offered, and the answer says what that is (RFC 6749
//! section 3.3). Without `scope` it gets `user.read` alone: what needs more says so when it is asked
//! for, and the user is asked then (MCP, authorization, step-up flow).

use super::ScopeDefinition;
use crate::{config::EntraApp, limits};

/// The scope that every server offers, and the only one that is granted where `scope` is left out.
const USER_READ: &str = "user.read";

/// Scopes that clients add out of habit. They mean nothing here and are no reason to refuse.
/// `offline_access` is never offered: whoever lists it makes clients ask for consent at every
/// sign-in.
pub(crate) const OIDC_SCOPES: [&str; 4] = ["offline_access", "openid", "profile", "email"];

/// All scopes that a server offers: `user.read` first, then those of its catalog.
#[derive(Debug)]
pub(crate) struct Scopes(Vec<ScopeDefinition>);

/// The scopes that were granted: at least one, in the order in which they are offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope(Vec<ScopeDefinition>);

/// Why nothing can be granted of what a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeError {
    /// It is longer than [`limits::SCOPE_BYTES`], or holds characters that no scope has.
    Malformed,
    /// None of the scopes is offered.
    NotOffered,
}

impl ScopeError {
    /// The text of `error_description`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "The scope is too long or malformed.",
            Self::NotOffered => "No scope that was asked for is offered.",
        }
    }
}

impl Scopes {
    /// Those of a catalog, and `user.read`.
    pub(crate) fn new(more: &[ScopeDefinition]) -> Self {
        let description =
            "See who you are: your name, e-mail address and the rest of your work profile.";
        let mut scopes = vec![ScopeDefinition {
            name: USER_READ.to_owned(),
            permission: "User.Read".to_owned(),
            description: description.to_owned(),
        }];
        scopes.extend_from_slice(more);
        Self(scopes)
    }

    /// All that is offered.
    pub(crate) fn all(&self) -> Scope {
        Scope(self.0.clone())
    }

    /// The names of all of them.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|offered| offered.name.as_str()).collect()
    }

    /// What a client that leaves `scope` out is granted.
    pub(crate) fn default(&self) -> Scope {
        self.among(|name| name == USER_READ)
    }

    /// What a client that asks for this is granted.
    pub(crate) fn grant(&self, requested: Option<&str>) -> Result<Scope, ScopeError> {
        self.grant_of(requested, &[])
    }

    /// The same for a client that may have some scopes only, and gets all of these if it asks for none. Without any
    /// named it is a client like others.
    pub(crate) fn grant_of(
        &self,
        requested: Option<&str>,
        allowed: &[String],
    ) -> Result<Scope, ScopeError> {
        let requested = requested.unwrap_or_default();
        let well_formed = requested
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
        if requested.len() > limits::SCOPE_BYTES || !well_formed {
            return Err(ScopeError::Malformed);
        }
        let requested_scopes = || {
            requested
                .split(' ')
                .filter(|scope| !scope.is_empty() && !OIDC_SCOPES.contains(scope))
        };
        let is_allowed = |name: &str| allowed.is_empty() || allowed.iter().any(|one| one == name);
        let asks_for_none = requested_scopes().next().is_none();
        if asks_for_none && allowed.is_empty() {
            return Ok(self.default());
        }
        let granted = self.among(|name| {
            is_allowed(name) && (asks_for_none || requested_scopes().any(|scope| scope == name))
        });
        if granted.0.is_empty() {
            return Err(ScopeError::NotOffered);
        }
        Ok(granted)
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(&self, text: &str) -> Option<Scope> {
        let scope = self.among(|name| text.split(' ').any(|one| one == name));
        (scope.to_string() == text && !text.is_empty()).then_some(scope)
    }

    /// What is left of the scopes of a session, whose server may have been changed meanwhile.
    pub(crate) fn held(&self, session_scope: &str) -> Scope {
        let held = self.among(|name| session_scope.split(' ').any(|one| one == name));
        if held.0.is_empty() {
            self.default()
        } else {
            held
        }
    }

    /// All that a client must ask for to get what is needed without losing what it has.
    pub(crate) fn widened(&self, held: &str, needed: &[String]) -> Scope {
        let is_held = |name: &str| held.split(' ').any(|one| one == name);
        self.among(|name| is_held(name) || needed.iter().any(|one| one == name))
    }

    /// The names of those of which this is true, with spaces between them.
    pub(crate) fn standing_for(&self, is_one: impl Fn(&ScopeDefinition) -> bool) -> String {
        let found = self.0.iter().filter(|offered| is_one(offered));
        let names: Vec<_> = found.map(|offered| offered.name.as_str()).collect();
        names.join(" ")
    }

    fn among(&self, is_one: impl Fn(&str) -> bool) -> Scope {
        let found = self.0.iter().filter(|offered| is_one(&offered.name));
        Scope(found.cloned().collect())
    }
}

impl Scope {
    /// The scopes that are granted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ScopeDefinition> {
        self.0.iter()
    }

    /// Whether every scope of `other` is one of these.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.0.contains(scope))
    }

    /// Whether Entra's `scope` holds the permission of each that is Graph's: the token is for one resource only. Entra writes
    /// them with the resource or without, as they were asked for, and in whichever case it knows them.
    pub(crate) fn is_granted_by(&self, entra_scope: &str) -> bool {
        let granted = entra_scope
            .split(' ')
            .map(|scope| scope.rsplit('/').next().unwrap_or(scope));
        self.of_graph().all(|permission| {
            granted
                .clone()
                .any(|scope| scope.eq_ignore_ascii_case(permission))
        })
    }

    /// The permissions of Microsoft Graph.
    fn of_graph(&self) -> impl Iterator<Item = &str> {
        let permissions = self.0.iter().map(|offered| offered.permission.as_str());
        permissions.filter(|permission| !permission.is_empty() && !permission.contains('/'))
    }

    /// What the user is asked to consent to: the sign-in itself, a refresh token, and all permissions. Those of other resources
    /// than Microsoft Graph are consented to with it, and asked for one by one when they are needed (Microsoft identity
    /// platform, "Scopes and permissions").
    pub(crate) fn to_consent_scope(&self, entra: &EntraApp) -> String {
        let permissions = self.0.iter().map(|offered| offered.permission.as_str());
        let of_others = permissions.filter(|permission| permission.contains('/'));
        let graph = self.to_entra_scope(entra);
        let all = std::iter::once(graph.as_str()).chain(of_others);
        all.collect::<Vec<_>>().join(" ")
    }

    /// What Entra is asked for: the sign-in itself, a refresh token, and the permissions of
    /// Microsoft Graph, of one resource only (AADSTS28000).
    pub(crate) fn to_entra_scope(&self, entra: &EntraApp) -> String {
        let graph = self.to_resource_scope(entra);
        format!("openid profile offline_access {graph}")
    }

    /// The permissions of Microsoft Graph alone, for a token without a refresh token. Where none was granted, it is
    /// `User.Read`, which every sign-in has: a token is of some resource.
    pub(crate) fn to_resource_scope(&self, entra: &EntraApp) -> String {
        let graph = entra.graph.as_str().trim_end_matches('/');
        let permissions: Vec<_> = self
            .of_graph()
            .map(|permission| format!("{graph}/{permission}"))
            .collect();
        match permissions.is_empty() {
            true => format!("{graph}/User.Read"),
            false => permissions.join(" "),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.0.iter().map(|offered| offered.name.as_str()).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(name: &str, graph: &str) -> ScopeDefinition {
        ScopeDefinition {
            name: name.to_owned(),
            permission: graph.to_owned(),
            description: "Read.".to_owned(),
        }
    }

    /// A server that offers mail and files too.
    fn scopes() -> Scopes {
        Scopes::new(&[
            offered("mail.read", "Mail.Read"),
            offered("files.read", "Files.Read"),
        ])
    }

    fn granted(scopes: &Scopes, requested: &str) -> Option<String> {
        let scope = scopes.grant(Some(requested)).ok()?;
        Some(scope.to_string())
    }

    // C11
    #[test]
    fn scope_that_is_not_offered_is_not_granted() {
        let scopes = Scopes::new(&[]);
        assert_eq!(scopes.grant(None).unwrap().to_string(), "user.read");
        for asked in [
            "user.read",
            "user.read offline_access",
            "offline_access",
            "openid profile user.read",
            "user.read mail.read admin",
            " user.read  user.read ",
        ] {
            assert_eq!(
                granted(&scopes, asked).as_deref(),
                Some("user.read"),
                "{asked}"
            );
        }
        for asked in ["mail.read", "User.Read", "user.read\r\nX: y", "a\"b"] {
            assert_eq!(granted(&scopes, asked), None, "{asked}");
        }
        // RFC 6749 section 3.3: not even beside one that is offered.
        for asked in ["user.read a\"b", "user.read a\\b", "user.read \u{7f}"] {
            assert_eq!(granted(&scopes, asked), None, "{asked}");
        }
        assert_eq!(granted(&scopes, &"x ".repeat(1000)), None);
        assert_eq!(scopes.all().to_string(), "user.read");
    }

    // C11: a client that does not ask for more does not get more.
    #[test]
    fn optional_scope_is_granted_on_request() {
        let scopes = scopes();
        assert_eq!(scopes.grant(None).unwrap().to_string(), "user.read");
        for (asked, given) in [
            ("openid offline_access", "user.read"),
            ("mail.read", "mail.read"),
            ("files.read x user.read", "user.read files.read"),
            (
                "files.read mail.read user.read",
                "user.read mail.read files.read",
            ),
        ] {
            assert_eq!(granted(&scopes, asked).as_deref(), Some(given), "{asked}");
        }
    }

    #[test]
    fn stored_scope_that_is_no_longer_offered_is_dropped() {
        let (before, after) = (
            scopes(),
            Scopes::new(&[offered("files.read", "Files.Read")]),
        );
        let written = before.all().to_string();
        assert_eq!(before.parse(&written), Some(before.all()));
        assert_eq!(before.parse(""), None);
        assert_eq!(after.parse(&written), None);
        assert_eq!(after.held(&written).to_string(), "user.read files.read");
        assert_eq!(after.held("mail.read").to_string(), "user.read");
    }

    // MCP, authorization, scope challenge: nothing that is held is lost by asking for more.
    #[test]
    fn step_up_scope_has_the_held_and_the_required_ones() {
        let needed = ["mail.read".to_owned()];
        let widened = scopes().widened("user.read gone", &needed);
        assert_eq!(widened.to_string(), "user.read mail.read");
        let widened = scopes().widened("mail.read files.read", &needed);
        assert_eq!(widened.to_string(), "mail.read files.read");
    }

    // Entra: a sign-in may be for several resources, a token is of one (AADSTS28000).
    #[test]
    fn permission_of_another_resource_is_consented_to_and_in_no_token_of_graph() {
        let server = crate::testing::TestServer::dev();
        let entra = &server.server.config.entra;
        let scopes = Scopes::new(&[
            offered("mail.read", "Mail.Read"),
            offered("orders.read", "api://orders/Orders.Read"),
        ]);
        let all = scopes.all();
        assert_eq!(
            all.to_consent_scope(entra),
            "openid profile offline_access https://graph.example/User.Read \
             https://graph.example/Mail.Read api://orders/Orders.Read"
        );
        assert!(!all.to_entra_scope(entra).contains("orders"));
        assert!(all.is_granted_by("User.Read Mail.Read"));
        let orders = scopes.grant(Some("orders.read")).unwrap();
        let graph = "https://graph.example/User.Read";
        assert_eq!(orders.to_resource_scope(entra), graph);
        assert!(orders.is_granted_by("openid User.Read"));
    }

    // R7: what only a backend knows is no matter of Entra's.
    #[test]
    fn scope_of_a_policy_asks_nothing_of_entra() {
        let scopes = Scopes::new(&[offered("orders.write", "")]);
        let entra = crate::testing::TestServer::dev().server.config.entra;
        let asked = |scope: &str| {
            let scope = scopes.grant(Some(scope)).unwrap();
            assert!(scope.is_granted_by("openid User.Read"));
            scope.to_resource_scope(&entra)
        };
        let alone = asked("orders.write");
        assert!(alone.ends_with("/User.Read"), "{alone}");
        assert_eq!(asked("user.read orders.write"), alone);
    }

    #[test]
    fn granted_entra_scopes_match_in_every_spelling() {
        let scope = scopes().grant(Some("user.read mail.read")).unwrap();
        for good in [
            "User.Read Mail.Read",
            "openid mail.read https://graph.microsoft.com/user.read",
        ] {
            assert!(scope.is_granted_by(good), "{good}");
        }
        for less in ["User.Read", "User.Read Mail.ReadBasic", ""] {
            assert!(!scope.is_granted_by(less), "{less}");
        }
    }
}
