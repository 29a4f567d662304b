//! A PFX file (PKCS#12): private keys and certificates, locked with a password.
//!
//! Source: RFC 7292; for encrypted private keys in PEM RFC 5958 section 3. What is locked by the ciphers of today (PBES2) or of
//! before (RC2 and three keys of DES) is read; public keys as the lock are not.

mod cipher;
mod kdf;
#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _, asn1::AnyRef};
use entra_mcp_core::secret::Secret;
use ring::hmac;
use zeroize::Zeroizing;

use self::{
    cipher::decrypt,
    kdf::{Password, Use},
};
use super::error::CredentialProblem;

/// How often a key is derived at most: the file is the operator's own, but a mistake is not to stop the start.
const ITERATIONS: u32 = 10_000_000;

/// How deep the parts of a file may contain each other.
const PARTS: usize = 64;

/// What is in the file.
#[derive(Default)]
pub(super) struct Contents {
    /// The private keys, as PKCS#8.
    pub(super) keys: Vec<Zeroizing<Vec<u8>>>,
    /// The certificates, in DER.
    pub(super) certificates: Vec<Vec<u8>>,
}

/// Object identifiers, as they are encoded.
mod oid {
    pub(super) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    pub(super) const ENCRYPTED_DATA: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
    /// Those of the bags, without the last number.
    pub(super) const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
}

/// Reads a file. Without a password it is tried with the empty one, and with none.
pub(super) fn read(
    bytes: &[u8],
    password: Option<&Secret<String>>,
) -> Result<Contents, CredentialProblem> {
    let tried = match password {
        Some(password) => vec![Password::new(password.expose())],
        None => vec![Password::new(""), Password::none()],
    };
    let [_, safe, mac] = three(sequence(bytes)?)?;
    let content = content_of(safe, oid::DATA)?;
    let safe = octets(one(content)?)?;
    let mac = sequence_of(mac)?;
    let password = tried
        .into_iter()
        .find(|password| is_authentic(&mac, safe, password).is_ok_and(|is_authentic| is_authentic));
    let Some(password) = password else {
        // With any other, what is wrong is not the password.
        is_authentic(&mac, safe, &Password::none())?;
        return Err(CredentialProblem::WrongPassword);
    };
    let mut contents = Contents::default();
    for part in sequence(safe)? {
        match content_of(part, oid::DATA) {
            Ok(content) => read_bags(octets(one(content)?)?, &password, &mut contents)?,
            Err(_) => {
                let encrypted = one(content_of(part, oid::ENCRYPTED_DATA)?)?;
                let [_, encrypted] = two(sequence_of(encrypted)?)?;
                let [_, algorithm, locked] = three(sequence_of(encrypted)?)?;
                let bags = decrypt(algorithm, locked.value(), &password)?;
                read_bags(&bags, &password, &mut contents)?;
            }
        }
    }
    Ok(contents)
}

/// The private key of a PEM section `ENCRYPTED PRIVATE KEY`, as PKCS#8.
pub(super) fn encrypted_key(
    pem: &[u8],
    password: &Secret<String>,
) -> Result<Zeroizing<Vec<u8>>, CredentialProblem> {
    let text = std::str::from_utf8(pem).map_err(|_| CredentialProblem::NotPem)?;
    let (_, rest) = text
        .split_once("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        .ok_or(CredentialProblem::NotPem)?;
    let (body, rest) = rest
        .split_once("-----END ENCRYPTED PRIVATE KEY-----")
        .ok_or(CredentialProblem::NotPem)?;
    if rest.contains("PRIVATE KEY-----") {
        return Err(CredentialProblem::SeveralKeys);
    }
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD
        .decode(body)
        .map_err(|_| CredentialProblem::NotPem)?;
    unlocked_key(&der, &Password::new(password.expose()))
}

/// `EncryptedPrivateKeyInfo`.
fn unlocked_key(der: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>, CredentialProblem> {
    let [algorithm, locked] = two(sequence(der)?)?;
    decrypt(algorithm, octets(locked)?, password)
}

/// Whether the file was made with this password: its `MacData` says so.
fn is_authentic(
    mac: &[AnyRef<'_>],
    safe: &[u8],
    password: &Password,
) -> Result<bool, CredentialProblem> {
    let [digest, salt, iterations @ ..] = mac else {
        return unknown();
    };
    let [algorithm, expected] = two(sequence_of(*digest)?)?;
    let algorithm = sequence_of(algorithm)?;
    let algorithm = algorithm.first().ok_or(CredentialProblem::UnknownPfx)?;
    let hash = kdf::hash_of_digest(algorithm.value()).ok_or(CredentialProblem::UnknownPfx)?;
    let iterations = match iterations {
        [] => 1,
        [iterations, ..] => number(*iterations)?,
    };
    let key = password.derive(hash, Use::Mac, octets(*salt)?, iterations, hash.length());
    let key = hmac::Key::new(hash.hmac(), &key);
    Ok(hmac::verify(&key, safe, octets(expected)?).is_ok())
}

/// `SafeContents`: keys, locked or not, and certificates. What else there may be is passed over.
fn read_bags(
    bags: &[u8],
    password: &Password,
    contents: &mut Contents,
) -> Result<(), CredentialProblem> {
    for bag in sequence(bags)? {
        let bag = sequence_of(bag)?;
        let [kind, value, ..] = bag.as_slice() else {
            return unknown();
        };
        let Some([kind]) = kind.value().strip_prefix(oid::BAG) else {
            continue;
        };
        match kind {
            1 => contents.keys.push(Zeroizing::new(value.value().to_vec())),
            2 => contents.keys.push(unlocked_key(value.value(), password)?),
            3 => {
                let [_, certificate] = two(sequence_of(one(elements(value.value())?)?)?)?;
                let certificate = octets(one(elements(certificate.value())?)?)?;
                contents.certificates.push(certificate.to_vec());
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a `ContentInfo` of this type holds.
fn content_of<'a>(info: AnyRef<'a>, kind: &[u8]) -> Result<Vec<AnyRef<'a>>, CredentialProblem> {
    let [own, content] = two(sequence_of(info)?)?;
    if own.value() != kind {
        return unknown();
    }
    elements(content.value())
}

const fn unknown<T>() -> Result<T, CredentialProblem> {
    Err(CredentialProblem::UnknownPfx)
}

/// The values that stand one after the other.
fn elements(der: &[u8]) -> Result<Vec<AnyRef<'_>>, CredentialProblem> {
    let known = |_| CredentialProblem::UnknownPfx;
    let mut reader = SliceReader::new(der).map_err(known)?;
    let mut elements = Vec::new();
    while !reader.is_finished() && elements.len() < PARTS {
        elements.push(AnyRef::decode(&mut reader).map_err(known)?);
    }
    Ok(elements)
}

/// The elements of the one sequence that there is.
fn sequence(der: &[u8]) -> Result<Vec<AnyRef<'_>>, CredentialProblem> {
    sequence_of(one(elements(der)?)?)
}

fn sequence_of(value: AnyRef<'_>) -> Result<Vec<AnyRef<'_>>, CredentialProblem> {
    match value.tag() {
        Tag::Sequence => elements(value.value()),
        _ => unknown(),
    }
}

fn octets(value: AnyRef<'_>) -> Result<&[u8], CredentialProblem> {
    match value.tag() {
        Tag::OctetString => Ok(value.value()),
        _ => unknown(),
    }
}

/// A number of times, or of bytes.
fn number(value: AnyRef<'_>) -> Result<u32, CredentialProblem> {
    let number = value.decode_as::<u32>();
    let number = number.map_err(|_| CredentialProblem::UnknownPfx)?;
    match (1..=ITERATIONS).contains(&number) {
        true => Ok(number),
        false => unknown(),
    }
}

fn one(elements: Vec<AnyRef<'_>>) -> Result<AnyRef<'_>, CredentialProblem> {
    match elements.as_slice() {
        [one] => Ok(*one),
        _ => unknown(),
    }
}

fn two(elements: Vec<AnyRef<'_>>) -> Result<[AnyRef<'_>; 2], CredentialProblem> {
    elements
        .try_into()
        .map_err(|_| CredentialProblem::UnknownPfx)
}

fn three(elements: Vec<AnyRef<'_>>) -> Result<[AnyRef<'_>; 3], CredentialProblem> {
    elements
        .try_into()
        .map_err(|_| CredentialProblem::UnknownPfx)
}
