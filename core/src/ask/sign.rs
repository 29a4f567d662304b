//! The ask that makes a key for signatures, or signs with one: ECDSA on the curve P-256 (`ES256`, RFC 7518 section 3.4).
//!
//! Each signature needs a random number of its own, and only the operating system has good ones. So the runtime signs; the
//! core keeps the key, sealed, and says what is signed.

use crate::secret::Secret;

/// What the runtime is to do with a key.
#[derive(Clone, Debug)]
pub enum Sign {
    /// Make a new key; answered with [`Signed::Key`].
    NewKey,
    /// Sign these bytes with this key; answered with [`Signed::Signature`].
    With {
        /// The private key (PKCS #8, RFC 5958).
        key: Secret<Vec<u8>>,
        /// What is signed.
        input: Vec<u8>,
    },
}

/// What comes of it.
#[derive(Clone, Debug)]
pub enum Signed {
    /// A new key.
    Key {
        /// The private key (PKCS #8, RFC 5958).
        private: Secret<Vec<u8>>,
        /// The public key: the uncompressed point, 65 bytes (SEC 1 section 2.3.3).
        public: Vec<u8>,
    },
    /// A signature: `R` and `S`, 32 bytes each (RFC 7518 section 3.4).
    Signature(Vec<u8>),
}

/// There is no key or signature: the key is none, or the operating system has no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignFault;
