//! Secrets that cannot be printed: a newtype without `Display`, whose `Debug` says nothing, that
//! is wiped from memory when dropped.

use std::ops::Deref;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Wipes the only field of a type when a value of it is dropped.
macro_rules! wipe_on_drop {
    ($type:ty) => {
        impl zeroize::ZeroizeOnDrop for $type {}

        impl Drop for $type {
            fn drop(&mut self) {
                zeroize::Zeroize::zeroize(&mut self.0);
            }
        }
    };
}
pub(crate) use wipe_on_drop;

/// A value that must never reach a log, an error or an answer by accident.
///
/// ```
/// use entra_mcp_wire::secret::Secret;
/// let secret = Secret::new("hunter2".to_owned());
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
///
/// It has no `Display`:
///
/// ```compile_fail
/// use entra_mcp_wire::secret::Secret;
/// println!("{}", Secret::new("hunter2".to_owned()));
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

/// Serializes the value of a secret, for what is sealed at once or sent to whom it belongs: `#[serde(serialize_with = "exposed")]`.
///
/// A secret by itself is not serialized, so that none gets into a result by accident:
///
/// ```compile_fail
/// use entra_mcp_wire::secret::Secret;
/// serde_json::to_string(&Secret::new("hunter2".to_owned()));
/// ```
///
/// # Errors
///
/// Those of the serializer.
pub fn exposed<T, S>(secret: &Secret<T>, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Zeroize + Serialize,
    S: serde::Serializer,
{
    secret.expose().serialize(serializer)
}

/// The same for a secret that may be absent.
///
/// # Errors
///
/// Those of the serializer.
pub fn exposed_if_any<T, S>(secret: &Option<Secret<T>>, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Zeroize + Serialize,
    S: serde::Serializer,
{
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

impl<T: Zeroize> Secret<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one place that has to send or check it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Bytes that are overwritten when they are dropped, all of them at once: one by one, as `zeroize` does it, costs more
/// than to open them.
pub struct Wiped {
    bytes: Vec<u8>,
    length: usize,
}

impl Wiped {
    /// Takes bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let length = bytes.len();
        Self { bytes, length }
    }

    /// Shows no more than the first ones from now on. The others are overwritten with them.
    pub fn shorten(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl AsMut<[u8]> for Wiped {
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes.split_at_mut(self.length).0
    }
}

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.split_at(self.length).0
    }
}

impl ZeroizeOnDrop for Wiped {}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.bytes.fill(0);
        // Nobody reads it again, but it must be written.
        std::hint::black_box(self.bytes.as_slice());
    }
}

impl std::fmt::Debug for Wiped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wiped(..)")
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
#[must_use]
pub fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    // The MACs of equal strings are equal, and how they differ reveals nothing of the strings.
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"constant time comparison");
    let tag = ring::hmac::sign(&key, a);
    ring::hmac::verify(&key, b, tag.as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_bytes_show_no_more_than_the_first_ones() {
        let mut bytes = Wiped::new(b"text and tag".to_vec());
        bytes.shorten(4);
        assert_eq!(&*bytes, b"text");
        assert_eq!(bytes.as_mut(), b"text");
        bytes.shorten(9);
        assert_eq!(&*bytes, b"text", "it grows no more");
        assert_eq!(format!("{bytes:?}"), "Wiped(..)");
    }
}
