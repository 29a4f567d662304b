//! We are one confidential client of Entra ID: its metadata and keys, its token endpoint, its
//! errors, and Microsoft Graph.

pub(crate) mod access;
pub(crate) mod error;
pub(crate) mod facts;
pub(crate) mod graph;
pub(crate) mod id_token;
pub(crate) mod learn;
pub(crate) mod permission;
pub(crate) mod profile;
pub(crate) mod renewal;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod token_endpoint;
