//! Certificates and federated tokens as operators have them in files, good and bad.

use std::{
    fs,
    path::{Path, PathBuf},
};

use entra_mcp_dev_tenant::{CLIENT_ID, TENANT_ID};
use serde_json::json;

use super::{client_credentials::managed_identity_token, entra_tokens::control};
use crate::{
    Program, Server,
    browser::Browser,
    client::{browse, parameter, register, sign_in},
    session::until,
};

/// A private key with its certificate, public and worthless, in each form that there is.
const PEM: &str = include_str!("../../../dev-tenant/keys/client.pem");
const PKCS1: &str = include_str!("../../../dev-tenant/keys/client-pkcs1.pem");
const ENCRYPTED: &str = include_str!("../../../dev-tenant/keys/client-encrypted.pem");
const AES: &[u8] = include_bytes!("../../../dev-tenant/keys/client.pfx");
const RC2: &[u8] = include_bytes!("../../../dev-tenant/keys/client-rc2.pfx");

/// What the encrypted ones are locked with.
const PASSWORD: &str = "public and worthless";

const CERTIFICATE_PATH: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const CERTIFICATE_PASSWORD: &str = "AZURE_CLIENT_CERTIFICATE_PASSWORD";

/// A folder that is deleted with the case.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("entra-mcp-credentials-{}", crate::server::free_port());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        Self(folder)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("the folder is writable");
        let path = path.into_os_string().into_string();
        path.expect("the folder for temporary files has a plain name")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a program says that does not start with these variables.
fn refusal(program: &Program, variables: &[(&str, &str)]) -> String {
    let output = program
        .command()
        .env("AZURE_TENANT_ID", TENANT_ID)
        .env("AZURE_CLIENT_ID", CLIENT_ID)
        .envs(variables.iter().copied())
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{variables:?}: {said}");
    said
}

/// The certificate alone, and the key alone.
fn sections() -> (&'static str, &'static str) {
    let end = "-----END PRIVATE KEY-----\n";
    let at = PEM.find(end).expect("the key comes first") + end.len();
    (PEM[at..].trim(), &PEM[..at])
}

/// Each that Entra knows is accepted at the start; a program that was built without PFX says how to convert what is locked.
pub fn certificate_of_every_form_starts_or_says_what_to_do(program: &Program) {
    let other = program.start();
    let folder = Folder::new();
    let (certificate, key) = sections();
    control(
        &other,
        &json!({"action": "register_certificate", "certificate": certificate}),
    );
    let backwards = format!("Bag Attributes\r\n{certificate}\r\n{key}");
    let files: [(&str, &[u8], bool); 6] = [
        ("client.pem", PEM.as_bytes(), false),
        ("backwards.pem", backwards.as_bytes(), false),
        ("pkcs1.pem", PKCS1.as_bytes(), false),
        ("encrypted.pem", ENCRYPTED.as_bytes(), true),
        ("aes.pfx", AES, true),
        ("rc2.pfx", RC2, true),
    ];
    for (name, bytes, is_locked) in files {
        let path = folder.write(name, bytes);
        let mut setting = vec![(CERTIFICATE_PATH, path.as_str())];
        if is_locked {
            let wrong = refusal(
                program,
                &[setting[0], (CERTIFICATE_PASSWORD, "another one")],
            );
            assert!(wrong.contains(CERTIFICATE_PATH), "{name}: {wrong}");
            assert!(!wrong.contains("another one"), "{name}: {wrong}");
            setting.push((CERTIFICATE_PASSWORD, PASSWORD));
            if wrong.contains("--features pfx") {
                let told = refusal(program, &setting);
                assert!(told.contains("openssl pk"), "{name}: {told}");
                continue;
            }
            assert!(wrong.contains(CERTIFICATE_PASSWORD), "{name}: {wrong}");
        }
        let server = program.start_in_tenant_of(&other, &setting);
        until("the certificate is tried at the start", || {
            server.log().contains("entra.credential_accepted")
        });
    }
}

/// Before anything is served, in words that name the setting and the file, and nothing of what the file holds.
pub fn certificate_that_is_no_good_stops_the_start(program: &Program) {
    let folder = Folder::new();
    let (certificate, key) = sections();
    // Another certificate: that of a server of the tests.
    let other = include_str!("../../keys/backend/authority.pem");
    let files = [
        ("nothing.pem", String::new(), "no private key"),
        ("certificate.pem", certificate.to_owned(), "no private key"),
        ("key.pem", key.to_owned(), "no certificate"),
        (
            "mismatch.pem",
            format!("{key}{other}"),
            "no certificate in it belongs to its private key",
        ),
        (
            "two.pem",
            format!("{key}{key}{certificate}"),
            "several private keys",
        ),
        ("long.pem", "x".repeat(1_000_000), "longer than 64 KiB"),
    ];
    for (name, text, words) in files {
        let path = folder.write(name, text);
        let said = refusal(program, &[(CERTIFICATE_PATH, &path)]);
        for expected in [CERTIFICATE_PATH, &path, words] {
            assert!(said.contains(expected), "{name}: {said}");
        }
        assert!(!said.contains("BEGIN"), "{name}: {said}");
    }
    let is_folder = folder.0.to_str().unwrap();
    let said = refusal(program, &[(CERTIFICATE_PATH, is_folder)]);
    assert!(said.contains("write it to a file"), "{said}");
    let path = folder.write("client.pem", PEM);
    let secret = ("AZURE_CLIENT_SECRET", "a~secret");
    let said = refusal(program, &[(CERTIFICATE_PATH, &path), secret]);
    assert!(
        said.contains("AZURE_CLIENT_SECRET") && said.contains(CERTIFICATE_PATH),
        "two credentials at once: {said}"
    );
    assert!(!said.contains("a~secret"), "{said}");
}

/// The log has it before anybody signs in, and says so again when Entra does.
pub fn certificate_that_has_ended_is_told_at_the_start(program: &Program) {
    let other = program.start();
    let folder = Folder::new();
    let ended = include_str!("../../../dev-tenant/keys/client-one-day.pem");
    let certificate = ended.trim();
    control(
        &other,
        &json!({"action": "register_certificate", "certificate": certificate}),
    );
    let path = folder.write("client.pem", format!("{}{ended}", sections().1));
    let server = program.start_in_tenant_of(&other, &[(CERTIFICATE_PATH, &path)]);
    until("the log says that it has ended", || {
        let log = server.log();
        log.contains("entra.certificate_expires") && log.contains("1000502")
    });
}

/// A token of another issuer than Entra, which learns late that the application trusts it.
pub fn federated_token_of_a_cluster_is_good_once_entra_knows_of_it(program: &Program) {
    let other = program.start();
    let folder = Folder::new();
    let subject = "system:serviceaccount:mcp:entra-mcp";
    let token = || {
        let path = format!("/federation/token?subject={subject}");
        let answer = other.ask_tenant("GET", &path, &[], "").json();
        answer["value"].as_str().expect("a token").to_owned()
    };
    let path = folder.write("token", token());
    let setting = ("AZURE_FEDERATED_TOKEN_FILE", path.as_str());
    let server = program.start_in_tenant_of(&other, &[setting]);
    until("Entra trusts no such issuer", || {
        server.log().contains("700211")
    });
    let client_id = register(&server);
    let trusts = |seconds: u32| {
        let delay =
            json!({"action": "federated_credential", "subject": subject, "delay_seconds": seconds});
        control(&other, &delay);
    };
    trusts(3600);
    let landed = browse(&server, &mut Browser::default(), &client_id, "alice");
    assert_eq!(parameter(&landed, "error").as_deref(), Some("server_error"));
    // And not the number of a trust that there is not, which begins with it.
    until("the log says that it may be a moment", || {
        let log = server.log();
        let refused = log.match_indices("70021");
        let rest = |(at, number): (usize, &str)| log[at + number.len()..].chars().next();
        let mut after = refused.map(rest);
        after.any(|next| next.is_some_and(|next| !next.is_ascii_digit()))
    });
    trusts(0);
    let landed = browse(&server, &mut Browser::default(), &client_id, "alice");
    assert!(parameter(&landed, "code").is_some(), "{landed:?}");
}

/// Whoever signs in now fails in words for the operator, and nothing is sent to Entra.
fn fails(server: &Server, client_id: &str, other: &Server, words: &str) {
    let before = token_requests(other);
    let landed = browse(server, &mut Browser::default(), client_id, "alice");
    assert_eq!(parameter(&landed, "error").as_deref(), Some("server_error"));
    assert_eq!(token_requests(other), before, "{words}");
    until(words, || {
        let log = server.log();
        let mut lines = log.lines();
        lines.any(|line| line.contains("entra.federated_token_unusable") && line.contains(words))
    });
}

fn token_requests(server: &Server) -> usize {
    let asked = server.ask_tenant("GET", "/control/requests", &[], "").body;
    asked.matches("/oauth2/v2.0/token\"").count()
}

/// It is read anew for each request, so that the next one goes well once there is a good one.
pub fn federated_token_is_rotated_lost_and_back_while_the_server_runs(program: &Program) {
    let other = program.start();
    let folder = Folder::new();
    let path = folder.write("token", managed_identity_token(&other));
    let setting = ("AZURE_FEDERATED_TOKEN_FILE", path.as_str());
    let server = program.start_in_tenant_of(&other, &[setting]);
    until("it is tried at the start", || {
        server.log().contains("entra.credential_accepted")
    });
    let client_id = register(&server);
    // As a cluster does it: the name leads to another file.
    let next = folder.write("next", managed_identity_token(&other));
    fs::rename(&next, &path).expect("it is the same folder");
    assert!(sign_in(&server, "alice").works(&server));
    fs::remove_file(&path).expect("it is there");
    fails(&server, &client_id, &other, "cannot be read");
    fs::create_dir(&path).expect("nothing is there");
    fails(&server, &client_id, &other, "write it to a file");
    fs::remove_dir(&path).expect("it is empty");
    folder.write("token", "x".repeat(1_000_000));
    fails(&server, &client_id, &other, "longer than 64 KiB");
    let mut days_ago = json!({"action": "clock_offset", "seconds": -200_000});
    control(&other, &days_ago);
    let old = managed_identity_token(&other);
    days_ago["seconds"] = json!(0);
    control(&other, &days_ago);
    folder.write("token", &old);
    let landed = browse(&server, &mut Browser::default(), &client_id, "alice");
    assert_eq!(parameter(&landed, "error").as_deref(), Some("server_error"));
    until("the log names the file that is old", || {
        let log = server.log();
        let expired = log
            .lines()
            .find(|line| line.contains("federated_token_expired"));
        expired.is_some_and(|line| line.contains(&path)) && log.contains("700024")
    });
    assert!(!server.log().contains(old.rsplit('.').next().unwrap()));
    folder.write("token", managed_identity_token(&other));
    assert!(sign_in(&server, "alice").works(&server));
    assert!(Path::new(&path).exists());
}

/// A wrong file is known before anybody signs in.
pub fn federated_token_that_is_no_good_stops_the_start(program: &Program) {
    let folder = Folder::new();
    let long = folder.write("long", "x".repeat(1_000_000));
    let nothing = folder.write("nothing", "no token");
    let missing = folder.0.join("missing");
    let is_folder = folder.0.to_str().unwrap();
    for (path, words) in [
        (long.as_str(), "longer than 64 KiB"),
        (&nothing, "it holds no JWT"),
        (missing.to_str().unwrap(), "cannot be read"),
        (is_folder, "write it to a file"),
    ] {
        let said = refusal(program, &[("AZURE_FEDERATED_TOKEN_FILE", path)]);
        for expected in ["AZURE_FEDERATED_TOKEN_FILE", path, words] {
            assert!(said.contains(expected), "{said}");
        }
    }
}
