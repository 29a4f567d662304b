//! The settings, checked: what a server needs before it starts. `entra-mcp-runtime` reads them from the
//! command line; a runtime may make them in any other way.

mod allowed_users;
mod backend_address;
mod backend_command;
mod backend_identity;
mod call_times;
mod client_documents;
mod entra_tokens;
mod gateway;
mod graph_tools;
mod lifetimes;
mod log_filter;
mod managed_identity;
mod preregistered;
mod rate_limits;
mod registration;
mod shutdown;
mod store;
mod tenants;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

#[cfg(test)]
pub(crate) use self::backend_command::tests::command as command_of_tests;
pub(crate) use self::preregistered::PreregisteredClient;
pub use self::{
    allowed_users::{AllowedBy, AllowedUsers},
    backend_address::{BackendAddress, BackendAddressError, BackendHost},
    backend_command::{BackendCommand, BackendShare, ChildUser},
    backend_identity::{AssertionPlace, BackendIdentity, BackendIdentityError},
    call_times::CallTimes,
    client_documents::{ClientDocuments, DocumentSource, PinnedClient},
    entra_tokens::{AcceptedEntraTokens, AuthorizationServers, TokenVersion},
    gateway::{Backend, BackendHeader, Gateway},
    graph_tools::GraphTools,
    lifetimes::Lifetimes,
    log_filter::{LogFilter, LogFilterError, LogLevel},
    managed_identity::{IdentityEndpoint, IdentityHost, ManagedIdentity},
    preregistered::{ClientEntry, ClientEntryError, PreregisteredClients, SecretHash},
    rate_limits::{Rate, RateLimits},
    registration::{ClientPlaces, Registration},
    shutdown::Shutdown,
    store::{RedisAddress, RedisEndpoint, RedisPassword, RedisServer, StoreLocation},
    tenants::{ORGANIZATIONS, Tenants},
};
pub use entra_mcp_wire::address::{AddressRange, ClientAddress, is_loopback};
use url::Url;

use crate::{
    base_path::BasePath, client_id_url::ClientIdUrl, keys::MasterKey, limits,
    redirect_uri::RedirectUri, secret::Secret,
};

/// Everything that can be set, checked.
#[derive(Debug)]
pub struct Config {
    /// Where to listen: all of these addresses.
    pub listen: Vec<SocketAddr>,
    /// Where monitoring reads the counters; empty: nowhere, and nothing is counted.
    pub metrics_listen: Vec<SocketAddr>,
    /// The address under which clients reach the server; every issued URL derives from it.
    pub public_url: PublicUrl,
    /// The Entra ID application that this server is.
    pub entra: EntraApp,
    /// Where the embedded dev tenant listens, if it is to start.
    pub dev_tenant: Option<Vec<SocketAddr>>,
    /// A file with people and answers of Graph for it.
    pub dev_tenant_file: Option<PathBuf>,
    /// Where records are kept.
    pub store: StoreLocation,
    /// The file with the certificates (PEM) that are believed of a shared store, in place of the public ones.
    pub store_ca: Option<PathBuf>,
    /// The configured master keys, first the one that seals; empty: one is generated and kept in the data folder.
    pub keys: Vec<MasterKey>,
    /// Origins of web pages that may use the MCP endpoints, besides the server's own.
    pub allowed_origins: Vec<String>,
    /// Which clients come in by themselves.
    pub registration: Registration,
    /// The families of Graph's tools that are offered.
    pub graph_tools: BTreeSet<GraphTools>,
    /// Who may sign in.
    pub allowed_users: AllowedUsers,
    /// Whom a user is to ask who is not let in; `None`: the operator of this server.
    pub contact: Option<String>,
    /// The documents of clients whose `client_id` is a URL.
    pub client_documents: ClientDocuments,
    /// How long what is issued lasts.
    pub lifetimes: Lifetimes,
    /// The file of the clients that the operator has registered. The runtime reads it.
    pub clients: Option<PathBuf>,
    /// Whether devices without a browser may have their users sign in elsewhere (RFC 8628).
    pub device_authorization: bool,
    /// Whether clients may have their users copy the authorization code from a page of this server.
    pub code_page: bool,
    /// The server behind this one, if this one is a gateway.
    pub gateway: Option<Gateway>,
    /// How many sessions one user has in all; see [`limits::SESSIONS_PER_USER`].
    pub sessions_per_user: usize,
    /// Proxies whose `X-Forwarded-For`, or else `Forwarded`, says who the client is. Only the runtimes' limits for each client address
    /// look at it.
    pub trusted_proxies: Vec<AddressRange>,
    /// Whether these proxies say whose a connection is by the PROXY protocol, before anything else.
    pub proxy_protocol: bool,
    /// How often things may be asked for. The runtime counts.
    pub rate_limits: RateLimits,
    /// Further values of `Host` that requests may carry, in small letters, with the port if there is one. Whatever the
    /// server says of itself names the public address all the same.
    pub allowed_hosts: Vec<String>,
    /// Whether authorization responses name the issuer (RFC 9207), and the metadata says so. Some clients lose the
    /// parameter on its way and then refuse the response.
    pub authorization_response_iss: bool,
    /// Which access tokens of Entra ID are taken in place of a session token; `None`: none.
    pub entra_tokens: Option<AcceptedEntraTokens>,
    /// Which authorization servers the protected resource metadata names.
    pub authorization_servers: AuthorizationServers,
    /// How long calls may take.
    pub call_times: CallTimes,
    /// How the server ends.
    pub shutdown: Shutdown,
    /// How the log is written.
    pub log: LogFormat,
    /// Which lines of the log are written.
    pub log_filter: LogFilter,
    /// Where the audit log is written, if it is.
    pub audit_log: Option<AuditLogFile>,
}

impl Config {
    /// Whether a client may come in by itself that returns there, and is described by this document if there is one. No
    /// client returns to this server, but for the page with a code to copy: whoever copies it takes it to a program that
    /// nobody knows, like those on the user's own computer.
    pub(crate) fn admits(
        &self,
        redirect_uri: &RedirectUri,
        document: Option<&ClientIdUrl>,
    ) -> bool {
        let registration = &self.registration;
        if self.has_code_page_at(redirect_uri) {
            return registration.admits_programs();
        }
        !redirect_uri.is_of(&self.public_url)
            && (registration.admits(redirect_uri)
                || document.is_some_and(|url| registration.admits_document(url)))
    }

    /// Whether a redirect URI is the page with a code to copy, and there is one.
    pub(crate) fn has_code_page_at(&self, redirect_uri: &RedirectUri) -> bool {
        self.code_page && redirect_uri.is_code_page_of(&self.public_url)
    }

    /// How long an authorization code lasts that is sent there: longer where a user carries it.
    pub(crate) fn code_lifetime(&self, redirect_uri: &RedirectUri) -> Duration {
        match self.has_code_page_at(redirect_uri) {
            true => self.lifetimes.code.max(limits::COPIED_CODE_LIFETIME),
            false => self.lifetimes.code,
        }
    }

    /// Scopes of ours as clients ask Entra for them: behind the App ID URI.
    pub(crate) fn scope_at_entra(&self, scope: &str) -> String {
        let client_id = &self.entra.client_id;
        let uri = self.entra_tokens.as_ref();
        let uri = uri.map_or_else(String::new, |accepted| accepted.app_id_uri(client_id));
        let names = scope.split(' ').filter(|name| !name.is_empty());
        names
            .map(|name| format!("{uri}/{name}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Whom a user is to ask who is not let in.
    pub(crate) fn contact(&self) -> &str {
        let contact = self.contact.as_deref();
        contact.unwrap_or("the operator of this server")
    }
}

/// Where the audit log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditLogFile {
    /// To standard output.
    Stdout,
    /// Into this file, to which lines are added.
    File(PathBuf),
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The Entra ID application: one confidential client, for users of one tenant or of several.
#[derive(Clone, Debug)]
pub struct EntraApp {
    /// The tenant: a GUID or a verified domain, or [`ORGANIZATIONS`].
    pub tenant: String,
    /// Whose users may come in.
    pub tenants: Tenants,
    /// The application (client) id.
    pub client_id: String,
    /// How this server proves that it is the application.
    pub credential: ClientCredential,
    /// The authority, such as `https://login.microsoftonline.com/`.
    pub authority_host: Url,
    /// Microsoft Graph of that cloud, such as `https://graph.microsoft.com/`.
    pub graph: Url,
}

impl EntraApp {
    /// What the token of a managed identity must be for to stand for the application, in the cloud of the authority
    /// (Microsoft, "Configure an application to trust a managed identity").
    pub(crate) fn token_exchange_audience(&self) -> &'static str {
        match self.authority_host.host_str() {
            Some("login.microsoftonline.us") => "api://AzureADTokenExchangeUSGov",
            Some("login.partner.microsoftonline.cn" | "login.chinacloudapi.cn") => {
                "api://AzureADTokenExchangeChina"
            }
            _ => "api://AzureADTokenExchange",
        }
    }
}

/// How a confidential client authenticates with Entra ID.
#[derive(Clone, Debug)]
pub enum ClientCredential {
    /// By a client secret.
    Secret(Secret<String>),
    /// By assertions signed with the private key of a certificate that is registered with the application. The file
    /// holds both as PEM.
    Certificate(PathBuf),
    /// By the token of another issuer, which a federated credential of the application names. The file holds the
    /// token, and another before it expires.
    FederatedToken(PathBuf),
    /// By tokens of the managed identity of the machine, which a federated credential of the application names.
    ManagedIdentity(ManagedIdentity),
}

/// The public base address, without a trailing slash, and what derives from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Scheme, host and port.
    origin: String,
    base_path: BasePath,
    /// Origin and base path.
    issuer: String,
    host: String,
    resources: [String; 2],
    secure: bool,
    loopback: bool,
}

/// What is wrong with a public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicUrlError {
    /// It is not a URL.
    NotUrl,
    /// It is http on a host that is not loopback.
    NotHttps,
    /// It is neither https nor http.
    UnknownScheme,
    /// It names a user.
    NamesUser,
    /// It has a query or a fragment.
    NotBare,
    /// Its path cannot be that of a server.
    Path,
}

impl std::fmt::Display for PublicUrlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotUrl => "it is not a URL",
            Self::NotHttps => "it must be https unless its host is loopback",
            Self::UnknownScheme => "it must begin with https:// (or http:// on loopback)",
            Self::NamesUser => "it must not name a user",
            Self::NotBare => "it must be a scheme, a host, a port and a path only",
            Self::Path => {
                "its path must be of letters, digits, -, ., _ and ~, and not that of an endpoint such as /mcp, \
                 which follows by itself"
            }
        })
    }
}

impl std::error::Error for PublicUrlError {}

impl PublicUrl {
    /// Takes a base address: https, or http on loopback; with or without a path; no query, fragment or user.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        let url = Url::parse(text).map_err(|_| PublicUrlError::NotUrl)?;
        let loopback = url.host().is_some_and(|host| is_loopback(&host));
        let secure = match (url.scheme(), url.host()) {
            ("https", Some(_)) => true,
            ("http", Some(_)) if loopback => false,
            ("http", Some(_)) => return Err(PublicUrlError::NotHttps),
            _ => return Err(PublicUrlError::UnknownScheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PublicUrlError::NamesUser);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(PublicUrlError::NotBare);
        }
        let base_path = BasePath::parse(url.path()).ok_or(PublicUrlError::Path)?;
        let origin = url.origin().ascii_serialization();
        let issuer = format!("{origin}{}", base_path.as_str());
        let host = origin
            .split_once("://")
            .map(|(_, host)| host.to_owned())
            .unwrap_or_default();
        let resources = [format!("{issuer}/mcp"), format!("{issuer}/sse")];
        Ok(Self {
            origin,
            base_path,
            issuer,
            host,
            resources,
            secure,
            loopback,
        })
    }

    /// The issuer: the base address itself, as it is written in metadata and tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its origin: scheme, host and port, which others may share where there is a path.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its path.
    #[must_use]
    pub fn base_path(&self) -> &BasePath {
        &self.base_path
    }

    /// The value of `Host` that requests must carry.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The canonical addresses of the MCP endpoints (RFC 8707 section 2): `/mcp`, `/sse`.
    #[must_use]
    pub fn resources(&self) -> &[String; 2] {
        &self.resources
    }

    /// Whether a token may be for this: an endpoint, or the base address.
    pub(crate) fn is_resource(&self, resource: &str) -> bool {
        resource == self.issuer || self.resources.iter().any(|own| own == resource)
    }

    /// Whether a token for the resource `granted` is one for `resource`: each endpoint is a resource of its own, and
    /// the base address stands for all of them.
    pub(crate) fn covers(&self, granted: &str, resource: &str) -> bool {
        granted == resource || granted == self.issuer
    }

    /// Whether it is https; on plain-http loopback cookies go without `Secure`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether its host is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The address of a path of the server; where there is a base path, a well-known one has that behind its name.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{}", self.origin, self.base_path.join(path))
    }
}
