//! The signing keys: the one in use and the next, which is published before it is used; rotation,
//! announced or not, published in time or late.
//!
//! Source: Microsoft identity platform, "Signing key rollover". Two RSA keys take turns, under a
//! new name each time.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rsa::PublicKeyComponents,
    signature::{KeyPair as _, RsaKeyPair},
};
use serde_json::{Value, json};

const KEYS: [&[u8]; 2] = [
    include_bytes!("../keys/a.pkcs8"),
    include_bytes!("../keys/b.pkcs8"),
];

/// A key under the name that it has in one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SigningKey {
    pub(super) pkcs8: &'static [u8],
    pub(super) kid: String,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl SigningKey {
    pub(super) fn of(generation: u32) -> Self {
        let [even, odd] = KEYS;
        let pkcs8 = if generation.is_multiple_of(2) {
            even
        } else {
            odd
        };
        let pair = RsaKeyPair::from_pkcs8(pkcs8).expect("the key files are RSA keys");
        let PublicKeyComponents {
            n: modulus,
            e: exponent,
        }: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
        let mut name = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        name.update(&modulus);
        name.update(&generation.to_be_bytes());
        Self {
            pkcs8,
            kid: URL_SAFE_NO_PAD.encode(name.finish()),
            modulus,
            exponent,
        }
    }

    /// The other private key.
    pub(super) fn another(key: &Self) -> &'static [u8] {
        let [even, odd] = KEYS;
        if key.pkcs8 == even { odd } else { even }
    }

    /// The public key as PKCS#1.
    pub(super) fn public_key(&self) -> Vec<u8> {
        let pair = RsaKeyPair::from_pkcs8(self.pkcs8).expect("the key files are RSA keys");
        pair.public().as_ref().to_vec()
    }

    pub(super) fn jwk(&self, issuer: &str) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": URL_SAFE_NO_PAD.encode(&self.modulus),
            "e": URL_SAFE_NO_PAD.encode(&self.exponent),
            "cloud_instance_name": "localhost",
            "issuer": issuer,
        })
    }
}

/// Which keys sign and which are published.
#[derive(Clone, Debug, Default)]
pub(super) struct Signing {
    generation: u32,
    /// What is published until then, after a rotation that the key set follows late.
    late: Option<(u32, u64)>,
}

impl Signing {
    /// The key in use.
    pub(super) fn key(&self) -> SigningKey {
        SigningKey::of(self.generation)
    }

    /// A key that is not, nor is published.
    pub(super) fn unpublished_key(&self) -> SigningKey {
        SigningKey::of(self.generation + 3)
    }

    /// The key of this name, if it is in use or was, or is the next.
    pub(super) fn published_key(&self, kid: &str) -> Option<SigningKey> {
        let mut keys = (0..=self.generation + 1).map(SigningKey::of);
        keys.find(|key| key.kid == kid)
    }

    /// The key set (RFC 7517): the key in use and the next. It has no `alg`.
    pub(super) fn jwks(&self, issuer: &str, now: u64) -> Value {
        let published = match self.late {
            Some((generation, until)) if now < until => generation,
            _ => self.generation,
        };
        let keys =
            [published, published + 1].map(|generation| SigningKey::of(generation).jwk(issuer));
        json!({ "keys": keys })
    }

    /// Takes a new key into use: the one that was published as the next or, in an emergency, one
    /// that nobody saw. The key set follows `late_seconds` later.
    pub(super) const fn rotate(&mut self, is_emergency: bool, late_seconds: u64, now: u64) {
        let published = match self.late {
            Some((generation, until)) if now < until => generation,
            _ => self.generation,
        };
        self.late = if late_seconds == 0 {
            None
        } else {
            Some((published, now.saturating_add(late_seconds)))
        };
        self.generation += if is_emergency { 2 } else { 1 };
    }
}
