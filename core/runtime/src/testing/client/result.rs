//! What a tool's result says.

use serde_json::Value;

static NULL: Value = Value::Null;

/// The result of a call, as the client got it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallResult(pub(super) Value);

impl CallResult {
    /// Returns the texts of its content, with line breaks between them.
    #[must_use]
    pub fn text(&self) -> String {
        let content = self.0.get("content").and_then(Value::as_array);
        let content = content.into_iter().flatten();
        let texts = content.filter_map(|content| content.get("text")?.as_str());
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Returns its structured content; null if it has none, as in all revisions before 2025-06-18.
    #[must_use]
    pub fn data(&self) -> &Value {
        self.0.get("structuredContent").unwrap_or(&NULL)
    }

    /// Returns whether the tool says that it failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.0.get("isError").and_then(Value::as_bool) == Some(true)
    }

    /// Returns all of it.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}
