//! How the server proves its identity to Entra ID without a client secret.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    Program, Server,
    browser::Browser,
    client::{browse, parameter, register, sign_in},
    session::until,
};

/// A private key with a certificate, public and worthless.
const CLIENT_PEM: &str = include_str!("../../../dev-tenant/keys/client.pem");

/// A file that is deleted with the case.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("entra-mcp-e2e-{name}-{}", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    fn path(&self) -> &str {
        self.0
            .to_str()
            .expect("the folder for temporary files has a plain name")
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).expect("the folder for temporary files is writable");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A certificate signs users in and renews their tokens, once it is registered.
pub fn certificate_replaces_the_client_secret(program: &Program) {
    let other = program.start();
    let file = File::new("client.pem", CLIENT_PEM);
    let setting = ("AZURE_CLIENT_CERTIFICATE_PATH", file.path());
    let server = program.start_in_tenant_of(&other, &[setting]);
    let (_, certificate) = CLIENT_PEM
        .split_once("-----END PRIVATE KEY-----")
        .expect("the key comes first");
    let register = json!({"action": "register_certificate", "certificate": certificate.trim()});
    let json = [("content-type", "application/json")];
    let registered = other.ask_tenant("POST", "/control", &json, &register.to_string());
    assert_eq!(registered.status, 200);
    for user in ["alice", "bob"] {
        assert!(sign_in(&server, user).works(&server));
    }
    let sent = token_requests(&other);
    assert_eq!(sent.len(), 2, "{sent:?}");
    for request in sent {
        assert!(request.contains("client_assertion") && !request.contains("client_secret"));
    }
}

/// A federated token does too; it is read anew each time, and a bad one is not sent.
pub fn federated_token_replaces_the_client_secret(program: &Program) {
    let other = program.start();
    let file = File::new("federated-token", &managed_identity_token(&other));
    let setting = ("AZURE_FEDERATED_TOKEN_FILE", file.path());
    let server = program.start_in_tenant_of(&other, &[setting]);
    assert!(sign_in(&server, "alice").works(&server));
    file.write("no token");
    let sent = token_requests(&other).len();
    let client_id = register(&server);
    let landed = browse(&server, &mut Browser::default(), &client_id, "bob");
    assert_eq!(parameter(&landed, "error").as_deref(), Some("server_error"));
    assert_eq!(
        token_requests(&other).len(),
        sent,
        "nothing is sent without it"
    );
    // The log is read by a thread of its own.
    until("the unusable file is logged", || {
        server.log().contains("entra.federated_token_unusable")
    });
    file.write(&managed_identity_token(&other));
    assert!(sign_in(&server, "bob").works(&server));
}

/// The managed identity of a virtual machine, and of App Service or Container Apps, signs users in: its token is fetched
/// once, before the first of them comes.
pub fn managed_identity_replaces_the_client_secret(program: &Program) {
    use entra_mcp_dev_tenant::{IDENTITY_HEADER, MANAGED_IDENTITY_CLIENT_ID};
    let identity = ("ENTRA_MCP_MANAGED_IDENTITY", MANAGED_IDENTITY_CLIENT_ID);
    let other = program.start();
    let origin = other.tenant_url();
    let of_app_service = format!("{origin}/msi/token");
    let hosts = [
        vec![
            identity,
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin.as_str()),
        ],
        vec![
            identity,
            ("IDENTITY_ENDPOINT", of_app_service.as_str()),
            ("IDENTITY_HEADER", IDENTITY_HEADER),
        ],
    ];
    for (settings, path) in hosts
        .iter()
        .zip(["/metadata/identity/oauth2/token", "/msi/token"])
    {
        let server = program.start_in_tenant_of(&other, settings);
        until("the credential is tried at the start", || {
            server.log().contains("entra.credential_accepted")
        });
        for user in ["alice", "bob"] {
            assert!(sign_in(&server, user).works(&server));
        }
        assert_eq!(asked(&other, path), 1, "{path}");
    }
    for request in token_requests(&other) {
        assert!(request.contains("client_assertion") && !request.contains("client_secret"));
    }
}

/// A machine without the identity, or that does not answer, is explained in the log, and the user is told to come later.
pub fn managed_identity_that_gives_no_token_is_explained(program: &Program) {
    let other = program.start();
    let origin = other.tenant_url();
    let host = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin.as_str());
    let nobody = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1");
    let identity = (
        "ENTRA_MCP_MANAGED_IDENTITY",
        "11111111-2222-3333-4444-555555555555",
    );
    for (host, words) in [
        (host, "assign the user-assigned identity"),
        (nobody, "run in Azure"),
    ] {
        let server = program.start_in_tenant_of(&other, &[identity, host]);
        until("the log says what to do", || {
            let log = server.log();
            log.contains("entra.managed_identity_unavailable") && log.contains(words)
        });
        let client_id = register(&server);
        let landed = browse(&server, &mut Browser::default(), &client_id, "alice");
        let error = parameter(&landed, "error");
        assert_eq!(error.as_deref(), Some("temporarily_unavailable"));
    }
}

/// While the metadata service of a machine is upgraded (410), users are told to come later, and it is asked now and then.
pub fn machine_that_is_upgraded_is_asked_again_without_a_storm(program: &Program) {
    use entra_mcp_dev_tenant::MANAGED_IDENTITY_CLIENT_ID;
    let other = program.start();
    let json = [("content-type", "application/json")];
    let away = json!({"action": "identity_error", "status": 410, "times": 2}).to_string();
    assert_eq!(
        other.ask_tenant("POST", "/control", &json, &away).status,
        200
    );
    let origin = other.tenant_url();
    let identity = ("ENTRA_MCP_MANAGED_IDENTITY", MANAGED_IDENTITY_CLIENT_ID);
    let host = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin.as_str());
    let server = program.start_in_tenant_of(&other, &[identity, host]);
    let client_id = register(&server);
    // As often as a user presses the button again.
    let refused = (0..30).take_while(|_| {
        let landed = browse(&server, &mut Browser::default(), &client_id, "alice");
        let error = parameter(&landed, "error");
        if error.is_some() {
            assert_eq!(error.as_deref(), Some("temporarily_unavailable"));
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        error.is_some()
    });
    let refused = refused.count();
    assert!((1..30).contains(&refused), "{refused}");
    let path = "/metadata/identity/oauth2/token";
    assert_eq!(
        asked(&other, path),
        3,
        "twice in vain, by all who came meanwhile"
    );
}

/// A credential that Entra refuses is in the log before anybody signs in, with what it means.
pub fn refused_credential_is_logged_at_the_start(program: &Program) {
    let other = program.start();
    let setting = ("AZURE_CLIENT_SECRET", "not~the.secret");
    let server = program.start_in_tenant_of(&other, &[setting]);
    until("the refused credential is logged", || {
        let log = server.log();
        log.contains("entra.misconfigured")
            && log.contains("credential_check")
            && log.contains("7000215")
    });
}

/// How many requests came to a path of the tenant.
fn asked(server: &Server, path: &str) -> usize {
    let requests = server
        .ask_tenant("GET", "/control/requests", &[], "")
        .json();
    let requests = requests.as_array().expect("a list").iter();
    requests.filter(|request| request["path"] == path).count()
}

/// A token of the managed identity, as a machine in Azure gets it.
pub(super) fn managed_identity_token(server: &Server) -> String {
    let target = "/metadata/identity/oauth2/token?resource=api%3A%2F%2FAzureADTokenExchange";
    let answer = server.ask_tenant("GET", target, &[("Metadata", "true")], "");
    let body = answer.json();
    body["access_token"].as_str().expect("a token").to_owned()
}

/// The bodies of the requests to the token endpoint for users, without what is secret.
fn token_requests(server: &Server) -> Vec<String> {
    let requests = server
        .ask_tenant("GET", "/control/requests", &[], "")
        .json();
    let requests = requests.as_array().expect("a list").iter();
    requests
        .filter(|request| {
            request["path"]
                .as_str()
                .is_some_and(|path| path.ends_with("/token"))
        })
        .filter(|request| request["method"] == "POST")
        .map(Value::to_string)
        .filter(|request| !request.contains("client_credentials"))
        .collect()
}
