//! What a server offers, once it is known to be well formed.

use std::{sync::Arc, time::Duration};

use super::{
    Call, Prompt, PromptMessages, Resource, ResourceContents, ResourceTemplate, Step, Tool,
    ToolResult,
    schema::{HeaderParam, Schema},
};
use crate::json_rpc::ServerInfo;

/// How something is performed.
#[derive(Debug)]
pub enum Handler<R> {
    /// By a step function, in the core.
    Step(fn(&Call) -> Step<R>),
    /// By the runtime: [`crate::action::Action::Invoke`].
    Runtime,
}

impl<R> Clone for Handler<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Handler<R> {}

/// A scope that clients may ask for, besides `user.read`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeDefinition {
    /// Its name towards clients, such as `mail.read`: lower case letters, digits, dots.
    pub name: String,
    /// The permission that it stands for: of Microsoft Graph, such as `Mail.Read`, or of an API of your own, such as
    /// `api://orders/Orders.Read`; empty of one that only the backend of a gateway knows.
    pub permission: String,
    /// What it allows, for the consent page.
    pub description: String,
}

/// What the server offers.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(super) server_info: Arc<ServerInfo>,
    pub(super) instructions: Option<String>,
    pub(super) tools: Vec<ToolEntry>,
    pub(super) resources: Vec<(Resource, Handler<Vec<ResourceContents>>)>,
    pub(super) templates: Vec<(ResourceTemplate, Handler<Vec<ResourceContents>>)>,
    pub(super) prompts: Vec<PromptEntry>,
    pub(super) template_completions: Vec<(String, Handler<Vec<String>>)>,
    pub(super) scopes: Vec<ScopeDefinition>,
    pub(super) page_size: usize,
    pub(super) lists_cached_for: Duration,
    pub(super) changes: bool,
}

/// A tool that is offered.
#[derive(Clone, Debug)]
pub(crate) struct ToolEntry {
    pub(crate) tool: Tool,
    pub(crate) handler: Handler<ToolResult>,
    pub(crate) input: Schema,
    pub(crate) output: Option<Schema>,
    pub(crate) header_params: Vec<HeaderParam>,
}

/// A prompt that is offered.
#[derive(Clone, Debug)]
pub(crate) struct PromptEntry {
    pub(crate) prompt: Prompt,
    pub(crate) handler: Handler<PromptMessages>,
    pub(crate) completion: Option<Handler<Vec<String>>>,
}

impl Catalog {
    /// What the server calls itself: its `name`, `title` and `version`.
    pub(crate) fn server_info(&self) -> &Arc<ServerInfo> {
        &self.server_info
    }

    pub(crate) fn instructions(&self) -> Option<&str> {
        self.instructions.as_deref()
    }

    /// The tools that a caller may know of. There is no other look-up outside of the catalog: a tool that
    /// is hidden from a caller is none (threats P1, P8).
    pub(crate) fn named_groups(&self) -> impl Iterator<Item = &str> {
        let tools = self.tools.iter();
        tools.flat_map(|entry| entry.tool.groups().iter().map(String::as_str))
    }

    pub(crate) fn tools_for(
        &self,
        may_see: impl Fn(&Tool) -> bool,
    ) -> impl Iterator<Item = &ToolEntry> {
        self.tools.iter().filter(move |entry| may_see(&entry.tool))
    }

    pub(super) fn tool(&self, name: &str) -> Option<&ToolEntry> {
        self.tools.iter().find(|entry| entry.tool.name() == name)
    }

    pub(crate) fn resources(&self) -> &[(Resource, Handler<Vec<ResourceContents>>)] {
        &self.resources
    }

    pub(crate) fn templates(&self) -> &[(ResourceTemplate, Handler<Vec<ResourceContents>>)] {
        &self.templates
    }

    pub(crate) fn has_resources(&self) -> bool {
        !self.resources.is_empty() || !self.templates.is_empty()
    }

    /// Whether there is a resource of this URI, or may be one.
    pub(crate) fn has_resource(&self, uri: &str) -> bool {
        self.resources
            .iter()
            .any(|(resource, _)| resource.uri() == uri)
            || self
                .templates
                .iter()
                .any(|(template, _)| template.matches(uri).is_some())
    }

    /// How long clients may keep the contents of a resource.
    pub(crate) fn contents_cached_for(&self, uri: &str) -> Duration {
        let listed = self.resources.iter().find(|(one, _)| one.uri() == uri);
        let mut templates = self.templates.iter();
        match listed {
            Some((resource, _)) => resource.cached_for(),
            None => templates
                .find(|(template, _)| template.matches(uri).is_some())
                .map_or(Duration::ZERO, |(template, _)| template.cached_for()),
        }
    }

    /// How long clients may keep the lists, and what the server can do.
    pub(crate) fn lists_cached_for(&self) -> Duration {
        self.lists_cached_for
    }

    pub(crate) fn prompts(&self) -> &[PromptEntry] {
        &self.prompts
    }

    pub(crate) fn prompt(&self, name: &str) -> Option<&PromptEntry> {
        self.prompts
            .iter()
            .find(|entry| entry.prompt.name() == name)
    }

    /// What completes the variables of a template.
    pub(crate) fn template_completion(&self, uri_template: &str) -> Option<Handler<Vec<String>>> {
        let found = self
            .template_completions
            .iter()
            .find(|(uri, _)| uri == uri_template);
        found.map(|(_, handler)| *handler)
    }

    pub(crate) fn completes(&self) -> bool {
        !self.template_completions.is_empty()
            || self.prompts.iter().any(|entry| entry.completion.is_some())
    }

    /// The scopes that are offered besides `user.read`.
    #[must_use]
    pub fn scopes(&self) -> &[ScopeDefinition] {
        &self.scopes
    }

    /// Whether changes of the lists and of resources are announced.
    pub(crate) fn changes(&self) -> bool {
        self.changes
    }

    pub(crate) fn page_size(&self) -> usize {
        self.page_size
    }
}
