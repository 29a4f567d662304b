//! The server on the blocking runtime.

use std::process::ExitCode;

fn main() -> ExitCode {
    match entra_mcp_runtime::boot(&entra_mcp_blocking::PROGRAM) {
        Ok(parts) => entra_mcp_blocking::run(&parts),
        Err(status) => status,
    }
}
