//! Where the MCP endpoint of a backend is: behind HTTP, HTTPS, or HTTP over a Unix socket.

use std::fmt::{self, Display};

use http::uri::PathAndQuery;
use url::{Host, Url};

use super::is_loopback;

/// The address of a backend's MCP endpoint, read once: `http://127.0.0.1:8000/mcp`, `https://orders.example/mcp`, or
/// `unix:/run/orders.sock:/mcp`.
///
/// ```
/// use entra_mcp_core::config::{BackendAddress, BackendHost};
///
/// let address = BackendAddress::parse("unix:/run/orders.sock:/mcp").unwrap();
/// assert_eq!(address.host(), &BackendHost::Unix("/run/orders.sock".to_owned()));
/// assert_eq!(address.path(), "/mcp");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendAddress {
    host: BackendHost,
    path: String,
}

/// What is dialled to reach a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackendHost {
    /// A TCP port.
    Tcp {
        /// Its name or address, in small letters and without brackets.
        name: String,
        /// Its port.
        port: u16,
        /// Whether TLS is spoken there.
        is_secure: bool,
    },
    /// A Unix socket, by its absolute path.
    Unix(String),
}

/// What is wrong with the address of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendAddressError {
    /// It is no URL, and no socket with a path.
    Malformed,
    /// Its scheme is none of `http`, `https` and `unix`.
    UnknownScheme,
    /// It names a user; a fixed header is where the key of a service goes.
    NamesUser,
    /// It has a fragment.
    HasFragment,
    /// The path of the socket does not begin with `/`.
    RelativeSocket,
}

impl BackendAddress {
    /// Reads an address. Without a path it is that of the root, `/`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BackendAddressError> {
        if let Some(socket) = text.strip_prefix("unix:") {
            return Self::of_socket(socket);
        }
        let url = Url::parse(text).map_err(|_| BackendAddressError::Malformed)?;
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(BackendAddressError::UnknownScheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BackendAddressError::NamesUser);
        }
        if url.fragment().is_some() {
            return Err(BackendAddressError::HasFragment);
        }
        let name = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(BackendAddressError::Malformed),
        };
        let port = url.port_or_known_default();
        let host = BackendHost::Tcp {
            name,
            port: port.ok_or(BackendAddressError::Malformed)?,
            is_secure,
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Self::new(host, path)
    }

    fn of_socket(text: &str) -> Result<Self, BackendAddressError> {
        if !text.starts_with('/') {
            return Err(BackendAddressError::RelativeSocket);
        }
        let (socket, path) = match text.rsplit_once(":/") {
            Some((socket, path)) => (socket, format!("/{path}")),
            None => (text, "/".to_owned()),
        };
        if path.contains('#') {
            return Err(BackendAddressError::HasFragment);
        }
        if socket.chars().any(char::is_control) {
            return Err(BackendAddressError::Malformed);
        }
        Self::new(BackendHost::Unix(socket.to_owned()), path)
    }

    fn new(host: BackendHost, path: String) -> Result<Self, BackendAddressError> {
        // It becomes the target of a request.
        match PathAndQuery::try_from(path.as_str()) {
            Ok(target) if target.as_str() == path => Ok(Self { host, path }),
            _ => Err(BackendAddressError::Malformed),
        }
    }

    /// What is dialled.
    #[must_use]
    pub fn host(&self) -> &BackendHost {
        &self.host
    }

    /// The target of requests: the path, and the query if there is one.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of `Host` (RFC 9110 section 7.2); that of a socket is `localhost`.
    #[must_use]
    pub fn authority(&self) -> String {
        match &self.host {
            BackendHost::Unix(_) => "localhost".to_owned(),
            BackendHost::Tcp {
                name,
                port,
                is_secure,
            } => {
                let name = match name.contains(':') {
                    true => format!("[{name}]"),
                    false => name.clone(),
                };
                match (port, is_secure) {
                    (443, true) | (80, false) => name,
                    _ => format!("{name}:{port}"),
                }
            }
        }
    }

    /// Whether only this machine can reach it: a socket, or a loopback address.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match &self.host {
            BackendHost::Unix(_) => true,
            BackendHost::Tcp { name, .. } => {
                let host = match name.parse() {
                    Ok(std::net::IpAddr::V4(address)) => Host::Ipv4(address),
                    Ok(std::net::IpAddr::V6(address)) => Host::Ipv6(address),
                    Err(_) => Host::Domain(name.as_str()),
                };
                is_loopback(&host)
            }
        }
    }
}

impl Display for BackendAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            BackendHost::Unix(socket) => write!(f, "unix:{socket}:{}", self.path),
            BackendHost::Tcp { is_secure, .. } => {
                let scheme = if *is_secure { "https" } else { "http" };
                write!(f, "{scheme}://{}{}", self.authority(), self.path)
            }
        }
    }
}

impl Display for BackendAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "it is no address; write http://host:port/mcp, https://host/mcp or unix:/path/of.sock:/mcp"
            }
            Self::UnknownScheme => "it must begin with http://, https:// or unix:",
            Self::NamesUser => "it must name no user and no password",
            Self::HasFragment => "it must have no #",
            Self::RelativeSocket => "the path of the socket must begin with /",
        })
    }
}

impl std::error::Error for BackendAddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_read_once_and_written_alike() {
        for (text, authority, path, is_local) in [
            ("http://127.0.0.1:8000/mcp", "127.0.0.1:8000", "/mcp", true),
            ("http://localhost/mcp?a=b", "localhost", "/mcp?a=b", true),
            ("http://[::1]:8000/", "[::1]:8000", "/", true),
            (
                "https://orders.example/mcp",
                "orders.example",
                "/mcp",
                false,
            ),
            (
                "https://orders.example:80/mcp",
                "orders.example:80",
                "/mcp",
                false,
            ),
            ("unix:/run/x.sock:/mcp", "localhost", "/mcp", true),
            ("unix:/run/a:b.sock:/mcp?a", "localhost", "/mcp?a", true),
        ] {
            let address = BackendAddress::parse(text).unwrap();
            assert_eq!(address.authority(), authority, "{text}");
            assert_eq!(address.path(), path, "{text}");
            assert_eq!(address.is_local(), is_local, "{text}");
            assert_eq!(address.to_string(), text);
            assert_eq!(BackendAddress::parse(&address.to_string()), Ok(address));
        }
    }

    #[test]
    fn default_port_and_capitals_are_not_written() {
        for (text, expected) in [
            (
                "HTTPS://Orders.Example:443/MCP",
                "https://orders.example/MCP",
            ),
            ("http://orders.example:80", "http://orders.example/"),
            ("unix:/run/x.sock", "unix:/run/x.sock:/"),
        ] {
            assert_eq!(BackendAddress::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, error) in [
            ("", BackendAddressError::Malformed),
            ("orders", BackendAddressError::Malformed),
            ("http://", BackendAddressError::Malformed),
            ("ftp://orders.example/", BackendAddressError::UnknownScheme),
            ("http://u@orders.example/", BackendAddressError::NamesUser),
            ("http://:p@orders.example/", BackendAddressError::NamesUser),
            ("http://orders.example/#x", BackendAddressError::HasFragment),
            ("unix:run/x.sock:/mcp", BackendAddressError::RelativeSocket),
            ("unix:/run/x.sock:/m#c", BackendAddressError::HasFragment),
            ("unix:/run/x.sock:/m c", BackendAddressError::Malformed),
            ("unix:/run/\nx.sock:/mcp", BackendAddressError::Malformed),
            (
                "unix:/run/x.sock:/m\r\nx: y",
                BackendAddressError::Malformed,
            ),
        ] {
            assert_eq!(BackendAddress::parse(text), Err(error), "{text:?}");
        }
    }
}
