//! A server with one tool of its own: `cargo run -p entra-mcp-blocking --example hello-blocking`.

use entra_mcp_blocking::{Context, Server, StartError, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The first number.
    a: f64,
    /// The second number.
    b: f64,
}

/// What is offered; the tests have it, too.
pub(crate) fn offer(server: Server) -> Server {
    let add = Tool::new("add", "Adds two numbers").read_only();
    server.tool(add, |_cx: &Context, n: Add| Ok(n.a + n.b))
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}
