//! Servers on this runtime, and which functions perform their calls.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use entra_mcp_core::{ask::InvokeOutput, catalog::CallError};
use entra_mcp_runtime::{
    Lifecycle, MakeHandler, MakeMiddleware, MakeRoute, Program, Routes, RuntimeParts,
    ServerRuntime, StartError, WithArguments, WithoutArguments,
    handlers::{CallContext, Handlers, Middleware},
};
use http::{Request, Response};

use crate::{Context, Front, Next, PROGRAM, invoke::BoxedHandler, own_route::BoxedRoute};
#[cfg(feature = "tower")]
use {crate::service::McpService, entra_mcp_runtime::ServiceRuntime, std::sync::mpsc::Sender};

/// A server that is being put together.
///
/// Functions return `Result<_, CallError>`. `?` makes text a message for the model; what is nobody's
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
///
/// In a program that does other things, too, nothing is read from arguments or environment, and the process is left as it is:
///
/// ```no_run
/// use entra_mcp_smol::{Config, Context, Credential, Secret, Server, StartError, Tool};
///
/// fn main() -> Result<(), StartError> {
///     let secret = Credential::Secret(Secret::new("of the application".to_owned()));
///     let config = Config::entra("contoso.com", "6f1e5f0a-0c8f-4d1e-9a65-2b2a4b1f8e11", secret)
///         .listen("127.0.0.1:0".parse().unwrap())
///         .data_folder("/var/lib/my-program/mcp");
///     let running = Server::new(config)
///         .tool(Tool::new("ping", "Answers"), |_cx: Context| async { Ok("pong") })
///         .start()?;
///     println!("MCP is served at {}", running.addresses()[0]);
///     // The program does what it does, and then:
///     running.stop();
///     running.wait()
/// }
/// ```
///
/// [`Server::catalog`] takes a set of offers that another crate brings:
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
///
/// [`Server::handle`] notifies clients of changes from outside of calls:
///
/// ```no_run
/// use entra_mcp_smol::{ChangeNotification, Server, StartError};
///
/// fn main() -> Result<(), StartError> {
///     let server = Server::from_env()?.list_changed();
///     let handle = server.handle();
///     std::thread::spawn(move || {
///         // Whenever the files of the manual were changed:
///         handle.notify_changed(ChangeNotification::Resource("docs://manual".to_owned()));
///     });
///     server.run()
/// }
/// ```
pub type Server = entra_mcp_runtime::Server<Smol>;

/// A server that may be running: notifies clients of changes, and adds and removes what is offered. See [`Server::handle`].
pub type Handle = entra_mcp_runtime::Handle<Smol>;

/// This runtime, as a type.
#[derive(Debug)]
pub enum Smol {}

impl ServerRuntime for Smol {
    type Handler = BoxedHandler;
    type Route = BoxedRoute;

    const PROGRAM: &'static Program = &PROGRAM;

    fn run(
        parts: &RuntimeParts,
        handlers: Handlers<BoxedHandler>,
        routes: Routes<BoxedRoute>,
        handle: &Handle,
        lifecycle: &Lifecycle,
    ) -> Result<(), StartError> {
        crate::run(
            parts,
            (handlers, routes),
            handle,
            lifecycle,
            &Front::Sockets,
        )
    }
}

#[cfg(feature = "tower")]
impl ServiceRuntime for Smol {
    type Service = McpService;

    fn run_service(
        parts: &RuntimeParts,
        handlers: Handlers<BoxedHandler>,
        routes: Routes<BoxedRoute>,
        handle: &Handle,
        lifecycle: &Lifecycle,
        made: Sender<McpService>,
    ) -> Result<(), StartError> {
        let front = Front::Service(made);
        crate::run(parts, (handlers, routes), handle, lifecycle, &front)
    }
}

impl<F, Fut, A, T> MakeHandler<F, A, T, WithArguments> for Smol
where
    A: 'static,
    T: 'static,
    F: Fn(Context, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, CallError>> + Send,
{
    fn make_handler(
        function: F,
        read: fn(&CallContext) -> Result<A, CallError>,
        wrap: fn(&CallContext, T) -> InvokeOutput,
    ) -> BoxedHandler {
        let function = Arc::new(function);
        Arc::new(move |cx| {
            let function = Arc::clone(&function);
            Box::pin(async move {
                let future = function(cx.clone(), read(&cx.call)?);
                future.await.map(|result| wrap(&cx.call, result))
            })
        })
    }
}

impl<F, Fut, T> MakeHandler<F, (), T, WithoutArguments> for Smol
where
    T: 'static,
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, CallError>> + Send,
{
    fn make_handler(
        function: F,
        read: fn(&CallContext) -> Result<(), CallError>,
        wrap: fn(&CallContext, T) -> InvokeOutput,
    ) -> BoxedHandler {
        let function = move |cx, (): ()| function(cx);
        Self::make_handler(function, read, wrap)
    }
}

impl<F, Fut> MakeRoute<F> for Smol
where
    F: Fn(Request<Bytes>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response<Bytes>> + Send + 'static,
{
    fn make_route(function: F) -> BoxedRoute {
        Arc::new(move |request| Box::pin(function(request)))
    }
}

impl<F, Fut> MakeMiddleware<F> for Smol
where
    F: Fn(Context, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<InvokeOutput, CallError>> + Send,
{
    fn make_middleware(function: F) -> Middleware<BoxedHandler> {
        let function = Arc::new(function);
        Box::new(move |handler| {
            let function = Arc::clone(&function);
            Arc::new(move |cx| {
                let next = Next::new(Arc::clone(&handler), &cx);
                let function = Arc::clone(&function);
                Box::pin(async move { function(cx, next).await })
            })
        })
    }
}
