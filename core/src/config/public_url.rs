//! The public address of the server, and the addresses of its MCP endpoints.

use url::Url;

use super::is_loopback;
use crate::{base_path::BasePath, endpoint::Endpoint, route::Route};

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
    /// The MCP endpoints that have names.
    named: Vec<NamedEndpoint>,
    /// Whether there is one without a name, too.
    has_main: bool,
    secure: bool,
    loopback: bool,
}

/// An MCP endpoint that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedEndpoint {
    endpoint: Endpoint,
    /// What its paths end with, for each of [`DOORS`].
    below: [String; 3],
    resources: [String; 2],
}

/// The paths of MCP, below which the endpoints have their names.
const DOORS: [&str; 3] = ["/mcp", "/sse", "/message"];

impl NamedEndpoint {
    /// The place of a raw path, if that is one of this endpoint: the same as without the name.
    fn route(&self, path: &str, base_path: &BasePath) -> Option<Route> {
        DOORS.iter().zip(&self.below).find_map(|(door, below)| {
            let (before, after) = path.rsplit_once(below.as_str())?;
            if !after.is_empty() && !after.starts_with('/') {
                return None;
            }
            base_path.route(&format!("{before}{door}{after}"))
        })
    }
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
            named: Vec::new(),
            has_main: true,
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

    /// The canonical addresses of the MCP endpoint (RFC 8707 section 2): `/mcp`, `/sse`.
    #[must_use]
    pub fn resources(&self) -> &[String; 2] {
        &self.resources
    }

    /// Those of this endpoint: `/mcp/NAME`, `/sse/NAME`, if it has a name.
    #[must_use]
    pub fn resources_of(&self, endpoint: Endpoint) -> &[String; 2] {
        let mut named = self.named.iter();
        let named = named.find(|named| named.endpoint == endpoint);
        named.map_or(&self.resources, |named| &named.resources)
    }

    /// All MCP endpoints: that without a name first.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        let main = self.has_main.then_some(Endpoint::MAIN);
        main.into_iter()
            .chain(self.named.iter().map(|named| named.endpoint))
    }

    /// The first of them, which examples show.
    pub(crate) fn first_endpoint(&self) -> Endpoint {
        self.endpoints().next().unwrap_or_default()
    }

    /// Gives MCP endpoints names: each is a resource of its own. `has_main`: whether there is one without a name, too.
    pub(crate) fn name_endpoints(&mut self, named: Vec<(Endpoint, String)>, has_main: bool) {
        let issuer = &self.issuer;
        let named = named.into_iter().map(|(endpoint, name)| NamedEndpoint {
            endpoint,
            below: DOORS.map(|door| format!("{door}/{name}")),
            resources: [
                format!("{issuer}/mcp/{name}"),
                format!("{issuer}/sse/{name}"),
            ],
        });
        self.named = named.collect();
        self.has_main = has_main;
    }

    /// All resources: two of each MCP endpoint, and the base address if that stands for the only one.
    pub(crate) fn all_resources(&self) -> impl Iterator<Item = &str> {
        let main = self.resources.iter().filter(|_| self.has_main);
        let named = self.named.iter().flat_map(|named| &named.resources);
        let whole = self.stands_for_all().then_some(&self.issuer);
        main.chain(named).chain(whole).map(String::as_str)
    }

    /// Whether the base address stands for the one MCP endpoint. It stands for none of several: what a user allows is one of them
    /// (threat R26).
    pub(crate) fn stands_for_all(&self) -> bool {
        self.named.is_empty()
    }

    /// Whether a token may be for this: an endpoint, or the base address where that stands for one.
    pub(crate) fn is_resource(&self, resource: &str) -> bool {
        self.all_resources().any(|own| own == resource)
    }

    /// The endpoint that a resource is of.
    pub(crate) fn endpoint_of(&self, resource: &str) -> Endpoint {
        let mut named = self.named.iter();
        let named = named.find(|named| named.resources.iter().any(|own| own == resource));
        named.map_or(Endpoint::MAIN, |named| named.endpoint)
    }

    /// Whether a token for the resource `granted` is one for `resource`: each endpoint is a resource of its own, and
    /// the base address stands for both addresses of the only one.
    pub(crate) fn covers(&self, granted: &str, resource: &str) -> bool {
        granted == resource || (self.stands_for_all() && granted == self.issuer)
    }

    /// The place of a raw path, and the MCP endpoint that it is about.
    #[must_use]
    pub fn place(&self, path: &str) -> Option<(Route, Endpoint)> {
        let named = self.named.iter().find_map(|named| {
            let route = named.route(path, &self.base_path)?;
            Some((route, named.endpoint))
        });
        let main = || {
            let route = self.base_path.route(path)?;
            let is_there = self.has_main || !route.is_of_endpoint();
            is_there.then_some((route, Endpoint::MAIN))
        };
        named.or_else(main)
    }

    /// Whether endpoints with names can be below it: a path of its own that is that of an endpoint would have two meanings.
    #[must_use]
    pub fn admits_names(&self) -> bool {
        let mut segments = self.base_path.as_str().split('/');
        !segments.any(|segment| matches!(segment, "mcp" | "sse" | "message"))
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
