//! The server on the smol runtime.

use std::process::ExitCode;

fn main() -> ExitCode {
    entra_mcp_runtime::main::<entra_mcp_smol::Smol>()
}
