//! How much is parsed, counted.

use std::cell::Cell;

thread_local! {
    static PARSED: Cell<usize> = const { Cell::new(0) };
}

/// So many bytes were.
pub(super) fn parsed(bytes: usize) {
    PARSED.set(PARSED.get() + bytes);
}

/// How many bytes of messages are parsed in this.
pub(crate) fn parsed_by<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = PARSED.get();
    let result = run();
    (result, PARSED.get() - before)
}
