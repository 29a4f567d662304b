//! The end-to-end suite, with `tiny_http` reading HTTP. What a server that faces strangers must do
//! does not hold there: see `inbound/tiny` and the README.

use entra_mcp_e2e::Program;

const PROGRAM: Program = Program::new(
    env!("CARGO_BIN_EXE_entra-mcp-blocking"),
    &["--http-server", "tiny_http"],
);

entra_mcp_e2e::end_to_end_core!(PROGRAM);
entra_mcp_e2e::end_to_end_gateway!(PROGRAM);
entra_mcp_e2e::end_to_end_library!(PROGRAM);

/// It reads the first line of HTTP by itself, so nothing may stand before it.
#[test]
fn proxy_protocol_is_refused_at_the_start() {
    entra_mcp_e2e::cases::proxy_protocol::program_without_it_refuses_to_start(&PROGRAM);
}
