//! The cases, by what they are about.

pub mod authorization;
pub mod base_path;
pub mod bursts;
pub mod chatgpt;
pub mod claude;
pub mod client_credentials;
pub mod consents;
pub mod crowds;
pub mod editors;
pub mod everything;
pub mod framing;
pub mod interoperability;
pub mod libraries;
pub mod library;
pub mod lifecycle;
pub mod outbound;
pub mod pages;
pub mod preregistered;
pub mod raw_connections;
pub mod raw_framing;
pub mod raw_limits;
pub mod resource_limits;
pub mod secrets;
pub mod sign_in;
pub mod tokens;
pub mod unauthenticated;
