//! What is offered together with the functions that perform it; generic over the kind of function, for
//! each runtime has its own.

use std::collections::{BTreeMap, BTreeSet};

use entra_mcp_core::{
    ask::Target,
    catalog::{
        ArgumentProblem, CallError, Catalog, CatalogBuilder, CatalogEntry, CatalogError,
        CatalogErrors, Handler, Prompt, PromptArgument, Resource, ResourceTemplate, Tool,
    },
    config::GraphTools,
    tools,
};
use schemars::JsonSchema;

use super::{
    Handlers, Middleware, SharedState, arguments, elicitation_schema_of,
    text_arguments::{self, Given},
};
use crate::Offer;

/// A catalog that is being put together, and the functions that perform its calls.
pub struct ServerBuilder<H> {
    fills: Vec<Fill>,
    handlers: BTreeMap<Target, H>,
    middleware: Vec<Middleware<H>>,
    state: SharedState,
    with_builtin_tools: bool,
    graph_tools: BTreeSet<GraphTools>,
}

/// A step of putting a catalog together.
type Fill = Box<dyn FnOnce(CatalogBuilder) -> CatalogBuilder + Send>;

impl<H> Default for ServerBuilder<H> {
    fn default() -> Self {
        Self {
            fills: Vec::new(),
            handlers: BTreeMap::new(),
            middleware: Vec::new(),
            state: SharedState::default(),
            with_builtin_tools: true,
            graph_tools: BTreeSet::new(),
        }
    }
}

impl<H> ServerBuilder<H> {
    /// What the server offers by itself, unless [`ServerBuilder::without_builtin_tools`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Without what the server offers by itself.
    #[must_use]
    pub fn without_builtin_tools(mut self) -> Self {
        self.with_builtin_tools = false;
        self
    }

    /// Offers these families of Graph's tools besides.
    pub(crate) fn graph_tools(mut self, families: &BTreeSet<GraphTools>) -> Self {
        self.graph_tools.clone_from(families);
        self
    }

    /// Gives the functions a value that they share.
    #[must_use]
    pub fn state<S: Send + Sync + 'static>(mut self, state: S) -> Self {
        self.state.insert(state);
        self
    }

    /// Puts something around each function, inside of what was put there before.
    #[must_use]
    pub fn around(mut self, middleware: Middleware<H>) -> Self {
        self.middleware.push(middleware);
        self
    }

    /// Adds to the catalog what needs no function of this runtime.
    #[must_use]
    pub fn catalog(
        mut self,
        fill: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    ) -> Self {
        self.fills.push(Box::new(fill));
        self
    }

    /// Offers a tool; its input schema is that of `A`, if that says anything.
    #[must_use]
    pub fn tool<A: JsonSchema>(self, tool: Tool, handler: H) -> Self {
        let tool = arguments::describe::<A>(tool);
        let target = Target::Tool(tool.name().to_owned());
        self.native(target, handler, move |catalog| {
            catalog.tool(tool, Handler::Runtime)
        })
    }

    /// Offers a resource.
    #[must_use]
    pub fn resource(self, resource: Resource, handler: H) -> Self {
        let target = Target::Resource(resource.uri().to_owned());
        self.native(target, handler, move |catalog| {
            catalog.resource(resource, Handler::Runtime)
        })
    }

    /// Offers a family of resources, whose variables are read as `A`.
    #[must_use]
    pub fn template<A: JsonSchema>(self, template: ResourceTemplate, handler: H) -> Self {
        let uri_template = template.uri_template().to_owned();
        // One that is not well formed is an error of the catalog, which tells it.
        let problems = template.variables().map(|all| {
            let optional = template.optional_variables();
            text_arguments::problems::<A>(&Given { all, optional })
        });
        let entry = CatalogEntry::Template(uri_template.clone());
        let problems = problems.unwrap_or_default();
        let target = Target::Template(uri_template);
        self.native(target, handler, move |catalog| {
            refuse(catalog, &entry, problems).template(template, Handler::Runtime)
        })
    }

    /// Has resources listed for who calls, and read.
    #[must_use]
    pub fn list_resources(self, list: H, read: H) -> Self {
        let reader = Target::Listed(String::new());
        let listing = self.native(Target::ListResources, list, |catalog| {
            catalog.list_resources(Handler::Runtime, Handler::Runtime)
        });
        listing.native(reader, read, |catalog| catalog)
    }

    /// Offers a prompt; its arguments are the fields of `A`, unless it tells its own.
    #[must_use]
    pub fn prompt<A: JsonSchema>(self, prompt: Prompt, handler: H) -> Self {
        let prompt = arguments::describe_prompt::<A>(prompt);
        let names = |may_be_left_out: bool| {
            let named = prompt.arguments().iter();
            let named = named.filter(|one| !may_be_left_out || !one.is_required());
            named.map(PromptArgument::name).collect()
        };
        let given = Given {
            all: names(false),
            optional: names(true),
        };
        let problems = text_arguments::problems::<A>(&given);
        let entry = CatalogEntry::Prompt(prompt.name().to_owned());
        let target = Target::Prompt(prompt.name().to_owned());
        self.native(target, handler, move |catalog| {
            refuse(catalog, &entry, problems).prompt(prompt, Handler::Runtime)
        })
    }

    /// Checks that a form can be made of a type that users are asked for.
    #[must_use]
    pub fn form<T: JsonSchema>(self) -> Self {
        let message = match elicitation_schema_of::<T>() {
            Ok(_) => return self,
            Err(CallError::Internal(message) | CallError::Message(message)) => message,
            Err(other) => format!("{other:?}"),
        };
        let form = T::schema_name().into_owned();
        self.catalog(|catalog| catalog.error(CatalogError::InvalidForm { form, message }))
    }

    /// Completes the arguments of a prompt that is offered.
    #[must_use]
    pub fn complete_prompt(self, prompt: String, handler: H) -> Self {
        let target = Target::CompletePrompt(prompt.clone(), String::new());
        self.native(target, handler, move |catalog| {
            catalog.complete_prompt(prompt, Handler::Runtime)
        })
    }

    /// Completes the variables of a template that is offered.
    #[must_use]
    pub fn complete_template(self, uri_template: String, handler: H) -> Self {
        let target = Target::CompleteTemplate(uri_template.clone(), String::new());
        self.native(target, handler, move |catalog| {
            catalog.complete_template(uri_template, Handler::Runtime)
        })
    }

    /// The catalog and the functions.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the catalog.
    pub fn build(self) -> Result<(Catalog, Handlers<H>), CatalogErrors> {
        let mut catalog = Catalog::builder();
        if self.with_builtin_tools {
            catalog = tools::graph::register(tools::register(catalog), &self.graph_tools);
        }
        for fill in self.fills {
            catalog = fill(catalog);
        }
        let mut handlers = Handlers::new(self.middleware, self.state);
        handlers.add(self.handlers);
        Ok((catalog.build()?, handlers))
    }

    /// What is offered with this besides. Functions are put around it as around the others; state is not added.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn added_to(self, offer: &Offer<H>) -> Result<Offer<H>, CatalogErrors>
    where
        H: Clone,
    {
        let edited = offer.catalog.edit();
        let fills = self.fills.into_iter();
        let catalog = fills.fold(edited, |catalog, fill| fill(catalog)).build()?;
        let mut handlers = offer.handlers.clone();
        handlers.add(self.handlers);
        Ok(Offer { catalog, handlers })
    }

    fn native(
        mut self,
        target: Target,
        handler: H,
        fill: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    ) -> Self {
        // Two of one name are an error of the catalog, which tells it.
        self.handlers.insert(target, handler);
        self.catalog(fill)
    }
}

fn refuse(
    catalog: CatalogBuilder,
    entry: &CatalogEntry,
    problems: Vec<ArgumentProblem>,
) -> CatalogBuilder {
    problems.into_iter().fold(catalog, |catalog, problem| {
        let entry = entry.clone();
        catalog.error(CatalogError::Arguments { entry, problem })
    })
}

impl<H> std::fmt::Debug for ServerBuilder<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Add {
        a: f64,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Nested {
        add: Add,
    }

    #[test]
    fn call_reaches_the_registered_handler() {
        let (_, handlers) = ServerBuilder::new()
            .tool::<Add>(Tool::new("add", "Adds"), 1)
            .resource(Resource::new("docs://a", "a"), 2)
            .template::<()>(ResourceTemplate::new("docs://{name}/b", "b"), 3)
            .prompt::<()>(Prompt::new("review", "Reviews"), 4)
            .complete_prompt("review".to_owned(), 5)
            .complete_template("docs://{name}/b".to_owned(), 6)
            .build()
            .unwrap();
        let text = str::to_owned;
        for (handler, target) in [
            (1, Target::Tool(text("add"))),
            (2, Target::Resource(text("docs://a"))),
            (3, Target::Template(text("docs://{name}/b"))),
            (4, Target::Prompt(text("review"))),
            (5, Target::CompletePrompt(text("review"), text("code"))),
            (
                6,
                Target::CompleteTemplate(text("docs://{name}/b"), text("name")),
            ),
        ] {
            assert_eq!(handlers.find(&target), Some(&handler), "{target:?}");
        }
        assert_eq!(handlers.find(&Target::Tool(text("review"))), None);
    }

    #[test]
    fn what_is_put_around_first_is_the_outermost() {
        let (_, handlers) = ServerBuilder::new()
            .around(Box::new(|inner| format!("first({inner})")))
            .tool::<Add>(Tool::new("add", "Adds"), "add".to_owned())
            .around(Box::new(|inner| format!("second({inner})")))
            .build()
            .unwrap();
        let add = handlers.find(&Target::Tool("add".to_owned()));
        assert_eq!(add.map(String::as_str), Some("first(second(add))"));
    }

    #[test]
    fn invalid_registration_is_a_start_error() {
        let twice = ServerBuilder::new()
            .tool::<Add>(Tool::new("add", "Adds"), 1)
            .tool::<Add>(Tool::new("add", "Adds too"), 2)
            .tool::<Vec<f64>>(Tool::new("sum", "Adds all"), 3)
            .complete_prompt("nobody".to_owned(), 4)
            .template::<Add>(ResourceTemplate::new("sum://{b}", "sum"), 5)
            .prompt::<Nested>(Prompt::new("ask", "Asks"), 6)
            .form::<Add>()
            .form::<Nested>();
        let message = twice.build().unwrap_err().to_string();
        assert!(message.contains("Two tools are called `add`"), "{message}");
        assert!(message.contains("The tool `sum`"), "{message}");
        assert!(message.contains("no prompt `nobody`"), "{message}");
        assert!(message.contains("`sum://{b}`"), "{message}");
        assert!(message.contains("the field `a`"), "{message}");
        assert!(message.contains("The prompt `ask`"), "{message}");
        assert!(message.contains("the field `add`"), "{message}");
        assert!(message.contains("The form `Nested`"), "{message}");
        assert!(!message.contains("The form `Add`"), "{message}");
    }
}
