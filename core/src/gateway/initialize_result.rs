//! What a backend says of itself when a session is opened.
//!
//! Source: MCP specification 2025-11-25, basic/lifecycle, initialization.

use super::{
    raw_edit,
    raw_json::{self, Members},
};
use crate::revision::Revision;

/// The result of `initialize`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitializeResult {
    /// The revision that the backend wants.
    pub(crate) revision: Revision,
    /// The result, as clients get it.
    pub(crate) text: String,
}

/// Capabilities that do not pass: the ids of tasks would be good for whoever hears of one (threat R5).
const NOT_PASSED: [&str; 1] = ["tasks"];

impl InitializeResult {
    /// Reads it; `None` if it is none, or of a revision without sessions or one that nobody knows.
    pub(crate) fn read(result: &str) -> Option<Self> {
        let members = Members::of(result, 0..result.len()).ok()?;
        let version = raw_json::string(result.get(members.get("protocolVersion")?)?)?;
        let revision = Revision::parse(&version)?;
        if revision.features().stateless {
            return None;
        }
        let text = match members.get("capabilities") {
            Some(at) => raw_edit::without_members(result, at, &NOT_PASSED).ok()?,
            None => result.to_owned(),
        };
        Some(Self { revision, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_passes_but_for_what_the_gateway_cannot_keep() {
        let result = r#"{"protocolVersion":"2025-11-25", "capabilities":{"tools":{"listChanged":true},"tasks":{"list":{}},"x":1},"serverInfo":{"name":"orders","version":"1"},"more":[1.0]}"#;
        let passed = r#"{"protocolVersion":"2025-11-25", "capabilities":{"tools":{"listChanged":true},"x":1},"serverInfo":{"name":"orders","version":"1"},"more":[1.0]}"#;
        let read = InitializeResult::read(result).unwrap();
        assert_eq!(
            (read.revision.name(), read.text.as_str()),
            ("2025-11-25", passed)
        );
    }

    #[test]
    fn result_of_another_kind_is_none() {
        for result in [
            "{}",
            "[]",
            r#"{"protocolVersion":"2026-07-28"}"#,
            r#"{"protocolVersion":"1999-01-01"}"#,
        ] {
            assert!(InitializeResult::read(result).is_none(), "{result}");
        }
    }
}
