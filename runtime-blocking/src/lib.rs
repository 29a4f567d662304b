//! The blocking runtime of entra-mcp: one thread per connection.
