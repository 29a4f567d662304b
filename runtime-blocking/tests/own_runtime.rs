//! A runtime of one's own: the example runs the core cases of the suite, as any
//! runtime must.

use std::path::Path;

use entra_mcp_e2e::Program;

// Cargo builds the examples of a package before its tests.
const PROGRAM: Program = Program::new(
    concat!(
        env!("CARGO_TARGET_TMPDIR"),
        "/../debug/examples/own_runtime"
    ),
    &[],
);

#[test]
fn example_own_runtime_is_built() {
    let path = concat!(
        env!("CARGO_TARGET_TMPDIR"),
        "/../debug/examples/own_runtime"
    );
    assert!(
        Path::new(path).exists(),
        "run `cargo test` as a whole: {path}"
    );
}

entra_mcp_e2e::end_to_end_core!(PROGRAM);
