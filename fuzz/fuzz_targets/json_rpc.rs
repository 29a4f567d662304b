//! The fuzz target `json_rpc`; `src/targets.rs` says what it does. Built by `cargo +nightly fuzz` only.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entra_mcp_fuzz::targets::run("json_rpc", bytes));

#[cfg(not(fuzzing))]
fn main() {}
