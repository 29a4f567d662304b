//! What an operator is to change where a Redis cannot be used.

use entra_mcp_core::config::{RedisEndpoint, RedisPassword, RedisServer};
use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::PoolFault;

const PASSWORD: &str = "ENTRA_MCP_STORE_PASSWORD, or the file of ENTRA_MCP_STORE_PASSWORD_FILE, must hold the password of the user that the \
     address names (rediss://USER@HOST), or of the default user if it names none.";

const ENTRA: &str = "The user in the address must be the object id of the managed identity, or of the application's service principal, and \
     must have a data access policy in the cache (--store-entra-auth).";

const NO_TLS: &str =
    "Is that its port for TLS? A port without TLS is written redis:// (--store, ENTRA_MCP_STORE).";

const TLS: &str =
    "Is that a port for TLS? Such a one is written rediss:// (--store, ENTRA_MCP_STORE).";

const CERTIFICATE: &str = "Name the file with the certificate of its authority by --store-ca (ENTRA_MCP_STORE_CA), and the host as its \
     certificate does.";

const SLOTS: &str = "It is a cluster, whose keys must be in one slot: put something in braces into --store-prefix \
     (ENTRA_MCP_STORE_PREFIX), such as {entra-mcp}:.";

const DATABASE: &str = "Leave the number of the database out of the address (--store, ENTRA_MCP_STORE): a cluster has none, and a server \
     no more than its setting `databases` says. --store-prefix keeps deployments apart, too.";

const RIGHTS: &str = "It must be a Redis of version 6.2 or later whose user may do GET, GETDEL, GETRANGE, SET, SETNX, DEL, TIME, EVALSHA, \
     SCRIPT LOAD, PING, PUBLISH and SUBSCRIBE.";

/// What to change.
pub(super) fn cure(fault: &PoolFault, server: &RedisServer) -> &'static str {
    match fault {
        PoolFault::Failed(error) => of_error(error, server),
        PoolFault::Away | PoolFault::Busy | PoolFault::Moved | PoolFault::OtherKey => RIGHTS,
    }
}

fn of_error(error: &RedisError, server: &RedisServer) -> &'static str {
    let text = error.to_string();
    let has = |what: &str| text.contains(what);
    if error.kind() == ErrorKind::AuthenticationFailed || has("WRONGPASS") || has("NOAUTH") {
        return match server.password {
            Some(RedisPassword::EntraToken) => ENTRA,
            _ => PASSWORD,
        };
    }
    if error.kind() == ErrorKind::Server(ServerErrorKind::CrossSlot) || has("CROSSSLOT") {
        return SLOTS;
    }
    if server.database != 0 && (has("DB index") || has("SELECT") || has("select")) {
        return DATABASE;
    }
    let (is_tcp, is_secure) = match &server.endpoint {
        RedisEndpoint::Unix(_) => (false, false),
        RedisEndpoint::Tcp { is_secure, .. }
        | RedisEndpoint::Cluster { is_secure, .. }
        | RedisEndpoint::Sentinel { is_secure, .. } => (true, *is_secure),
    };
    // Nobody is there, or the name is unknown: that says enough.
    let is_there = !error.is_connection_refusal() && !has("lookup");
    match (is_there && is_tcp, is_secure) {
        (true, true) if has("certificate") => CERTIFICATE,
        (true, true) if error.is_io_error() => NO_TLS,
        (true, false) if error.is_connection_dropped() || error.kind() == ErrorKind::Parse => TLS,
        _ => RIGHTS,
    }
}
