//! The cases, by what they are about.

pub mod authorization;
pub mod everything;
pub mod framing;
pub mod interoperability;
pub mod library;
pub mod lifecycle;
pub mod pages;
pub mod resource_limits;
pub mod secrets;
pub mod sign_in;
pub mod tokens;
pub mod unauthenticated;
