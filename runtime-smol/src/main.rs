//! The server on the smol runtime.

use std::process::ExitCode;

fn main() -> ExitCode {
    match entra_mcp_runtime::boot(&entra_mcp_smol::PROGRAM) {
        Ok(parts) => entra_mcp_smol::run(&parts),
        Err(status) => status,
    }
}
