//! The fuzz target `access_token`; `src/targets.rs` says what it does. Built by `cargo +nightly fuzz` only.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entra_mcp_fuzz::targets::run("access_token", bytes));

#[cfg(not(fuzzing))]
fn main() {}
