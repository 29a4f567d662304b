//! For whom something that is offered is: roles and groups decide who sees it, scopes what a client must have been granted.
//!
//! Threats P1 and P8.

use super::Names;

/// For whom something is; by default for everybody who signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audience {
    scopes: Vec<String>,
    roles: Vec<String>,
    groups: Vec<String>,
}

/// Everybody who signed in.
pub(super) static EVERYBODY: Audience = Audience {
    scopes: Vec::new(),
    roles: Vec::new(),
    groups: Vec::new(),
};

impl Audience {
    pub(super) fn require_scope(&mut self, scope: String) {
        self.scopes.push(scope);
    }

    pub(super) fn require_role(&mut self, role: String) {
        self.roles.push(role);
    }

    pub(super) fn require_group(&mut self, group: &str) {
        // As they are read from ID tokens.
        self.groups.push(group.to_ascii_lowercase());
    }

    /// The scopes all of which the client must have been granted.
    pub(crate) fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The groups one of which is required.
    pub(crate) fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Whether somebody with these roles and groups may know of it.
    pub(crate) fn includes(&self, roles: &Names, groups: &Names) -> bool {
        let meets = |needed: &[String], held: &Names| {
            needed.is_empty() || needed.iter().any(|one| held.contains(one))
        };
        meets(&self.roles, roles) && meets(&self.groups, groups)
    }
}

/// Writes the methods by which something is for some only. The argument is the path of the field.
macro_rules! audience_methods {
    ($($field:ident).+) => {
        /// The session token must have this scope, one of those that the server offers; call it once for
        /// each. A client without it gets an error that says so, and may sign in for more.
        #[must_use]
        pub fn requires_scope(mut self, scope: impl Into<String>) -> Self {
            self.$($field).+.require_scope(scope.into());
            self
        }

        /// The user must have one of the app roles that are named so. For who has none it is not there.
        #[must_use]
        pub fn requires_role(mut self, role: impl Into<String>) -> Self {
            self.$($field).+.require_role(role.into());
            self
        }

        /// The user must be in one of the groups whose object ids are named so. For who is in none it is not there.
        #[must_use]
        pub fn requires_group(mut self, group: impl Into<String>) -> Self {
            self.$($field).+.require_group(&group.into());
            self
        }

        pub(crate) fn audience(&self) -> &$crate::catalog::Audience {
            &self.$($field).+
        }
    };
}
pub(super) use audience_methods;
