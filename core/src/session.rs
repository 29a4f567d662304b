//! Session mapping: the session token that a client holds, and the session it stands for.
//!
//! The store keeps a [`record::Session`], sealed; the Entra tokens inside it are sealed once more,
//! under a key that also depends on a [`SessionSecret`] which only the client's tokens carry. So a
//! stolen store opens nothing, not even with the master key (DESIGN.md section 3).

pub(crate) mod mapping;
pub(crate) mod record;
pub(crate) mod token;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{ask::Key, entropy::Entropy};

/// The name of a session: random-looking, told to the client as `sid`. A name, not a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId([u8; 16]);

impl SessionId {
    /// Takes sixteen bytes that nobody can guess.
    pub(crate) fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Its record in the store.
    pub(crate) fn key(&self) -> Key {
        Key(format!("session/{self}"))
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a session id has 16 bytes"))
    }
}

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
