use super::*;

/// Files of one key and one certificate, and what opens them.
const FILES: [(&str, &[u8], Option<&str>); 4] = [
    (
        "AES",
        include_bytes!("../../../../dev-tenant/keys/client.pfx"),
        Some("public and worthless"),
    ),
    (
        "three keys of DES",
        include_bytes!("../../../../dev-tenant/keys/client-3des.pfx"),
        Some("public and worthless"),
    ),
    (
        "RC2 and DES",
        include_bytes!("../../../../dev-tenant/keys/client-rc2.pfx"),
        Some("public and worthless"),
    ),
    (
        "the empty password",
        include_bytes!("../../../../dev-tenant/keys/client-no-password.pfx"),
        None,
    ),
];

const ENCRYPTED: &[u8] = include_bytes!("../../../../dev-tenant/keys/client-encrypted.pem");

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn plain() -> (Vec<u8>, Vec<u8>) {
    use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject as _};
    let pem = include_bytes!("../../../../dev-tenant/keys/client.pem");
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem).unwrap();
    let certificate = CertificateDer::from_pem_slice(pem).unwrap();
    (key.secret_pkcs8_der().to_vec(), certificate.to_vec())
}

#[test]
fn key_and_certificate_are_those_of_the_file_whatever_locks_it() {
    let (key, certificate) = plain();
    for (name, bytes, password) in FILES {
        let contents = read(bytes, password.map(secret).as_ref());
        let contents = contents.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(contents.certificates.len(), 1, "{name}");
        assert_eq!(contents.certificates[0], certificate, "{name}");
        assert_eq!(contents.keys.len(), 1);
        assert!(*contents.keys[0] == key, "{name}");
    }
    let opened = encrypted_key(ENCRYPTED, &secret("public and worthless")).unwrap();
    assert!(*opened == key);
}

#[test]
fn wrong_password_is_said_to_be_wrong() {
    for (name, bytes, password) in FILES {
        for wrong in [Some("another"), None]
            .into_iter()
            .filter(|wrong| *wrong != password)
        {
            let problem = read(bytes, wrong.map(secret).as_ref()).err().unwrap();
            assert!(
                matches!(problem, CredentialProblem::WrongPassword),
                "{name}: {problem}"
            );
        }
    }
    let problem = encrypted_key(ENCRYPTED, &secret("another")).unwrap_err();
    assert!(matches!(
        problem,
        CredentialProblem::WrongPassword | CredentialProblem::UnknownPfx
    ));
}

#[test]
fn file_that_is_cut_or_changed_is_refused_and_nothing_panics() {
    let (_, bytes, password) = FILES[0];
    let password = password.map(secret);
    for length in (0..bytes.len()).step_by(7) {
        assert!(
            read(&bytes[..length], password.as_ref()).is_err(),
            "{length}"
        );
    }
    let whole = read(bytes, password.as_ref()).unwrap();
    for place in (0..bytes.len()).step_by(97) {
        let mut changed = bytes.to_vec();
        changed[place] ^= 0x01;
        // What is outside of what the password vouches for may be changed.
        if let Ok(contents) = read(&changed, password.as_ref()) {
            assert_eq!(contents.certificates, whole.certificates, "{place}");
        }
    }
}
