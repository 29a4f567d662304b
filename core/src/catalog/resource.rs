//! Resources and resource templates, as they are listed for clients.
//!
//! Source: MCP specification 2025-11-25, server/resources; RFC 6570 for templates.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    annotations::{Annotations, Icon, put_icons},
    audience::{Audience, audience_methods},
    cache::{CacheScope, Caching},
    meta::{Meta, meta_method},
    uri_template::{self, Piece, Template},
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
    caching: Caching,
    audience: Audience,
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
            self.metadata.caching.time = time;
            self
        }

        /// Says for whom they may be kept; for the user alone unless this says so. What is for some users only is for nobody
        /// else: to say that it is public is an error at the start. Since 2026-07-28.
        #[must_use]
        pub fn cache_scope(mut self, scope: CacheScope) -> Self {
            self.metadata.caching.scope = scope;
            self
        }

        audience_methods!(metadata.audience);

        meta_method!(metadata.meta, "since 2025-06-18");

        /// Returns the name that clients call it by.
        #[must_use]
        pub fn name(&self) -> &str {
            &self.metadata.name
        }

        pub(crate) fn caching(&self) -> Caching {
            self.metadata.caching
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

    /// Whether this is another spelling of its URI.
    pub(super) fn is_at(&self, uri: &str) -> bool {
        uri_template::are_same(&self.uri, uri)
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
/// `{+path}` stands for several segments, `{/a,b}` for a segment each with its slash, `{.kind}` for an ending, `{#part}` for a fragment, and
/// `{?a,b}` at the end for a query, in which each of them may be left out (RFC 6570).
///
/// ```
/// use entra_mcp_core::catalog::ResourceTemplate;
/// let mail = ResourceTemplate::new("mail://{folder}/{id}", "mail");
/// let variables = mail.matches("mail://inbox/42").unwrap();
/// assert_eq!(variables["id"], "42");
/// assert!(mail.matches("mail://inbox/42/more").is_none());
///
/// let file = ResourceTemplate::new("files://{+path}{?version}", "file");
/// assert_eq!(file.matches("files://reports/may.txt").unwrap()["path"], "reports/may.txt");
/// assert_eq!(file.matches("files://may.txt?version=2").unwrap()["version"], "2");
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
    /// value is not UTF-8, if it is `.` or `..`, or if it holds a `/` or a `\\` once it is decoded: a path that is made of it
    /// would lead elsewhere. A value of `{+path}` or `{#part}` may hold a `/` that is not encoded, but no segment that is empty, `.` or
    /// `..`. One of `{?a}` may hold anything.
    #[must_use]
    pub fn matches(&self, uri: &str) -> Option<Map<String, Value>> {
        uri_template::matches(&self.uri_template, uri)
    }

    /// Returns the names of its variables; `None` if it is not well formed: braces that do not pair, a name
    /// that is empty, odd or used twice, an operator that is not known, or two variables with nothing between them.
    #[must_use]
    pub fn variables(&self) -> Option<Vec<&str>> {
        let Template { pieces, query } = uri_template::parse(&self.uri_template)?;
        let mut names = Vec::new();
        let mut after_variable = false;
        for piece in pieces {
            match piece {
                Piece::Variable(name, _) if after_variable || names.contains(&name) => return None,
                Piece::Variable(name, _) => {
                    names.push(name);
                    after_variable = true;
                }
                Piece::Literal(_) => after_variable = false,
            }
        }
        for name in query {
            if names.contains(&name) {
                return None;
            }
            names.push(name);
        }
        Some(names)
    }

    /// Returns the names of those variables that may be left out.
    #[must_use]
    pub fn optional_variables(&self) -> Vec<&str> {
        let template = uri_template::parse(&self.uri_template);
        template.map(|template| template.query).unwrap_or_default()
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
        assert_eq!(variables("a://{+b}{/c}{?d,e}").as_deref(), Some("b c d e"));
        for odd in [
            "a://{b}{c}",
            "a://{b}/{b}",
            "a://{",
            "a://}",
            "a://{}",
            "a://{+b}{c}",
            "a://{b}{?b}",
            "a://{?b}/c",
            "a://b?c=d{?e}",
            "a://b{&c}",
            "a://b{;c}",
            "a://{b*}",
            "a://{b:3}",
            "a://{=b}",
            "a://{+}",
        ] {
            assert_eq!(variables(odd), None, "{odd}");
        }
    }
}
