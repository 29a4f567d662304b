//! Hints that go with content, resources and tools: annotations and icons.
//!
//! Source: MCP specification 2025-11-25, server/resources (annotations), basic (icons).

use serde_json::{Map, Value, json};

use crate::revision::Revision;

/// For whom something is, how much it matters, and how old it is. All of it is a hint.
///
/// ```
/// use entra_mcp_core::catalog::{Annotations, Content, Role};
/// let for_the_user = Annotations::new().audience(&[Role::User]).priority(0.9);
/// let content = Content::text("Done.").annotated(for_the_user);
/// # let _ = content;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    audience: Vec<Role>,
    priority: Option<f64>,
    last_modified: Option<String>,
}

/// Who speaks, or is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The user.
    User,
    /// The model.
    Assistant,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl Annotations {
    /// Returns annotations that say nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For whom it is.
    #[must_use]
    pub fn audience(mut self, audience: &[Role]) -> Self {
        self.audience = audience.to_vec();
        self
    }

    /// How much it matters, from 0 to 1; what lies outside is brought inside.
    #[must_use]
    pub fn priority(mut self, priority: f64) -> Self {
        self.priority = Some(priority.clamp(0.0, 1.0));
        self
    }

    /// When it was last changed, as ISO 8601; since 2025-06-18.
    #[must_use]
    pub fn last_modified(mut self, moment: impl Into<String>) -> Self {
        self.last_modified = Some(moment.into());
        self
    }

    /// Adds them to the JSON of what they annotate, if there are any.
    pub(crate) fn put_into(&self, members: &mut Map<String, Value>, revision: Revision) {
        let mut annotations = Map::new();
        if !self.audience.is_empty() {
            let audience: Vec<_> = self.audience.iter().map(|role| role.as_str()).collect();
            annotations.insert("audience".to_owned(), json!(audience));
        }
        if let Some(priority) = self.priority {
            annotations.insert("priority".to_owned(), json!(priority));
        }
        if let (Some(moment), true) = (&self.last_modified, revision.features().titles) {
            annotations.insert("lastModified".to_owned(), json!(moment));
        }
        if !annotations.is_empty() {
            members.insert("annotations".to_owned(), Value::Object(annotations));
        }
    }
}

/// A picture that stands for a tool, a resource, a prompt or the server; since 2025-11-25.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icon {
    src: String,
    mime_type: Option<String>,
    sizes: Vec<String>,
}

impl Icon {
    /// An icon at an `https:` or `data:` address.
    #[must_use]
    pub fn new(src: impl Into<String>) -> Self {
        Self {
            src: src.into(),
            mime_type: None,
            sizes: Vec::new(),
        }
    }

    /// What it is, such as `image/png`.
    #[must_use]
    pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    /// In which size it may be shown, such as `48x48` or `any`; call it once for each.
    #[must_use]
    pub fn size(mut self, size: impl Into<String>) -> Self {
        self.sizes.push(size.into());
        self
    }

    pub(crate) fn src(&self) -> &str {
        &self.src
    }

    fn to_json(&self) -> Value {
        let mut icon = Map::new();
        icon.insert("src".to_owned(), json!(self.src));
        if let Some(mime_type) = &self.mime_type {
            icon.insert("mimeType".to_owned(), json!(mime_type));
        }
        if !self.sizes.is_empty() {
            icon.insert("sizes".to_owned(), json!(self.sizes));
        }
        Value::Object(icon)
    }
}

/// Adds icons to the JSON of what they stand for, where the revision knows them.
pub(crate) fn put_icons(icons: &[Icon], members: &mut Map<String, Value>, revision: Revision) {
    if !icons.is_empty() && revision.features().icons {
        let icons: Vec<_> = icons.iter().map(Icon::to_json).collect();
        members.insert("icons".to_owned(), json!(icons));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(annotations: &Annotations) -> Value {
        let mut members = Map::new();
        annotations.put_into(&mut members, Revision::V2025_11_25);
        Value::Object(members)
    }

    #[test]
    fn annotations_have_what_was_given_and_none_without() {
        assert_eq!(members(&Annotations::new()), json!({}));
        let audience = Annotations::new().audience(&[Role::User]);
        let expected = json!({"annotations": {"audience": ["user"]}});
        assert_eq!(members(&audience), expected);
        let priority = Annotations::new().priority(7.0);
        assert_eq!(
            members(&priority),
            json!({"annotations": {"priority": 1.0}})
        );
    }
}
