//! Results as plain values: of tools, resources, prompts and completions.

use entra_mcp_core::catalog::{
    CompleteResult, Content, Json, PromptMessages, ReadResult, ResourceContents, ToolResult,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::schema::output_schema_of;

/// What a tool can return.
///
/// Text, numbers and pieces of content are for the model. [`Json`] is data for programs as well, and brings the output schema of
/// its type.
///
/// ```
/// use entra_mcp_core::catalog::Json;
/// use entra_mcp_runtime::handlers::IntoToolResult;
///
/// #[derive(serde::Serialize, schemars::JsonSchema)]
/// struct Sum {
///     sum: f64,
/// }
///
/// let schema = Json::<Sum>::output_schema().unwrap();
/// assert_eq!(schema["properties"]["sum"]["type"], "number");
/// assert_eq!(Json(Sum { sum: 5.5 }).into_tool_result().text(), r#"{"sum":5.5}"#);
/// assert_eq!("Five.".into_tool_result().text(), "Five.");
/// ```
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    label = "not a result of a tool",
    note = "return text, a number, `Content`, `Vec<Content>` or `ToolResult`; for a type of your own return `Json(value)` \
            and derive `serde::Serialize` and `schemars::JsonSchema` for it"
)]
pub trait IntoToolResult {
    /// The JSON Schema (2020-12) of its structured content; `None` if it has none, or any.
    #[must_use]
    fn output_schema() -> Option<Value> {
        None
    }

    /// The result.
    fn into_tool_result(self) -> ToolResult;
}

impl<T: Serialize + JsonSchema> IntoToolResult for Json<T> {
    fn output_schema() -> Option<Value> {
        // One that any JSON fits says nothing.
        let schema = output_schema_of::<T>();
        let says_something = schema
            .as_object()
            .is_some_and(|members| !members.is_empty());
        says_something.then_some(schema)
    }

    fn into_tool_result(self) -> ToolResult {
        ToolResult::structured(&self.0)
    }
}

macro_rules! as_result {
    ($($plain:ty)*) => {$(
        impl IntoToolResult for $plain {
            fn into_tool_result(self) -> ToolResult {
                self.into()
            }
        }
    )*};
}

as_result!(
    () ToolResult Content Vec<Content> &str String bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64
);

/// What can be the contents of a resource.
///
/// Text and bytes are those of the URI that was read.
///
/// ```
/// use entra_mcp_runtime::handlers::IntoContents;
/// assert_eq!("Hello".into_contents("docs://hello").contents().len(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "a resource cannot have the contents `{Self}`",
    note = "return text, `Vec<u8>`, `ResourceContents`, `Vec<ResourceContents>` or `ReadResult`"
)]
pub trait IntoContents {
    /// The contents of this URI.
    fn into_contents(self, uri: &str) -> ReadResult;
}

impl IntoContents for Vec<ResourceContents> {
    fn into_contents(self, _uri: &str) -> ReadResult {
        self.into()
    }
}

impl IntoContents for ReadResult {
    fn into_contents(self, _uri: &str) -> ReadResult {
        self
    }
}

impl IntoContents for ResourceContents {
    fn into_contents(self, _uri: &str) -> ReadResult {
        ReadResult::new([self])
    }
}

impl IntoContents for &str {
    fn into_contents(self, uri: &str) -> ReadResult {
        ReadResult::new([ResourceContents::text(uri, self)])
    }
}

impl IntoContents for String {
    fn into_contents(self, uri: &str) -> ReadResult {
        ReadResult::new([ResourceContents::text(uri, self)])
    }
}

impl IntoContents for Vec<u8> {
    fn into_contents(self, uri: &str) -> ReadResult {
        ReadResult::new([ResourceContents::blob(uri, &self)])
    }
}

/// What a prompt can say. Text is what the user says.
///
/// ```
/// use entra_mcp_runtime::handlers::IntoMessages;
/// use entra_mcp_core::catalog::PromptMessages;
/// assert_eq!("Hello".into_messages(), PromptMessages::new().user("Hello"));
/// ```
#[diagnostic::on_unimplemented(
    message = "a prompt cannot say `{Self}`",
    note = "return text, which the user says, or `PromptMessages`"
)]
pub trait IntoMessages {
    /// The messages.
    fn into_messages(self) -> PromptMessages;
}

impl IntoMessages for PromptMessages {
    fn into_messages(self) -> PromptMessages {
        self
    }
}

impl IntoMessages for &str {
    fn into_messages(self) -> PromptMessages {
        PromptMessages::new().user(self)
    }
}

impl IntoMessages for String {
    fn into_messages(self) -> PromptMessages {
        PromptMessages::new().user(self)
    }
}

/// What completes an argument: the values, the best first.
///
/// ```
/// use entra_mcp_runtime::handlers::IntoCompletion;
/// assert_eq!(vec!["Berlin", "Bern"].into_completion().values().len(), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "an argument cannot be completed with `{Self}`",
    note = "return `Vec<String>`, `Vec<&str>` or `CompleteResult`"
)]
pub trait IntoCompletion {
    /// The values, and what is said of them.
    fn into_completion(self) -> CompleteResult;
}

impl IntoCompletion for CompleteResult {
    fn into_completion(self) -> CompleteResult {
        self
    }
}

impl<V: Into<String>> IntoCompletion for Vec<V> {
    fn into_completion(self) -> CompleteResult {
        CompleteResult::new(self)
    }
}
