//! A schema that was checked.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value;

use crate::{compile, error::Error, evaluate::Evaluation, value::Place};

/// A schema: one document whose keywords are right and whose references lead somewhere in it.
#[derive(Debug)]
pub struct Schema {
    pub(crate) root: Value,
    /// What each reference leads to, as a JSON Pointer.
    pub(crate) references: BTreeMap<String, String>,
    pub(crate) patterns: BTreeMap<String, Regex>,
    /// Whether it asks what other keywords have looked at.
    pub(crate) tracks: bool,
}

impl Schema {
    /// Checks a schema.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words: a keyword has a value of the wrong kind, a pattern cannot be read, a
    /// reference leads nowhere, in a circle, or to another document.
    pub fn new(root: Value) -> Result<Self, String> {
        compile::compile(root)
    }

    /// The schema as it was written.
    #[must_use]
    pub fn as_value(&self) -> &Value {
        &self.root
    }

    /// Why a value does not fit: the first errors; none if it fits.
    #[must_use]
    pub fn errors(&self, value: &Value) -> Vec<Error> {
        let mut evaluation = Evaluation::new(self);
        evaluation.check(&self.root, value, &Place::Root);
        evaluation.errors
    }

    /// What a reference leads to.
    pub(crate) fn target(&self, reference: &str) -> Option<&Value> {
        self.root.pointer(self.references.get(reference)?)
    }
}
