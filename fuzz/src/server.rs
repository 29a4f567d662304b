//! The server as every replica of a world has it: the same settings and the same key.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use entra_mcp_core::{
    catalog::Catalog,
    config::{
        AcceptedEntraTokens, AllowedUsers, ClientCredential, Config, EntraApp, IdentityEndpoint,
        IdentityHost, Lifetimes, LogFormat, ManagedIdentity, ORGANIZATIONS, PublicUrl,
        RedisEndpoint, RedisServer, StoreLocation, Tenants, TokenVersion,
    },
    env::Server,
    keys::{Keyring, MasterKey},
};
use entra_mcp_dev_tenant::{FABRIKAM_ID, MANAGED_IDENTITY_CLIENT_ID, TENANT_ID};
use url::Url;

use crate::{
    backend::{gateways, policy},
    checks::{Checks, Sort},
    entra::Entra,
    ids::ENTRA_ORIGIN,
    listed,
    options::Options,
    tools,
    unkindness::Unkindness,
};

const MASTER_KEY: [u8; 32] = *b"the master key of a whole world.";

/// Which master keys a replica that starts now is given: all that there ever were, so that what was
/// sealed before stays good; one of them seals.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys {
    /// How many came after the first.
    newest: u8,
    /// Which one seals.
    first: u8,
}

impl Keys {
    /// The next step: a new one to open with, or to seal with the one that is known by now.
    pub(crate) fn change(&mut self) {
        if self.first == self.newest {
            self.newest = self.newest.saturating_add(1);
        } else {
            self.first = self.newest;
        }
    }

    fn bytes(number: u8) -> [u8; 32] {
        let mut bytes = MASTER_KEY;
        let [.., last] = &mut bytes;
        *last = b'.'.wrapping_add(number);
        bytes
    }

    fn ring(self) -> Keyring {
        let others = (0..=self.newest)
            .rev()
            .filter(|number| *number != self.first);
        let others = others.map(|number| MasterKey::new(Self::bytes(number)));
        Keyring::new(MasterKey::new(Self::bytes(self.first)), others.collect())
    }
}

/// The keyring of a thief of the first master key, which every server goes on to know.
pub(crate) fn first_key() -> Keyring {
    Keyring::new(MasterKey::new(Keys::bytes(0)), Vec::new())
}

/// Several replicas share a store; where it really is, the world knows.
fn store(options: &Options) -> StoreLocation {
    let path = std::path::PathBuf::new();
    match options.replicas {
        0 | 1 => StoreLocation::Folder(path),
        _ => StoreLocation::Redis(RedisServer {
            endpoint: RedisEndpoint::Unix(path),
            database: 0,
            user: None,
            password: None,
            prefix: String::new(),
        }),
    }
}

/// The managed identity of the machines, whose tokens the stand-in for Entra gives out.
fn identity() -> ManagedIdentity {
    let endpoint = IdentityEndpoint::parse(ENTRA_ORIGIN).expect("it is on this computer");
    let host = IdentityHost::InstanceMetadata { endpoint };
    ManagedIdentity::new(MANAGED_IDENTITY_CLIENT_ID, host).expect("it is a GUID")
}

/// Whose users may come in.
fn tenants(options: &Options) -> Tenants {
    match options.has(Unkindness::SeveralTenants) {
        true => Tenants::Listed([TENANT_ID, FABRIKAM_ID].map(str::to_owned).into()),
        false => Tenants::One,
    }
}

/// What it offers, with the scopes of the policy in front of a backend.
fn catalog(options: &Options) -> Catalog {
    let catalog = (options.catalog)();
    match options.backend {
        Some(_) => {
            let with_scopes = catalog.with_scopes(policy::scopes());
            with_scopes.expect("the scopes of the policy are well formed")
        }
        None => catalog,
    }
}

/// Builds the server, and labels its secrets.
pub(crate) fn build(options: &Options, keys: Keys, checks: &mut Checks) -> Server {
    let app = Entra::app();
    let ledger = checks.ledger_mut();
    ledger.know(&app.client_secret, Sort::Upstream, "client secret");
    // All but the last byte of a key is the same for all of them.
    let (key, _) = MASTER_KEY.split_at(MASTER_KEY.len() - 2);
    let text = std::str::from_utf8(key).expect("it is a sentence");
    ledger.know(text, Sort::Key, "master key");
    ledger.know(&STANDARD.encode(key), Sort::Key, "master key");
    ledger.know(&URL_SAFE_NO_PAD.encode(key), Sort::Key, "master key");
    tools::label(ledger);
    listed::label(ledger);
    let tenants = tenants(options);
    let url = |text: &str| Url::parse(text).expect("a good address");
    let credential = match (options.has_federated_token, options.replicas) {
        (true, 0 | 1) => ClientCredential::FederatedToken("token".into()),
        // Where replicas run, the machines themselves have an identity.
        (true, _) => ClientCredential::ManagedIdentity(identity()),
        (false, _) => ClientCredential::Secret(app.client_secret.into()),
    };
    let (gateway, backends) = gateways(options);
    let config = Config {
        listen: Vec::new(),
        metrics_listen: Vec::new(),
        public_url: PublicUrl::parse(&options.public_url).expect("a good address"),
        entra: EntraApp {
            tenant: match tenants {
                Tenants::One => app.tenant_id,
                _ => ORGANIZATIONS.to_owned(),
            },
            tenants,
            client_id: app.client_id,
            credential,
            authority_host: url(ENTRA_ORIGIN),
            graph: url(ENTRA_ORIGIN),
        },
        dev_tenant: None,
        store: store(options),
        keys: Vec::new(),
        store_ca: None,
        allowed_origins: Vec::new(),
        registration: entra_mcp_core::config::Registration::Open,
        allowed_users: AllowedUsers::default(),
        contact: None,
        device_authorization: true,
        code_page: true,
        gateway,
        backends,
        with_own_tools: false,
        sessions_per_user: entra_mcp_core::limits::SESSIONS_PER_USER,
        client_documents: entra_mcp_core::config::ClientDocuments::default(),
        lifetimes: Lifetimes::default(),
        clients: None,
        trusted_proxies: Vec::new(),
        proxy_protocol: false,
        rate_limits: options.rate_limits,
        allowed_hosts: Vec::new(),
        authorization_response_iss: true,
        entra_tokens: options
            .has(Unkindness::EntraCallers)
            .then(accepted_entra_tokens),
        authorization_servers: entra_mcp_core::config::AuthorizationServers::Own,
        call_limits: entra_mcp_core::config::CallLimits::default(),
        capacity: entra_mcp_core::config::Capacity::default(),
        shutdown: entra_mcp_core::config::Shutdown::default(),
        log: LogFormat::Text,
        log_filter: entra_mcp_core::config::LogFilter::default(),
        dev_tenant_file: None,
        graph_tools: std::collections::BTreeSet::new(),
        audit_log: Some(entra_mcp_core::config::AuditLogFile::Stdout),
    };
    Server::new(config, keys.ring(), catalog(options))
}

/// Access tokens of Entra's are taken, as its registrations say by now.
fn accepted_entra_tokens() -> AcceptedEntraTokens {
    let mut accepted = AcceptedEntraTokens::default();
    accepted.add_version(TokenVersion::V2);
    accepted
}
