//! The server on the blocking runtime.

fn main() {}
