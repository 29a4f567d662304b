//! One branch fails with text, which is no `CallError`.

use entra_mcp_smol::{Config, Context, Server, Tool};

fn main() {
    let tool = Tool::new("divide", "Divides");
    let divide = |cx: Context| async move {
        if cx.name().is_empty() {
            return Err("Try another divisor.");
        }
        Ok(5)
    };
    drop(Server::new(Config::in_memory()).tool(tool, divide));
}
