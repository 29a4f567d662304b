//! The ciphers that a file is locked with: PBES2 with AES or three keys of DES (RFC 8018 section 6.2), and PKCS#12's own with
//! DES and RC2 (RFC 7292 appendix C).

use std::num::NonZeroU32;

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::{
    BlockCipherDecrypt, BlockModeDecrypt as _, InnerIvInit as _, KeyInit, KeyIvInit as _,
    block_padding::Pkcs7,
};
use der::{Tag, Tagged as _, asn1::AnyRef};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use zeroize::Zeroizing;

use super::{
    kdf::{Hash, Password, Use, hash_of_hmac},
    number, octets, sequence_of, two, unknown,
};
use crate::client_credential::error::CredentialProblem;

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// PKCS#12's own, without the last number.
const PKCS12: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
const DES_EDE3_CBC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07];

type Opened = Result<Zeroizing<Vec<u8>>, CredentialProblem>;

/// Opens what is locked as an `AlgorithmIdentifier` says.
pub(super) fn decrypt(algorithm: AnyRef<'_>, locked: &[u8], password: &Password) -> Opened {
    let [oid, parameters] = two(sequence_of(algorithm)?)?;
    if oid.value() == PBES2 {
        return pbes2(parameters, locked, password);
    }
    let Some([kind]) = oid.value().strip_prefix(PKCS12) else {
        return unknown();
    };
    let [salt, iterations] = two(sequence_of(parameters)?)?;
    let (salt, iterations) = (octets(salt)?, number(iterations)?);
    let derive = |for_use, length| password.derive(Hash::Sha1, for_use, salt, iterations, length);
    let iv = derive(Use::Iv, 8);
    match kind {
        3 => open::<TdesEde3>(&derive(Use::Key, 24), &iv, locked),
        4 => open::<TdesEde2>(&derive(Use::Key, 16), &iv, locked),
        5 => open_rc2(&derive(Use::Key, 16), 128, &iv, locked),
        6 => open_rc2(&derive(Use::Key, 5), 40, &iv, locked),
        _ => unknown(),
    }
}

fn pbes2(parameters: AnyRef<'_>, locked: &[u8], password: &Password) -> Opened {
    let [derivation, scheme] = two(sequence_of(parameters)?)?;
    let [derived, parameters] = two(sequence_of(derivation)?)?;
    if derived.value() != PBKDF2 {
        return unknown();
    }
    let parameters = sequence_of(parameters)?;
    let [salt, iterations, more @ ..] = parameters.as_slice() else {
        return unknown();
    };
    // The length of the key may be named, and the hash if it is not SHA-1.
    let hash = match more.iter().find(|part| part.tag() == Tag::Sequence) {
        None => Hash::Sha1,
        Some(algorithm) => {
            let parts = sequence_of(*algorithm)?;
            let hash = parts.first().and_then(|oid| hash_of_hmac(oid.value()));
            hash.ok_or(CredentialProblem::UnknownPfx)?
        }
    };
    let salt = octets(*salt)?;
    let iterations = NonZeroU32::new(number(*iterations)?).ok_or(CredentialProblem::UnknownPfx)?;
    let derive = |length| password.derive_pbkdf2(hash, salt, iterations, length);
    let [cipher, iv] = two(sequence_of(scheme)?)?;
    let iv = octets(iv)?;
    if cipher.value() == DES_EDE3_CBC {
        return open::<TdesEde3>(&derive(24), iv, locked);
    }
    match cipher.value().strip_prefix(AES) {
        Some([2]) => open::<Aes128>(&derive(16), iv, locked),
        Some([22]) => open::<Aes192>(&derive(24), iv, locked),
        Some([42]) => open::<Aes256>(&derive(32), iv, locked),
        _ => unknown(),
    }
}

fn open<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], locked: &[u8]) -> Opened {
    let opened = cbc::Decryptor::<C>::new_from_slices(key, iv);
    opened_by(opened.map_err(|_| CredentialProblem::UnknownPfx)?, locked)
}

fn open_rc2(key: &[u8], bits: usize, iv: &[u8], locked: &[u8]) -> Opened {
    let rc2 = Rc2::new_with_eff_key_len(key, bits);
    let opened = cbc::Decryptor::inner_iv_slice_init(rc2, iv);
    opened_by(opened.map_err(|_| CredentialProblem::UnknownPfx)?, locked)
}

/// What does not end as it must was locked with another password.
fn opened_by<C: BlockCipherDecrypt>(opened: cbc::Decryptor<C>, locked: &[u8]) -> Opened {
    let mut bytes = Zeroizing::new(locked.to_vec());
    let length = opened
        .decrypt_padded::<Pkcs7>(&mut bytes)
        .map_err(|_| CredentialProblem::WrongPassword)?
        .len();
    bytes.truncate(length);
    Ok(bytes)
}
