//! The settings of a server that a program starts by itself, without arguments or environment.

use std::{
    collections::BTreeMap,
    fmt,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_mcp_core::secret::Secret;

use crate::{
    caught::caught,
    listen::{ListenError, bind},
    seed, settings,
    start_error::StartError,
    store::{CustomStore, MemoryStore},
};

const LISTEN: &str = "ENTRA_MCP_LISTEN";
const DEV_TENANT_LISTEN: &str = "ENTRA_MCP_DEV_TENANT_LISTEN";

/// The settings of a server that is part of a program. They have the names and values of the environment's, which the README
/// lists, but nothing is read from there: neither arguments, nor variables, nor `.env`.
///
/// ```
/// use entra_mcp_core::secret::Secret;
/// use entra_mcp_runtime::{Config, Credential};
///
/// let config = Config::entra("contoso.com", "6f1e5f0a-0c8f-4d1e-9a65-2b2a4b1f8e11", Credential::Secret(Secret::new("of the application".to_owned())))
///     .public_url("https://mcp.contoso.com")
///     .listen("127.0.0.1:3001".parse().unwrap())
///     .data_folder("/var/lib/mcp")
///     .setting("ENTRA_MCP_TRUSTED_PROXIES", "127.0.0.1");
/// assert!(!format!("{config:?}").contains("of the application"));
/// ```
#[derive(Clone, Default)]
pub struct Config {
    variables: BTreeMap<String, String>,
    own: OwnParts,
}

/// What a program brings itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnParts {
    pub(crate) store: Option<Arc<dyn CustomStore>>,
    pub(crate) assertions: Option<AssertionSource>,
    /// Whether it listens nowhere, and asks nobody but its development tenant.
    pub(crate) in_memory: bool,
}

/// How the server proves to Entra ID that it is the application.
#[derive(Debug)]
#[non_exhaustive]
pub enum Credential {
    /// A client secret.
    Secret(Secret<String>),
    /// A file with a certificate and its private key, as PEM.
    Certificate(PathBuf),
    /// A file with the token of another issuer that the application trusts, such as that of a Kubernetes service account.
    FederatedTokenFile(PathBuf),
    /// A function that gives a client assertion: the token of another issuer that the application trusts, or a JWT that a key vault has
    /// signed. It is called for each request to Entra's token endpoint, and may wait.
    Assertion(AssertionSource),
}

/// Where client assertions come from, in place of a file.
#[derive(Clone)]
pub struct AssertionSource(Arc<dyn Fn() -> Result<Secret<String>, AssertionError> + Send + Sync>);

/// Why there is no client assertion. It is told to the log.
pub type AssertionError = Box<dyn std::error::Error + Send + Sync>;

impl AssertionSource {
    /// Takes the function that gives them.
    pub fn new(
        assertion: impl Fn() -> Result<Secret<String>, AssertionError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(assertion))
    }

    /// Asks the function. If it panics there is none: whoever waits for Entra is answered all the same.
    pub(crate) fn assertion(&self) -> Result<Secret<String>, AssertionError> {
        caught(|| (self.0)())?
    }
}

impl fmt::Debug for AssertionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionSource")
    }
}

/// Stands for the file of a credential that a function gives.
const NO_FILE: &str = "the program";

/// Stands for the folder of a store that is the program's own.
const NO_FOLDER: &str = "the program";

impl Config {
    /// Signs users in with Microsoft Entra ID: the tenant's domain or id, and the application's (client) id.
    #[must_use]
    pub fn entra(
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        credential: Credential,
    ) -> Self {
        let config = Self::default()
            .setting("AZURE_TENANT_ID", tenant)
            .setting("AZURE_CLIENT_ID", client_id);
        let path = |path: PathBuf| path.display().to_string();
        match credential {
            Credential::Secret(secret) => {
                config.setting("AZURE_CLIENT_SECRET", secret.expose().clone())
            }
            Credential::Certificate(file) => {
                config.setting("AZURE_CLIENT_CERTIFICATE_PATH", path(file))
            }
            Credential::FederatedTokenFile(file) => {
                config.setting("AZURE_FEDERATED_TOKEN_FILE", path(file))
            }
            Credential::Assertion(source) => {
                let mut config = config.setting("AZURE_FEDERATED_TOKEN_FILE", NO_FILE);
                config.own.assertions = Some(source);
                config
            }
        }
    }

    /// Signs users in with the development tenant, on two free ports of this machine: for development and tests, never for
    /// anything real.
    #[must_use]
    pub fn dev_tenant() -> Self {
        Self::default()
            .setting(LISTEN, "localhost:0")
            .setting(DEV_TENANT_LISTEN, "localhost:0")
    }

    /// A server in memory, for tests: it signs users in with the development tenant, listens nowhere and keeps its sessions in memory. Only
    /// [`testing::SignIn`](crate::testing::SignIn) reaches it, and it reaches nobody but its tenant. A process may have any number.
    #[must_use]
    pub fn in_memory() -> Self {
        // They stand in addresses; nothing listens there.
        let mut config = Self::default()
            .setting(LISTEN, "localhost:3001")
            .setting(DEV_TENANT_LISTEN, "localhost:3002")
            .setting("ENTRA_MCP_KEY", URL_SAFE_NO_PAD.encode(seed::bytes()))
            .store(MemoryStore::default());
        config.own.in_memory = true;
        config
    }

    /// People, roles, groups and answers of Graph for the development tenant, as JSON of this form:
    ///
    /// ```json
    /// {"users": [{"userPrincipalName": "zoe@contoso.example", "roles": ["Tickets.Admin"]}],
    ///  "graph": [{"path": "/v1.0/me/messages", "scope": "Mail.Read", "body": {"value": []}}]}
    /// ```
    #[must_use]
    pub fn dev_tenant_file(self, file: impl Into<PathBuf>) -> Self {
        let file: PathBuf = file.into();
        self.setting("ENTRA_MCP_DEV_TENANT_FILE", file.display().to_string())
    }

    /// The settings of the environment and of `.env`; arguments are not read.
    ///
    /// # Errors
    ///
    /// `.env` cannot be read.
    pub fn from_env() -> Result<Self, StartError> {
        let variables = settings::variables()?;
        Ok(Self {
            variables,
            own: OwnParts::default(),
        })
    }

    /// Where to listen. Port 0 stands for one that is free: [`crate::Running::addresses`] tells which. A server that is a service of
    /// another ([`Server::into_service`](crate::Server::into_service)) listens nowhere: it is where that one does.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        self.setting(LISTEN, address.to_string())
    }

    /// The address that clients use, such as `https://mcp.contoso.com`. Needed unless it listens on a loopback address.
    #[must_use]
    pub fn public_url(self, url: impl Into<String>) -> Self {
        self.setting("ENTRA_MCP_PUBLIC_URL", url)
    }

    /// Where sessions and the generated key are kept: a folder of this server alone.
    #[must_use]
    pub fn data_folder(self, folder: impl Into<PathBuf>) -> Self {
        let folder: PathBuf = folder.into();
        self.setting("ENTRA_MCP_DATA_DIR", folder.display().to_string())
    }

    /// Keeps sessions in a store of the program's own instead of a file. It needs `ENTRA_MCP_KEY`, and only this server may use it.
    #[must_use]
    pub fn store(mut self, store: impl CustomStore + 'static) -> Self {
        self.own.store = Some(Arc::new(store));
        self.variables
            .entry("ENTRA_MCP_DATA_DIR".to_owned())
            .or_insert_with(|| NO_FOLDER.to_owned());
        self
    }

    /// Any setting, by the name of its variable. A name or a value that does not exist is an error of the start.
    #[must_use]
    pub fn setting(mut self, variable: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(variable.into(), value.into());
        self
    }

    /// Takes the ports that were asked for as 0, and says which they are instead.
    ///
    /// # Errors
    ///
    /// An address cannot be used.
    pub(crate) fn take_ports(&mut self) -> Result<Vec<TcpListener>, StartError> {
        let mut listeners = Vec::new();
        for variable in [LISTEN, DEV_TENANT_LISTEN] {
            let Some(text) = self.variables.get_mut(variable) else {
                continue;
            };
            let (host, port) = text.rsplit_once(':').unwrap_or(("localhost", text));
            if port != "0" {
                continue;
            }
            let ip = if host == "localhost" {
                "127.0.0.1"
            } else {
                host
            };
            let Ok(address) = format!("{ip}:0").parse() else {
                // The error is that of all addresses that are none.
                continue;
            };
            let host = host.to_owned();
            for listener in bind(&[address])? {
                let bound = listener.local_addr();
                let bound = bound.map_err(|error| ListenError::Address { address, error })?;
                *text = format!("{host}:{}", bound.port());
                listeners.push(listener);
            }
        }
        Ok(listeners)
    }

    /// Whether its address has a port: 0 stands for any.
    pub(crate) fn has_port(&self) -> bool {
        let listen = self.variables.get(LISTEN);
        listen.is_none_or(|text| text.rsplit(':').next() != Some("0"))
    }

    /// Takes what the program brings itself.
    pub(crate) fn take_own_parts(&mut self) -> OwnParts {
        std::mem::take(&mut self.own)
    }

    pub(crate) fn into_variables(self) -> BTreeMap<String, String> {
        self.variables
    }
}

impl fmt::Debug for Config {
    /// The names: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Config")
            .field(&self.variables.keys())
            .finish()
    }
}
