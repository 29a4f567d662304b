//! The whole end-to-end suite, against this runtime's binary.

use entra_mcp_e2e::Program;

const PROGRAM: Program = Program::new(env!("CARGO_BIN_EXE_entra-mcp-smol"), &[]);

entra_mcp_e2e::end_to_end!(PROGRAM);
