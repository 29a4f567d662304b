//! Servers on this runtime, and which functions perform their calls.

use std::sync::Arc;

use bytes::Bytes;
use entra_mcp_core::{ask::InvokeOutput, catalog::CallError};
use entra_mcp_runtime::{
    Lifecycle, MakeHandler, MakeMiddleware, MakeRoute, Program, Routes, RuntimeParts,
    ServerRuntime, StartError, WithArguments, WithoutArguments,
    handlers::{CallContext, Handlers, Middleware},
};
use http::{Request, Response};

use crate::{Context, Next, PROGRAM, invoke::BoxedHandler, own_route::BoxedRoute};

/// A server that is being put together.
///
/// Functions return `Result<_, CallError>`. `?` makes text a message for the model; what is nobody's
/// business but yours goes to the log with `.map_err(CallError::internal)?`. A panic is one failed call.
///
/// ```no_run
/// use entra_mcp_blocking::{Context, CallError, Prompt, Resource, Server, StartError, Tool};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Divide {
///     dividend: f64,
///     divisor: f64,
/// }
///
/// fn divide(_cx: &Context, n: Divide) -> Result<f64, CallError> {
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
///         .resource(Resource::new("docs://manual", "manual"), |_cx: &Context| {
///             std::fs::read_to_string("manual.md").map_err(CallError::internal)
///         })
///         .prompt(
///             Prompt::new("review", "Asks for a review"),
///             |_cx: &Context, review: Review| {
///                 Ok(format!("Please review this code:\n{}", review.code))
///             },
///         )
///         .run()
/// }
/// ```
///
/// [`Server::catalog`] takes a set of offers that another crate brings:
///
/// ```no_run
/// use entra_mcp_blocking::{Call, CatalogBuilder, Handler, Server, Step, Tool, ToolResult};
///
/// fn greetings(catalog: CatalogBuilder) -> CatalogBuilder {
///     fn hello(call: &Call) -> Step<ToolResult> {
///         Step::done(format!("Hello, {}!", call.principal().oid))
///     }
///     catalog.tool(Tool::new("hello", "Says hello"), Handler::Step(hello))
/// }
///
/// fn main() -> Result<(), entra_mcp_blocking::StartError> {
///     Server::from_env()?.catalog(greetings).run()
/// }
/// ```
///
/// [`Server::handle`] notifies clients of changes from outside of calls:
///
/// ```no_run
/// use entra_mcp_blocking::{ChangeNotification, Server, StartError};
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
pub type Server = entra_mcp_runtime::Server<Blocking>;

/// A server that may be running: notifies clients of changes, and adds and removes what is offered. See [`Server::handle`].
pub type Handle = entra_mcp_runtime::Handle<Blocking>;

/// This runtime, as a type.
#[derive(Debug)]
pub enum Blocking {}

impl ServerRuntime for Blocking {
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
        crate::run(parts, (handlers, routes), handle, lifecycle)
    }
}

impl<F, A, T> MakeHandler<F, A, T, WithArguments> for Blocking
where
    A: 'static,
    T: 'static,
    F: Fn(&Context, A) -> Result<T, CallError> + Send + Sync + 'static,
{
    fn make_handler(
        function: F,
        read: fn(&CallContext) -> Result<A, CallError>,
        wrap: fn(&CallContext, T) -> InvokeOutput,
    ) -> BoxedHandler {
        Arc::new(move |cx| {
            let result = function(cx, read(&cx.call)?);
            result.map(|result| wrap(&cx.call, result))
        })
    }
}

impl<F, T> MakeHandler<F, (), T, WithoutArguments> for Blocking
where
    T: 'static,
    F: Fn(&Context) -> Result<T, CallError> + Send + Sync + 'static,
{
    fn make_handler(
        function: F,
        read: fn(&CallContext) -> Result<(), CallError>,
        wrap: fn(&CallContext, T) -> InvokeOutput,
    ) -> BoxedHandler {
        let function = move |cx: &Context, (): ()| function(cx);
        Self::make_handler(function, read, wrap)
    }
}

impl<F> MakeRoute<F> for Blocking
where
    F: Fn(Request<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
{
    fn make_route(function: F) -> BoxedRoute {
        Arc::new(function)
    }
}

impl<F> MakeMiddleware<F> for Blocking
where
    F: Fn(&Context, Next) -> Result<InvokeOutput, CallError> + Send + Sync + 'static,
{
    fn make_middleware(function: F) -> Middleware<BoxedHandler> {
        let function = Arc::new(function);
        Box::new(move |handler| {
            let function = Arc::clone(&function);
            Arc::new(move |cx| function(cx, Next::new(Arc::clone(&handler), cx)))
        })
    }
}
