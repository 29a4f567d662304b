//! How the backend is told who calls.

use entra_mcp_core::config::{BackendAddress, BackendHost, BackendIdentity};

use crate::command_line::{
    error::GatewayError,
    given::{BACKEND_CERT, Given, IDENTITY},
};

/// Reads it. What whoever reaches the backend can forge is for one that nobody else reaches.
pub(super) fn read(
    given: &Given,
    is_command: bool,
    address: Option<&Result<BackendAddress, ()>>,
    wrong: &mut impl FnMut(GatewayError),
) -> Option<BackendIdentity> {
    let identity = match given.value(&IDENTITY).map(BackendIdentity::parse) {
        None => BackendIdentity::ASSERTION,
        Some(Ok(identity)) => identity,
        Some(Err(error)) => {
            wrong(GatewayError::Identity(error));
            return None;
        }
    };
    if is_command && (identity.is_bearer() || identity.can_be_forged()) {
        wrong(GatewayError::BearerOfProcess);
    }
    if let Some(Ok(address)) = address
        && identity.can_be_forged()
        && !is_reached_by_nobody_else(address, given)
    {
        wrong(GatewayError::Forgeable);
    }
    if let Some(Ok(address)) = address
        && identity.entra.is_some()
        && !is_private(address)
    {
        wrong(GatewayError::TokenInTheClear);
    }
    Some(identity)
}

/// Only this machine reaches it, or it asks by TLS who comes.
fn is_reached_by_nobody_else(address: &BackendAddress, given: &Given) -> bool {
    let is_mutual = given.value(&BACKEND_CERT).is_some() && is_private(address);
    address.is_local() || is_mutual
}

/// Nobody on the way reads what is sent.
fn is_private(address: &BackendAddress) -> bool {
    let is_secure = match address.host() {
        BackendHost::Unix(_) => true,
        BackendHost::Tcp { is_secure, .. } => *is_secure,
    };
    is_secure || address.is_local()
}
