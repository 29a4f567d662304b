//! The smol runtime of entra-mcp: drives the core on smol and hyper.
