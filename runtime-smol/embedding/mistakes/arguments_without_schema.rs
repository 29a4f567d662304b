//! The type of the arguments has no schema.

use entra_mcp_smol::{CallError, Config, Context, Server, Tool};

#[derive(serde::Deserialize)]
struct Add {
    a: f64,
}

async fn add(_cx: Context, add: Add) -> Result<f64, CallError> {
    Ok(add.a)
}

fn main() {
    let tool = Tool::new("add", "Adds");
    drop(Server::new(Config::in_memory()).tool(tool, add));
}
