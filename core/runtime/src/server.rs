//! A server with tools, resources and prompts of one's own, on whichever runtime.

mod described;
mod service;

use std::{future::Future, process::ExitCode};

use entra_mcp_core::{
    catalog::{
        Call, CatalogBuilder, Handler, Prompt, Resource, ResourcePage, ResourceTemplate,
        ScopeDefinition, Step, Tool, ToolResult,
    },
    log_event::{Field, LogEvent, LogEventId},
};
use schemars::JsonSchema;

use crate::{
    Arguments, Config, Handle, Lifecycle, MakeHandler, MakeMiddleware, MakeRoute, Program, Routes,
    Running, RuntimeParts, Settings, StartError,
    boot::{self, ProcessOwner},
    handlers::{
        CompletionRequest, Handlers, IntoCompletion, IntoContents, IntoMessages, IntoToolResult,
        ServerBuilder,
    },
    log, offering,
    unix::process_hardening,
};

pub use self::service::ServiceRuntime;

/// A runtime, as a server is put together for it and run on it.
pub trait ServerRuntime: Sized + 'static {
    /// A function that performs calls.
    type Handler: Clone + Send + Sync + 'static;

    /// A function that serves requests to a path of the program's own.
    type Route: Clone + Send + Sync + 'static;

    /// What the runtime is called and which settings only it has.
    const PROGRAM: &'static Program;

    /// Serves until the server is asked to end; then lets the exchanges under way finish.
    ///
    /// # Errors
    ///
    /// A socket or a thread that it needs is not to be had.
    fn run(
        parts: &RuntimeParts,
        handlers: Handlers<Self::Handler>,
        routes: Routes<Self::Route>,
        handle: &Handle<Self>,
        lifecycle: &Lifecycle,
    ) -> Result<(), StartError>;
}

/// A server that is being put together for a runtime.
#[derive(Debug)]
pub struct Server<R: ServerRuntime> {
    source: Source,
    builder: ServerBuilder<R::Handler>,
    routes: Vec<(String, R::Route)>,
    handle: Handle<R>,
}

impl<R: ServerRuntime> Server<R> {
    /// Returns a server with the settings of the command line, the environment and `.env`: the same as those
    /// of the runtime's own program. With `--help` or `--version` it prints that and ends the
    /// process. It is for a process that is there for the server: files that it makes from now on are private (umask 077), it
    /// writes no core file, its memory cannot be read by others, and it may open as many descriptors as the system allows.
    /// [`Server::new`] does none of this.
    ///
    /// # Errors
    ///
    /// Some settings are wrong: which, and what to change.
    pub fn from_env() -> Result<Self, StartError> {
        let settings = Settings::from_env(R::PROGRAM)?;
        Ok(Self::of(Source::Process(Box::new(settings))))
    }

    /// Returns a server with these settings, which is part of a program: [`Server::start`] changes nothing of its process.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::of(Source::Program(config))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            builder: ServerBuilder::new(),
            routes: Vec::new(),
            handle: Handle::default(),
        }
    }

    /// Gives the server's functions a value of the program's own, such as a pool of connections: `cx.state::<Pool>()?` has it. One
    /// for each type.
    #[must_use]
    pub fn state<S: Send + Sync + 'static>(mut self, state: S) -> Self {
        self.builder = self.builder.state(state);
        self
    }

    /// Puts a function around each call of a function of this server: a tool, a resource, a prompt or a completion. It gets the
    /// context and what comes next, and returns the result: to count, measure or record calls, to refuse them, or to change what they
    /// result in. Of several the first is the outermost. `pure_tool`, `getUserDetails` and the tools of backends run inside of
    /// the machine: nothing is put around them.
    #[must_use]
    pub fn around<F>(mut self, function: F) -> Self
    where
        R: MakeMiddleware<F>,
    {
        self.builder = self.builder.around(R::make_middleware(function));
        self
    }

    /// Does not offer `getUserDetails`, which every server offers otherwise.
    #[must_use]
    pub fn without_builtin_tools(mut self) -> Self {
        self.builder = self.builder.without_builtin_tools();
        self
    }

    /// Lets clients subscribe to changes, of which a `Context` or a [`Handle`] notifies them.
    #[must_use]
    pub fn list_changed(self) -> Self {
        self.catalog(CatalogBuilder::list_changed)
    }

    /// Tells clients of lists of resources and prompts though they are empty at the start, for a server that adds some while it runs.
    #[must_use]
    pub fn announce_empty_lists(self) -> Self {
        self.catalog(CatalogBuilder::announce_empty_lists)
    }

    /// Offers a scope besides `user.read`, which tools can require.
    #[must_use]
    pub fn scope(self, scope: ScopeDefinition) -> Self {
        self.catalog(|catalog| catalog.scope(scope))
    }

    /// Offers a tool. Its input schema is that of the function's arguments, unless these are `()` or a
    /// `serde_json::Map`: then that of [`Tool::input_schema`]. Its output schema is that of [`Json`](crate::api::Json), if the function
    /// returns it and the tool does not say its own.
    #[must_use]
    pub fn tool<A, T, F, M>(mut self, tool: Tool, function: F) -> Self
    where
        A: Arguments,
        T: IntoToolResult + 'static,
        R: MakeHandler<F, A, T, M>,
    {
        self.builder = offering::tool::<R, A, T, F, M>(self.builder, tool, function);
        self
    }

    /// Offers a tool that is a step function and runs on every runtime.
    #[must_use]
    pub fn pure_tool(self, tool: Tool, function: fn(&Call) -> Step<ToolResult>) -> Self {
        self.catalog(move |catalog| catalog.tool(tool, Handler::Step(function)))
    }

    /// Offers a resource.
    #[must_use]
    pub fn resource<T, F, M>(mut self, resource: Resource, function: F) -> Self
    where
        T: IntoContents + 'static,
        R: MakeHandler<F, (), T, M>,
    {
        self.builder = offering::resource::<R, T, F, M>(self.builder, resource, function);
        self
    }

    /// Has resources listed for who calls, after those that everybody is offered, and read.
    ///
    /// `list` gets where its page begins, `None` for the first one, and returns a [`ResourcePage`]; `read` gets the context alone, whose
    /// name is the URI, and returns contents, for whatever URI nothing else is offered. **`read` decides who may read what**: a client may
    /// ask for any URI, listed or not; of what the user may not read it says [`CallError::NotFound`](entra_mcp_core::catalog::CallError).
    /// Clients may subscribe to any of these URIs: tell those of a user by [`Handle::notify_user`].
    #[must_use]
    pub fn list_resources<L, M, T, F, N>(mut self, list: L, read: F) -> Self
    where
        T: IntoContents + 'static,
        R: MakeHandler<L, Option<String>, ResourcePage, M> + MakeHandler<F, (), T, N>,
    {
        self.builder = offering::list_resources::<R, L, M, T, F, N>(self.builder, list, read);
        self
    }

    /// Offers a family of resources. The function's arguments are the variables: fields that are text, numbers, booleans, choices, and
    /// `Option`s of these. Other fields, and those of another name than a variable has, are an error at the start.
    #[must_use]
    pub fn template<A, T, F, M>(mut self, template: ResourceTemplate, function: F) -> Self
    where
        A: Arguments,
        T: IntoContents + 'static,
        R: MakeHandler<F, A, T, M>,
    {
        self.builder = offering::template::<R, A, T, F, M>(self.builder, template, function);
        self
    }

    /// Offers a prompt. Its arguments are the fields of the function's, unless the prompt tells its own. Clients send texts: a field may be
    /// text, a number, a boolean, a choice, or an `Option` of one; another one is an error at the start.
    #[must_use]
    pub fn prompt<A, T, F, M>(mut self, prompt: Prompt, function: F) -> Self
    where
        A: Arguments,
        T: IntoMessages + 'static,
        R: MakeHandler<F, A, T, M>,
    {
        self.builder = offering::prompt::<R, A, T, F, M>(self.builder, prompt, function);
        self
    }

    /// Checks at the start that users can be asked for a type, as `Context::elicit` does; otherwise that is found when a user meets it.
    #[must_use]
    pub fn form<T: JsonSchema>(mut self) -> Self {
        self.builder = self.builder.form::<T>();
        self
    }

    /// Serves a path of your own, and all that is below it, beside the server: a webhook, a page. Nobody has signed in there; the function
    /// gets the request with a body of at most 64 KiB, and gives the whole response. A path that begins as one of the server's does is an
    /// error at the start. **It is the address of the sign-in pages**: a page there acts for the same site, so serve nothing that
    /// strangers have written.
    #[must_use]
    pub fn route<F>(mut self, path: impl Into<String>, function: F) -> Self
    where
        R: MakeRoute<F>,
    {
        self.routes.push((path.into(), R::make_route(function)));
        self
    }

    /// Completes the arguments of a prompt that was offered: gives the values that begin as what was
    /// entered so far. The other arguments are in the context.
    #[must_use]
    pub fn complete_prompt<T, F, M>(mut self, prompt: impl Into<String>, function: F) -> Self
    where
        T: IntoCompletion + 'static,
        R: MakeHandler<F, CompletionRequest, T, M>,
    {
        let handler = offering::completion::<R, T, F, M>(function);
        self.builder = self.builder.complete_prompt(prompt.into(), handler);
        self
    }

    /// Completes the variables of a template that was offered, likewise.
    #[must_use]
    pub fn complete_template<T, F, M>(mut self, template: impl Into<String>, function: F) -> Self
    where
        T: IntoCompletion + 'static,
        R: MakeHandler<F, CompletionRequest, T, M>,
    {
        let handler = offering::completion::<R, T, F, M>(function);
        self.builder = self.builder.complete_template(template.into(), handler);
        self
    }

    /// Fills the catalog with what needs no function of this runtime: whatever is pure, page sizes,
    /// a set of offers that another crate brings.
    #[must_use]
    pub fn catalog(
        mut self,
        fill: impl FnOnce(CatalogBuilder) -> CatalogBuilder + Send + 'static,
    ) -> Self {
        self.builder = self.builder.catalog(fill);
        self
    }

    /// Returns what notifies clients of changes, and adds and removes what is offered, from outside of calls, from any thread, while the
    /// server runs.
    #[must_use]
    pub fn handle(&self) -> Handle<R> {
        self.handle.clone()
    }

    /// Serves until the process is asked to end, by SIGTERM or Ctrl-C; then lets what is under way finish. The process is
    /// the server's: the log goes to standard error unless there is a subscriber of `tracing` already, a panic is a line of it,
    /// SIGHUP reads files anew, and what to do next is printed. [`Server::start`] does none of this.
    ///
    /// # Errors
    ///
    /// What is offered, the data folder or an address is wrong: why, and what to change.
    pub fn run(self) -> Result<(), StartError> {
        if let Source::Program(_) = &self.source {
            process_hardening::apply();
        }
        let routes = Routes::new(self.routes)?;
        let (parts, handlers) = open::<R>(self.source, self.builder, ProcessOwner::Server)?;
        let lifecycle = Lifecycle::of_process();
        R::run(&parts, handlers, routes, &self.handle, &lifecycle)
    }

    /// Serves on threads of its own, and returns when it listens. It prints nothing, takes no signal, and leaves log,
    /// panics and file modes of the process as they are: what is worth knowing goes to the program's own subscriber of `tracing`,
    /// with the target `entra_mcp`. A process may run several servers, each with a data folder and ports of its own; the audit log
    /// is one for all.
    ///
    /// # Errors
    ///
    /// A setting, what is offered, the data folder or an address is wrong: why, and what to change.
    pub fn start(self) -> Result<Running, StartError> {
        self.start_by(R::run)
    }

    /// Starts the server as [`Server::start`] does, waits for a future on this thread, then lets what is under way finish.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`].
    pub fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), StartError> {
        self.start()?.until(stop)
    }
}

/// Where the settings of a server come from.
#[derive(Debug)]
enum Source {
    Process(Box<Settings>),
    Program(Config),
}

fn open<R: ServerRuntime>(
    source: Source,
    builder: ServerBuilder<R::Handler>,
    owner: ProcessOwner,
) -> Result<(RuntimeParts, Handlers<R::Handler>), StartError> {
    let settings = match source {
        Source::Process(settings) => *settings,
        Source::Program(config) => Settings::of(config, R::PROGRAM)?,
    };
    let (catalog, handlers) = builder.graph_tools(settings.graph_tools()).build()?;
    Ok((settings.open(catalog, owner)?, handlers))
}

/// Runs the program of a runtime: a server that offers what it offers by itself.
#[must_use]
pub fn main<R: ServerRuntime>() -> ExitCode {
    let parts = match boot::boot(R::PROGRAM) {
        Ok(parts) => parts,
        Err(status) => return status,
    };
    let lifecycle = Lifecycle::of_process();
    if let Err(error) = R::run(
        &parts,
        Handlers::default(),
        Routes::default(),
        &Handle::<R>::default(),
        &lifecycle,
    ) {
        let failed = LogEvent::new(LogEventId::ServerFailed);
        log(&failed.with_text(Field::Error, error.to_string()));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
