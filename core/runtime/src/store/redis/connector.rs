//! How a connection to Redis is made: to one server, to the node of a cluster that has the keys, or to the primary that
//! sentinels name.
//!
//! All keys are of one hash slot, so one node of a cluster has them all, and to follow `MOVED` is all that a client needs
//! (Redis cluster specification, "MOVED Redirection").

use std::time::Duration;

use entra_mcp_core::config::{RedisAddress, RedisEndpoint, RedisPassword, RedisServer};
use redis::{
    Client, Connection, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, RedisConnectionInfo,
    RedisError, RedisResult, TlsCertificates,
};

use super::{
    record::pem,
    tokens::{LONGEST_USE, Tokens},
};

/// How long a connection may take to be made, with TLS and the password.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(3);

/// Makes connections to one store.
pub(super) struct Connector {
    server: RedisServer,
    roots: Option<Vec<u8>>,
    tokens: Tokens,
}

impl Connector {
    /// TLS believes these certificates (DER), or else those of Mozilla.
    pub(super) fn new(server: &RedisServer, roots: Option<&[Vec<u8>]>, tokens: Tokens) -> Self {
        Self {
            server: server.clone(),
            roots: roots.map(pem),
            tokens,
        }
    }

    /// How long a connection may be used; `None` for as long as it is there.
    pub(super) fn longest_use(&self) -> Option<Duration> {
        matches!(self.server.password, Some(RedisPassword::EntraToken)).then_some(LONGEST_USE)
    }

    /// Makes a connection: to the node that another one has named, if one has.
    pub(super) fn connect(&self, moved: Option<&RedisAddress>) -> RedisResult<Connection> {
        match &self.server.endpoint {
            RedisEndpoint::Unix(path) => self.log_in(ConnectionAddr::Unix(path.clone())),
            RedisEndpoint::Tcp {
                address, is_secure, ..
            } => self.log_in(tcp(moved.unwrap_or(address), *is_secure)),
            RedisEndpoint::Cluster { nodes, is_secure } => {
                first(moved.into_iter().chain(nodes), |node| {
                    self.log_in(tcp(node, *is_secure))
                })
            }
            RedisEndpoint::Sentinel {
                sentinels,
                service,
                is_secure,
            } => first(sentinels.iter(), |sentinel| {
                self.primary(sentinel, service, *is_secure)
            }),
        }
    }

    /// Connects to whom this sentinel says is the primary, if it is (Redis, "Guidelines for Redis clients with support for
    /// Sentinel").
    fn primary(
        &self,
        sentinel: &RedisAddress,
        service: &str,
        is_secure: bool,
    ) -> RedisResult<Connection> {
        let mut asked = self.open(tcp(sentinel, is_secure), RedisConnectionInfo::default())?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
        let named: Option<(String, u16)> = ask.query(&mut asked)?;
        let unknown = (
            ErrorKind::MasterNameNotFoundBySentinel,
            "the sentinel knows no such service",
        );
        let (host, port) = named.ok_or(unknown)?;
        let mut connection = self.log_in(tcp(&RedisAddress { host, port }, is_secure))?;
        let (role, ..): (String, redis::Value, redis::Value) =
            redis::cmd("ROLE").query(&mut connection)?;
        match role == "master" {
            true => Ok(connection),
            false => Err((
                ErrorKind::Io,
                "the sentinel names a primary that is none yet",
            )
                .into()),
        }
    }

    /// A connection of the user of the store. A password in a file is read each time, for it may be another one.
    fn log_in(&self, address: ConnectionAddr) -> RedisResult<Connection> {
        let server = &self.server;
        let mut settings = RedisConnectionInfo::default().set_db(i64::from(server.database));
        if let Some(user) = &server.user {
            settings = settings.set_username(user);
        }
        match &server.password {
            None => {}
            Some(RedisPassword::Given(password)) => {
                settings = settings.set_password(password.expose());
            }
            Some(RedisPassword::File(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    let what = "the file of its password cannot be read";
                    RedisError::from((ErrorKind::InvalidClientConfig, what, error.to_string()))
                })?;
                settings = settings.set_password(text.trim_end_matches(['\r', '\n']));
            }
            Some(RedisPassword::EntraToken) => {
                let none = || Err("none is set".to_owned());
                let token = self
                    .tokens
                    .as_ref()
                    .map_or_else(none, |tokens| tokens.token());
                let token = token.map_err(|error| {
                    let what = "there is no token of Entra ID for it";
                    RedisError::from((ErrorKind::InvalidClientConfig, what, error))
                })?;
                settings = settings.set_password(token.expose());
            }
        }
        self.open(address, settings)
    }

    fn open(
        &self,
        address: ConnectionAddr,
        settings: RedisConnectionInfo,
    ) -> RedisResult<Connection> {
        let is_secure = matches!(address, ConnectionAddr::TcpTls { .. });
        let settings = settings.set_skip_set_lib_name();
        let info = address.into_connection_info()?.set_redis_settings(settings);
        let client = match is_secure {
            false => Client::open(info)?,
            true => {
                // Which cryptography: a program that has chosen one keeps it.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let certificates = TlsCertificates {
                    client_tls: None,
                    root_cert: self.roots.clone(),
                };
                Client::build_with_tls(info, certificates)?
            }
        };
        let connection = client.get_connection_with_timeout(CONNECT_TIMEOUT)?;
        connection.set_read_timeout(Some(COMMAND_TIMEOUT))?;
        connection.set_write_timeout(Some(COMMAND_TIMEOUT))?;
        Ok(connection)
    }
}

fn tcp(address: &RedisAddress, is_secure: bool) -> ConnectionAddr {
    let (host, port) = (address.host.clone(), address.port);
    match is_secure {
        false => ConnectionAddr::Tcp(host, port),
        true => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            tls_params: None,
        },
    }
}

/// The first that succeeds, or why the last one did not.
fn first<'a>(
    addresses: impl Iterator<Item = &'a RedisAddress>,
    connect: impl Fn(&RedisAddress) -> RedisResult<Connection>,
) -> RedisResult<Connection> {
    let mut last = Err((ErrorKind::InvalidClientConfig, "there is no address").into());
    for address in addresses {
        last = connect(address);
        if last.is_ok() {
            break;
        }
    }
    last
}
