use std::{fs, path::PathBuf, sync::atomic::Ordering, time::Duration};

use base64::Engine as _;
use entra_mcp_core::{
    ask::{AssertionFault, ClientAssertion},
    certificate::CertificateFields,
    config::{ClientCredential, ClientSecret},
    secret::Secret,
    time::UnixTime,
};

use rustls_pki_types::pem::PemObject as _;

use super::*;

/// A private key and its certificate, public and worthless.
const PEM: &str = include_str!("../../../dev-tenant/keys/client.pem");

/// Another certificate of the same key, which ended in 2026.
const ONE_DAY: &str = include_str!("../../../dev-tenant/keys/client-one-day.pem");

const NOW: UnixTime = UnixTime(1_800_000_000);

/// A folder of this test alone.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("entra-mcp-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sections() -> (String, String) {
    let at = PEM.find("-----BEGIN CERTIFICATE").unwrap();
    let (key, certificate) = PEM.split_at(at);
    (key.to_owned(), certificate.to_owned())
}

fn certificate_at(path: PathBuf) -> ClientCredential {
    ClientCredential::Certificate(path.into())
}

fn problem(credential: &ClientCredential) -> String {
    ClientAssertions::open(credential, None, NOW)
        .unwrap_err()
        .to_string()
}

#[test]
fn key_and_certificate_are_read_in_any_order_and_with_text_around_them() {
    let folder = Folder::new("certificate-order");
    let (key, certificate) = sections();
    let bag = "Bag Attributes\r\n    friendlyName: entra-mcp\r\n";
    let files = [
        format!("{key}{certificate}"),
        format!("{certificate}{key}"),
        format!("{bag}{key}{bag}{certificate}")
            .replace('\n', "\r\n")
            .replace("\r\r", "\r"),
    ];
    for text in files {
        let path = folder.write("client.pem", text);
        let credential = certificate_at(path);
        assert!(ClientAssertions::open(&credential, None, NOW).is_ok());
    }
}

#[test]
fn renewed_certificate_is_named_wherever_it_stands() {
    let folder = Folder::new("certificate-renewed");
    let (key, certificate) = sections();
    let sha256 = |text: &str| {
        let path = folder.write("client.pem", text);
        Certificate::read(&path.into()).unwrap().header().sha256
    };
    let (renewed, before) = (
        sha256(&format!("{key}{certificate}")),
        sha256(&format!("{key}{ONE_DAY}")),
    );
    assert_ne!(renewed, before);
    for certificates in [[&certificate, ONE_DAY], [ONE_DAY, &certificate]] {
        assert_eq!(
            sha256(&[&[key.as_str()], &certificates[..]].concat().concat()),
            renewed
        );
    }
}

#[test]
fn unusable_certificate_is_an_error_that_says_what_to_do() {
    let folder = Folder::new("certificate-errors");
    let (key, certificate) = sections();
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let files: [(Vec<u8>, &str); 7] = [
        (Vec::new(), "no private key"),
        (certificate.clone().into(), "no private key"),
        (key.clone().into(), "no certificate"),
        (
            format!("{key}{key}{certificate}").into(),
            "several private keys",
        ),
        (format!("{encrypted}{certificate}").into(), "openssl pkey"),
        (b"\x30\x82\x09\xf1\x02\x01\x03".to_vec(), "openssl pkcs12"),
        (vec![b'x'; 70_000], "longer than 64 KiB"),
    ];
    for (bytes, words) in files {
        let path = folder.write("client.pem", bytes);
        let error = problem(&certificate_at(path));
        assert!(
            error.starts_with("AZURE_CLIENT_CERTIFICATE_PATH: the file /"),
            "{error}"
        );
        assert!(error.contains(words), "{error}");
    }
    for place in [folder.0.clone(), "/dev/zero".into()] {
        assert!(problem(&certificate_at(place)).contains("write it to a file"));
    }
    let missing = folder.0.join("nowhere.pem");
    assert!(problem(&certificate_at(missing)).contains("cannot be read"));
}

const PKCS1: &str = include_str!("../../../dev-tenant/keys/client-pkcs1.pem");
const ENCRYPTED: &str = include_str!("../../../dev-tenant/keys/client-encrypted.pem");
const PFX: &[u8] = include_bytes!("../../../dev-tenant/keys/client.pfx");

#[test]
fn key_is_read_as_pkcs_1_and_must_be_of_the_certificate() {
    let folder = Folder::new("certificate-kinds");
    let path = folder.write("client.pem", PKCS1);
    assert!(ClientAssertions::open(&certificate_at(path), None, NOW).is_ok());
    let (_, certificate) = sections();
    // A certificate of another key is like one that was changed where its key is.
    let der = rustls_pki_types::CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = CertificateFields::read(&der).unwrap().public_key.to_vec();
    let at = der.windows(key.len()).position(|part| part == key).unwrap();
    let mut other = der.to_vec();
    other[at + key.len() / 2] ^= 1;
    let other = base64::engine::general_purpose::STANDARD.encode(other);
    let (private, _) = sections();
    let other = format!("-----BEGIN CERTIFICATE-----\n{other}\n-----END CERTIFICATE-----\n");
    let path = folder.write("other.pem", format!("{private}{other}"));
    let error = problem(&certificate_at(path));
    assert!(
        error.contains("no certificate in it belongs to its private key"),
        "{error}"
    );
}

#[cfg(feature = "pfx")]
#[test]
fn pfx_and_encrypted_key_are_opened_by_the_password_that_is_set() {
    let folder = Folder::new("certificate-locked");
    let files = [
        folder.write("client.pfx", PFX),
        folder.write("client.pem", ENCRYPTED),
    ];
    for path in files {
        let open = |password: Option<&str>| {
            let password = password.map(|password| Secret::new(password.to_owned()));
            let path = path.clone();
            let credential = ClientCredential::Certificate(CertificateFile { path, password });
            ClientAssertions::open(&credential, None, NOW).map(drop)
        };
        assert!(
            open(Some("public and worthless")).is_ok(),
            "{}",
            path.display()
        );
        for wrong in [None, Some("another")] {
            let error = open(wrong).unwrap_err().to_string();
            assert!(error.contains("AZURE_CLIENT_CERTIFICATE_P"), "{error}");
            assert!(
                !error.contains("another\"") && !error.contains("worthless"),
                "{error}"
            );
        }
    }
}

#[cfg(not(feature = "pfx"))]
#[test]
fn program_that_reads_no_pfx_says_how_to_convert_it() {
    let folder = Folder::new("certificate-locked");
    for (name, bytes) in [("client.pfx", PFX), ("client.pem", ENCRYPTED.as_bytes())] {
        let error = problem(&certificate_at(folder.write(name, bytes)));
        assert!(
            error.contains("openssl pk") && error.contains("--features pfx"),
            "{error}"
        );
    }
}

#[test]
fn federated_token_that_is_gone_too_long_or_no_file_is_said_to_be() {
    let folder = Folder::new("federated-token-gone");
    let path = folder.write("token", "eyJ.first.sig");
    let credential = ClientCredential::FederatedToken(path.clone());
    let assertions = ClientAssertions::open(&credential, None, NOW).unwrap();
    let answer = || assertions.answer(&ClientAssertion::FederatedToken, NOW);
    fs::remove_file(&path).unwrap();
    assert!(answer().is_err());
    assert!(problem(&credential).contains("cannot be read"));
    fs::create_dir(&path).unwrap();
    assert!(answer().is_err());
    assert!(problem(&credential).contains("write it to a file"));
    fs::remove_dir(&path).unwrap();
    folder.write("token", vec![b'x'; 1_000_000]);
    assert!(answer().is_err());
    assert!(problem(&credential).contains("longer than 64 KiB"));
    folder.write("token", "eyJ.second.sig");
    assert_eq!(answer().unwrap().expose(), "eyJ.second.sig");
}

#[test]
fn replaced_federated_token_is_used_without_a_restart() {
    let folder = Folder::new("federated-token");
    let path = folder.write("token", "\n eyJ.first.sig \n");
    let credential = ClientCredential::FederatedToken(path);
    let assertions = ClientAssertions::open(&credential, None, NOW).unwrap();
    let answer =
        |assertions: &ClientAssertions| assertions.answer(&ClientAssertion::FederatedToken, NOW);
    assert_eq!(answer(&assertions).unwrap().expose(), "eyJ.first.sig");
    folder.write("token", "eyJ.second.sig");
    assert_eq!(answer(&assertions).unwrap().expose(), "eyJ.second.sig");
    for wrong in ["", "a password", "a.b", "a.b.c.d", "a..c", "a.b.c\nd.e.f"] {
        folder.write("token", wrong);
        let fault = answer(&assertions).unwrap_err();
        assert_eq!(fault, AssertionFault::FederatedToken, "{wrong}");
        assert!(problem(&credential).starts_with("AZURE_FEDERATED_TOKEN_FILE: "));
    }
}

// Whoever answers in the place of the agent has no other file sent to them.
#[test]
fn only_a_short_key_in_the_folder_of_the_agent_of_azure_arc_is_read() {
    let folder = Folder::new("arc-keys");
    let key = folder.write("one.key", "\n3e5c.the-key \n");
    let read = |path: &Path| arc_key::read(path, &folder.0).map(|key| key.expose().clone());
    assert_eq!(read(&key).unwrap(), "3e5c.the-key");
    fs::create_dir_all(folder.0.join("below")).unwrap();
    let others = [
        folder.write("one.pem", "3e5c"),
        folder.write("below/one.key", "3e5c"),
        folder.0.join("below").join("..").join("one.key"),
        folder.write("long.key", vec![b'x'; 4097]),
        folder.write("empty.key", ""),
        folder.write("lines.key", "one\r\nX-Injected: two"),
        folder.0.join("nowhere.key"),
        folder.0.clone(),
    ];
    for other in others {
        assert!(read(&other).is_err(), "{}", other.display());
    }
    #[cfg(unix)]
    {
        let link = folder.0.join("link.key");
        crate::unix::testing::symlink(&key, &link).unwrap();
        assert!(read(&link).is_err(), "a link may lead anywhere");
    }
    let source = Source::Arc(folder.0.clone());
    let announced = AtomicU64::new(0);
    let assertions = ClientAssertions { source, announced };
    let answer = |path: &Path| {
        let path = path.to_str().unwrap().to_owned();
        assertions.answer(&ClientAssertion::ArcKey(path), NOW)
    };
    assert_eq!(answer(&key).unwrap().expose(), "3e5c.the-key");
    let shadow = answer(Path::new("/etc/shadow")).unwrap_err();
    assert_eq!(shadow, AssertionFault::ArcKey);
}

#[test]
fn assertion_of_the_program_is_taken_instead_of_a_file() {
    let credential = ClientCredential::FederatedToken("no such file".into());
    let open = |source| ClientAssertions::open(&credential, Some(source), NOW).unwrap();
    let given = open(AssertionSource::new(|| {
        Ok(Secret::new("header.claims.signature".to_owned()))
    }));
    let answer = given.answer(&ClientAssertion::FederatedToken, NOW);
    assert!(answer.is_ok_and(|text| text.expose() == "header.claims.signature"));
    let without = open(AssertionSource::new(|| Err("the vault is away".into())));
    let answer = without.answer(&ClientAssertion::FederatedToken, NOW);
    assert!(matches!(answer, Err(AssertionFault::FederatedToken)));
    let broken = open(AssertionSource::new(|| panic!("a bug of the program")));
    let answer = broken.answer(&ClientAssertion::FederatedToken, NOW);
    assert!(matches!(answer, Err(AssertionFault::FederatedToken)));
}

#[test]
fn end_of_a_secret_is_announced_once_a_day_from_a_month_before_on() {
    let day = Duration::from_secs(86_400);
    let secret = |expires| ClientSecret {
        expires,
        ..ClientSecret::from("a secret".to_owned())
    };
    let expires = NOW.after(day * 31);
    let of = |expires| Source::of(&ClientCredential::Secret(secret(expires)));
    assert!(matches!(of(Some(expires)), Source::Secret(Some(at)) if at == expires));
    let credential = ClientCredential::Secret(secret(Some(expires)));
    let assertions = ClientAssertions::open(&credential, None, NOW).unwrap();
    let said = |days| {
        let before = assertions.announced.load(Ordering::Relaxed);
        assertions.remind(NOW.after(day * days));
        before != assertions.announced.load(Ordering::Relaxed)
    };
    let days = [0, 1, 1, 2, 31, 40].map(said);
    assert_eq!(days, [false, true, false, true, true, true]);
}
