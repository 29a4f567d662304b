//! What the gateway does towards the server behind it.

mod assert_user;
pub(crate) mod key_set;
pub(crate) mod read_signing_keys;
#[cfg(test)]
mod tests;

pub(crate) use self::assert_user::{AssertUser, NoAssertion};
