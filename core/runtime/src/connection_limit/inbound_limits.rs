//! The limits under which connections are accepted.

use std::net::IpAddr;

use entra_mcp_core::{
    base_path::BasePath,
    config::{AddressRange, Config, RateLimits, StoreLocation},
    limits,
};

use crate::connection_ceiling;

/// The limits under which connections are accepted; the values of every server are in
/// [`entra_mcp_core::limits`].
#[derive(Clone, Debug)]
pub struct InboundLimits {
    /// How many connections are open at once.
    pub connections: usize,
    /// How many of them may be of one address.
    pub connections_per_address: usize,
    /// How many of these may be a stranger's.
    pub strangers_per_address: usize,
    /// How many bytes are buffered of the requests of strangers.
    pub bytes: usize,
    /// How many of these may be of one address.
    pub bytes_per_address: usize,
    /// The path of the public address: what is always answered is found below it.
    pub base_path: BasePath,
    /// Whose `X-Forwarded-For` or `Forwarded` is believed.
    pub trusted_proxies: Vec<AddressRange>,
    /// Whether these proxies say whose a connection is by the PROXY protocol.
    pub proxy_protocol: bool,
    /// How often things may be asked for.
    pub rates: RateLimits,
    /// Whether other replicas are told what is counted.
    pub tells_replicas: bool,
    /// Whether the addresses of this machine are counted like others. In tests only: a proxy may be there that
    /// nobody named.
    pub counts_loopback: bool,
}

impl InboundLimits {
    /// Returns the limits of a server: fewer connections if the process may not have as many descriptors.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let connections = connection_ceiling(config.capacity.connections);
        Self {
            connections,
            connections_per_address: (connections / 2).clamp(1, limits::CONNECTIONS_PER_ADDRESS),
            strangers_per_address: (connections / 8)
                .clamp(1, limits::UNAUTHENTICATED_CONNECTIONS_PER_ADDRESS),
            bytes: limits::UNAUTHENTICATED_BYTES,
            bytes_per_address: limits::UNAUTHENTICATED_BYTES_PER_ADDRESS,
            base_path: config.public_url.base_path().clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            proxy_protocol: config.proxy_protocol,
            rates: config.rate_limits,
            tells_replicas: matches!(config.store, StoreLocation::Redis(_))
                && config.rate_limits != RateLimits::none(),
            counts_loopback: false,
        }
    }

    /// Returns limits for tests: this many connections, and all of them for one address.
    #[must_use]
    pub fn of_connections(connections: usize) -> Self {
        Self {
            connections,
            connections_per_address: connections,
            strangers_per_address: connections,
            bytes: limits::UNAUTHENTICATED_BYTES,
            bytes_per_address: limits::UNAUTHENTICATED_BYTES_PER_ADDRESS,
            base_path: BasePath::NONE,
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            rates: RateLimits::none(),
            tells_replicas: false,
            counts_loopback: true,
        }
    }

    /// The limits of the development tenant, which nobody reaches through a proxy.
    #[must_use]
    pub fn of_dev_tenant(config: &Config) -> Self {
        Self {
            proxy_protocol: false,
            tells_replicas: false,
            ..Self::of(config)
        }
    }

    /// Whether a peer is a proxy that is trusted to name the client.
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        let mut proxies = self.trusted_proxies.iter();
        !peer.is_unspecified() && proxies.any(|range| range.contains(peer))
    }

    /// Returns the address if what it has open is counted: a trusted proxy, and what is on this machine,
    /// speaks for others; and the unspecified address stands for whom nobody knows.
    pub(super) fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        let speaks_for_others = address.is_loopback() && !self.counts_loopback
            || address.is_unspecified()
            || self
                .trusted_proxies
                .iter()
                .any(|range| range.contains(address));
        (!speaks_for_others).then_some(address)
    }
}
