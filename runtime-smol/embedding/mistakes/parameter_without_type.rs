//! The type of a closure's parameter is left out.

use entra_mcp_smol::{CallError, Config, Context, Server, Tool};

fn main() {
    let tool = Tool::new("ping", "Answers");
    let server = Server::new(Config::in_memory());
    drop(server.tool(tool, |_cx: Context, _arguments| async {
        Ok::<_, CallError>("pong")
    }));
}
