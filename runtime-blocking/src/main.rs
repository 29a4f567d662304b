//! The server on the blocking runtime.

use std::process::ExitCode;

fn main() -> ExitCode {
    entra_mcp_runtime::main::<entra_mcp_blocking::Blocking>()
}
