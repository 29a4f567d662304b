//! What the official conformance suite of MCP asks of a server:
//! `cargo run -p entra-mcp-smol --example everything-smol`.

use entra_mcp_smol::{Server, StartError};

/// What is offered; the tests have it, too.
pub(crate) fn offer(server: Server) -> Server {
    server
        .server_info("everything", env!("CARGO_PKG_VERSION"))
        .catalog(entra_mcp_everything::register)
}

fn main() -> Result<(), StartError> {
    offer(Server::from_env()?).run()
}
