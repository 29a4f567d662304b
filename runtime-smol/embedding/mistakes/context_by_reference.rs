//! The context is taken by reference, as the other runtime has it.

use entra_mcp_smol::{CallError, Config, Context, Server, Tool};

async fn ping(_cx: &Context) -> Result<&'static str, CallError> {
    Ok("pong")
}

fn main() {
    let tool = Tool::new("ping", "Answers");
    drop(Server::new(Config::in_memory()).tool(tool, ping));
}
