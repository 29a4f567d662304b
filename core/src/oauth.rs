//! We are the authorization server of our MCP clients: registration, consent, codes, tokens.

pub(crate) mod authorization_request;
pub(crate) mod authorize;
pub(crate) mod browser_id;
pub(crate) mod callback;
pub(crate) mod client;
pub(crate) mod client_assertion;
pub(crate) mod client_label;
pub(crate) mod code_admission;
pub(crate) mod code_page;
pub(crate) mod connections;
pub(crate) mod consent;
mod consent_form;
mod consent_page;
pub(crate) mod device_authorization;
pub(crate) mod device_code;
pub(crate) mod device_cookie;
mod device_record;
pub(crate) mod device_verification;
pub(crate) mod document_fetch;
mod entra_address;
pub(crate) mod error;
mod issuing_code;
pub(crate) mod length_prefixed;
pub(crate) mod metadata;
mod moving_records;
pub(crate) mod opaque_token;
pub(crate) mod pending_sign_in;
pub(crate) mod pkce;
pub(crate) mod register;
pub(crate) mod remembered_consents;
pub(crate) mod resource;
pub(crate) mod revoke;
pub(crate) mod sign_in_failure;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod token;
mod user_consents;
