//! Building a catalog: everything that is wrong with it is reported at the start.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    Catalog, CatalogEntry, CatalogError, CatalogErrors, CompleteResult, Handler, Icon, Prompt,
    PromptMessages, ReadResult, Resource, ResourcePage, ResourceTemplate, ScopeDefinition, Tool,
    ToolResult,
    annotations::put_icons,
    cache::Caching,
    check,
    entries::{Listed, PromptEntry, ToolEntry},
    meta::Meta,
    schema::{self, Schema},
};
use crate::{json_rpc::ServerInfo, revision::Revision};

/// The most entries of one page of a list: beyond it, clients follow `nextCursor`.
const PAGE: usize = 100;

/// A catalog that is being put together.
#[derive(Debug)]
pub struct CatalogBuilder {
    pub(super) catalog: Catalog,
    icons: Vec<Icon>,
    errors: Vec<CatalogError>,
}

impl Catalog {
    /// An empty catalog, to be filled.
    #[must_use]
    pub fn builder() -> CatalogBuilder {
        CatalogBuilder {
            catalog: Self {
                server_info: server_info("entra-mcp", env!("CARGO_PKG_VERSION")),
                instructions: None,
                meta: Meta::default(),
                list_meta: BTreeMap::new(),
                tools: Vec::new(),
                resources: Vec::new(),
                templates: Vec::new(),
                listed: None,
                prompts: Vec::new(),
                template_completions: Vec::new(),
                scopes: Vec::new(),
                page_size: PAGE,
                lists_caching: Caching::default(),
                changes: false,
                announces_empty: false,
            },
            icons: Vec::new(),
            errors: Vec::new(),
        }
    }
}

impl Catalog {
    /// The same catalog, to be changed.
    #[must_use]
    pub fn edit(&self) -> CatalogBuilder {
        CatalogBuilder {
            catalog: self.clone(),
            icons: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// The same catalog with the scopes of a gateway's policy, which stand for no permission of Microsoft Graph.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn with_scopes(mut self, scopes: Vec<ScopeDefinition>) -> Result<Self, CatalogErrors> {
        let mut errors = Vec::new();
        for scope in scopes {
            check::scope_name(&scope, &self.scopes, &mut errors);
            self.scopes.push(scope);
        }
        match errors.is_empty() {
            true => Ok(self),
            false => Err(CatalogErrors::new(errors)),
        }
    }
}

fn server_info(name: &str, version: &str) -> Arc<ServerInfo> {
    let info = json!({"name": name, "title": name, "version": version});
    Arc::new(ServerInfo::new(info))
}

impl CatalogBuilder {
    /// What the server calls itself towards clients.
    #[must_use]
    pub fn server(self, name: impl Into<String>, version: impl Into<String>) -> Self {
        let has_title = self.catalog.title() != self.catalog.name();
        let name = name.into();
        let named = match has_title {
            true => self,
            false => self.info("title", Value::String(name.clone())),
        };
        let named = named.info("name", Value::String(name));
        named.info("version", Value::String(version.into()))
    }

    /// What people read as the name of the server: in clients, and above the pages that they see. Its name, unless this says so.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        self.info("title", Value::String(title.into()))
    }

    /// The address of a web page about the server: clients are told since 2025-11-25, and the name on pages leads there.
    #[must_use]
    pub fn website(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        if !["https://", "http://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            self.errors
                .push(CatalogError::InvalidWebsite { url: url.clone() });
        }
        self.info("websiteUrl", Value::String(url))
    }

    /// A picture for the server, call it once for each: clients are told since 2025-11-25, and the first that is a `data:` URI is on the pages. Of
    /// others nothing is there, for pages load nothing from elsewhere.
    #[must_use]
    pub fn server_icon(mut self, icon: Icon) -> Self {
        check::icons(
            std::slice::from_ref(&icon),
            || CatalogEntry::Server,
            &mut self.errors,
        );
        self.icons.push(icon);
        let mut members = Map::new();
        put_icons(&self.icons, &mut members, Revision::V2025_11_25);
        let icons = members.remove("icons").unwrap_or_default();
        self.info("icons", icons)
    }

    /// Sets a member of what the server says of itself.
    fn info(mut self, member: &str, value: Value) -> Self {
        let mut info = self.catalog.server_info.value.clone();
        if let Some(members) = info.as_object_mut() {
            members.insert(member.to_owned(), value);
        }
        self.catalog.server_info = Arc::new(ServerInfo::new(info));
        self
    }

    /// What the model reads about this server.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.catalog.instructions = Some(instructions.into());
        self
    }

    /// Tells clients that changes of the lists and of resources will be announced
    /// ([`super::Effect::NotifyChanged`]).
    #[must_use]
    pub fn list_changed(mut self) -> Self {
        self.catalog.changes = true;
        self
    }

    /// Notes something that a runtime has found wrong.
    #[must_use]
    pub fn error(mut self, error: CatalogError) -> Self {
        self.errors.push(error);
        self
    }

    /// How many entries a page of a list has at most.
    #[must_use]
    pub fn page_size(mut self, entries: usize) -> Self {
        if entries == 0 {
            self.errors.push(CatalogError::PageSizeZero);
        }
        self.catalog.page_size = entries;
        self
    }

    /// Offers a scope.
    #[must_use]
    pub fn scope(mut self, scope: ScopeDefinition) -> Self {
        check::scope(&scope, &self.catalog.scopes, &mut self.errors);
        self.catalog.scopes.push(scope);
        self
    }

    /// Offers a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool, handler: Handler<ToolResult>) -> Self {
        let name = || tool.name().to_owned();
        check::tool(&tool, &mut self.errors);
        let header_params = schema::header_params(tool.input()).unwrap_or_else(|problem| {
            let tool = name();
            let error = CatalogError::InvalidHeaderAnnotation { tool, problem };
            self.errors.push(error);
            Vec::new()
        });
        if self.catalog.tool(tool.name()).is_some() {
            self.errors
                .push(CatalogError::DuplicateTool { name: name() });
        }
        // What does not compile was reported above.
        if let Ok(input) = Schema::compile(tool.input()) {
            let output = tool
                .output()
                .and_then(|schema| Schema::compile(schema).ok());
            self.catalog.tools.push(ToolEntry {
                tool,
                handler,
                input,
                output,
                header_params,
            });
        }
        self
    }

    /// Offers a resource.
    #[must_use]
    pub fn resource(mut self, resource: Resource, handler: Handler<ReadResult>) -> Self {
        let uri = resource.uri().to_owned();
        if url::Url::parse(&uri).is_err() {
            let uri = uri.clone();
            self.errors.push(CatalogError::InvalidResourceUri { uri });
        }
        let entry = || CatalogEntry::Resource(uri.clone());
        check::icons(resource.icons(), entry, &mut self.errors);
        check::caching(
            resource.caching(),
            resource.audience(),
            entry,
            &mut self.errors,
        );
        if self
            .catalog
            .resources
            .iter()
            .any(|(other, _)| other.uri() == uri)
        {
            self.errors.push(CatalogError::DuplicateResource { uri });
        }
        self.catalog.resources.push((resource, handler));
        self
    }

    /// Has resources listed for who calls, after those that are the same for everybody, and read: whatever is neither one of these nor of
    /// a template. The reader decides who may read what, and says [`CallError::NotFound`](super::CallError::NotFound) of the others.
    #[must_use]
    pub fn list_resources(
        mut self,
        list: Handler<ResourcePage>,
        read: Handler<ReadResult>,
    ) -> Self {
        self.catalog.listed = Some(Listed { list, read });
        self
    }

    /// Offers a family of resources.
    #[must_use]
    pub fn template(mut self, template: ResourceTemplate, handler: Handler<ReadResult>) -> Self {
        let uri_template = template.uri_template().to_owned();
        let variables = template.variables().map(|names| names.is_empty());
        match variables {
            None => self.errors.push(CatalogError::InvalidTemplate {
                uri_template: uri_template.clone(),
            }),
            Some(true) => self.errors.push(CatalogError::TemplateWithoutVariable {
                uri_template: uri_template.clone(),
            }),
            Some(false) => {}
        }
        let entry = || CatalogEntry::Template(uri_template.clone());
        check::icons(template.icons(), entry, &mut self.errors);
        check::caching(
            template.caching(),
            template.audience(),
            entry,
            &mut self.errors,
        );
        if self
            .catalog
            .templates
            .iter()
            .any(|(other, _)| other.uri_template() == uri_template)
        {
            self.errors
                .push(CatalogError::DuplicateTemplate { uri_template });
        }
        self.catalog.templates.push((template, handler));
        self
    }

    /// Completes the variables of a template that is offered.
    #[must_use]
    pub fn complete_template(
        mut self,
        uri_template: impl Into<String>,
        handler: Handler<CompleteResult>,
    ) -> Self {
        let uri_template = uri_template.into();
        if !self
            .catalog
            .templates
            .iter()
            .any(|(other, _)| other.uri_template() == uri_template)
        {
            self.errors.push(CatalogError::UnknownTemplate {
                uri_template: uri_template.clone(),
            });
        }
        self.catalog
            .template_completions
            .push((uri_template, handler));
        self
    }

    /// Offers a prompt.
    #[must_use]
    pub fn prompt(mut self, prompt: Prompt, handler: Handler<PromptMessages>) -> Self {
        let name = prompt.name().to_owned();
        if name.is_empty() {
            self.errors.push(CatalogError::EmptyPromptName);
        }
        let entry = || CatalogEntry::Prompt(name.clone());
        check::icons(prompt.icons(), entry, &mut self.errors);
        let mut names: Vec<_> = prompt.arguments().iter().map(|one| one.name()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != prompt.arguments().len() {
            let prompt = name.clone();
            self.errors.push(CatalogError::DuplicateArgument { prompt });
        }
        if self.catalog.prompt(&name).is_some() {
            self.errors.push(CatalogError::DuplicatePrompt { name });
        }
        self.catalog.prompts.push(PromptEntry {
            prompt,
            handler,
            completion: None,
        });
        self
    }

    /// Completes the arguments of a prompt that is offered.
    #[must_use]
    pub fn complete_prompt(
        mut self,
        prompt: impl Into<String>,
        handler: Handler<CompleteResult>,
    ) -> Self {
        let name = prompt.into();
        let mut prompts = self.catalog.prompts.iter_mut();
        match prompts.find(|entry| entry.prompt.name() == name) {
            Some(entry) => entry.completion = Some(handler),
            None => self.errors.push(CatalogError::UnknownPrompt { name }),
        }
        self
    }

    /// The catalog.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn build(mut self) -> Result<Catalog, CatalogErrors> {
        let is_offered = |scope: &String| {
            let mut offered = self.catalog.scopes.iter();
            scope == "user.read" || offered.any(|offered| offered.name == *scope)
        };
        for (entry, audience) in self.catalog.audiences() {
            for scope in audience.scopes().iter().filter(|scope| !is_offered(scope)) {
                self.errors.push(CatalogError::UnknownScope {
                    entry: entry.clone(),
                    scope: scope.clone(),
                });
            }
        }
        if self.errors.is_empty() {
            Ok(self.catalog)
        } else {
            Err(CatalogErrors::new(self.errors))
        }
    }
}
