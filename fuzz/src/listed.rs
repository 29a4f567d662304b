//! The clients that the operator of every server of a world has registered beforehand.

use entra_mcp_core::{
    config::{ClientEntry, PreregisteredClients, SecretHash},
    env::Server,
    secret::Secret,
};

use crate::checks::{Ledger, Sort};

/// A client of the list.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Its id.
    pub id: &'static str,
    /// Its secret, if it has one.
    pub secret: Option<&'static str>,
    /// Where it returns to.
    pub redirect_uri: &'static str,
    /// Who may use it; empty: everybody.
    pub users: &'static [&'static str],
}

/// The list.
pub const CLIENTS: [Listed; 2] = [
    Listed {
        id: "platform",
        secret: Some("3d1f7c0e5a9b42868f2d6c7b1e0a9f54"),
        redirect_uri: "https://platform.example/callback",
        users: &[],
    },
    Listed {
        id: "for-alice",
        secret: None,
        redirect_uri: "http://127.0.0.1:49152/for-alice",
        users: &["alice@contoso.example"],
    },
];

/// The client of the list with this id.
#[must_use]
pub fn of_id(id: &str) -> Option<&'static Listed> {
    CLIENTS.iter().find(|client| client.id == id)
}

/// The secret of a client of the list.
#[must_use]
pub fn secret_of(id: &str) -> Option<&'static str> {
    of_id(id)?.secret
}

impl Listed {
    /// Whether an account may use it.
    #[must_use]
    pub fn admits(&self, account: &str) -> bool {
        self.users.is_empty() || self.users.contains(&account)
    }
}

/// The list as a server reads it.
pub(crate) fn clients(server: &Server) -> PreregisteredClients {
    let entries = CLIENTS.iter().zip(1..).map(|(client, position)| {
        let secrets = client.secret.into_iter();
        let secrets = secrets.map(|secret| SecretHash::of(&Secret::new(secret.to_owned())));
        ClientEntry {
            position,
            id: client.id.to_owned(),
            secrets: secrets.collect(),
            redirect_uris: vec![client.redirect_uri.to_owned()],
            users: client.users.iter().flat_map(|user| named(user)).collect(),
            ..ClientEntry::default()
        }
    });
    let clients = server.preregistered(entries.collect());
    clients.expect("the list is good")
}

/// Labels the secrets of the list.
pub(crate) fn label(ledger: &mut Ledger) {
    for secret in CLIENTS.iter().filter_map(|client| client.secret) {
        ledger.know(secret, Sort::Ours, "secret of a listed client");
    }
}

/// The name of a user and the object id: where there are several tenants, a name names nobody.
fn named(username: &str) -> [String; 2] {
    let mut users = entra_mcp_dev_tenant::USERS.iter();
    let user = users.find(|user| user.username == username);
    let oid = user.map(|user| user.oid).unwrap_or_default();
    [username.to_owned(), oid.to_owned()]
}
