//! What is wrong with `RUST_LOG`.

use entra_mcp_core::config::LogFilterError;

/// What is right.
pub(super) const RIGHT: &str = "Write off, error, warn, info, debug or trace, or a module with one: entra_mcp=debug; below \
     info our own modules only, which begin with entra_mcp.";

/// What is wrong with the directive at this place.
pub(super) fn wrong(position: usize, error: LogFilterError) -> String {
    let wrong = match error {
        LogFilterError::Unknown => "is neither a level nor a module with one",
        LogFilterError::Unsafe => "asks for what other crates may say of tokens",
    };
    format!("directive {position} {wrong}")
}
