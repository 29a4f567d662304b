//! Content: what tools return, prompts say and resources hold, written as a revision has it.
//!
//! A revision that does not know a kind of content gets a sentence instead, so that nothing is lost
//! in silence.
//!
//! Source: MCP specification 2024-11-05 to 2026-07-28, server/tools (tool result), server/prompts,
//! server/resources.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    Resource,
    annotations::Annotations,
    meta::{Meta, meta_method},
};
use crate::revision::Revision;

/// One piece of content.
///
/// ```
/// use entra_mcp_core::catalog::Content;
/// let content = [Content::text("A red dot:"), Content::image(b"not really", "image/png")];
/// assert_eq!(content.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    kind: Kind,
    annotations: Annotations,
    meta: Meta,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Text(String),
    Image { data: String, mime_type: String },
    Audio { data: String, mime_type: String },
    Embedded(ResourceContents),
    Link(Box<Resource>),
}

impl Content {
    /// Returns a text content.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::of(Kind::Text(text.into()))
    }

    /// An image, such as `image/png`.
    #[must_use]
    pub fn image(bytes: &[u8], mime_type: impl Into<String>) -> Self {
        Self::of(Kind::Image {
            data: STANDARD.encode(bytes),
            mime_type: mime_type.into(),
        })
    }

    /// Sound, such as `audio/wav`; since 2025-03-26.
    #[must_use]
    pub fn audio(bytes: &[u8], mime_type: impl Into<String>) -> Self {
        Self::of(Kind::Audio {
            data: STANDARD.encode(bytes),
            mime_type: mime_type.into(),
        })
    }

    /// A resource, whole.
    #[must_use]
    pub fn embedded(contents: ResourceContents) -> Self {
        Self::of(Kind::Embedded(contents))
    }

    /// A resource that the client may read; since 2025-06-18.
    #[must_use]
    pub fn link(resource: Resource) -> Self {
        Self::of(Kind::Link(Box::new(resource)))
    }

    /// Says for whom it is and how much it matters.
    #[must_use]
    pub fn annotated(mut self, annotations: Annotations) -> Self {
        self.annotations = annotations;
        self
    }

    meta_method!(meta, "since 2025-06-18");

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            annotations: Annotations::default(),
            meta: Meta::default(),
        }
    }

    /// The text, if it is nothing but text: most results are, and every revision has it in the same way.
    pub(super) fn as_plain_text(&self) -> Option<&str> {
        let is_plain = self.annotations == Annotations::default() && self.meta.is_empty();
        self.as_text().filter(|_| is_plain)
    }

    /// Returns the text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn to_json(&self, revision: Revision) -> Value {
        let features = revision.features();
        let mut content = match &self.kind {
            Kind::Text(text) => text_block(text),
            Kind::Image { data, mime_type } => block("image", data, mime_type),
            Kind::Audio { data, mime_type } if features.audio => block("audio", data, mime_type),
            Kind::Audio { mime_type, .. } => {
                text_block(&format!("[sound, {mime_type}: this client cannot play it]"))
            }
            Kind::Embedded(contents) => {
                let mut content = Map::new();
                content.insert("type".to_owned(), json!("resource"));
                content.insert("resource".to_owned(), contents.to_json(revision));
                content
            }
            Kind::Link(resource) if features.resource_links => {
                let mut content = resource.to_json(revision);
                content.insert("type".to_owned(), json!("resource_link"));
                content
            }
            Kind::Link(resource) => text_block(&format!(
                "[resource {}: {}]",
                resource.name(),
                resource.uri()
            )),
        };
        self.annotations.put_into(&mut content, revision);
        // A link has what its resource says, too.
        if !self.meta.is_empty() {
            self.meta.put_since(&mut content, revision);
        }
        Value::Object(content)
    }
}

impl<T: Into<String>> From<T> for Content {
    fn from(text: T) -> Self {
        Self::text(text)
    }
}

fn text_block(text: &str) -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("type".to_owned(), "text".into());
    content.insert("text".to_owned(), text.into());
    content
}

fn block(kind: &str, data: &str, mime_type: &str) -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("type".to_owned(), json!(kind));
    content.insert("data".to_owned(), json!(data));
    content.insert("mimeType".to_owned(), json!(mime_type));
    content
}

/// What a resource holds: text or bytes, under the URI that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceContents {
    uri: String,
    mime_type: Option<String>,
    held: Held,
    meta: Meta,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Text(String),
    Blob(String),
}

impl ResourceContents {
    /// Returns contents that are text.
    #[must_use]
    pub fn text(uri: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            mime_type: None,
            held: Held::Text(text.into()),
            meta: Meta::default(),
        }
    }

    /// Returns contents that are bytes.
    #[must_use]
    pub fn blob(uri: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            uri: uri.into(),
            mime_type: None,
            held: Held::Blob(STANDARD.encode(bytes)),
            meta: Meta::default(),
        }
    }

    /// Says what it is, such as `text/markdown`.
    #[must_use]
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    meta_method!(meta, "since 2025-06-18");

    pub(crate) fn to_json(&self, revision: Revision) -> Value {
        let mut contents = Map::new();
        contents.insert("uri".to_owned(), json!(self.uri));
        if let Some(mime_type) = &self.mime_type {
            contents.insert("mimeType".to_owned(), json!(mime_type));
        }
        match &self.held {
            Held::Text(text) => contents.insert("text".to_owned(), json!(text)),
            Held::Blob(blob) => contents.insert("blob".to_owned(), json!(blob)),
        };
        self.meta.put_since(&mut contents, revision);
        Value::Object(contents)
    }
}
