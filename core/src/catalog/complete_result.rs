//! What a completion results in.
//!
//! Source: MCP specification 2025-11-25, server/utilities/completion.

use serde_json::{Map, Value, json};

use super::meta::{Meta, meta_method};
use crate::limits;

/// Values for an argument, and what extensions of MCP say of them. Most functions return the values alone.
///
/// ```
/// use entra_mcp_core::catalog::CompleteResult;
/// let found = CompleteResult::new(["Berlin", "Bern"]).total(7).meta("com.example/source", "gazetteer");
/// assert_eq!(found.values(), ["Berlin", "Bern"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompleteResult {
    values: Vec<String>,
    total: Option<usize>,
    has_more: bool,
    meta: Meta,
}

impl CompleteResult {
    /// These values, the best first. Clients get the first hundred.
    #[must_use]
    pub fn new<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Self {
        Self {
            values: values.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// How many there are, if more than these.
    #[must_use]
    pub fn total(mut self, total: usize) -> Self {
        self.total = Some(total);
        self
    }

    /// There are more than these, and nobody knows how many.
    #[must_use]
    pub fn has_more(mut self) -> Self {
        self.has_more = true;
        self
    }

    meta_method!(meta, "in every revision");

    /// Returns the values.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Returns the members of `_meta`.
    #[must_use]
    pub fn meta_members(&self) -> &Map<String, Value> {
        self.meta.members()
    }

    pub(crate) fn into_json(mut self) -> Map<String, Value> {
        let known = self.values.len();
        self.values.truncate(limits::COMPLETIONS);
        let total = match (self.total, self.has_more) {
            (Some(total), _) => Some(total.max(known)),
            (None, true) => None,
            (None, false) => Some(known),
        };
        let more = total.is_none_or(|total| total > self.values.len());
        let mut completion = json!({"values": self.values, "hasMore": more || self.has_more});
        if let (Some(total), Value::Object(members)) = (total, &mut completion) {
            members.insert("total".to_owned(), total.into());
        }
        let mut result = Map::from_iter([("completion".to_owned(), completion)]);
        self.meta.put_into(&mut result);
        result
    }
}

impl From<Vec<String>> for CompleteResult {
    fn from(values: Vec<String>) -> Self {
        Self::new(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_says_how_many_there_are_as_far_as_that_is_known() {
        let all = || CompleteResult::new((0..150).map(|number| number.to_string()));
        let two = || CompleteResult::new(["a", "b"]);
        for (result, total, more) in [
            (all(), json!(150), true),
            (two(), json!(2), false),
            (two().total(9), json!(9), true),
            (two().total(1), json!(2), false),
            (two().has_more(), Value::Null, true),
            (all().total(200), json!(200), true),
        ] {
            let completion = result.into_json()["completion"].clone();
            let found = completion.get("total").cloned().unwrap_or_default();
            assert_eq!((found, &completion["hasMore"]), (total, &json!(more)));
            let values = completion["values"].as_array().unwrap();
            assert!(values.len() <= limits::COMPLETIONS);
        }
    }
}
