//! Functions of the program that the server asks: a panic of one is a failure of what was asked, and of nothing else.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without words")
}

/// What a function returns.
///
/// # Errors
///
/// It panicked: what it said. What it shares with others is its own to keep whole.
pub(crate) fn caught<T>(function: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(function))
        .map_err(|panic| format!("it panicked, and said: {}", said(&*panic)))
}
