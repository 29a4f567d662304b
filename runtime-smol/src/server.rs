//! A server with tools, resources and prompts of one's own.

use std::{future::Future, sync::Arc};

use entra_mcp_core::{
    ask::InvokeOutput,
    catalog::{
        Call, CallError, CatalogBuilder, Handler, Prompt, Resource, ResourceTemplate,
        ScopeDefinition, Step, Tool, ToolResult,
    },
};
use entra_mcp_runtime::{
    Settings, StartError,
    handlers::{CallContext, CompletionRequest, IntoContents, IntoMessages, ServerBuilder},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Context, Handle, PROGRAM, invoke::BoxedHandler};

/// A server that is being put together.
///
/// Functions return `Result<_, CallError>`. `?` makes text what the model is told; what is nobody's
/// business but yours goes to the log with `.map_err(CallError::internal)?`. A panic is one failed call.
///
/// ```no_run
/// use entra_mcp_smol::{Context, CallError, Prompt, Resource, Server, StartError, Tool};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Divide {
///     dividend: f64,
///     divisor: f64,
/// }
///
/// async fn divide(_cx: Context, n: Divide) -> Result<f64, CallError> {
///     if n.divisor == 0.0 {
///         return Err("Nothing can be divided by 0.".into());
///     }
///     Ok(n.dividend / n.divisor)
/// }
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Review {
///     /// The code.
///     code: String,
/// }
///
/// fn main() -> Result<(), StartError> {
///     Server::from_env()?
///         .server_info("calculator", "1.0.0")
///         .tool(Tool::new("divide", "Divides one number by another").read_only(), divide)
///         .resource(Resource::new("docs://manual", "manual"), |_cx: Context| async {
///             std::fs::read_to_string("manual.md").map_err(CallError::internal)
///         })
///         .prompt(
///             Prompt::new("review", "Asks for a review"),
///             |_cx: Context, review: Review| async move {
///                 Ok(format!("Please review this code:\n{}", review.code))
///             },
///         )
///         .run()
/// }
/// ```
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    builder: ServerBuilder<BoxedHandler>,
    handle: Handle,
}

impl Server {
    /// A server with the settings of the command line, the environment and `.env`: the same as those
    /// of the program `entra-mcp-smol`. With `--help` or `--version` it prints that and ends the
    /// process.
    ///
    /// # Errors
    ///
    /// Which settings are wrong, in words.
    pub fn from_env() -> Result<Self, StartError> {
        Ok(Self {
            settings: Settings::from_env(&PROGRAM)?,
            builder: ServerBuilder::new(),
            handle: Handle::default(),
        })
    }

    /// What it calls itself towards clients.
    #[must_use]
    pub fn server_info(self, name: impl Into<String>, version: impl Into<String>) -> Self {
        let (name, version) = (name.into(), version.into());
        self.catalog(|catalog| catalog.server(name, version))
    }

    /// What the model is told of it.
    #[must_use]
    pub fn instructions(self, instructions: impl Into<String>) -> Self {
        let instructions = instructions.into();
        self.catalog(|catalog| catalog.instructions(instructions))
    }

    /// Does not offer `getUserDetails`, which every server offers otherwise.
    #[must_use]
    pub fn without_builtin_tools(mut self) -> Self {
        self.builder = self.builder.without_builtin_tools();
        self
    }

    /// Tells clients that changes will be announced with [`Context::notify_changed`], so that they listen.
    #[must_use]
    pub fn list_changed(self) -> Self {
        self.catalog(CatalogBuilder::list_changed)
    }

    /// Offers a scope besides `user.read`, which tools can require.
    #[must_use]
    pub fn scope(self, scope: ScopeDefinition) -> Self {
        self.catalog(|catalog| catalog.scope(scope))
    }

    /// Offers a tool. Its input schema is that of the function's arguments, unless these are `()` or a
    /// `serde_json::Map`: then that of [`Tool::input_schema`].
    #[must_use]
    pub fn tool<A, R, F, Fut>(mut self, tool: Tool, function: F) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        R: Into<ToolResult> + 'static,
        F: Fn(Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, CallError>> + Send,
    {
        let handler = handler(function, |_, result: R| InvokeOutput::Tool(result.into()));
        self.builder = self.builder.tool::<A>(tool, handler);
        self
    }

    /// Offers a tool that is a step function and runs on every runtime.
    #[must_use]
    pub fn pure_tool(self, tool: Tool, function: fn(&Call) -> Step<ToolResult>) -> Self {
        self.catalog(move |catalog| catalog.tool(tool, Handler::Step(function)))
    }

    /// Offers a resource.
    #[must_use]
    pub fn resource<R, F, Fut>(mut self, resource: Resource, function: F) -> Self
    where
        R: IntoContents + 'static,
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, CallError>> + Send,
    {
        let handler = handler(
            move |cx, (): ()| function(cx),
            |cx, result: R| InvokeOutput::Contents(result.into_contents(cx.name())),
        );
        self.builder = self.builder.resource(resource, handler);
        self
    }

    /// Offers a family of resources. The function's arguments are the variables, which are text.
    #[must_use]
    pub fn template<A, R, F, Fut>(mut self, template: ResourceTemplate, function: F) -> Self
    where
        A: DeserializeOwned + 'static,
        R: IntoContents + 'static,
        F: Fn(Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, CallError>> + Send,
    {
        let handler = handler(function, |cx, result: R| {
            InvokeOutput::Contents(result.into_contents(cx.name()))
        });
        self.builder = self.builder.template(template, handler);
        self
    }

    /// Offers a prompt. Its arguments are the fields of the function's, unless the prompt tells its own;
    /// they are text.
    #[must_use]
    pub fn prompt<A, R, F, Fut>(mut self, prompt: Prompt, function: F) -> Self
    where
        A: DeserializeOwned + JsonSchema + 'static,
        R: IntoMessages + 'static,
        F: Fn(Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, CallError>> + Send,
    {
        let handler = handler(function, |_, result: R| {
            InvokeOutput::PromptMessages(result.into_messages())
        });
        self.builder = self.builder.prompt::<A>(prompt, handler);
        self
    }

    /// Completes the arguments of a prompt that was offered: gives the values that begin as what was
    /// entered so far. The other arguments are in the context.
    #[must_use]
    pub fn complete_prompt<F, Fut>(mut self, prompt: impl Into<String>, function: F) -> Self
    where
        F: Fn(Context, CompletionRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<String>, CallError>> + Send,
    {
        let handler = completing(function);
        self.builder = self.builder.complete_prompt(prompt.into(), handler);
        self
    }

    /// Completes the variables of a template that was offered, likewise.
    #[must_use]
    pub fn complete_template<F, Fut>(mut self, template: impl Into<String>, function: F) -> Self
    where
        F: Fn(Context, CompletionRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<String>, CallError>> + Send,
    {
        let handler = completing(function);
        self.builder = self.builder.complete_template(template.into(), handler);
        self
    }

    /// Fills the catalog with what needs no function of this runtime: whatever is pure, page sizes,
    /// a set of offers that another crate brings.
    ///
    /// ```no_run
    /// use entra_mcp_smol::{Call, CatalogBuilder, Handler, Server, Step, Tool, ToolResult};
    ///
    /// fn greetings(catalog: CatalogBuilder) -> CatalogBuilder {
    ///     fn hello(call: &Call) -> Step<ToolResult> {
    ///         Step::done(format!("Hello, {}!", call.principal().oid))
    ///     }
    ///     catalog.tool(Tool::new("hello", "Says hello"), Handler::Step(hello))
    /// }
    ///
    /// fn main() -> Result<(), entra_mcp_smol::StartError> {
    ///     Server::from_env()?.catalog(greetings).run()
    /// }
    /// ```
    #[must_use]
    pub fn catalog(
        mut self,
        fill: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    ) -> Self {
        self.builder = self.builder.catalog(fill);
        self
    }

    /// What announces changes from outside of calls, from any thread, while the server runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until the process is asked to end; then lets what is under way finish.
    ///
    /// # Errors
    ///
    /// What is wrong with what is offered, with the data folder or with an address: in words.
    pub fn run(self) -> Result<(), StartError> {
        let (catalog, handlers) = self.builder.build()?;
        let parts = self.settings.open(catalog)?;
        crate::run_with(&parts, handlers, &self.handle).map_err(StartError::new)
    }
}

/// Arguments in, the function, its result out.
fn handler<A, R, F, Fut>(function: F, wrap: fn(&Context, R) -> InvokeOutput) -> BoxedHandler
where
    A: DeserializeOwned + 'static,
    R: 'static,
    F: Fn(Context, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, CallError>> + Send,
{
    let function = Arc::new(function);
    Arc::new(move |cx| {
        let function = Arc::clone(&function);
        Box::pin(async move {
            let performing = function(cx.clone(), CallContext::read(&cx)?);
            performing.await.map(|result| wrap(&cx, result))
        })
    })
}

fn completing<F, Fut>(function: F) -> BoxedHandler
where
    F: Fn(Context, CompletionRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<String>, CallError>> + Send,
{
    let function = move |cx: Context, (): ()| {
        let completing = CallContext::completing(&cx);
        function(cx, completing)
    };
    handler(function, |_, values| InvokeOutput::Values(values))
}
