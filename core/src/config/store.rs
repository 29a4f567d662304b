//! Where records are kept.

use std::path::PathBuf;

use crate::secret::Secret;

/// Where records are kept: sessions, tasks, consents.
#[derive(Debug)]
pub enum StoreLocation {
    /// In a file of this folder, for one process. A generated key is kept beside it.
    Folder(PathBuf),
    /// In a Redis that several replicas share. They all need the same master keys.
    Redis(RedisServer),
}

/// A Redis server, or whatever speaks its protocol.
#[derive(Clone, Debug)]
pub struct RedisServer {
    /// Where it listens.
    pub endpoint: RedisEndpoint,
    /// The number of its database.
    pub database: u16,
    /// The user of its access control list; `None` for the default one.
    pub user: Option<String>,
    /// The password of that user.
    pub password: Option<RedisPassword>,
    /// What every key begins with.
    pub prefix: String,
}

/// The password of a user of a Redis server.
#[derive(Clone, Debug)]
pub enum RedisPassword {
    /// This one.
    Given(Secret<String>),
    /// What is in this file when a connection is made, without the end of its line.
    File(PathBuf),
    /// A token of Entra ID, renewed before it ends: a Redis in Azure.
    EntraToken,
}

/// A port of a host, which is written without brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisAddress {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl std::fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Where a Redis server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisEndpoint {
    /// On a port of a host.
    Tcp {
        /// Where.
        address: RedisAddress,
        /// Whether it speaks TLS.
        is_secure: bool,
    },
    /// On the nodes of a cluster, of which the first that answers says which one has the keys.
    Cluster {
        /// Some of the nodes.
        nodes: Vec<RedisAddress>,
        /// Whether they speak TLS.
        is_secure: bool,
    },
    /// Where sentinels say that the primary of a service is.
    Sentinel {
        /// The sentinels.
        sentinels: Vec<RedisAddress>,
        /// The name of the service.
        service: String,
        /// Whether sentinels and servers speak TLS.
        is_secure: bool,
    },
    /// On a socket of this computer.
    Unix(PathBuf),
}

impl RedisEndpoint {
    /// Whether nobody reads along: TLS, or a socket of this computer.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self {
            Self::Tcp { is_secure, .. }
            | Self::Cluster { is_secure, .. }
            | Self::Sentinel { is_secure, .. } => *is_secure,
            Self::Unix(_) => true,
        }
    }
}

impl std::fmt::Display for RedisServer {
    /// Its address, without the user and the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = |is_secure: bool| if is_secure { "rediss" } else { "redis" };
        let several = |addresses: &[RedisAddress]| {
            let written: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            written.join(",")
        };
        let database = self.database;
        match &self.endpoint {
            RedisEndpoint::Tcp { address, is_secure } => {
                write!(f, "{}://{address}/{database}", scheme(*is_secure))
            }
            RedisEndpoint::Cluster { nodes, is_secure } => {
                write!(f, "{}://{}/{database}", scheme(*is_secure), several(nodes))
            }
            RedisEndpoint::Sentinel {
                sentinels,
                service,
                is_secure,
            } => {
                let (scheme, sentinels) = (scheme(*is_secure), several(sentinels));
                write!(f, "{scheme}+sentinel://{sentinels}/{service}?db={database}")
            }
            RedisEndpoint::Unix(path) => {
                write!(f, "redis+unix://{}?db={database}", path.display())
            }
        }
    }
}
