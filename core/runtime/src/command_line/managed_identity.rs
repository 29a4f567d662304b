//! Which managed identity proves who this server is, and where the machine gives out its tokens, by the variables that the
//! hosts of Azure set and in the order in which Azure's own libraries look at them (Azure Identity, `ManagedIdentityCredential`).

use std::path::Path;

use entra_mcp_core::{
    config::{IdentityEndpoint, IdentityHost, ManagedIdentity},
    secret::Secret,
};

use super::{
    error::{ConfigError, ManagedIdentityError},
    given::{Given, MANAGED_IDENTITY},
};

/// Where the agent of Azure Arc is, if it is installed.
const ARC_AGENT: &str = "/opt/azcmagent/bin/himds";

/// Where it listens unless it says otherwise.
const ARC_ENDPOINT: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";

/// The identity, if one is set; an error is added if it cannot be used.
pub(super) fn identity(given: &Given, errors: &mut Vec<ConfigError>) -> Option<ManagedIdentity> {
    let client_id = given.value(&MANAGED_IDENTITY)?;
    let identity = host(given).and_then(|host| {
        ManagedIdentity::new(client_id, host).ok_or(ManagedIdentityError::NotGuid)
    });
    identity
        .map_err(|problem| errors.push(ConfigError::ManagedIdentity(problem)))
        .ok()
}

fn host(given: &Given) -> Result<IdentityHost, ManagedIdentityError> {
    let endpoint = |variable: &'static str| {
        given.variable(variable).map(|text| {
            IdentityEndpoint::parse(text).ok_or(ManagedIdentityError::NotNear { variable })
        })
    };
    let has = |variable| given.variable(variable).is_some();
    if has("IDENTITY_ENDPOINT") && has("IDENTITY_HEADER") && has("IDENTITY_SERVER_THUMBPRINT") {
        return Err(ManagedIdentityError::ServiceFabric);
    }
    if let (Some(endpoint), Some(header)) = (
        endpoint("IDENTITY_ENDPOINT"),
        given.variable("IDENTITY_HEADER"),
    ) {
        let header = Secret::new(header.to_owned());
        return endpoint.map(|endpoint| IdentityHost::AppService { endpoint, header });
    }
    if let (Some(endpoint), true) = (endpoint("IDENTITY_ENDPOINT"), has("IMDS_ENDPOINT")) {
        return endpoint.map(|endpoint| IdentityHost::Arc { endpoint });
    }
    if has("MSI_ENDPOINT") {
        return Err(ManagedIdentityError::SignedInUser);
    }
    if Path::new(ARC_AGENT).exists()
        && let Some(endpoint) = IdentityEndpoint::parse(ARC_ENDPOINT)
    {
        return Ok(IdentityHost::Arc { endpoint });
    }
    // Azure's libraries let something else stand in for the metadata service by this name.
    let endpoint = endpoint("AZURE_POD_IDENTITY_AUTHORITY_HOST").transpose()?;
    let endpoint = endpoint.or_else(IdentityEndpoint::instance_metadata);
    endpoint
        .map(|endpoint| IdentityHost::InstanceMetadata { endpoint })
        .ok_or(ManagedIdentityError::NotNear {
            variable: "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        })
}
