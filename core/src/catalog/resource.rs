//! Resources and resource templates, as they are told to clients.
//!
//! Source: MCP specification 2025-11-25, server/resources; RFC 6570 level 1 for templates.

use serde_json::{Map, Value, json};

use super::annotations::{Annotations, Icon, put_icons};
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
    told: Told,
    size: Option<u64>,
}

/// What resources and templates have in common.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    name: String,
    title: Option<String>,
    description: Option<String>,
    mime_type: Option<String>,
    icons: Vec<Icon>,
    annotations: Annotations,
}

impl Told {
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
    }
}

macro_rules! told {
    () => {
        /// A name for people; since 2025-06-18.
        #[must_use]
        pub fn title(mut self, title: impl Into<String>) -> Self {
            self.told.title = Some(title.into());
            self
        }

        /// What it is, for the model.
        #[must_use]
        pub fn description(mut self, description: impl Into<String>) -> Self {
            self.told.description = Some(description.into());
            self
        }

        /// What kind of data it is, such as `text/plain`.
        #[must_use]
        pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
            self.told.mime_type = Some(mime_type.into());
            self
        }

        /// A picture for it; call it once for each.
        #[must_use]
        pub fn icon(mut self, icon: Icon) -> Self {
            self.told.icons.push(icon);
            self
        }

        /// For whom it is and how much it matters.
        #[must_use]
        pub fn annotated(mut self, annotations: Annotations) -> Self {
            self.told.annotations = annotations;
            self
        }

        /// Its name.
        #[must_use]
        pub fn name(&self) -> &str {
            &self.told.name
        }

        pub(crate) fn icons(&self) -> &[Icon] {
            &self.told.icons
        }
    };
}

impl Resource {
    /// A resource of this URI and name.
    #[must_use]
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            told: Told {
                name: name.into(),
                ..Told::default()
            },
            size: None,
        }
    }

    told!();

    /// How many bytes it has.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// Its URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub(crate) fn to_json(&self, revision: Revision) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("uri".to_owned(), json!(self.uri));
        self.told.put_into(&mut members, revision);
        if let (Some(size), true) = (self.size, revision.features().annotations) {
            members.insert("size".to_owned(), json!(size));
        }
        members
    }
}

/// A family of resources: a URI with `{variables}`, each of which stands for one or more characters
/// other than `/`.
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
    told: Told,
}

impl ResourceTemplate {
    /// A template of this URI template and name.
    #[must_use]
    pub fn new(uri_template: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            uri_template: uri_template.into(),
            told: Told {
                name: name.into(),
                ..Told::default()
            },
        }
    }

    told!();

    /// Its URI template.
    #[must_use]
    pub fn uri_template(&self) -> &str {
        &self.uri_template
    }

    /// The variables that make the template this URI, percent-decoded; `None` if none do, or if a
    /// value is not UTF-8.
    #[must_use]
    pub fn matches(&self, uri: &str) -> Option<Map<String, Value>> {
        let mut variables = Map::new();
        let mut rest = uri;
        let mut pieces = pieces(&self.uri_template)?.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(text) => rest = rest.strip_prefix(text)?,
                Piece::Variable(name) => {
                    let end = match pieces.peek() {
                        Some(Piece::Literal(next)) => rest.find(next)?,
                        _ => rest.len(),
                    };
                    let (value, after) = rest.split_at_checked(end)?;
                    if value.is_empty() || value.contains('/') {
                        return None;
                    }
                    let value = percent_decoded(value)?;
                    variables.insert(name.to_owned(), Value::String(value));
                    rest = after;
                }
            }
        }
        rest.is_empty().then_some(variables)
    }

    /// The names of its variables; `None` if it is not well formed: braces that do not pair, a name
    /// that is empty, odd or used twice, or two variables with nothing between them.
    pub(crate) fn variables(&self) -> Option<Vec<&str>> {
        let pieces = pieces(&self.uri_template)?;
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
        self.told.put_into(&mut members, revision);
        members
    }
}

enum Piece<'a> {
    Literal(&'a str),
    Variable(&'a str),
}

fn pieces(template: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        if literal.contains('}') {
            return None;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        if literal.len() == rest.len() {
            break;
        }
        let (name, after) = after.split_once('}')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            return None;
        }
        pieces.push(Piece::Variable(name));
        rest = after;
    }
    Some(pieces)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_takes_a_uri_apart() {
        let template = ResourceTemplate::new("test://template/{id}/data", "template");
        let variables = template.matches("test://template/a%2Fb/data").unwrap();
        assert_eq!(variables["id"], "a/b");
        for other in [
            "test://template//data",
            "test://template/1/2/data",
            "test://template/1/data/",
            "test://template/%ff/data",
            "test://template/%4/data",
            "test://template/1",
            "",
        ] {
            assert!(template.matches(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_template_that_cannot_be_matched_in_one_way_is_none() {
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
