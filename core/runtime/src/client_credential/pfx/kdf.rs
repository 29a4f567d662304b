//! Keys from passwords: PKCS#12's own way (RFC 7292 appendix B.2), and PBKDF2 (RFC 8018 section 5.2).

use std::num::NonZeroU32;

use ring::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

/// What a key is derived for, as PKCS#12 numbers it.
#[derive(Clone, Copy)]
pub(super) enum Use {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// A hash function.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    pub(super) const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    const fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    /// The bytes of a hash.
    pub(super) fn length(self) -> usize {
        self.digest().output_len()
    }
}

/// The hash of an object identifier of NIST or OIW.
pub(super) fn hash_of_digest(oid: &[u8]) -> Option<Hash> {
    match oid {
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(Hash::Sha1),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last] => match last {
            1 => Some(Hash::Sha256),
            2 => Some(Hash::Sha384),
            3 => Some(Hash::Sha512),
            _ => None,
        },
        _ => None,
    }
}

/// The hash of an HMAC, as PBKDF2 names it.
pub(super) fn hash_of_hmac(oid: &[u8]) -> Option<Hash> {
    match oid.strip_prefix(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02])? {
        [7] => Some(Hash::Sha1),
        [9] => Some(Hash::Sha256),
        [10] => Some(Hash::Sha384),
        [11] => Some(Hash::Sha512),
        _ => None,
    }
}

/// A password, as each way wants it.
pub(super) struct Password {
    utf8: Zeroizing<Vec<u8>>,
    /// With two bytes a letter, and two more at the end.
    utf16: Zeroizing<Vec<u8>>,
}

impl Password {
    pub(super) fn new(password: &str) -> Self {
        let letters = password.encode_utf16().chain([0]);
        Self {
            utf8: Zeroizing::new(password.as_bytes().to_vec()),
            utf16: Zeroizing::new(letters.flat_map(u16::to_be_bytes).collect()),
        }
    }

    /// None, which is another than the empty one.
    pub(super) fn none() -> Self {
        Self {
            utf8: Zeroizing::default(),
            utf16: Zeroizing::default(),
        }
    }

    /// PKCS#12's own way.
    pub(super) fn derive(
        &self,
        hash: Hash,
        for_use: Use,
        salt: &[u8],
        iterations: u32,
        length: usize,
    ) -> Zeroizing<Vec<u8>> {
        let block = hash.digest().block_len();
        let filled = |bytes: &[u8]| -> Vec<u8> {
            let length = bytes.len().div_ceil(block) * block;
            bytes.iter().copied().cycle().take(length).collect()
        };
        let mut input = Zeroizing::new([filled(salt), filled(&self.utf16)].concat());
        let mut derived = Zeroizing::new(Vec::with_capacity(length + block));
        while derived.len() < length {
            let mut context = digest::Context::new(hash.digest());
            context.update(&vec![for_use as u8; block]);
            context.update(&input);
            let mut output = context.finish();
            for _ in 1..iterations {
                output = digest::digest(hash.digest(), output.as_ref());
            }
            derived.extend_from_slice(output.as_ref());
            let added: Zeroizing<Vec<u8>> = Zeroizing::new(
                output
                    .as_ref()
                    .iter()
                    .copied()
                    .cycle()
                    .take(block)
                    .collect(),
            );
            for part in input.chunks_mut(block) {
                add_with_one(part, &added);
            }
        }
        derived.truncate(length);
        derived
    }

    /// PBKDF2.
    pub(super) fn derive_pbkdf2(
        &self,
        hash: Hash,
        salt: &[u8],
        iterations: NonZeroU32,
        length: usize,
    ) -> Zeroizing<Vec<u8>> {
        let mut derived = Zeroizing::new(vec![0; length]);
        pbkdf2::derive(hash.pbkdf2(), iterations, salt, &self.utf8, &mut derived);
        derived
    }
}

/// Adds a number and one to a number, both big-endian, without what is too large.
fn add_with_one(number: &mut [u8], added: &[u8]) {
    let mut carry = 1;
    for (digit, added) in number.iter_mut().zip(added).rev() {
        let sum = u16::from(*digit) + u16::from(*added) + carry;
        *digit = sum.to_be_bytes()[1];
        carry = sum >> 8;
    }
}
