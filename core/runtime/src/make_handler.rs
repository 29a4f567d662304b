//! How a runtime makes handlers of functions, and what it puts around them.

use entra_mcp_core::{ask::InvokeOutput, catalog::CallError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    ServerRuntime,
    handlers::{CallContext, Middleware},
};

/// Makes handlers of functions of the type `F`, with arguments `A` and the result `T`. `M` is
/// [`WithArguments`] or [`WithoutArguments`]; the compiler finds it.
#[diagnostic::on_unimplemented(
    message = "this function cannot perform calls of this runtime",
    label = "its parameters are the runtime's `Context` and then the arguments, if there are any; its result is \
             `Result<_, CallError>`",
    note = "an error in words is `Err(\"Try another.\".into())`, and any other `.map_err(CallError::internal)?`; the types of a closure's \
            parameters must be written down",
    note = "with entra-mcp-smol the function is async and takes `Context`, and holds nothing at an `await` that must stay on its \
            thread, such as an `Rc` or the guard of a lock; with entra-mcp-blocking it takes `&Context`"
)]
pub trait MakeHandler<F, A, T, M>: ServerRuntime {
    /// Makes a handler that reads the arguments, calls the function and wraps its result.
    fn make_handler(
        function: F,
        read: fn(&CallContext) -> Result<A, CallError>,
        wrap: fn(&CallContext, T) -> InvokeOutput,
    ) -> Self::Handler;
}

/// What a function can take as its arguments: each type that can be read and has a schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a function",
    label = "not a type of arguments",
    note = "derive `serde::Deserialize` and `schemars::JsonSchema` for it, and have both crates in `Cargo.toml`"
)]
pub trait Arguments: DeserializeOwned + JsonSchema + 'static {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + 'static> Arguments for T {}

/// Marks functions that take arguments.
#[derive(Debug)]
pub enum WithArguments {}

/// Marks functions that take the context only.
#[derive(Debug)]
pub enum WithoutArguments {}

/// Makes of a function of the type `F` what serves requests to a path of the program's own.
#[diagnostic::on_unimplemented(
    message = "this function cannot serve requests of this runtime",
    label = "its parameter is `http::Request<Bytes>`; its result is `http::Response<Bytes>`",
    note = "the types of a closure's parameters must be written down"
)]
pub trait MakeRoute<F>: ServerRuntime {
    /// Makes what serves requests.
    fn make_route(function: F) -> Self::Route;
}

/// Makes of a function of the type `F` what is put around each call.
#[diagnostic::on_unimplemented(
    message = "this function cannot be put around calls of this runtime",
    label = "its parameters are the runtime's `Context` and `Next`; its result is `Result<InvokeOutput, CallError>`",
    note = "the types of a closure's parameters must be written down; `next.run(cx)` performs the call"
)]
pub trait MakeMiddleware<F>: ServerRuntime {
    /// Makes a function that puts this one around a handler.
    fn make_middleware(function: F) -> Middleware<Self::Handler>;
}
