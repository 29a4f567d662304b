//! Building a catalog: everything that is wrong with it is told at the start, in words.

use std::time::Duration;

use super::{
    Catalog, CatalogError, Handler, Prompt, PromptMessages, Resource, ResourceContents,
    ResourceTemplate, ScopeDefinition, Tool, ToolResult, check,
    entries::{PromptEntry, ToolEntry},
    schema::{self, Schema},
};

/// The most entries of one page of a list: beyond it, clients follow `nextCursor`.
const PAGE: usize = 100;

/// A catalog that is being put together.
#[derive(Debug)]
pub struct CatalogBuilder {
    catalog: Catalog,
    errors: Vec<String>,
}

impl Catalog {
    /// An empty catalog, to be filled.
    #[must_use]
    pub fn builder() -> CatalogBuilder {
        CatalogBuilder {
            catalog: Self {
                name: "entra-mcp".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                instructions: None,
                tools: Vec::new(),
                resources: Vec::new(),
                templates: Vec::new(),
                prompts: Vec::new(),
                template_completions: Vec::new(),
                scopes: Vec::new(),
                page_size: PAGE,
                lists_cached_for: Duration::ZERO,
                changes: false,
            },
            errors: Vec::new(),
        }
    }
}

impl CatalogBuilder {
    /// What the server calls itself towards clients.
    #[must_use]
    pub fn server(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.catalog.name = name.into();
        self.catalog.version = version.into();
        self
    }

    /// What the model is told of this server.
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

    /// How many entries a page of a list has at most.
    #[must_use]
    pub fn page_size(mut self, entries: usize) -> Self {
        if entries == 0 {
            self.errors
                .push("A page of a list must have room for one entry.".to_owned());
        }
        self.catalog.page_size = entries;
        self
    }

    /// Lets clients keep the lists, and what the server can do, for so long; not at all unless this says
    /// so. Since 2026-07-28.
    #[must_use]
    pub fn cache_lists_for(mut self, time: Duration) -> Self {
        self.catalog.lists_cached_for = time;
        self
    }

    /// Offers a scope.
    #[must_use]
    pub fn scope(mut self, scope: ScopeDefinition) -> Self {
        let mut wrong = |words: String| self.errors.push(words);
        check::scope(&scope, &self.catalog.scopes, &mut wrong);
        self.catalog.scopes.push(scope);
        self
    }

    /// Offers a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool, handler: Handler<ToolResult>) -> Self {
        let name = tool.name().to_owned();
        let mut wrong = |words: String| self.errors.push(format!("The tool `{name}`: {words}."));
        check::tool(&tool, &mut wrong);
        let header_params = schema::mirrored(tool.input()).unwrap_or_else(|words| {
            wrong(words);
            Vec::new()
        });
        if self.catalog.tool(tool.name()).is_some() {
            self.errors.push(format!("Two tools are called `{name}`."));
        }
        // What does not compile was told above.
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
    pub fn resource(mut self, resource: Resource, handler: Handler<Vec<ResourceContents>>) -> Self {
        let uri = resource.uri().to_owned();
        let mut wrong = |words: String| self.errors.push(format!("The resource `{uri}`: {words}."));
        if url::Url::parse(&uri).is_err() {
            wrong("it is not a URI".to_owned());
        }
        check::icons(resource.icons(), &mut wrong);
        if self
            .catalog
            .resources
            .iter()
            .any(|(other, _)| other.uri() == uri)
        {
            self.errors
                .push(format!("Two resources have the URI `{uri}`."));
        }
        self.catalog.resources.push((resource, handler));
        self
    }

    /// Offers a family of resources.
    #[must_use]
    pub fn template(
        mut self,
        template: ResourceTemplate,
        handler: Handler<Vec<ResourceContents>>,
    ) -> Self {
        let uri = template.uri_template().to_owned();
        let mut wrong = |words: &str| self.errors.push(format!("The template `{uri}`: {words}."));
        match template.variables() {
            None => {
                wrong("its variables are not well formed, or nothing stands between two of them")
            }
            Some(names) if names.is_empty() => wrong("it has no `{variable}`"),
            Some(_) => {}
        }
        check::icons(template.icons(), &mut |words: String| wrong(&words));
        if self
            .catalog
            .templates
            .iter()
            .any(|(other, _)| other.uri_template() == uri)
        {
            wrong("there are two of it");
        }
        self.catalog.templates.push((template, handler));
        self
    }

    /// Completes the variables of a template that is offered.
    #[must_use]
    pub fn complete_template(
        mut self,
        uri_template: impl Into<String>,
        handler: Handler<Vec<String>>,
    ) -> Self {
        let uri = uri_template.into();
        if !self
            .catalog
            .templates
            .iter()
            .any(|(other, _)| other.uri_template() == uri)
        {
            self.errors
                .push(format!("There is no template `{uri}` to complete."));
        }
        self.catalog.template_completions.push((uri, handler));
        self
    }

    /// Offers a prompt.
    #[must_use]
    pub fn prompt(mut self, prompt: Prompt, handler: Handler<PromptMessages>) -> Self {
        let name = prompt.name().to_owned();
        let mut wrong = |words: String| self.errors.push(format!("The prompt `{name}`: {words}."));
        if name.is_empty() {
            wrong("it needs a name".to_owned());
        }
        check::icons(prompt.icons(), &mut wrong);
        let mut names: Vec<_> = prompt.arguments().iter().map(|one| one.name()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != prompt.arguments().len() {
            wrong("two of its arguments have the same name".to_owned());
        }
        if self.catalog.prompt(&name).is_some() {
            self.errors
                .push(format!("Two prompts are called `{name}`."));
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
        handler: Handler<Vec<String>>,
    ) -> Self {
        let name = prompt.into();
        let mut prompts = self.catalog.prompts.iter_mut();
        match prompts.find(|entry| entry.prompt.name() == name) {
            Some(entry) => entry.completion = Some(handler),
            None => self
                .errors
                .push(format!("There is no prompt `{name}` to complete.")),
        }
        self
    }

    /// The catalog.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in words.
    pub fn build(mut self) -> Result<Catalog, CatalogError> {
        for entry in &self.catalog.tools {
            for scope in entry.tool.scopes() {
                let is_offered = scope == "user.read"
                    || self
                        .catalog
                        .scopes
                        .iter()
                        .any(|offered| offered.name == *scope);
                if !is_offered {
                    let name = entry.tool.name();
                    let words = "requires a scope that the server does not offer";
                    self.errors
                        .push(format!("The tool `{name}` {words}: `{scope}`."));
                }
            }
        }
        if self.errors.is_empty() {
            Ok(self.catalog)
        } else {
            Err(CatalogError::new(self.errors.join("\n")))
        }
    }
}
