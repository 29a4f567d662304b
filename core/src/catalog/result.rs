//! What a tool returns, and the ways in which it fails.
//!
//! Source: MCP specification 2025-11-25, server/tools (tool result, error handling).

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

use super::{
    Content,
    meta::{Meta, meta_method},
};
use crate::{json_rpc::ResultObject, limits, revision::Revision};

/// What a tool returns.
///
/// ```
/// use entra_mcp_core::catalog::ToolResult;
/// let result = ToolResult::from("3 mails were moved.");
/// # let _ = result;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    content: Vec<Content>,
    structured: Option<Value>,
    is_error: bool,
    meta: Meta,
}

impl ToolResult {
    /// Pieces of content.
    #[must_use]
    pub fn content(content: impl IntoIterator<Item = Content>) -> Self {
        Self {
            content: content.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The same as text for the model and as data for programs. Data that is no JSON (a map whose keys
    /// are not text) is an error of the tool.
    #[must_use]
    pub fn structured(result: &impl Serialize) -> Self {
        let Ok(structured) = serde_json::to_value(result) else {
            return Self::error("The result of this tool cannot be written as JSON.");
        };
        // As text the members keep the order in which they were declared.
        let text = serde_json::to_string(result).unwrap_or_else(|_| structured.to_string());
        Self {
            content: vec![Content::text(text)],
            structured: Some(structured),
            ..Self::default()
        }
    }

    /// The tool could not do it: why, in plain text for the model and the user.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            content: vec![Content::text(message)],
            is_error: true,
            ..Self::default()
        }
    }

    /// Gives programs this data beside the content that is there: a result has words of its own then, an error its details. Data
    /// that is no JSON (a map whose keys are not text) is an error of the tool.
    ///
    /// ```
    /// use entra_mcp_core::catalog::ToolResult;
    /// let full = ToolResult::error("The folder is full.").with_data(&serde_json::json!({"limit": 500}));
    /// assert!(full.is_error());
    /// ```
    #[must_use]
    pub fn with_data(mut self, data: &impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(data) => self.structured = Some(data),
            Err(_) => return Self::error("The data of this tool cannot be written as JSON."),
        }
        self
    }

    meta_method!(meta, "in every revision");

    /// Returns the pieces of content, in order.
    #[must_use]
    pub fn contents(&self) -> &[Content] {
        &self.content
    }

    /// Returns the text of the first piece of content; empty if that is none.
    #[must_use]
    pub fn text(&self) -> &str {
        let first = self.content.first().and_then(Content::as_text);
        first.unwrap_or_default()
    }

    /// Returns the data for programs, if there is any.
    #[must_use]
    pub fn structured_content(&self) -> Option<&Value> {
        self.structured.as_ref()
    }

    /// Returns whether the tool could not do it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// Returns the members of `_meta`.
    #[must_use]
    pub fn meta_members(&self) -> &Map<String, Value> {
        self.meta.members()
    }

    /// As it is sent, with the members that a revision has. Structured content that is no object is an
    /// object's member before 2026-07-28, which allows any JSON.
    pub(crate) fn to_json(&self, revision: Revision) -> Map<String, Value> {
        let mut members = Map::new();
        let content = self.content.iter();
        let content = content.map(|content| content.to_json(revision)).collect();
        members.insert("content".to_owned(), content);
        members.insert("isError".to_owned(), self.is_error.into());
        if let Some(structured) = self.structured_of(revision) {
            members.insert("structuredContent".to_owned(), structured.clone());
        }
        self.meta.put_into(&mut members);
        members
    }

    fn structured_of(&self, revision: Revision) -> Option<&Value> {
        let features = revision.features();
        let structured = self.structured.as_ref();
        structured.filter(|structured| {
            features.structured_content && (structured.is_object() || features.stateless)
        })
    }

    /// The result of a request of this revision.
    pub(crate) fn of_revision(self, revision: Revision) -> impl ResultObject {
        ResultOfRevision {
            result: self,
            revision,
        }
    }
}

/// What a tool returns, to be written as a revision has it.
#[derive(Debug)]
struct ResultOfRevision {
    result: ToolResult,
    revision: Revision,
}

impl ResultObject for ResultOfRevision {
    fn write(&self, to: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(to, self)
    }

    fn is_error(&self) -> bool {
        self.result.is_error
    }

    fn members(&self) -> Map<String, Value> {
        self.result.to_json(self.revision)
    }
}

impl Serialize for ResultOfRevision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { result, revision } = self;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("content", &OfRevision(&result.content, *revision))?;
        members.serialize_entry("isError", &result.is_error)?;
        if let Some(structured) = result.structured_of(*revision) {
            members.serialize_entry("structuredContent", structured)?;
        }
        members.end()
    }
}

/// Content, to be written as a revision has it.
struct OfRevision<'a, T>(&'a T, Revision);

impl Serialize for OfRevision<'_, Vec<Content>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(content, revision) = *self;
        serializer.collect_seq(content.iter().map(|one| OfRevision(one, revision)))
    }
}

impl Serialize for OfRevision<'_, Content> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(content, revision) = *self;
        let Some(text) = content.as_plain_text() else {
            return content.to_json(revision).serialize(serializer);
        };
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("text", text)?;
        members.serialize_entry("type", "text")?;
        members.end()
    }
}

/// Why a tool, a resource, a prompt or a completion failed.
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// A text that the model can act on: `isError` of a tool's result, an error of the protocol for
    /// everything else.
    Message(String),
    /// A fault of the server's. The text goes to the log only, the client learns that it failed.
    Internal(String),
    /// There is no such resource: -32602, or -32002 before 2026-07-28.
    NotFound,
    /// An error of JSON-RPC, of this code, with this message and data.
    JsonRpc(i32, String, Option<Value>),
}

impl CallError {
    /// A fault of the server's: for `map_err`. The log tells what caused it, too: each [`source`](std::error::Error::source)
    /// that the error does not tell itself.
    ///
    /// ```
    /// use entra_mcp_core::catalog::CallError;
    /// fn lines(path: &str) -> Result<usize, CallError> {
    ///     let text = std::fs::read_to_string(path).map_err(CallError::internal)?;
    ///     Ok(text.lines().count())
    /// }
    /// assert!(matches!(lines("/no/such/file"), Err(CallError::Internal(_))));
    /// ```
    #[must_use]
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let error = error.into();
        let mut told = error.to_string();
        let sources = std::iter::successors(error.source(), |source| source.source());
        for source in sources.take(limits::ERROR_SOURCES) {
            let source = source.to_string();
            if !told.ends_with(&source) {
                told.push_str(": ");
                told.push_str(&source);
            }
        }
        Self::Internal(told)
    }
}

impl From<&str> for CallError {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}

impl From<String> for CallError {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

/// JSON as a result: text for the model, data for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> From<Json<T>> for ToolResult {
    fn from(json: Json<T>) -> Self {
        Self::structured(&json.0)
    }
}

impl From<Content> for ToolResult {
    fn from(content: Content) -> Self {
        Self::content([content])
    }
}

impl From<Vec<Content>> for ToolResult {
    fn from(content: Vec<Content>) -> Self {
        Self::content(content)
    }
}

impl From<()> for ToolResult {
    fn from((): ()) -> Self {
        Self::content([])
    }
}

macro_rules! as_text {
    ($($plain:ty)*) => {$(
        impl From<$plain> for ToolResult {
            fn from(plain: $plain) -> Self {
                Self::content([Content::text(plain.to_string())])
            }
        }
    )*};
}

as_text!(&str String bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn result_is_written_as_its_members_are() {
        let link = Content::text("a").annotated(crate::catalog::Annotations::new().priority(0.5));
        let results = [
            ToolResult::from(()),
            ToolResult::from("a\n\"b\""),
            ToolResult::error("a"),
            ToolResult::content([link, Content::image(b"a", "image/png")]),
            ToolResult::from(Json(json!({"sum": 5}))),
            ToolResult::from(Json(json!([5]))),
        ];
        for result in results {
            for revision in Revision::ALL {
                let members = result.to_json(revision);
                let object = result.clone().of_revision(revision);
                let mut text = Vec::new();
                object.write(&mut text).unwrap();
                assert_eq!(text, serde_json::to_vec(&members).unwrap());
                assert_eq!(object.members(), members);
            }
        }
    }

    #[test]
    fn error_has_data_and_a_result_words_of_its_own() {
        let error = ToolResult::error("full").with_data(&json!({"limit": 5}));
        let members = Value::Object(error.to_json(Revision::V2025_11_25));
        assert_eq!(members["isError"], true);
        assert_eq!(members["content"][0]["text"], "full");
        assert_eq!(members["structuredContent"], json!({"limit": 5}));
        let words = ToolResult::from("Five.").with_data(&json!({"sum": 5}));
        assert_eq!((words.text(), words.is_error()), ("Five.", false));
        assert_eq!(words.structured_content(), Some(&json!({"sum": 5})));
    }

    #[test]
    fn meta_of_a_result_is_in_every_revision_and_that_of_content_since_2025_06_18() {
        let content = Content::text("a").meta("com.example/color", "red");
        let result = ToolResult::content([content]).meta("com.example/size", 5);
        for revision in Revision::ALL {
            let members = Value::Object(result.to_json(revision));
            assert_eq!(members["_meta"], json!({"com.example/size": 5}));
            let of_content = &members["content"][0]["_meta"];
            match revision >= Revision::V2025_06_18 {
                true => assert_eq!(*of_content, json!({"com.example/color": "red"})),
                false => assert!(of_content.is_null(), "{members}"),
            }
        }
    }

    #[test]
    fn json_is_text_and_structured_content_and_plain_values_are_text() {
        let result = ToolResult::from(Json(json!({"sum": 5})));
        let members = Value::Object(result.to_json(Revision::V2025_11_25));
        assert_eq!(members["structuredContent"], json!({"sum": 5}));
        assert_eq!(members["content"][0]["text"], r#"{"sum":5}"#);
        let plain = ToolResult::from(5).to_json(Revision::V2025_11_25);
        assert_eq!(plain["content"][0]["text"], "5");
        let nothing = ToolResult::from(()).to_json(Revision::V2025_11_25);
        assert_eq!(nothing["content"], json!([]));
        assert!(!nothing.contains_key("structuredContent"));
    }

    #[derive(Debug)]
    struct Unread(std::io::Error);

    impl std::fmt::Display for Unread {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the file cannot be read")
        }
    }

    impl std::error::Error for Unread {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn fault_tells_its_cause_once() {
        let CallError::Internal(told) =
            CallError::internal(Unread(std::io::Error::other("no disk")))
        else {
            panic!("a fault");
        };
        assert_eq!(told, "the file cannot be read: no disk");
        assert_eq!(
            CallError::internal("alone"),
            CallError::Internal("alone".to_owned())
        );
    }
}
