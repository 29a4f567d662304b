//! How outbound connections leave a company's network: through a proxy (`HTTPS_PROXY`, `NO_PROXY`), and whom they
//! believe (`SSL_CERT_FILE`).
//!
//! A proxy is asked for a tunnel (RFC 9110 section 9.3.6), so it sees no more than where it leads. It is asked for
//! https only: what is plain http is on this computer, or the operator's own mistake.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    io,
    net::IpAddr,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entra_mcp_core::{
    config::{AddressRange, is_loopback},
    secret::Secret,
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use url::{Host, Url};

/// The most bytes of a proxy's answer to a request for a tunnel.
pub const TUNNEL_HEAD_BYTES: usize = 8 * 1024;

/// How outbound connections are made.
#[derive(Debug, Default)]
pub struct Egress {
    proxy: Option<Proxy>,
    without_proxy: Vec<String>,
    roots: Option<Vec<Vec<u8>>>,
}

/// A proxy that makes tunnels.
#[derive(Debug)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    credentials: Option<Secret<String>>,
}

/// What is wrong with the environment's words about outbound connections.
#[derive(Debug)]
#[non_exhaustive]
pub enum EgressError {
    /// `HTTPS_PROXY` is not the address of a proxy.
    Proxy,
    /// The file of `SSL_CERT_FILE` cannot be read.
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// There is no certificate in it, or a malformed one.
    NoCertificate {
        /// The file.
        file: String,
    },
}

impl Egress {
    /// Reads the variables, in capitals or not, and the file that one of them names.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, EgressError> {
        let variable = |name: &str| {
            let given = [name.to_owned(), name.to_ascii_lowercase()];
            let given = given.iter().filter_map(|name| variables.get(name));
            given
                .map(|value| value.trim())
                .find(|value| !value.is_empty())
        };
        let proxy =
            variable("HTTPS_PROXY").map(|text| Proxy::parse(text).ok_or(EgressError::Proxy));
        let without_proxy = variable("NO_PROXY").unwrap_or_default();
        let roots = variable("SSL_CERT_FILE").map(|file| {
            let pem = std::fs::read(file).map_err(|error| EgressError::Unreadable {
                file: file.to_owned(),
                error,
            })?;
            let certificates = certificates(&pem);
            let file = file.to_owned();
            (!certificates.is_empty())
                .then_some(certificates)
                .ok_or(EgressError::NoCertificate { file })
        });
        Ok(Self::new(
            proxy.transpose()?,
            without_proxy,
            roots.transpose()?,
        ))
    }

    /// Connections through this proxy, but for the hosts of the list, that believe these certificates (DER) and no
    /// other, or those of Mozilla.
    #[must_use]
    pub fn new(proxy: Option<Proxy>, without_proxy: &str, roots: Option<Vec<Vec<u8>>>) -> Self {
        let hosts = without_proxy.split([',', ' ']).map(str::trim);
        let hosts = hosts.filter(|host| !host.is_empty());
        Self {
            proxy,
            without_proxy: hosts.map(str::to_ascii_lowercase).collect(),
            roots,
        }
    }

    /// The certificates that are believed in place of Mozilla's.
    #[must_use]
    pub fn roots(&self) -> Option<&[Vec<u8>]> {
        self.roots.as_deref()
    }

    /// The proxy on the way to this host, which is written without brackets.
    #[must_use]
    pub fn proxy_for(&self, host: &str, is_secure: bool) -> Option<&Proxy> {
        let host = host.to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let parsed = address.map_or_else(
            || Host::Domain(host.as_str()),
            |address| match address {
                IpAddr::V4(address) => Host::Ipv4(address),
                IpAddr::V6(address) => Host::Ipv6(address),
            },
        );
        let is_left_out = |entry: &String| {
            let name = entry.trim_start_matches('*').trim_start_matches('.');
            // The end of an address is the name of nothing.
            let below = address.is_none()
                && host
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with('.'));
            let range = AddressRange::parse(entry);
            entry == "*"
                || (!name.is_empty() && (host == name || below))
                || range
                    .zip(address)
                    .is_some_and(|(range, address)| range.contains(address))
        };
        let is_direct =
            !is_secure || is_loopback(&parsed) || self.without_proxy.iter().any(is_left_out);
        self.proxy.as_ref().filter(|_| !is_direct)
    }
}

impl Proxy {
    /// Takes `http://user:password@host:port`, of which the host is enough.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = match text.split_once("://") {
            Some(("http", _)) => text.to_owned(),
            Some(_) => return None,
            None => format!("http://{text}"),
        };
        let url = Url::parse(&text).ok()?;
        let host = url
            .host_str()?
            .trim_start_matches('[')
            .trim_end_matches(']');
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let credentials = has_credentials.then(|| {
            let name = decoded(url.username());
            let password = decoded(url.password().unwrap_or_default());
            Secret::new(STANDARD.encode([name, password].join(&b':')))
        });
        Some(Self {
            host: host.to_owned(),
            port: url.port_or_known_default()?,
            credentials,
        })
    }

    /// The request for a tunnel to this host, which is written without brackets.
    #[must_use]
    pub fn tunnel_request(&self, host: &str, port: u16) -> Secret<String> {
        let target = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let credentials = self
            .credentials
            .as_ref()
            .map(|credentials| format!("Proxy-Authorization: Basic {}\r\n", credentials.expose()));
        Secret::new(format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: entra-mcp\r\n{}\r\n",
            credentials.unwrap_or_default()
        ))
    }
}

/// Whether the head of a proxy's answer is whole; and if so, whether there is a tunnel.
#[must_use]
pub fn is_tunnel(head: &[u8]) -> Option<bool> {
    if !head.ends_with(b"\r\n\r\n") {
        return None;
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let status = line
        .strip_prefix(b"HTTP/1.1 2")
        .or_else(|| line.strip_prefix(b"HTTP/1.0 2"));
    Some(status.is_some_and(|rest| rest.len() >= 2 && rest.iter().take(2).all(u8::is_ascii_digit)))
}

/// Percent-decoded, as the user part of a URL is.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.split_at_checked(2).filter(|_| *first == b'%');
        let byte = hex.and_then(|(hex, after)| {
            let hex = std::str::from_utf8(hex).ok()?;
            Some((u8::from_str_radix(hex, 16).ok()?, after))
        });
        let (byte, after) = byte.unwrap_or((*first, after));
        decoded.push(byte);
        rest = after;
    }
    decoded
}

/// The certificates of a PEM file (RFC 7468); none if one of them is malformed.
pub(crate) fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    let certificates = CertificateDer::pem_slice_iter(pem);
    let certificates = certificates.map(|certificate| certificate.map(|der| der.to_vec()));
    certificates.collect::<Result<_, _>>().unwrap_or_default()
}

impl Display for EgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proxy => f.write_str(
                "HTTPS_PROXY: it is not the address of a proxy. Write http:// with host and port, such as \
                 http://proxy.contoso.com:8080; a proxy that is itself asked over TLS is not supported.",
            ),
            Self::Unreadable { file, error } => {
                write!(f, "SSL_CERT_FILE: {file} cannot be read: {error}.")
            }
            Self::NoCertificate { file } => {
                write!(
                    f,
                    "SSL_CERT_FILE: there is no certificate in {file}, or a malformed one. Write them as PEM."
                )
            }
        }
    }
}

impl std::error::Error for EgressError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            Self::Proxy | Self::NoCertificate { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn egress(no_proxy: &str) -> Egress {
        Egress::new(Proxy::parse("http://proxy.example:3128"), no_proxy, None)
    }

    #[test]
    fn proxy_is_on_the_way_to_https_hosts_that_are_not_left_out() {
        for (no_proxy, host, is_proxied) in [
            ("", "login.example", true),
            ("", "localhost", false),
            ("", "127.0.0.1", false),
            ("", "::1", false),
            ("login.example", "login.example", false),
            ("login.example", "LOGIN.example", false),
            ("login.example", "my.login.example", false),
            ("login.example", "mylogin.example", true),
            (".login.example", "my.login.example", false),
            ("*.login.example", "my.login.example", false),
            ("other.example, login.example", "login.example", false),
            ("*", "login.example", false),
            ("10.0.0.0/8", "10.1.2.3", false),
            ("10.0.0.0/8", "11.1.2.3", true),
            ("10.1.2.3", "10.1.2.3", false),
            ("2.3", "10.1.2.3", true),
            (".", "login.example", true),
        ] {
            let egress = egress(no_proxy);
            assert_eq!(
                egress.proxy_for(host, true).is_some(),
                is_proxied,
                "{no_proxy} {host}"
            );
            assert!(egress.proxy_for(host, false).is_none(), "{host}");
        }
    }

    #[test]
    fn tunnel_is_asked_for_with_the_credentials_of_the_address() {
        let proxy = Proxy::parse("http://us%40er:pa%3Ass@proxy.example").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example", 80));
        let request = proxy.tunnel_request("login.example", 443);
        let basic = STANDARD.encode("us@er:pa:ss");
        assert_eq!(
            request.expose().as_str(),
            format!(
                "CONNECT login.example:443 HTTP/1.1\r\nHost: login.example:443\r\nUser-Agent: entra-mcp\r\n\
                 Proxy-Authorization: Basic {basic}\r\n\r\n"
            )
        );
        assert!(!format!("{proxy:?}").contains(&basic));
        let proxy = Proxy::parse("proxy.example:3128").unwrap();
        assert!(
            proxy
                .tunnel_request("::1", 1)
                .expose()
                .starts_with("CONNECT [::1]:1 HTTP/1.1\r\n")
        );
        for wrong in [
            "https://proxy.example",
            "socks5://proxy.example",
            "http://",
            "http://[x",
        ] {
            assert!(Proxy::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn answer_of_a_proxy_is_a_tunnel_only_if_it_is_successful() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", Some(true)),
            (
                "HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n",
                Some(true),
            ),
            (
                "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
                Some(false),
            ),
            ("HTTP/1.1 2\r\n\r\n", Some(false)),
            ("ICY 200 OK\r\n\r\n", Some(false)),
            ("HTTP/1.1 200 OK\r\n", None),
            ("", None),
        ] {
            assert_eq!(is_tunnel(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn variables_are_read_in_capitals_or_not() {
        let of = |given: &[(&str, &str)]| {
            let given = given
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Egress::from_variables(&given.collect())
        };
        let egress = of(&[
            ("https_proxy", "proxy.example:1"),
            ("NO_PROXY", "a.example"),
        ])
        .unwrap();
        assert_eq!(
            egress.proxy_for("b.example", true).map(|proxy| proxy.port),
            Some(1)
        );
        assert!(egress.proxy_for("a.example", true).is_none() && egress.roots().is_none());
        assert!(
            of(&[("HTTPS_PROXY", " ")])
                .unwrap()
                .proxy_for("b.example", true)
                .is_none()
        );
        let wrong = of(&[("HTTPS_PROXY", "ftp://user:word@proxy.example")]).unwrap_err();
        assert!(!wrong.to_string().contains("word"), "{wrong}");
        assert!(matches!(
            of(&[("SSL_CERT_FILE", "/no/such/file")]),
            Err(EgressError::Unreadable { .. })
        ));
    }

    #[test]
    fn certificates_are_read_from_pem() {
        let pem = "text\n-----BEGIN CERTIFICATE-----\nAQID\nBA==\n-----END CERTIFICATE-----\n\
                   # a comment\n-----BEGIN CERTIFICATE-----\r\nBQ==\r\n-----END CERTIFICATE-----\n\
                   -----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n";
        assert_eq!(certificates(pem.as_bytes()), [vec![1, 2, 3, 4], vec![5]]);
        let malformed = pem.replace("BQ==", "B%==");
        for none in ["", malformed.as_str()] {
            assert!(certificates(none.as_bytes()).is_empty(), "{none}");
        }
    }
}
