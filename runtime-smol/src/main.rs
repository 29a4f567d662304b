//! The server on the smol runtime.

use std::process::ExitCode;

fn main() -> ExitCode {
    match entra_mcp_host::boot(&entra_mcp_smol::PROGRAM) {
        Ok(host) => entra_mcp_smol::run(&host),
        Err(status) => status,
    }
}
