//! Whether a user, an application or an agent calls (Microsoft identity platform, "Access token claims reference";
//! Microsoft Entra Agent ID, "Agent token claims").

use super::{EntraTokenError, claims::Claims, wrong};
use crate::catalog::{AgentFor, PrincipalKind};

/// The facet of an agent.
const AGENT: &str = "11";

/// The facet of the account of an agent.
const AGENT_USER: &str = "13";

/// Decides by `idtyp`; without it by what the token grants. A token that grants nothing is of nobody: any client of the
/// tenant can get one.
pub(super) fn of(claims: &Claims) -> Result<PrincipalKind, EntraTokenError> {
    let is_user = match claims.idtyp.as_deref() {
        Some("user") => true,
        Some("app") => false,
        Some(_) => return wrong("idtyp is neither user nor app"),
        None if claims.scopes().next().is_some() => true,
        None if claims.has_roles() => false,
        None => return wrong("it grants nothing: neither a scope nor an app role"),
    };
    let actor = claims.xms_act_fct.as_deref();
    let subject = claims.xms_sub_fct.as_deref();
    let is_agent_user = is_user && has_facet(subject, AGENT_USER);
    let is_agent = has_facet(actor, AGENT) || is_agent_user || has_facet(subject, AGENT);
    Ok(match (is_agent, is_user) {
        (false, true) => PrincipalKind::User,
        (false, false) => PrincipalKind::Application,
        (true, false) => PrincipalKind::Agent(AgentFor::Itself),
        (true, true) if is_agent_user => PrincipalKind::Agent(AgentFor::AgentUser),
        (true, true) => PrincipalKind::Agent(AgentFor::User),
    })
}

/// Whether a list of numbers has this one. Others, and what is no number, say nothing.
fn has_facet(facets: Option<&str>, facet: &str) -> bool {
    let facets = facets.unwrap_or_default();
    facets.split(' ').any(|one| one == facet)
}
