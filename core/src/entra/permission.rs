//! A permission that a call asks a token for (Microsoft identity platform, "Scopes and
//! permissions"): of Microsoft Graph, for which a token is stored, or of any other resource.
//!
//! `https://graph.microsoft.com/` and no resource at all both mean the Graph that is configured, so
//! that the same call works in a national cloud and in the dev tenant.

use crate::{
    catalog::{ScopeDefinition, scope::Scope},
    config::EntraApp,
    limits,
};

/// The resource that Microsoft's documentation names everywhere.
const GRAPH: &str = "https://graph.microsoft.com/";

/// Permissions of one resource, as Entra is asked for them: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permission(Vec<String>);

impl Permission {
    /// Reads scopes of Entra's with spaces between them. `None` if they are malformed.
    pub(crate) fn parse(scope_text: &str, entra: &EntraApp) -> Option<Self> {
        let allowed = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if scope_text.len() > limits::SCOPE_BYTES || !scope_text.bytes().all(allowed) {
            return None;
        }
        let scopes = scope_text.split(' ').filter(|scope| !scope.is_empty());
        let scopes: Vec<_> = scopes
            .map(|scope| match scope.strip_prefix(GRAPH) {
                Some(of_graph) => format!("{}{of_graph}", graph(entra)),
                None if scope.contains('/') => scope.to_owned(),
                None => format!("{}{scope}", graph(entra)),
            })
            .collect();
        (!scopes.is_empty()).then_some(Self(scopes))
    }

    /// Whether a token of Graph that has these scopes will do. Entra writes them with the resource or
    /// without, and in whichever case it knows them.
    pub(crate) fn is_covered_by(&self, graph_scope: &str, entra: &EntraApp) -> bool {
        let graph = graph(entra);
        let held = graph_scope.split(' ');
        let held = held.map(|scope| scope.rsplit('/').next().unwrap_or(scope));
        self.0.iter().all(|scope| {
            let name = scope.strip_prefix(&graph);
            name.is_some_and(|name| held.clone().any(|one| one.eq_ignore_ascii_case(name)))
        })
    }

    /// Whether each is one that a scope of these stands for.
    pub(crate) fn is_among(&self, scope: &Scope, entra: &EntraApp) -> bool {
        self.0.iter().all(|wanted| {
            let mut granted = scope.iter();
            granted.any(|granted| is_permission_of(granted, wanted, entra))
        })
    }

    /// Whether one of them is what this scope stands for.
    pub(crate) fn needs(&self, scope: &ScopeDefinition, entra: &EntraApp) -> bool {
        let mut wanted = self.0.iter();
        wanted.any(|wanted| is_permission_of(scope, wanted, entra))
    }

    /// What Entra is asked for: the refresh token is to be rotated.
    pub(crate) fn to_entra_scope(&self) -> String {
        format!("openid profile offline_access {}", self.to_resource_scope())
    }

    /// The permissions alone, for a token without a refresh token.
    pub(crate) fn to_resource_scope(&self) -> String {
        self.0.join(" ")
    }
}

/// Whether a scope stands for this permission, which names its resource.
fn is_permission_of(scope: &ScopeDefinition, wanted: &str, entra: &EntraApp) -> bool {
    let own = Permission::parse(&scope.permission, entra);
    own.is_some_and(|own| own.0.iter().all(|own| own.eq_ignore_ascii_case(wanted)))
}

/// The configured Graph, with a slash at its end.
fn graph(entra: &EntraApp) -> String {
    format!("{}/", entra.graph.as_str().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestServer;

    #[test]
    fn permission_of_graph_is_of_the_configured_graph() {
        let server = TestServer::dev();
        let entra = &server.server.config.entra;
        for scope_text in [
            "https://graph.microsoft.com/Mail.Read",
            "https://graph.example/Mail.Read",
            " Mail.Read ",
        ] {
            let permission = Permission::parse(scope_text, entra).unwrap();
            let asked = permission.to_entra_scope();
            assert!(
                asked.ends_with(" https://graph.example/Mail.Read"),
                "{asked}"
            );
            for held in [
                "openid User.Read mail.read",
                "https://graph.example/Mail.Read x",
            ] {
                assert!(permission.is_covered_by(held, entra), "{held}");
            }
            for held in ["User.Read", "Mail.ReadBasic", ""] {
                assert!(!permission.is_covered_by(held, entra), "{held}");
            }
        }
    }

    // P9: a token of one resource is not given for another.
    #[test]
    fn permission_of_another_resource_is_not_covered_by_graphs_token() {
        let server = TestServer::dev();
        let entra = &server.server.config.entra;
        for scope_text in [
            "api://11111111-1111-1111-1111-111111111111/User.Read",
            "https://graph.example.evil/User.Read",
            "https://graph.microsoft.com.evil/User.Read",
            "https://graph.example/.default",
            "User.Read api://other/User.Read",
        ] {
            let permission = Permission::parse(scope_text, entra).unwrap();
            assert!(
                !permission.is_covered_by("User.Read", entra),
                "{scope_text}"
            );
        }
        for bad in ["", "  ", "a\r\nb", "a\"b", &"x".repeat(2000)] {
            assert_eq!(Permission::parse(bad, entra), None, "{bad}");
        }
    }
}
