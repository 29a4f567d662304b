//! A build without the development tenant: only a real one will do.

use std::net::SocketAddr;

use entra_mcp_core::config::EntraApp;

use super::{
    error::ConfigError,
    given::{DEV_TENANT, DEV_TENANT_FILE, DEV_TENANT_LISTEN, Given},
    listen::Listen,
};

/// What `--help` says of it.
pub(super) const HELP: &str = "";

/// Flags that this build does not have.
pub(super) const HIDDEN: [&str; 3] = [
    DEV_TENANT.flag,
    DEV_TENANT_LISTEN.flag,
    DEV_TENANT_FILE.flag,
];

/// There is none.
pub(super) fn application(
    _given: &Given,
    _listen: &Listen,
    _is_public_local: bool,
    errors: &mut Vec<ConfigError>,
) -> (Option<EntraApp>, Option<Vec<SocketAddr>>) {
    errors.push(ConfigError::NoDevTenant);
    (None, None)
}
