//! What new tokens are for: no more than the session (threats C9, E7).

use crate::{
    env::Server,
    oauth::{
        error::{OAuthError, Refusal},
        resource,
    },
    session::{record::Session, token::Granted},
};

/// The scope and resource of the session, or the narrower ones that were asked for; never wider ones.
pub(super) fn narrowed(
    session: &Session,
    (scope, resource): (Option<&str>, Option<&str>),
    server: &Server,
) -> Result<Granted, Refusal> {
    let mut granted = Granted::whole(session);
    let public_url = &server.config.public_url;
    granted.resource = resource::narrow(&session.resource, resource, public_url)?;
    let Some(requested) = scope else {
        return Ok(granted);
    };
    let requested = server.scopes.grant(Some(requested))?;
    let is_granted = |name: &str| session.scope.split(' ').any(|own| own == name);
    if !requested.iter().all(|scope| is_granted(&scope.name)) {
        return Err(Refusal::new(
            OAuthError::InvalidScope,
            "A refresh cannot ask for more than the user granted.",
        ));
    }
    granted.scope = requested.to_string();
    Ok(granted)
}
