//! We are one confidential client of Entra ID: its metadata and keys, its token endpoint, its
//! errors, and Microsoft Graph.

pub(crate) mod aadsts;
pub(crate) mod access_token;
pub(crate) mod awaiting_metadata;
pub(crate) mod caller_token;
pub(crate) mod credential_check;
pub(crate) mod discovery;
pub(crate) mod error;
pub(crate) mod graph;
mod graph_fetch;
pub(crate) mod groups;
pub(crate) mod id_token;
pub(crate) mod identity_token;
pub(crate) mod on_behalf_of;
pub(crate) mod permission;
pub(crate) mod refresh_lease;
pub(crate) mod session_token;
pub mod store_token;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod token_endpoint;
pub(crate) mod token_refresh;
pub(crate) mod token_request;
