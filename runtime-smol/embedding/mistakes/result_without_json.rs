//! A type of one's own is returned as it is.

use entra_mcp_smol::{CallError, Config, Context, Server, Tool};

struct Sum {
    sum: f64,
}

async fn add(_cx: Context) -> Result<Sum, CallError> {
    Ok(Sum { sum: 5.0 })
}

fn main() {
    let tool = Tool::new("add", "Adds");
    drop(Server::new(Config::in_memory()).tool(tool, add));
}
