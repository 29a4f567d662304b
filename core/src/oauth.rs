//! We are the authorization server of our MCP clients: registration, consent, codes, tokens.

pub(crate) mod callback;
pub(crate) mod consent;
pub(crate) mod metadata;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod token;
