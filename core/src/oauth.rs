//! We are the authorization server of our MCP clients: registration, consent, codes, tokens.

pub(crate) mod approvals;
pub(crate) mod authorize;
pub(crate) mod browser;
pub(crate) mod callback;
pub(crate) mod client;
pub(crate) mod consent;
pub(crate) mod error;
pub(crate) mod handle;
pub(crate) mod metadata;
pub(crate) mod packed;
pub(crate) mod pkce;
pub(crate) mod redirect_uri;
pub(crate) mod register;
pub(crate) mod request;
pub(crate) mod resource;
pub(crate) mod revoke;
pub(crate) mod scope;
pub(crate) mod sign_in;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod token;
