//! Every key of the server, derived from its master keys by HKDF (RFC 5869).
//!
//! One [`Purpose`] for each use, so that no value made for one use opens another. Several master
//! keys can be configured for rotation: the first seals and signs, all of them open and verify.
//!
//! What depends on a master key and a purpose alone is derived once, when the ring is made; what depends on a
//! share too, when it is used.
//!
//! Derived keys and what was opened are wiped when they are dropped (threat G4), and so is what `ring` expands of
//! those that are kept. What it expands for the time of one operation is on the stack, and not wiped.

mod derived;
mod purpose;

use ring::{aead, hmac};
use zeroize::ZeroizeOnDrop;

use self::derived::DerivedKeys;
pub use self::purpose::Purpose;

use crate::{
    entropy::Entropy,
    secret::{Wiped, wipe_on_drop},
};

/// Thirty-two random bytes from which all other keys of the server follow.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

wipe_on_drop!(MasterKey);

impl MasterKey {
    /// Takes the bytes of a configured or generated key.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// The length of a MAC, in bytes.
pub const MAC_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// By how many bytes what is sealed is longer than its text: a nonce and a tag.
pub const SEAL_BYTES: usize = NONCE_BYTES + 16;

/// Which of several master keys: the newest, which seals and signs, is the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyNumber(pub usize);

impl KeyNumber {
    /// The one that seals and signs.
    pub const NEWEST: Self = Self(0);
}

/// What follows from the master keys, first from the one that seals.
#[derive(Clone, Debug)]
pub struct Keyring {
    first: DerivedKeys,
    others: Vec<DerivedKeys>,
}

impl Keyring {
    /// `first` seals and signs; `first` and `others` open and verify.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the keys are wiped once the others are derived"
    )]
    pub fn new(first: MasterKey, others: Vec<MasterKey>) -> Self {
        Self {
            first: DerivedKeys::of(&first),
            others: others.iter().map(DerivedKeys::of).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &DerivedKeys> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The numbers of the master keys, the newest first.
    pub fn numbers(&self) -> impl Iterator<Item = KeyNumber> + use<> {
        (0..=self.others.len()).map(KeyNumber)
    }

    /// Whether there are keys besides the newest, as while the master key is being changed.
    #[must_use]
    pub fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// The MAC (HMAC-SHA256) of a message by the first key.
    #[must_use]
    pub fn mac(&self, purpose: Purpose, message: &[u8]) -> [u8; MAC_BYTES] {
        mac_by(&self.first, purpose, message)
    }

    /// The MACs of a message by each key, first the one that signs today. For what is derived
    /// rather than verified, such as a client secret.
    pub fn macs(&self, purpose: Purpose, message: &[u8]) -> impl Iterator<Item = [u8; MAC_BYTES]> {
        self.all().map(move |keys| mac_by(keys, purpose, message))
    }

    /// Whether `mac` was made by one of the keys, in constant time for each.
    #[must_use]
    pub fn verify(&self, purpose: Purpose, message: &[u8], mac: &[u8]) -> bool {
        self.all().any(|keys| keys.verify(purpose, message, mac))
    }

    /// Hashes the beginning of many messages once for all of them: to verify their MACs costs less from now on.
    pub fn begin(&mut self, purpose: Purpose, beginning: &[u8]) {
        self.first.begin(purpose, beginning);
        for keys in &mut self.others {
            keys.begin(purpose, beginning);
        }
    }

    /// Encrypts and authenticates `plaintext` (AES-256-GCM), bound to `context`: the same context
    /// must be given to open it. `share` is a second secret that the key also depends on; empty
    /// where there is none.
    #[must_use]
    pub fn seal(
        &self,
        purpose: Purpose,
        context: &[u8],
        share: &[u8],
        plaintext: &[u8],
        entropy: &mut Entropy,
    ) -> Vec<u8> {
        self.sealing_key(purpose, share)
            .seal(context, plaintext, entropy)
    }

    /// Opens what [`Keyring::seal`] sealed with any of the keys; `None` if it was made up, cut,
    /// changed, or sealed for another purpose, context or share.
    #[must_use]
    pub fn open(
        &self,
        purpose: Purpose,
        context: &[u8],
        share: &[u8],
        sealed: &[u8],
    ) -> Option<Wiped> {
        if share.is_empty() {
            let mut ciphers = self.all().map(|keys| keys.cipher(purpose));
            return ciphers.find_map(|cipher| cipher.open(context, sealed));
        }
        self.sealing_keys(purpose, share)
            .find_map(|key| key.open(context, sealed))
    }

    /// Seals like [`Keyring::seal`], with one of the keys and no share.
    #[must_use]
    pub fn seal_with(
        &self,
        number: KeyNumber,
        purpose: Purpose,
        context: &[u8],
        plaintext: &[u8],
        entropy: &mut Entropy,
    ) -> Vec<u8> {
        let keys = self.all().nth(number.0).unwrap_or(&self.first);
        let key = keys.sealing_key(purpose, b"");
        key.seal(context, plaintext, entropy)
    }

    /// Which of the keys has sealed this, without a share; `None` if none has.
    #[must_use]
    pub fn sealed_with(
        &self,
        purpose: Purpose,
        context: &[u8],
        sealed: &[u8],
    ) -> Option<KeyNumber> {
        let mut ciphers = self.all().map(|keys| keys.cipher(purpose));
        let number = ciphers.position(|cipher| cipher.open(context, sealed).is_some());
        number.map(KeyNumber)
    }

    /// The key that [`Keyring::seal`] seals with today, by itself: what it sealed can be sealed
    /// anew without the share.
    #[must_use]
    pub fn sealing_key(&self, purpose: Purpose, share: &[u8]) -> SealingKey {
        self.first.sealing_key(purpose, share)
    }

    /// The keys that [`Keyring::open`] tries, first the one of today.
    pub fn sealing_keys(&self, purpose: Purpose, share: &[u8]) -> impl Iterator<Item = SealingKey> {
        self.all().map(move |keys| keys.sealing_key(purpose, share))
    }
}

/// A key of AES-256-GCM, which is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey([u8; 32]);

wipe_on_drop!(SealingKey);

impl SealingKey {
    /// Draws a new one, which derives from nothing.
    pub fn draw(entropy: &mut Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// Takes the bytes that [`SealingKey::expose`] gave.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be sealed under another key.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts and authenticates `plaintext`, bound to `context`.
    #[must_use]
    pub fn seal(&self, context: &[u8], plaintext: &[u8], entropy: &mut Entropy) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = entropy.bytes();
        // All of it is allocated at once: a vector that grows would leave plaintext behind.
        let mut sealed = Vec::with_capacity(SEAL_BYTES + plaintext.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let (_, text) = sealed.split_at_mut(NONCE_BYTES);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let tag = self
            .cipher()
            .seal_in_place_separate_tag(nonce, aead::Aad::from(context), text)
            .expect("a record is far shorter than what AES-GCM can seal");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`SealingKey::seal`] sealed; `None` if it was made up, cut or changed, or sealed
    /// by another key or for another context.
    #[must_use]
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Wiped> {
        open_by(&self.cipher(), context, sealed)
    }

    fn cipher(&self) -> aead::LessSafeKey {
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, &self.0)
            .expect("an AES-256 key has 32 bytes");
        aead::LessSafeKey::new(key)
    }
}

/// Opens what a key has sealed.
fn open_by(cipher: &aead::LessSafeKey, context: &[u8], sealed: &[u8]) -> Option<Wiped> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
    let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = Wiped::new(ciphertext.to_vec());
    let length = cipher
        .open_in_place(nonce, aead::Aad::from(context), text.as_mut())
        .ok()?
        .len();
    text.shorten(length);
    Some(text)
}

/// A [`SealingKey`], expanded once for many uses. It is overwritten when it is dropped.
#[derive(Clone)]
struct Cipher(aead::LessSafeKey);

impl Cipher {
    fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Wiped> {
        open_by(&self.0, context, sealed)
    }
}

impl ZeroizeOnDrop for Cipher {}

impl Drop for Cipher {
    fn drop(&mut self) {
        self.0 = SealingKey([0; 32]).cipher();
        // Nobody reads it again, but it must be written.
        std::hint::black_box(&self.0);
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

fn mac_by(keys: &DerivedKeys, purpose: Purpose, message: &[u8]) -> [u8; MAC_BYTES] {
    let mut mac = [0; MAC_BYTES];
    mac.copy_from_slice(hmac::sign(keys.mac_key(purpose), message).as_ref());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Seed;

    fn ring_of(first: u8, others: &[u8]) -> Keyring {
        let key = |byte| MasterKey::new([byte; 32]);
        Keyring::new(key(first), others.iter().map(|byte| key(*byte)).collect())
    }

    fn sealed_by(ring: &Keyring) -> Vec<u8> {
        let mut entropy = Entropy::new(&Seed::new([7; 32]));
        ring.seal(Purpose::Task, b"id 1", b"share", b"text", &mut entropy)
    }

    fn opened(ring: &Keyring, context: &[u8], share: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let text = ring.open(Purpose::Task, context, share, sealed);
        text.map(|text| text.to_vec())
    }

    // G4
    #[test]
    fn derived_key_and_opened_text_are_wiped_when_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        let ring = ring_of(1, &[]);
        let sealed = sealed_by(&ring);
        is_wiped(&MasterKey::new([1; 32]));
        is_wiped(ring.first.prk());
        is_wiped(ring.first.cipher(Purpose::Task));
        is_wiped(&ring.sealing_key(Purpose::Task, b"share"));
        is_wiped(&Entropy::new(&Seed::new([7; 32])));
        let text = ring.open(Purpose::Task, b"id 1", b"share", &sealed);
        is_wiped(&text.expect("it opens"));
        assert_eq!(
            sealed.capacity(),
            SEAL_BYTES + b"text".len(),
            "it did not grow"
        );
    }

    #[test]
    fn sealed_text_opens_with_its_context_and_share_only() {
        let ring = ring_of(1, &[]);
        let sealed = sealed_by(&ring);
        assert_eq!(
            opened(&ring, b"id 1", b"share", &sealed).as_deref(),
            Some(&b"text"[..])
        );
        assert_eq!(
            opened(&ring, b"id 2", b"share", &sealed),
            None,
            "a swapped record"
        );
        assert_eq!(
            opened(&ring, b"id 1", b"other", &sealed),
            None,
            "another share"
        );
        let by_purpose = ring.open(Purpose::EntraTokens, b"id 1", b"share", &sealed);
        assert!(by_purpose.is_none());
    }

    #[test]
    fn sealed_record_cut_or_changed_does_not_open() {
        let ring = ring_of(1, &[]);
        let sealed = sealed_by(&ring);
        for length in 0..sealed.len() {
            assert_eq!(opened(&ring, b"id 1", b"share", &sealed[..length]), None);
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(opened(&ring, b"id 1", b"share", &changed), None);
        }
    }

    #[test]
    fn rotated_keys_open_old_and_seal_new() {
        let (old, both, new) = (ring_of(1, &[]), ring_of(2, &[1]), ring_of(2, &[]));
        assert!(opened(&both, b"id 1", b"share", &sealed_by(&old)).is_some());
        assert!(opened(&new, b"id 1", b"share", &sealed_by(&both)).is_some());
        assert!(opened(&old, b"id 1", b"share", &sealed_by(&both)).is_none());
        for number in both.numbers() {
            let mut entropy = Entropy::new(&Seed::new([7; 32]));
            let sealed = both.seal_with(number, Purpose::Task, b"id 1", b"text", &mut entropy);
            let with = |ring: &Keyring| ring.sealed_with(Purpose::Task, b"id 1", &sealed);
            assert_eq!(with(&both), Some(number));
            assert_eq!(with(&old).is_some(), number != KeyNumber::NEWEST);
            let other = both.sealed_with(Purpose::Task, b"id 2", &sealed);
            assert_eq!(other, None, "another context");
        }
        let mac = old.mac(Purpose::ClientId, b"metadata");
        assert!(both.verify(Purpose::ClientId, b"metadata", &mac));
        assert!(!new.verify(Purpose::ClientId, b"metadata", &mac));
        assert!(
            !both.verify(Purpose::RefreshToken, b"metadata", &mac),
            "another purpose"
        );
    }
}
