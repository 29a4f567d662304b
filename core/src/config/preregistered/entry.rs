//! An entry of the operator's list as it was written, and the hash of a secret.

use crate::secret::{Secret, constant_time_equal};

/// An entry of the list, not checked yet. Its secrets were read already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientEntry {
    /// Its place in the list, from 1.
    pub position: usize,
    /// The `client_id`.
    pub id: String,
    /// What users are told that the client is called; without one, its id.
    pub name: Option<String>,
    /// The secrets that it may show, of which there are two while one is replaced; none: a public client.
    pub secrets: Vec<SecretHash>,
    /// Where it may be returned to.
    pub redirect_uris: Vec<String>,
    /// The scopes that it may ask for, and gets if it asks for none; empty: as any other client.
    pub scopes: Vec<String>,
    /// Whether it may leave PKCE out.
    pub pkce_optional: bool,
    /// The users who may sign in with it, by object id or by the name to sign in with. Where this and the next three are
    /// empty, all may.
    pub users: Vec<String>,
    /// Those who are in one of these groups, by object id.
    pub groups: Vec<String>,
    /// Those who have one of these app roles.
    pub roles: Vec<String>,
    /// Those whose name to sign in with has one of these domains.
    pub domains: Vec<String>,
}

/// The SHA-256 of a secret. A secret is random, so that nobody finds it by its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Hashes a secret.
    #[must_use]
    pub fn of(secret: &Secret<String>) -> Self {
        Self(super::hash(secret.expose().as_bytes()))
    }

    /// Reads 64 hexadecimal digits, as `sha256sum` prints them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let is_hex = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        is_hex.then_some(Self(bytes))
    }

    /// Whether both are of one secret, in a time that does not depend on it.
    pub(super) fn equals(&self, other: &Self) -> bool {
        constant_time_equal(&self.0, &other.0)
    }
}

/// Writes what [`SecretHash::parse`] reads.
impl std::fmt::Display for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(..)")
    }
}
