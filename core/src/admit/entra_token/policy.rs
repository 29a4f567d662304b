//! What the operator takes: of which applications, with which scopes and roles. Never does an application alone
//! authorize what a user's token is good for.

use super::{EntraTokenError, claims::Claims};
use crate::{
    catalog::PrincipalKind, config::AcceptedEntraTokens, entra_token::EntraCaller, env::Env,
};

/// Returns the caller with the scopes that it has here.
pub(super) fn check(
    mut caller: EntraCaller,
    claims: &Claims,
    accepted: &AcceptedEntraTokens,
    env: Env<'_>,
) -> Result<EntraCaller, EntraTokenError> {
    let application = &caller.application;
    if !accepted.takes_application(application) {
        return Err(EntraTokenError::Forbidden(
            "its application is none of --accept-app",
        ));
    }
    if matches!(caller.kind, PrincipalKind::Agent(_)) && !accepted.takes_agents() {
        return Err(EntraTokenError::Forbidden(
            "it is an agent's, and --accept-agents is off",
        ));
    }
    if caller.kind.has_user() {
        caller.scope = user_scope(claims, accepted, env)?;
        return Ok(caller);
    }
    let roles = accepted.roles();
    let is_taken = match roles.is_empty() {
        true => accepted.names_application(application),
        false => roles.iter().any(|role| caller.roles.contains(role)),
    };
    match is_taken {
        // All scopes stand for what a user has consented to: without a user there are none.
        true => Ok(caller),
        false => Err(EntraTokenError::Forbidden(
            "it is an application's without a user: it has no role of --accept-role, or there is none and --accept-app \
             does not name the application",
        )),
    }
}

/// Our own scopes that a user's token has.
fn user_scope(
    claims: &Claims,
    accepted: &AcceptedEntraTokens,
    env: Env<'_>,
) -> Result<String, EntraTokenError> {
    let scopes = &env.server.scopes;
    let names: Vec<String> = claims.scopes().map(str::to_owned).collect();
    let taken = accepted.scopes();
    let is_own = |name: &str| scopes.names().contains(&name);
    let is_taken = match taken.is_empty() {
        true => names.iter().any(|name| is_own(name)),
        false => names.iter().any(|name| taken.contains(name)),
    };
    if !is_taken {
        return Err(EntraTokenError::NoScope);
    }
    let stands_for_default = names
        .iter()
        .any(|name| taken.contains(name) && !is_own(name));
    let default = match stands_for_default {
        true => scopes.default().to_string(),
        false => String::new(),
    };
    Ok(scopes.widened(&default, &names).to_string())
}
