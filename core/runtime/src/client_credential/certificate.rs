//! A certificate and its private key, in one PEM file (RFC 7468), in any order, or in a PFX file.

use entra_mcp_core::{
    ask::CertificateHeader, certificate::CertificateFields, config::CertificateFile, time::UnixTime,
};
use ring::{
    digest,
    rand::SystemRandom,
    signature::{RSA_PSS_SHA256, RsaKeyPair},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::error::{CredentialProblem, read_file};

/// A certificate whose private key is at hand.
pub(super) struct Certificate {
    sha256: [u8; 32],
    key: RsaKeyPair,
    /// When it ends.
    pub(super) expires: UnixTime,
}

impl Certificate {
    /// Reads the file.
    pub(super) fn read(file: &CertificateFile) -> Result<Self, CredentialProblem> {
        let bytes = read_file(&file.path)?;
        // The first byte of any DER sequence, as a PFX file is.
        let (key, certificates) = match bytes.first() {
            Some(0x30) => of_pfx(&bytes, file)?,
            _ => of_pem(&bytes, file)?,
        };
        if certificates.is_empty() {
            return Err(CredentialProblem::NoCertificate);
        }
        // The others are those that it was issued by. A renewed one may stand beside the one before, for the same key.
        let certificate = certificates
            .iter()
            .filter_map(|der| leaf(der, &key))
            .max_by_key(|(_, expires)| *expires)
            .ok_or(CredentialProblem::OtherKey)?;
        Ok(Self {
            sha256: certificate.0,
            expires: certificate.1,
            key,
        })
    }

    /// How an assertion names it.
    pub(super) fn header(&self) -> CertificateHeader {
        CertificateHeader {
            sha256: self.sha256,
        }
    }

    /// Signs with RSASSA-PSS and SHA-256 (RFC 7518 section 3.5).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CredentialProblem> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PSS_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| CredentialProblem::NotSigned)?;
        Ok(signature)
    }
}

/// A private key, and certificates in DER.
type Contents = (RsaKeyPair, Vec<Vec<u8>>);

fn of_pem(pem: &[u8], file: &CertificateFile) -> Result<Contents, CredentialProblem> {
    let key = private_key(pem, file)?;
    let certificates = CertificateDer::pem_slice_iter(pem)
        .map(|der| der.map(|der| der.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|_| CredentialProblem::NotPem)?;
    Ok((key, certificates))
}

#[cfg(feature = "pfx")]
fn of_pfx(bytes: &[u8], file: &CertificateFile) -> Result<Contents, CredentialProblem> {
    let contents = super::pfx::read(bytes, file.password.as_ref())?;
    let key = match contents.keys.as_slice() {
        [] => return Err(CredentialProblem::NoPrivateKey),
        [key] => RsaKeyPair::from_pkcs8(key).map_err(|_| CredentialProblem::NotRsa)?,
        _ => return Err(CredentialProblem::SeveralKeys),
    };
    Ok((key, contents.certificates))
}

#[cfg(not(feature = "pfx"))]
const fn of_pfx(_: &[u8], _: &CertificateFile) -> Result<Contents, CredentialProblem> {
    Err(CredentialProblem::Pfx)
}

fn private_key(pem: &[u8], file: &CertificateFile) -> Result<RsaKeyPair, CredentialProblem> {
    let mut keys = PrivateKeyDer::pem_slice_iter(pem);
    let key = match keys.next() {
        Some(key) => key.map_err(|_| CredentialProblem::NotPem)?,
        None if contains(pem, b"ENCRYPTED PRIVATE KEY") => return encrypted_key(pem, file),
        None => return Err(CredentialProblem::NoPrivateKey),
    };
    if keys.next().is_some() {
        return Err(CredentialProblem::SeveralKeys);
    }
    let pair = match &key {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(CredentialProblem::NotRsa),
    };
    pair.map_err(|_| CredentialProblem::NotRsa)
}

#[cfg(feature = "pfx")]
fn encrypted_key(pem: &[u8], file: &CertificateFile) -> Result<RsaKeyPair, CredentialProblem> {
    let password = file.password.as_ref();
    let password = password.ok_or(CredentialProblem::EncryptedKey)?;
    let key = super::pfx::encrypted_key(pem, password)?;
    RsaKeyPair::from_pkcs8(&key).map_err(|_| CredentialProblem::NotRsa)
}

#[cfg(not(feature = "pfx"))]
const fn encrypted_key(_: &[u8], _: &CertificateFile) -> Result<RsaKeyPair, CredentialProblem> {
    Err(CredentialProblem::EncryptedKey)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The thumbprint and the end of the certificate, if it is this key's.
fn leaf(der: &[u8], key: &RsaKeyPair) -> Option<([u8; 32], UnixTime)> {
    let certificate = CertificateFields::read(der)?;
    if certificate.public_key != key.public().as_ref() {
        return None;
    }
    let sha256 = digest::digest(&digest::SHA256, der)
        .as_ref()
        .try_into()
        .ok()?;
    Some((sha256, certificate.not_after))
}
