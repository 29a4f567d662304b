//! Session mapping: the session token that a client holds, and the session it stands for.
//!
//! The store keeps a [`record::Session`], sealed; the Entra tokens inside it are sealed once more,
//! under a key that also depends on a [`SessionSecret`] which only the client's tokens carry. So a
//! stolen store opens nothing, not even with the master key.

pub(crate) mod mapping;
pub(crate) mod record;
pub(crate) mod token;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entropy::Entropy;

/// Thirty-two random bytes that only the client's code, session token and refresh token carry.
/// Without them the Entra tokens of the session cannot be opened.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SessionSecret([u8; 32]);

impl SessionSecret {
    /// Draws a new one.
    pub(crate) fn draw(entropy: &mut Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// Takes what a token carried.
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for sealing and for the client's tokens.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}
