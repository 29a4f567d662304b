//! Results as plain values: of resources and prompts, as `Into<ToolResult>` is for tools.

use entra_mcp_core::catalog::{PromptMessages, ResourceContents};

/// What can be the contents of a resource.
///
/// Text and bytes are those of the URI that was read.
///
/// ```
/// use entra_mcp_runtime::handlers::IntoContents;
/// assert_eq!("Hello".into_contents("docs://hello").len(), 1);
/// ```
pub trait IntoContents {
    /// The contents of this URI.
    fn into_contents(self, uri: &str) -> Vec<ResourceContents>;
}

impl IntoContents for Vec<ResourceContents> {
    fn into_contents(self, _uri: &str) -> Vec<ResourceContents> {
        self
    }
}

impl IntoContents for ResourceContents {
    fn into_contents(self, _uri: &str) -> Vec<ResourceContents> {
        vec![self]
    }
}

impl IntoContents for &str {
    fn into_contents(self, uri: &str) -> Vec<ResourceContents> {
        vec![ResourceContents::text(uri, self)]
    }
}

impl IntoContents for String {
    fn into_contents(self, uri: &str) -> Vec<ResourceContents> {
        vec![ResourceContents::text(uri, self)]
    }
}

impl IntoContents for Vec<u8> {
    fn into_contents(self, uri: &str) -> Vec<ResourceContents> {
        vec![ResourceContents::blob(uri, &self)]
    }
}

/// What a prompt can say. Text is what the user says.
///
/// ```
/// use entra_mcp_runtime::handlers::IntoMessages;
/// use entra_mcp_core::catalog::PromptMessages;
/// assert_eq!("Hello".into_messages(), PromptMessages::new().user("Hello"));
/// ```
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
