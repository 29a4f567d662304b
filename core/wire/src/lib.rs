//! What the machines share below their protocols: the server itself (`entra-mcp-core`) and the
//! development tenant (`entra-mcp-dev-tenant`), which know nothing of each other.
//!
//! As pure as they are: time and randomness come in as arguments.

pub mod address;
pub mod certificate;
pub mod entropy;
pub mod form;
pub mod html;
pub mod keys;
pub mod response;
pub mod secret;
pub mod text;
pub mod time;
