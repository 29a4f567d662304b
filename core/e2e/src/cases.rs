//! The cases, by what they are about.

pub mod everything;
pub mod exhaustion;
pub mod framing;
pub mod guarded;
pub mod library;
pub mod lifecycle;
pub mod pages;
pub mod secrets;
pub mod sign_in;
pub mod strangers;
pub mod tokens;
