//! The settings of the development tenant, and the application that the server is there.

use std::net::SocketAddr;

use entra_mcp_core::config::{ClientCredential, EntraApp};
use url::Url;

use super::{
    error::ConfigError,
    given::{DEV_TENANT_LISTEN, Given, LISTEN, PUBLIC_URL},
    listen::{Listen, addresses},
};

/// What `--help` says of it.
pub(super) const HELP: &str =
    "Without any AZURE_* variable a development tenant starts beside it: no account is needed.\n";

/// Flags that this build does not have.
pub(super) const HIDDEN: [&str; 0] = [];

/// The application of the development tenant and where that listens: on this computer only.
pub(super) fn application(
    given: &Given,
    listen: &Listen,
    is_public_local: bool,
    errors: &mut Vec<ConfigError>,
) -> (Option<EntraApp>, Option<Vec<SocketAddr>>) {
    let tenant = addresses(given, &DEV_TENANT_LISTEN, 3002, errors);
    if tenant.port == listen.port {
        errors.push(ConfigError::DevTenantPortTaken);
    }
    let places = [
        (LISTEN.name(), listen.is_loopback),
        (DEV_TENANT_LISTEN.name(), tenant.is_loopback),
        (PUBLIC_URL.name(), is_public_local),
    ];
    for (setting, is_loopback) in places {
        if !is_loopback {
            errors.push(ConfigError::DevTenantNotLocal { setting });
        }
    }
    let origin = Url::parse(&tenant.origin()).ok();
    (origin.map(entra_app), Some(tenant.addresses))
}

fn entra_app(origin: Url) -> EntraApp {
    EntraApp {
        tenant: entra_mcp_dev_tenant::TENANT_ID.to_owned(),
        tenants: entra_mcp_core::config::Tenants::One,
        client_id: entra_mcp_dev_tenant::CLIENT_ID.to_owned(),
        credential: ClientCredential::Secret(entra_mcp_dev_tenant::CLIENT_SECRET.to_owned().into()),
        authority_host: origin.clone(),
        graph: origin,
    }
}
