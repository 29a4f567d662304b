//! What follows from one master key.

use ring::hmac;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{Cipher, MAC_BYTES, MasterKey, Purpose, SealingKey};

/// How much SHA-256 hashes at a time.
const BLOCK_BYTES: usize = 64;

/// The salt of the extraction.
const SALT: &[u8] = b"entra-mcp";

/// What HKDF-SHA256 (RFC 5869) makes of one master key: the pseudorandom key of the extraction, from which every
/// other is expanded, and those that need no share.
#[derive(Clone)]
pub(super) struct DerivedKeys {
    prk: MacKey,
    /// One for each purpose, in their order.
    derived: Vec<Derived>,
    begun: Vec<BegunMac>,
}

/// The key for a purpose, for each of its uses.
#[derive(Clone)]
struct Derived {
    sealing: SealingKey,
    cipher: Cipher,
    mac: MacKey,
}

/// The MAC of a message of which no more than the beginning is known.
#[derive(Clone)]
struct BegunMac {
    purpose: Purpose,
    beginning: Vec<u8>,
    state: MacState,
}

impl DerivedKeys {
    pub(super) fn of(master: &MasterKey) -> Self {
        // The extraction of HKDF is the MAC of the key by the salt.
        let salt = hmac::Key::new(hmac::HMAC_SHA256, SALT);
        let prk = MacKey::new(&mac(&salt, &[&master.0]));
        let derived = Purpose::ALL.iter().map(|purpose| {
            let key = expand(&prk, *purpose, b"");
            let sealing = SealingKey::new(*key);
            Derived {
                cipher: Cipher(sealing.cipher()),
                sealing,
                mac: MacKey::new(&key),
            }
        });
        Self {
            derived: derived.collect(),
            begun: Vec::new(),
            prk,
        }
    }

    /// Hashes the beginning of many messages once for all of them.
    pub(super) fn begin(&mut self, purpose: Purpose, beginning: &[u8]) {
        // What is less than a block is kept, not hashed.
        let (blocks, _) = beginning.as_chunks::<BLOCK_BYTES>();
        let beginning = blocks.as_flattened().to_vec();
        let mut state = hmac::Context::with_key(self.mac_key(purpose));
        state.update(&beginning);
        self.begun.push(BegunMac {
            purpose,
            beginning,
            state: MacState(state),
        });
    }

    /// Whether this is the MAC of a message.
    pub(super) fn verify(&self, purpose: Purpose, message: &[u8], mac: &[u8]) -> bool {
        let begun = self.begun.iter().filter(|begun| begun.purpose == purpose);
        for begun in begun {
            if let Some(rest) = message.strip_prefix(&begun.beginning[..]) {
                let mut state = begun.state.0.clone();
                state.update(rest);
                return is_same(state.sign().as_ref(), mac);
            }
        }
        hmac::verify(self.mac_key(purpose), message, mac).is_ok()
    }

    /// The key of the MACs for a purpose.
    pub(super) fn mac_key(&self, purpose: Purpose) -> &hmac::Key {
        &self.keys_of(purpose).mac.0
    }

    /// What opens what the key for a purpose seals, where there is no share.
    pub(super) fn cipher(&self, purpose: Purpose) -> &Cipher {
        &self.keys_of(purpose).cipher
    }

    /// The key that seals for a purpose, and that follows from a share too unless that is empty.
    pub(super) fn sealing_key(&self, purpose: Purpose, share: &[u8]) -> SealingKey {
        match share {
            [] => self.keys_of(purpose).sealing.clone(),
            share => SealingKey::new(*expand(&self.prk, purpose, share)),
        }
    }

    fn keys_of(&self, purpose: Purpose) -> &Derived {
        let keys = self.derived.get(purpose as usize);
        keys.expect("there are keys for each purpose")
    }

    #[cfg(test)]
    pub(super) fn prk(&self) -> &MacKey {
        &self.prk
    }
}

impl std::fmt::Debug for DerivedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DerivedKeys(..)")
    }
}

/// The first block of the expansion of HKDF, which is all that a key needs.
fn expand(prk: &MacKey, purpose: Purpose, share: &[u8]) -> Zeroizing<[u8; 32]> {
    mac(&prk.0, &[purpose.label(), share, &[1]])
}

fn mac(key: &hmac::Key, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut mac = Zeroizing::new([0; 32]);
    mac.copy_from_slice(context.sign().as_ref());
    mac
}

/// Whether two MACs are one, in a time that depends on their lengths only.
fn is_same(mac: &[u8], other: &[u8]) -> bool {
    let (Ok(mac), Ok(other)) = (mac.try_into(), other.try_into()) else {
        return false;
    };
    // Eight bytes at a time. Nobody knows before the end whether they differ.
    let differing = words(mac).into_iter().zip(words(other));
    let differing = differing.fold(0, |differing, (one, other)| {
        std::hint::black_box(differing | (one ^ other))
    });
    differing == 0
}

fn words(mac: &[u8; MAC_BYTES]) -> [u64; MAC_BYTES / 8] {
    let mut words = [0; MAC_BYTES / 8];
    let (bytes, _) = mac.as_chunks();
    for (word, bytes) in words.iter_mut().zip(bytes) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

/// A MAC under way. It is overwritten when it is dropped.
#[derive(Clone)]
struct MacState(hmac::Context);

impl ZeroizeOnDrop for MacState {}

impl Drop for MacState {
    fn drop(&mut self) {
        let none = hmac::Key::new(hmac::HMAC_SHA256, &[]);
        self.0 = hmac::Context::with_key(&none);
        // Nobody reads it again, but it must be written.
        std::hint::black_box(&self.0);
    }
}

/// A key of HMAC-SHA256, ready for use. It is overwritten when it is dropped.
#[derive(Clone)]
pub(super) struct MacKey(hmac::Key);

impl MacKey {
    fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }
}

impl ZeroizeOnDrop for MacKey {}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.0 = hmac::Key::new(hmac::HMAC_SHA256, &[]);
        // Nobody reads it again, but it must be written.
        std::hint::black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use ring::hkdf;

    use super::*;

    // A MAC that was begun is that of the whole message, and no other is.
    #[test]
    fn mac_of_a_message_whose_beginning_was_hashed_before_is_the_same() {
        let plain = DerivedKeys::of(&MasterKey::new([7; 32]));
        let mut begun = plain.clone();
        let (purpose, other) = (Purpose::SessionToken, Purpose::Task);
        for length in [0, 1, 64, 100, 128] {
            begun.begin(purpose, &[b'a'; 200][..length]);
        }
        for length in [0, 63, 64, 65, 127, 128, 129, 300] {
            for byte in [b'a', b'b'] {
                let mut message = vec![b'a'; length];
                message.push(byte);
                let mac = mac(plain.mac_key(purpose), &[&message]);
                for keys in [&plain, &begun] {
                    assert!(keys.verify(purpose, &message, &mac[..]), "{length}");
                    assert!(!keys.verify(other, &message, &mac[..]));
                    assert!(!keys.verify(purpose, &message[1..], &mac[..]));
                    assert!(!keys.verify(purpose, &message, &mac[..31]));
                    assert!(!keys.verify(purpose, &message, &[]));
                    for bit in 0..256 {
                        let mut forged = *mac;
                        forged[bit / 8] ^= 1 << (bit % 8);
                        assert!(!keys.verify(purpose, &message, &forged));
                    }
                }
            }
        }
    }

    // Records, cookies and client ids of every version open with the same keys.
    #[test]
    fn keys_are_those_of_hkdf() {
        let keys = DerivedKeys::of(&MasterKey::new([7; 32]));
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(&[7; 32]);
        for (number, purpose) in Purpose::ALL.iter().enumerate() {
            assert_eq!(*purpose as usize, number);
            for share in [&b""[..], b"share", &[9; 100]] {
                let mut expected = [0; 32];
                let info = [purpose.label(), share];
                let material = prk.expand(&info, hkdf::HKDF_SHA256).unwrap();
                material.fill(&mut expected).unwrap();
                assert_eq!(*keys.sealing_key(*purpose, share).expose(), expected);
                if share.is_empty() {
                    let key = hmac::Key::new(hmac::HMAC_SHA256, &expected);
                    let tag = hmac::sign(&key, b"message");
                    assert!(hmac::verify(keys.mac_key(*purpose), b"message", tag.as_ref()).is_ok());
                }
            }
        }
    }
}
