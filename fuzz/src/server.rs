//! The server as every replica of a world has it: the same settings and the same key.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use entra_mcp_core::{
    config::{Config, EntraApp, LogFormat, PublicUrl},
    env::Server,
    keys::{Keyring, MasterKey},
    secret::Secret,
};
use url::Url;

use crate::{
    checks::{Checks, Sort},
    entra::{self, Entra},
    options::Options,
};

const MASTER_KEY: [u8; 32] = *b"the master key of a whole world.";

/// Builds the server, and labels its secrets.
pub(crate) fn build(options: &Options, checks: &mut Checks) -> Server {
    let app = Entra::app();
    let ledger = checks.ledger_mut();
    ledger.know(&app.client_secret, Sort::Upstream, "client secret");
    let key = std::str::from_utf8(&MASTER_KEY).expect("it is a sentence");
    ledger.know(key, Sort::Key, "master key");
    ledger.know(&STANDARD.encode(MASTER_KEY), Sort::Key, "master key");
    ledger.know(&URL_SAFE_NO_PAD.encode(MASTER_KEY), Sort::Key, "master key");
    let url = |text: &str| Url::parse(text).expect("a good address");
    let config = Config {
        listen: Vec::new(),
        public_url: PublicUrl::parse(&options.public_url).expect("a good address"),
        entra: EntraApp {
            tenant: app.tenant_id,
            client_id: app.client_id,
            client_secret: Secret::new(app.client_secret),
            authority_host: url(entra::ORIGIN),
            graph: url(entra::ORIGIN),
        },
        dev_tenant: None,
        data_dir: std::path::PathBuf::new(),
        keys: Vec::new(),
        allowed_origins: Vec::new(),
        allowed_clients: Vec::new(),
        log: LogFormat::Text,
    };
    let keys = Keyring::new(MasterKey::new(MASTER_KEY), Vec::new());
    Server::new(config, keys, entra_mcp_core::tools::catalog())
}
