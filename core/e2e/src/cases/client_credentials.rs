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
    let setting = ("AZURE_CLIENT_CERTIFICATE_PATH", file.0.as_path());
    let server = program.start_in_tenant_of(&other, setting);
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
    let setting = ("AZURE_FEDERATED_TOKEN_FILE", file.0.as_path());
    let server = program.start_in_tenant_of(&other, setting);
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

/// A token of the managed identity, as a machine in Azure gets it.
fn managed_identity_token(server: &Server) -> String {
    let target = "/metadata/identity/oauth2/token?resource=api%3A%2F%2FAzureADTokenExchange";
    let answer = server.ask_tenant("GET", target, &[("Metadata", "true")], "");
    let body = answer.json();
    body["access_token"].as_str().expect("a token").to_owned()
}

/// The bodies of the requests to the token endpoint, without what is secret.
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
        .collect()
}
