//! What the official conformance suite of MCP asks of a server:
//! `cargo run -p entra-mcp-smol --example everything-smol`.

use entra_mcp_smol::{Server, StartError};

fn main() -> Result<(), StartError> {
    Server::from_env()?
        .server_info("everything", env!("CARGO_PKG_VERSION"))
        .catalog(entra_mcp_everything::register)
        .run()
}
