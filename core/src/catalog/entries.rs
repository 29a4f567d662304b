//! What a server offers, once it is known to be well formed.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{
    Audience, Call, CatalogEntry, CompleteResult, List, Prompt, PromptMessages, ReadResult,
    Resource, ResourcePage, ResourceTemplate, Step, Tool, ToolResult,
    audience::EVERYBODY,
    cache::Caching,
    meta::Meta,
    schema::{HeaderParam, Schema},
};
use crate::{json_rpc::ServerInfo, limits};

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
    pub(super) meta: Meta,
    pub(super) list_meta: BTreeMap<List, Meta>,
    pub(super) tools: Vec<ToolEntry>,
    pub(super) resources: Vec<(Resource, Handler<ReadResult>)>,
    pub(super) templates: Vec<(ResourceTemplate, Handler<ReadResult>)>,
    pub(super) listed: Option<Listed>,
    pub(super) prompts: Vec<PromptEntry>,
    pub(super) template_completions: Vec<(String, Handler<CompleteResult>)>,
    pub(super) scopes: Vec<ScopeDefinition>,
    pub(super) page_size: usize,
    pub(super) lists_caching: Caching,
    pub(super) changes: bool,
    pub(super) announces_empty: bool,
}

/// What lists resources for who calls, and what reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed {
    pub(crate) list: Handler<ResourcePage>,
    pub(crate) read: Handler<ReadResult>,
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
    pub(crate) completion: Option<Handler<CompleteResult>>,
}

/// What a URI names.
#[derive(Debug)]
pub(crate) enum ResourceAt<'a> {
    /// A resource.
    Listed(&'a Resource, Handler<ReadResult>),
    /// One of a template, with these variables.
    OfTemplate(
        &'a ResourceTemplate,
        Handler<ReadResult>,
        Map<String, Value>,
    ),
    /// One that the function knows which lists resources, perhaps.
    Computed(Handler<ReadResult>),
}

impl<'a> ResourceAt<'a> {
    pub(crate) fn audience(&self) -> &'a Audience {
        match self {
            Self::Listed(resource, _) => resource.audience(),
            Self::OfTemplate(template, ..) => template.audience(),
            // The function says who may read what.
            Self::Computed(_) => &EVERYBODY,
        }
    }

    /// How long clients may keep its contents, and for whom.
    pub(crate) fn caching(&self) -> Caching {
        match self {
            Self::Listed(resource, _) => resource.caching(),
            Self::OfTemplate(template, ..) => template.caching(),
            Self::Computed(_) => Caching::default(),
        }
    }
}

impl Catalog {
    /// What the server calls itself: its `name`, `title` and `version`.
    pub(crate) fn server_info(&self) -> &Arc<ServerInfo> {
        &self.server_info
    }

    /// Returns the name of the server, for programs.
    #[must_use]
    pub fn name(&self) -> &str {
        self.info("name")
    }

    /// Returns the name of the server, for people.
    #[must_use]
    pub fn title(&self) -> &str {
        self.info("title")
    }

    /// The address of the page about the server, if there is one.
    pub(crate) fn website(&self) -> Option<&str> {
        Some(self.info("websiteUrl")).filter(|url| !url.is_empty())
    }

    /// The first of its pictures that is whole in its address: pages load nothing from elsewhere.
    pub(crate) fn picture(&self) -> Option<&str> {
        let icons = self.server_info.value.get("icons")?.as_array()?;
        let mut sources = icons.iter().filter_map(|icon| icon.get("src")?.as_str());
        sources.find(|src| src.starts_with("data:image/"))
    }

    fn info(&self, member: &str) -> &str {
        let value = self.server_info.value.get(member);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn instructions(&self) -> Option<&str> {
        self.instructions.as_deref()
    }

    /// The groups that decide who sees something.
    pub(crate) fn named_groups(&self) -> impl Iterator<Item = &str> {
        self.audiences()
            .flat_map(|(_, audience)| audience.groups().iter().map(String::as_str))
    }

    /// What is offered, and for whom.
    pub(super) fn audiences(&self) -> impl Iterator<Item = (CatalogEntry, &Audience)> {
        let tools = self.tools.iter().map(|entry| {
            let name = entry.tool.name().to_owned();
            (CatalogEntry::Tool(name), entry.tool.audience())
        });
        let resources = self.resources.iter().map(|(resource, _)| {
            let uri = resource.uri().to_owned();
            (CatalogEntry::Resource(uri), resource.audience())
        });
        let templates = self.templates.iter().map(|(template, _)| {
            let uri_template = template.uri_template().to_owned();
            (CatalogEntry::Template(uri_template), template.audience())
        });
        let prompts = self.prompts.iter().map(|entry| {
            let name = entry.prompt.name().to_owned();
            (CatalogEntry::Prompt(name), entry.prompt.audience())
        });
        tools.chain(resources).chain(templates).chain(prompts)
    }

    /// The tools that a caller may know of. Outside of the catalog there is no look-up but for a caller: what is hidden
    /// from one is not there (threats P1, P8).
    pub(crate) fn tools_for(
        &self,
        may_see: impl Fn(&Audience) -> bool,
    ) -> impl Iterator<Item = &ToolEntry> {
        let tools = self.tools.iter();
        tools.filter(move |entry| may_see(entry.tool.audience()))
    }

    /// The resources that a caller may know of.
    pub(crate) fn resources_for(
        &self,
        may_see: impl Fn(&Audience) -> bool,
    ) -> impl Iterator<Item = &Resource> {
        let resources = self.resources.iter().map(|(resource, _)| resource);
        resources.filter(move |resource| may_see(resource.audience()))
    }

    /// The templates that a caller may know of.
    pub(crate) fn templates_for(
        &self,
        may_see: impl Fn(&Audience) -> bool,
    ) -> impl Iterator<Item = &ResourceTemplate> {
        let templates = self.templates.iter().map(|(template, _)| template);
        templates.filter(move |template| may_see(template.audience()))
    }

    /// The prompts that a caller may know of.
    pub(crate) fn prompts_for(
        &self,
        may_see: impl Fn(&Audience) -> bool,
    ) -> impl Iterator<Item = &PromptEntry> {
        let prompts = self.prompts.iter();
        prompts.filter(move |entry| may_see(entry.prompt.audience()))
    }

    pub(super) fn tool(&self, name: &str) -> Option<&ToolEntry> {
        self.tools.iter().find(|entry| entry.tool.name() == name)
    }

    /// Whether there are resources, as far as a caller may know.
    pub(crate) fn has_resources(&self, may_see: impl Fn(&Audience) -> bool) -> bool {
        let lists = self.listed.is_some() || self.announces_empty;
        lists || self.resource_audiences().any(may_see)
    }

    /// What is at this URI: the resource of it, or else the first template that it is of. If the caller may not know of that,
    /// there is nothing, though another template would fit: whoever hides a resource means its URI.
    pub(crate) fn resource_at(
        &self,
        uri: &str,
        may_see: impl Fn(&Audience) -> bool,
    ) -> Option<ResourceAt<'_>> {
        let found = self.any_resource_at(uri)?;
        may_see(found.audience()).then_some(found)
    }

    fn any_resource_at(&self, uri: &str) -> Option<ResourceAt<'_>> {
        let within = uri.len() <= limits::RESOURCE_URI_BYTES;
        let mut listed = self.resources.iter();
        let is_at =
            |one: &Resource| one.uri() == uri || (uri.contains('%') && within && one.is_at(uri));
        if let Some((resource, handler)) = listed.find(|(one, _)| is_at(one)) {
            return Some(ResourceAt::Listed(resource, *handler));
        }
        let mut templates = self.templates.iter().filter(|_| within);
        let of_template = templates.find_map(|(template, handler)| {
            let variables = template.matches(uri)?;
            Some(ResourceAt::OfTemplate(template, *handler, variables))
        });
        let listed = self.listed.filter(|_| within);
        of_template.or(listed.map(|listed| ResourceAt::Computed(listed.read)))
    }

    /// What lists resources for who calls.
    pub(crate) fn listed(&self) -> Option<Listed> {
        self.listed
    }

    /// Whether there are prompts, as far as a caller may know.
    pub(crate) fn has_prompts(&self, may_see: impl Fn(&Audience) -> bool) -> bool {
        self.announces_empty || self.prompts_for(may_see).next().is_some()
    }

    pub(super) fn prompt(&self, name: &str) -> Option<&PromptEntry> {
        self.prompts
            .iter()
            .find(|entry| entry.prompt.name() == name)
    }

    /// What completes the variables of a template.
    pub(crate) fn template_completion(
        &self,
        uri_template: &str,
    ) -> Option<Handler<CompleteResult>> {
        let found = self
            .template_completions
            .iter()
            .find(|(uri, _)| uri == uri_template);
        found.map(|(_, handler)| *handler)
    }

    /// Whether something is completed, as far as a caller may know.
    pub(crate) fn completes(&self, may_see: impl Fn(&Audience) -> bool) -> bool {
        let is_completed = |template: &ResourceTemplate| {
            let uri_template = template.uri_template();
            self.template_completion(uri_template).is_some()
        };
        self.templates_for(&may_see).any(is_completed)
            || self
                .prompts_for(may_see)
                .any(|entry| entry.completion.is_some())
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
