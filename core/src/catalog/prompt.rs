//! Prompts, as they are listed for clients, and what they say.
//!
//! Source: MCP specification 2025-11-25, server/prompts.

use serde_json::{Map, Value, json};

use super::{
    Content, Role,
    annotations::{Icon, put_icons},
    audience::{Audience, audience_methods},
    meta::{Meta, meta_method},
};
use crate::revision::Revision;

/// A prompt that a user may choose.
///
/// ```
/// use entra_mcp_core::catalog::{Prompt, PromptArgument};
/// let review = Prompt::new("review", "Asks for a review of some code")
///     .argument(PromptArgument::new("code").description("The code").required());
/// assert_eq!(review.name(), "review");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    name: String,
    title: Option<String>,
    description: String,
    arguments: Vec<PromptArgument>,
    icons: Vec<Icon>,
    audience: Audience,
    meta: Meta,
}

/// An argument of a prompt: always text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptArgument {
    name: String,
    description: Option<String>,
    required: bool,
}

impl PromptArgument {
    /// An argument that may be left out.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            required: false,
        }
    }

    /// What it is for.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// It must be given.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Returns the name that clients call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether it must be given.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required
    }

    fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("name".to_owned(), json!(self.name));
        if let Some(description) = &self.description {
            members.insert("description".to_owned(), json!(description));
        }
        members.insert("required".to_owned(), json!(self.required));
        Value::Object(members)
    }
}

impl Prompt {
    /// A prompt of this name and description.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: description.into(),
            arguments: Vec::new(),
            icons: Vec::new(),
            audience: Audience::default(),
            meta: Meta::default(),
        }
    }

    /// A name for people; since 2025-06-18.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// An argument; call it once for each.
    #[must_use]
    pub fn argument(mut self, argument: PromptArgument) -> Self {
        self.arguments.push(argument);
        self
    }

    /// A picture for it; call it once for each.
    #[must_use]
    pub fn icon(mut self, icon: Icon) -> Self {
        self.icons.push(icon);
        self
    }

    audience_methods!(audience);

    meta_method!(meta, "since 2025-06-18");

    /// Returns the name that clients call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its arguments.
    #[must_use]
    pub fn arguments(&self) -> &[PromptArgument] {
        &self.arguments
    }

    pub(crate) fn icons(&self) -> &[Icon] {
        &self.icons
    }

    pub(crate) fn to_json(&self, revision: Revision) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("name".to_owned(), json!(self.name));
        if let (Some(title), true) = (&self.title, revision.features().titles) {
            members.insert("title".to_owned(), json!(title));
        }
        members.insert("description".to_owned(), json!(self.description));
        if !self.arguments.is_empty() {
            let arguments: Vec<_> = self.arguments.iter().map(PromptArgument::to_json).collect();
            members.insert("arguments".to_owned(), json!(arguments));
        }
        put_icons(&self.icons, &mut members, revision);
        self.meta.put_since(&mut members, revision);
        members
    }
}

/// What a prompt says: messages, in order.
///
/// ```
/// use entra_mcp_core::catalog::PromptMessages;
/// let messages = PromptMessages::new().user("Please review this code.").assistant("Gladly.");
/// # let _ = messages;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PromptMessages {
    description: Option<String>,
    messages: Vec<(Role, Content)>,
    meta: Meta,
}

impl PromptMessages {
    /// Returns an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What this prompt, with these arguments, is about.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The user says this.
    #[must_use]
    pub fn user(self, content: impl Into<Content>) -> Self {
        self.message(Role::User, content)
    }

    /// The model says this.
    #[must_use]
    pub fn assistant(self, content: impl Into<Content>) -> Self {
        self.message(Role::Assistant, content)
    }

    meta_method!(meta, "in every revision");

    fn message(mut self, role: Role, content: impl Into<Content>) -> Self {
        self.messages.push((role, content.into()));
        self
    }

    pub(crate) fn to_json(&self, revision: Revision) -> Map<String, Value> {
        let mut members = Map::new();
        if let Some(description) = &self.description {
            members.insert("description".to_owned(), json!(description));
        }
        let messages = self.messages.iter().map(
            |(role, content)| json!({"role": role.as_str(), "content": content.to_json(revision)}),
        );
        members.insert("messages".to_owned(), messages.collect());
        self.meta.put_into(&mut members);
        members
    }
}
