//! What users may do of that which a backend offers: one file of the operator says it, which the runtime reads.
//!
//! The first rule decides that names a tool, a prompt or a resource. Who has none of the roles or groups of a rule does not see what it
//! names; scopes, arguments and the confirmation count when a tool is called.

mod argument;
mod rule;
#[cfg(test)]
mod tests;
mod uri;

use std::{borrow::Cow, collections::BTreeMap};

pub use self::{
    argument::{ArgumentCheck, ArgumentRule},
    rule::{Confirmation, NamePattern, PolicyRule},
};
use crate::catalog::Names;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// A tool, by its name.
    Tool,
    /// A prompt, by its name.
    Prompt,
    /// A resource, by its URI; a template, by its text.
    Resource,
}

/// What users may do of that which a backend offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether what no rule names is not there.
    pub denies_others: bool,
    /// The rules of tools.
    pub tools: Vec<PolicyRule>,
    /// The rules of prompts.
    pub prompts: Vec<PolicyRule>,
    /// The rules of resources.
    pub resources: Vec<PolicyRule>,
    /// The policies of backends that have names, each for itself: of what is above nothing counts for them, and who is not here has
    /// none.
    pub backends: BTreeMap<String, Self>,
}

impl Policy {
    /// Everything is allowed.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Policy = Policy {
            denies_others: false,
            tools: Vec::new(),
            prompts: Vec::new(),
            resources: Vec::new(),
            backends: BTreeMap::new(),
        };
        &NONE
    }

    /// That of the backend of this name.
    pub(crate) fn of(&self, backend: Option<&str>) -> &Self {
        match backend {
            Some(name) => self.backends.get(name).unwrap_or(Self::none()),
            None => self,
        }
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let own = self.tools.len() + self.prompts.len() + self.resources.len();
        own + self.backends.values().map(Self::len).sum::<usize>()
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rules of one kind.
    #[must_use]
    pub fn rules(&self, kind: PolicyKind) -> &[PolicyRule] {
        match kind {
            PolicyKind::Tool => &self.tools,
            PolicyKind::Prompt => &self.prompts,
            PolicyKind::Resource => &self.resources,
        }
    }

    /// Whether something of this kind may be hidden from somebody.
    pub(crate) fn hides(&self, kind: PolicyKind) -> bool {
        self.denies_others || self.rules(kind).iter().any(PolicyRule::hides)
    }

    /// The rule that decides of what has this name.
    pub(crate) fn rule(&self, kind: PolicyKind, name: &str) -> Option<&PolicyRule> {
        let mut rules = self.rules(kind).iter();
        rules.find(|rule| rule.name.matches(name))
    }

    /// Whether a user of these roles and groups may know of what has this name. A resource may be written in several ways: it has to be
    /// there in each of them (threat R7).
    pub(crate) fn shows(
        &self,
        kind: PolicyKind,
        name: &str,
        (roles, groups): (&Names, &Names),
    ) -> bool {
        let says = |name: &str| {
            let rule = self.rule(kind, name);
            rule.map(|rule| rule.is_for(roles, groups))
        };
        let shows = |name: &str| says(name).unwrap_or(!self.denies_others);
        let normal = match kind {
            PolicyKind::Resource => uri::normal(name),
            PolicyKind::Tool | PolicyKind::Prompt => Cow::Borrowed(name),
        };
        // Many servers open the same file with a slash behind its name.
        let file = normal
            .strip_suffix('/')
            .filter(|_| kind == PolicyKind::Resource);
        let is_hidden = file.is_some_and(|file| says(file) == Some(false));
        shows(name) && (normal == name || shows(&normal)) && !is_hidden
    }
}
