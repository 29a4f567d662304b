//! The server on the blocking runtime.

use std::process::ExitCode;

fn main() -> ExitCode {
    match entra_mcp_host::boot(&entra_mcp_blocking::PROGRAM) {
        Ok(host) => entra_mcp_blocking::run(&host),
        Err(status) => status,
    }
}
