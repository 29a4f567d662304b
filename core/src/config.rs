//! The settings, checked: what a server needs before it starts. `entra-mcp-runtime` reads them from the
//! command line; a runtime may make them in any other way.

mod allowed_users;
mod backend_address;
mod backend_command;
mod backend_identity;
mod backend_limits;
mod call_limits;
mod capacity;
mod certificate_file;
mod client_documents;
mod client_secret;
mod entra_tokens;
mod gateway;
mod graph_tools;
mod lifetimes;
mod log_filter;
mod managed_identity;
mod preregistered;
mod public_url;
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
    backend_limits::BackendLimits,
    call_limits::CallLimits,
    capacity::Capacity,
    certificate_file::CertificateFile,
    client_documents::{ClientDocuments, DocumentSource, PinnedClient},
    client_secret::ClientSecret,
    entra_tokens::{AcceptedEntraTokens, AuthorizationServers, TokenVersion},
    gateway::{Backend, BackendHeader, Gateway},
    graph_tools::GraphTools,
    lifetimes::Lifetimes,
    log_filter::{LogFilter, LogFilterError, LogLevel},
    managed_identity::{IdentityEndpoint, IdentityHost, ManagedIdentity},
    preregistered::{ClientEntry, ClientEntryError, PreregisteredClients, SecretHash},
    public_url::{PublicUrl, PublicUrlError},
    rate_limits::{Rate, RateLimits},
    registration::{ClientPlaces, Registration},
    shutdown::Shutdown,
    store::{RedisAddress, RedisEndpoint, RedisPassword, RedisServer, StoreLocation},
    tenants::{ORGANIZATIONS, Tenants},
};
pub use entra_mcp_wire::address::{AddressRange, ClientAddress, is_loopback};
use url::Url;

pub use crate::endpoint::{BackendName, Endpoint};
use crate::{client_id_url::ClientIdUrl, keys::MasterKey, limits, redirect_uri::RedirectUri};

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
    /// The server behind this one at `/mcp`, if this one is a gateway.
    pub gateway: Option<Gateway>,
    /// The servers behind this one that have names, each at a path of its own: `/mcp/NAME`.
    pub backends: Vec<Gateway>,
    /// Whether the server's own tools are offered beside those of servers behind it, at `/mcp/own-tools`.
    pub with_own_tools: bool,
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
    /// How much calls may take.
    pub call_limits: CallLimits,
    /// How much is served at once.
    pub capacity: Capacity,
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

    /// The server behind an endpoint, if there is one.
    #[must_use]
    pub fn gateway_at(&self, endpoint: Endpoint) -> Option<&Gateway> {
        match endpoint.backend() {
            Some(number) => self.backends.get(number),
            None if endpoint == Endpoint::MAIN => self.gateway.as_ref(),
            None => None,
        }
    }

    /// All servers behind this one, with their endpoints.
    pub fn gateways(&self) -> impl Iterator<Item = (Endpoint, &Gateway)> {
        let main = self.gateway.iter().map(|one| (Endpoint::MAIN, one));
        let named = self.backends.iter().enumerate();
        main.chain(named.filter_map(|(number, one)| Some((Endpoint::of_backend(number)?, one))))
    }

    /// The name of an endpoint, if it has one: a part of its path.
    pub(crate) fn name_of(&self, endpoint: Endpoint) -> Option<&str> {
        match endpoint.backend() {
            Some(number) => Some(self.backends.get(number)?.name.as_ref()?.as_str()),
            None if endpoint == Endpoint::OWN_TOOLS => Some(BackendName::OWN_TOOLS),
            None => None,
        }
    }

    /// Gives the public address the paths of all endpoints. A server does so when it is made.
    pub fn name_endpoints(&mut self) {
        let backends = (0..self.backends.len()).filter_map(Endpoint::of_backend);
        let own = self.with_own_tools.then_some(Endpoint::OWN_TOOLS);
        let named = backends
            .chain(own)
            .filter_map(|endpoint| Some((endpoint, self.name_of(endpoint)?.to_owned())));
        let named: Vec<_> = named.collect();
        let admits_names = named.is_empty() || self.public_url.admits_names();
        debug_assert!(admits_names, "a path has one meaning");
        let has_main = self.gateway.is_some() || self.backends.is_empty();
        self.public_url.name_endpoints(named, has_main);
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
    Secret(ClientSecret),
    /// By assertions signed with the private key of a certificate that is registered with the application.
    Certificate(CertificateFile),
    /// By the token of another issuer, which a federated credential of the application names. The file holds the
    /// token, and another before it expires.
    FederatedToken(PathBuf),
    /// By tokens of the managed identity of the machine, which a federated credential of the application names.
    ManagedIdentity(ManagedIdentity),
}
