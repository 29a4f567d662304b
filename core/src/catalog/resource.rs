//! Resources and resource templates, as they are listed for clients.
//!
//! Source: MCP specification 2025-11-25, server/resources; RFC 6570 level 1 for templates.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    annotations::{Annotations, Icon, put_icons},
    meta::{Meta, meta_method},
    uri_template::{self, Piece},
};
use crate::revision::Revision;

/// A resource that clients may read.
///
/// ```
/// use entra_mcp_core::catalog::Resource;
/// let readme = Resource::new("docs://readme", "readme").mime_type("text/markdown");
/// assert_eq!(readme.uri(), "docs://readme");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    uri: String,
    metadata: Metadata,
    size: Option<u64>,
}

/// What resources and templates have in common.
#[derive(Clone, Debug, Default, PartialEq)]
struct Metadata {
    name: String,
    title: Option<String>,
    description: Option<String>,
    mime_type: Option<String>,
    icons: Vec<Icon>,
    annotations: Annotations,
    cache_for: Duration,
    meta: Meta,
}

impl Metadata {
    fn put_into(&self, members: &mut Map<String, Value>, revision: Revision) {
        members.insert("name".to_owned(), json!(self.name));
        if let (Some(title), true) = (&self.title, revision.features().titles) {
            members.insert("title".to_owned(), json!(title));
        }
        if let Some(description) = &self.description {
            members.insert("description".to_owned(), json!(description));
        }
        if let Some(mime_type) = &self.mime_type {
            members.insert("mimeType".to_owned(), json!(mime_type));
        }
        put_icons(&self.icons, members, revision);
        self.annotations.put_into(members, revision);
        self.meta.put_since(members, revision);
    }
}

macro_rules! metadata_methods {
    () => {
        /// A name for people; since 2025-06-18.
        #[must_use]
        pub fn title(mut self, title: impl Into<String>) -> Self {
            self.metadata.title = Some(title.into());
            self
        }

        /// What it is, for the model.
        #[must_use]
        pub fn description(mut self, description: impl Into<String>) -> Self {
            self.metadata.description = Some(description.into());
            self
        }

        /// What kind of data it is, such as `text/plain`.
        #[must_use]
        pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
            self.metadata.mime_type = Some(mime_type.into());
            self
        }

        /// A picture for it; call it once for each.
        #[must_use]
        pub fn icon(mut self, icon: Icon) -> Self {
            self.metadata.icons.push(icon);
            self
        }

        /// For whom it is and how much it matters.
        #[must_use]
        pub fn annotated(mut self, annotations: Annotations) -> Self {
            self.metadata.annotations = annotations;
            self
        }

        /// Lets clients keep its contents for so long; not at all unless this says so. Since 2026-07-28.
        #[must_use]
        pub fn cache_for(mut self, time: Duration) -> Self {
            self.metadata.cache_for = time;
            self
        }

        meta_method!(metadata.meta, "since 2025-06-18");

        /// Returns the name that clients call it by.
        #[must_use]
        pub fn name(&self) -> &str {
            &self.metadata.name
        }

        pub(crate) fn cached_for(&self) -> Duration {
            self.metadata.cache_for
        }

        pub(crate) fn icons(&self) -> &[Icon] {
            &self.metadata.icons
        }
    };
}

impl Resource {
    /// A resource of this URI and name.
    #[must_use]
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            metadata: Metadata {
                name: name.into(),
                ..Metadata::default()
            },
            size: None,
        }
    }

    metadata_methods!();

    /// How many bytes it has.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// Returns its URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub(crate) fn to_json(&self, revision: Revision) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("uri".to_owned(), json!(self.uri));
        self.metadata.put_into(&mut members, revision);
        if let (Some(size), true) = (self.size, revision.features().annotations) {
            members.insert("size".to_owned(), json!(size));
        }
        members
    }
}

/// A family of resources: a URI with `{variables}`, each of which stands for one or more characters
/// of a path segment.
///
/// ```
/// use entra_mcp_core::catalog::ResourceTemplate;
/// let mail = ResourceTemplate::new("mail://{folder}/{id}", "mail");
/// let variables = mail.matches("mail://inbox/42").unwrap();
/// assert_eq!(variables["id"], "42");
/// assert!(mail.matches("mail://inbox/42/more").is_none());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceTemplate {
    uri_template: String,
    metadata: Metadata,
}

impl ResourceTemplate {
    /// A template of this URI template and name.
    #[must_use]
    pub fn new(uri_template: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri_template: uri_template.into(),
            metadata: Metadata {
                name: name.into(),
                ..Metadata::default()
            },
        }
    }

    metadata_methods!();

    /// Its URI template.
    #[must_use]
    pub fn uri_template(&self) -> &str {
        &self.uri_template
    }

    /// Returns the variables that make the template this URI, percent-decoded; `None` if none do, if a
    /// value is not UTF-8, or if it holds a `/` or a `\\` once it is decoded: a path that is made of it
    /// would lead elsewhere.
    #[must_use]
    pub fn matches(&self, uri: &str) -> Option<Map<String, Value>> {
        uri_template::matches(&self.uri_template, uri)
    }

    /// The names of its variables; `None` if it is not well formed: braces that do not pair, a name
    /// that is empty, odd or used twice, or two variables with nothing between them.
    pub(crate) fn variables(&self) -> Option<Vec<&str>> {
        let pieces = uri_template::pieces(&self.uri_template)?;
        let mut names = Vec::new();
        let mut after_variable = false;
        for piece in pieces {
            match piece {
                Piece::Variable(name) if after_variable || names.contains(&name) => return None,
                Piece::Variable(name) => {
                    names.push(name);
                    after_variable = true;
                }
                Piece::Literal(_) => after_variable = false,
            }
        }
        Some(names)
    }

    pub(crate) fn to_json(&self, revision: Revision) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("uriTemplate".to_owned(), json!(self.uri_template));
        self.metadata.put_into(&mut members, revision);
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_template_is_an_error() {
        let variables = |template: &str| {
            let template = ResourceTemplate::new(template, "x");
            template.variables().map(|names| names.join(" "))
        };
        assert_eq!(variables("a://{b}/{c_1}").as_deref(), Some("b c_1"));
        for odd in [
            "a://{b}{c}",
            "a://{b}/{b}",
            "a://{",
            "a://}",
            "a://{}",
            "a://{+b}",
        ] {
            assert_eq!(variables(odd), None, "{odd}");
        }
    }
}
