//! Where to listen, and the public address that follows from it (threats J5, Q1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{
    error::ConfigError,
    given::{ALLOW_HOST, Given, PUBLIC_URL, Setting},
    is_gap,
};
use entra_mcp_core::config::PublicUrl;
use url::Url;

/// Addresses to listen on.
pub(super) struct Listen {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) is_loopback: bool,
    pub(super) port: u16,
}

impl Listen {
    /// Both families: some clients try the one first, some the other.
    fn localhost(port: u16) -> Self {
        let addresses = LOCALHOST.map(|address| SocketAddr::new(address, port));
        Self {
            addresses: addresses.to_vec(),
            is_loopback: true,
            port,
        }
    }

    fn one(address: SocketAddr) -> Self {
        Self {
            addresses: vec![address],
            is_loopback: address.ip().is_loopback(),
            port: address.port(),
        }
    }

    /// The address by which programs on this computer reach it.
    pub(super) fn origin(&self) -> String {
        match self.addresses.first() {
            Some(address) if self.is_loopback && !LOCALHOST.contains(&address.ip()) => {
                format!("http://{address}")
            }
            _ => format!("http://localhost:{}", self.port),
        }
    }
}

/// What the name `localhost` stands for (RFC 6761 section 6.3).
const LOCALHOST: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// Where a setting says to listen: `localhost:PORT`, a port alone, or an IP address and a port.
pub(super) fn addresses(
    given: &Given,
    setting: &Setting,
    usual: u16,
    errors: &mut Vec<ConfigError>,
) -> Listen {
    let Some(text) = given.value(setting) else {
        return Listen::localhost(usual);
    };
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let listen = port
        .parse()
        .map(Listen::localhost)
        .or_else(|_| text.parse().map(Listen::one));
    let setting = setting.name();
    errors.push(match listen {
        Ok(listen) if listen.port != 0 => return listen,
        Ok(_) => ConfigError::PortZero { setting, usual },
        Err(_) => ConfigError::InvalidAddress { setting, usual },
    });
    Listen::localhost(usual)
}

/// The address that clients use: as configured, or this computer's if only this computer is to reach it.
pub(super) fn public_url(
    given: &Given,
    listen: &Listen,
    errors: &mut Vec<ConfigError>,
) -> Option<PublicUrl> {
    errors.push(match given.value(&PUBLIC_URL) {
        Some(text) => match PublicUrl::parse(text) {
            Ok(url) => return Some(url),
            Err(problem) => ConfigError::InvalidPublicUrl { problem },
        },
        None if listen.is_loopback => return PublicUrl::parse(&listen.origin()).ok(),
        None => ConfigError::MissingPublicUrl,
    });
    None
}

/// The further values of `Host` that mean this server, as a browser writes them.
pub(super) fn allowed_hosts(given: &Given, errors: &mut Vec<ConfigError>) -> Vec<String> {
    let mut hosts = Vec::new();
    let values = given.values(&ALLOW_HOST);
    let texts = values.iter().flat_map(|text| text.split(is_gap));
    for text in texts.filter(|text| !text.is_empty()) {
        let is_host = ["http", "https"].into_iter().any(|scheme| {
            let written = format!("{scheme}://{}", text.to_ascii_lowercase());
            Url::parse(&written).is_ok_and(|url| url.origin().ascii_serialization() == written)
        });
        match is_host {
            true => hosts.push(text.to_ascii_lowercase()),
            false => errors.push(ConfigError::InvalidHost),
        }
    }
    hosts
}
