//! One rule of the policy.

use super::argument::ArgumentRule;
use crate::catalog::Names;

/// What is named, and what has to hold for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRule {
    /// What it is about.
    pub name: NamePattern,
    /// It is there for nobody.
    pub hidden: bool,
    /// It is there for who has one of these app roles; empty: whoever.
    pub roles: Vec<String>,
    /// It is there for who is in one of these groups; empty: whoever.
    pub groups: Vec<String>,
    /// It may be called with all of these scopes.
    pub scopes: Vec<String>,
    /// What holds for its arguments.
    pub arguments: Vec<ArgumentRule>,
    /// What the user is asked before it is called.
    pub confirmation: Option<Confirmation>,
}

impl PolicyRule {
    /// A rule that allows what has this name to everybody.
    #[must_use]
    pub fn allowing(name: NamePattern) -> Self {
        Self {
            name,
            hidden: false,
            roles: Vec::new(),
            groups: Vec::new(),
            scopes: Vec::new(),
            arguments: Vec::new(),
            confirmation: None,
        }
    }

    /// Whether it hides what it names from somebody.
    pub(super) fn hides(&self) -> bool {
        self.hidden || !self.roles.is_empty() || !self.groups.is_empty()
    }

    /// Whether what it names is there for a user of these roles and groups.
    pub(super) fn is_for(&self, roles: &Names, groups: &Names) -> bool {
        let meets = |needed: &[String], held: &Names| {
            needed.is_empty() || needed.iter().any(|one| held.contains(one))
        };
        !self.hidden && meets(&self.roles, roles) && meets(&self.groups, groups)
    }
}

/// A name, or how names begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePattern {
    /// Exactly this.
    Exactly(String),
    /// All that begin with this.
    Beginning(String),
}

impl NamePattern {
    /// Reads a name, with `*` at its end for whatever follows; `None` if it is empty, or has another `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let read = match text.strip_suffix('*') {
            Some(beginning) => Self::Beginning(beginning.to_owned()),
            None => Self::Exactly(text.to_owned()),
        };
        let (Self::Exactly(rest) | Self::Beginning(rest)) = &read;
        (!rest.contains('*') && !text.is_empty()).then_some(read)
    }

    /// Whether it is the name of this.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exactly(own) => own == name,
            Self::Beginning(beginning) => name.starts_with(beginning.as_str()),
        }
    }
}

/// What the user is asked before a tool is called: words, and arguments in braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Argument(String),
}

impl Confirmation {
    /// Reads words with names of arguments in braces; `None` if there are no words, or a brace is not closed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((words, more)) = rest.split_once('{') {
            let (name, more) = more.split_once('}')?;
            if words.contains('}') || name.is_empty() || name.contains('{') {
                return None;
            }
            pieces.push(Piece::Words(words.to_owned()));
            pieces.push(Piece::Argument(name.to_owned()));
            rest = more;
        }
        if rest.contains('}') || text.trim().is_empty() {
            return None;
        }
        pieces.push(Piece::Words(rest.to_owned()));
        Some(Self(pieces))
    }

    /// The question, with the values of the arguments.
    pub(crate) fn text(&self, value: impl Fn(&str) -> String) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Argument(name) => value(name),
        });
        pieces.collect()
    }
}
