//! The server on the smol runtime.

fn main() {}
