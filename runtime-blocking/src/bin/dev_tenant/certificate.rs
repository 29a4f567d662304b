//! A key for this computer, made anew at each start, and a small authority that says so, for clients to trust (RFC 5280; ITU-T
//! X.690, DER). They are two certificates because some libraries refuse an authority that is a server, too.

use ring::{
    rand::{SecureRandom as _, SystemRandom},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// A certificate and its key.
pub(crate) struct Identity {
    /// The certificate of the authority, for who is to trust it.
    pub(crate) pem: String,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "what is written is the same as text")
    )]
    trusted: CertificateDer<'static>,
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

/// `ecdsa-with-SHA256` (RFC 5758 section 3.2).
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// `id-ecPublicKey` and `secp256r1` (RFC 5480 section 2.1.1).
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const SECP256R1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// `id-at-commonName`, and the extensions (RFC 5280 sections 4.2.1.3, 4.2.1.6 and 4.2.1.9).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

const AUTHORITY: &[u8] = b"entra-mcp development tenant, certificates";
const SERVER: &[u8] = b"entra-mcp development tenant";

impl Identity {
    /// Makes an authority, and what it signs: a key for this computer. The key of the authority is gone afterwards.
    pub(crate) fn new() -> Result<Self, String> {
        let authority = Key::new()?;
        let own = to_be_signed(AUTHORITY, &authority, &extensions_of_authority())?;
        let trusted = authority.signed(own)?;
        let key = Key::new()?;
        let certificate = authority.signed(to_be_signed(SERVER, &key, &extensions_of_server())?)?;
        Ok(Self {
            pem: pem(&trusted),
            trusted: trusted.into(),
            certificate: certificate.into(),
            key: key.pkcs8.into(),
        })
    }

    /// What a server shows.
    pub(crate) fn into_config(self) -> Result<ServerConfig, String> {
        let provider = rustls::crypto::ring::default_provider();
        let config = ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth();
        let key = PrivateKeyDer::Pkcs8(self.key);
        let config = config.with_single_cert(vec![self.certificate], key);
        config.map_err(|error| error.to_string())
    }
}

/// A key, and what it signs with.
struct Key {
    pkcs8: Vec<u8>,
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Key {
    fn new() -> Result<Self, String> {
        let failed = || "no key could be made".to_owned();
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| failed())?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random);
        Ok(Self {
            pkcs8: pkcs8.as_ref().to_vec(),
            pair: pair.map_err(|_| failed())?,
            random,
        })
    }

    fn signed(&self, to_be_signed: Vec<u8>) -> Result<Vec<u8>, String> {
        let signature = self.pair.sign(&self.random, &to_be_signed);
        let signature = signature.map_err(|_| "the key does not sign".to_owned())?;
        let signature = bit_string(signature.as_ref());
        Ok(sequence(&[to_be_signed, algorithm_identifier(), signature]))
    }
}

/// What the authority says of a key.
fn to_be_signed(subject: &[u8], key: &Key, extensions: &[u8]) -> Result<Vec<u8>, String> {
    let name = |name: &[u8]| {
        let part = sequence(&[tlv(0x06, COMMON_NAME), tlv(0x0c, name)]);
        sequence(&[tlv(0x31, &part)])
    };
    // So many clocks are wrong on computers for tests.
    let validity = sequence(&[tlv(0x17, b"200101000000Z"), tlv(0x17, b"491231235959Z")]);
    let kind = sequence(&[tlv(0x06, EC_PUBLIC_KEY), tlv(0x06, SECP256R1)]);
    let public_key = sequence(&[kind, bit_string(key.pair.public_key().as_ref())]);
    let mut serial = [0; 16];
    let filled = key.random.fill(&mut serial);
    filled.map_err(|_| "there is no randomness".to_owned())?;
    // A first byte that leaves the number positive.
    serial[0] = 0x4d;
    Ok(sequence(&[
        tlv(0xa0, &tlv(0x02, &[2])),
        tlv(0x02, &serial),
        algorithm_identifier(),
        name(AUTHORITY),
        validity,
        name(subject),
        public_key,
        tlv(0xa3, extensions),
    ]))
}

fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[tlv(0x06, id), tlv(0x01, &[0xff]), tlv(0x04, value)])
}

fn extensions_of_authority() -> Vec<u8> {
    let is_authority = sequence(&[tlv(0x01, &[0xff])]);
    // keyCertSign
    let usage = tlv(0x03, &[2, 0b0000_0100]);
    sequence(&[
        extension(BASIC_CONSTRAINTS, &is_authority),
        extension(KEY_USAGE, &usage),
    ])
}

fn extensions_of_server() -> Vec<u8> {
    let names = sequence(&[
        tlv(0x82, b"localhost"),
        tlv(0x87, &[127, 0, 0, 1]),
        tlv(0x87, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ]);
    // digitalSignature
    let usage = tlv(0x03, &[7, 0b1000_0000]);
    sequence(&[
        extension(BASIC_CONSTRAINTS, &sequence(&[])),
        extension(KEY_USAGE, &usage),
        extension(SUBJECT_ALT_NAME, &names),
    ])
}

fn algorithm_identifier() -> Vec<u8> {
    sequence(&[tlv(0x06, ECDSA_WITH_SHA256)])
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// Tag, length, value.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant = length.iter().skip_while(|byte| **byte == 0);
    let significant: Vec<u8> = significant.copied().collect();
    let mut out = vec![tag];
    match (value.len(), u8::try_from(significant.len())) {
        (short, _) if short < 128 => out.push(significant.first().copied().unwrap_or(0)),
        (_, Ok(count)) => {
            out.push(0x80 | count);
            out.extend(significant);
        }
        (_, Err(_)) => {}
    }
    out.extend(value);
    out
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let text = base64_of(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{
        ClientConfig, ClientConnection, RootCertStore, ServerConnection, pki_types::ServerName,
    };

    use super::*;

    #[test]
    fn who_trusts_the_certificate_reaches_localhost_and_nobody_else() {
        let identity = Identity::new().unwrap();
        assert!(identity.pem.lines().all(|line| line.len() <= 64));
        let trusted = identity.trusted.clone();
        let server = Arc::new(identity.into_config().unwrap());
        let connects = |trusted: &CertificateDer<'static>, name: &'static str| {
            let mut roots = RootCertStore::empty();
            roots.add(trusted.clone()).unwrap();
            let provider = rustls::crypto::ring::default_provider();
            let client = ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from(name).unwrap();
            let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
            let mut server = ServerConnection::new(Arc::clone(&server)).unwrap();
            for _ in 0..4 {
                let mut bytes = Vec::new();
                client.write_tls(&mut bytes).unwrap();
                server.read_tls(&mut bytes.as_slice()).unwrap();
                if server.process_new_packets().is_err() {
                    return false;
                }
                let mut bytes = Vec::new();
                server.write_tls(&mut bytes).unwrap();
                client.read_tls(&mut bytes.as_slice()).unwrap();
                if client.process_new_packets().is_err() {
                    return false;
                }
            }
            !client.is_handshaking()
        };
        assert!(connects(&trusted, "localhost"));
        assert!(connects(&trusted, "127.0.0.1"));
        assert!(!connects(&trusted, "login.microsoftonline.com"));
        assert!(!connects(&Identity::new().unwrap().trusted, "localhost"));
    }
}
