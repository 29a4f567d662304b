//! The fuzz target `event_source`; `src/targets.rs` says what it does. Built by `cargo +nightly fuzz` only.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entra_mcp_fuzz::targets::run("event_source", bytes));

#[cfg(not(fuzzing))]
fn main() {}
