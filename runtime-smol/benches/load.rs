//! The numbers of the README's section "How it is built", for this runtime:
//! `cargo bench -p entra-mcp-smol --bench load`; with sessions in a Redis:
//! `cargo bench -p entra-mcp-smol --features redis --bench load -- --store redis+unix:///run/redis.sock`.

use entra_mcp_e2e::{Program, load};

fn main() {
    let program = Program::new(env!("CARGO_BIN_EXE_entra-mcp-smol"), &[]);
    load::measure("smol", &program);
}
