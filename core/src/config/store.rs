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
#[derive(Debug)]
pub struct RedisServer {
    /// Where it listens.
    pub endpoint: RedisEndpoint,
    /// The number of its database.
    pub database: u16,
    /// The user of its access control list; `None` for the default one.
    pub user: Option<String>,
    /// The password of that user.
    pub password: Option<Secret<String>>,
    /// What every key begins with.
    pub prefix: String,
}

/// Where a Redis server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisEndpoint {
    /// On a port of a host, which is written without brackets.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Whether it speaks TLS.
        is_secure: bool,
    },
    /// On a socket of this computer.
    Unix(PathBuf),
}

impl std::fmt::Display for RedisServer {
    /// Its address, without the user and the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.endpoint {
            RedisEndpoint::Tcp {
                host,
                port,
                is_secure,
            } => {
                let scheme = if *is_secure { "rediss" } else { "redis" };
                match host.contains(':') {
                    true => write!(f, "{scheme}://[{host}]:{port}/{}", self.database),
                    false => write!(f, "{scheme}://{host}:{port}/{}", self.database),
                }
            }
            RedisEndpoint::Unix(path) => {
                write!(f, "redis+unix://{}?db={}", path.display(), self.database)
            }
        }
    }
}
