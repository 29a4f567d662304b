//! What the official conformance suite of MCP asks of a server:
//! `cargo run -p entra-mcp-blocking --example everything-blocking`.

use entra_mcp_blocking::{Server, StartError};

fn main() -> Result<(), StartError> {
    Server::from_env()?
        .server_info("everything", env!("CARGO_PKG_VERSION"))
        .catalog(entra_mcp_everything::register)
        .run()
}
