//! We are the authorization server of our MCP clients: registration, consent, codes, tokens.

pub(crate) mod authorization_request;
pub(crate) mod authorize;
pub(crate) mod browser_id;
pub(crate) mod callback;
pub(crate) mod client;
pub(crate) mod consent;
pub(crate) mod device_cookie;
pub(crate) mod error;
pub(crate) mod length_prefixed;
pub(crate) mod metadata;
pub(crate) mod opaque_token;
pub(crate) mod pending_sign_in;
pub(crate) mod pkce;
pub(crate) mod redirect_uri;
pub(crate) mod register;
pub(crate) mod remembered_consents;
pub(crate) mod resource;
pub(crate) mod revoke;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod token;
