//! Something that must not leave its thread is held while the function waits.

use std::rc::Rc;

use entra_mcp_smol::{CallError, Config, Context, Server, Tool};

async fn count(cx: Context) -> Result<usize, CallError> {
    let counted = Rc::new(5);
    cx.progress(1.0, 1.0).await?;
    Ok(*counted)
}

fn main() {
    let tool = Tool::new("count", "Counts");
    drop(Server::new(Config::in_memory()).tool(tool, count));
}
