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

fn main() -> Result<(), StartError> {
    let add = Tool::new("add", "Adds two numbers").read_only();
    Server::from_env()?
        .tool(add, |_cx: &Context, n: Add| Ok(n.a + n.b))
        .run()
}
