//! Who calls: from the session token of a request to the session that it stands for.
//!
//! The user comes from the token only: never from arguments, `_meta` or other headers
//! (threat P2). A token whose session is gone is 401, so that the client signs in again
//! (threat F8).

use ::http::Response;
use bytes::Bytes;

use crate::{
    admit::bearer,
    ask::Version,
    catalog::{Principal, Tool},
    event::Answer,
    http::response,
    id::PrincipalId,
    log_event::LogEventId,
    route::Route,
    session::{
        lookup::{LookupError, SessionLookup},
        record::Session,
        token::Verified,
    },
    step::Cx,
};

/// Who calls, proven by a session token that maps to a session.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) session: Session,
    /// Which writing of the session.
    pub(crate) version: Version,
    pub(crate) verified: Verified,
    /// What the token allows: the scopes of the session, or fewer.
    pub(crate) scope: String,
    /// Tenant, user and client as one value: MCP sessions and streams are bound to it, so that they
    /// outlive a renewed token and nobody else's token opens them (threats I2, I9).
    pub(crate) principal_id: PrincipalId,
}

impl Caller {
    /// Whether the token allows what needs this scope.
    pub(crate) fn may(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|held| held == scope)
    }

    /// Whether a tool is for a user of these roles and groups; for the others it is not there
    /// (threat P1).
    pub(crate) fn may_see(&self, tool: &Tool) -> bool {
        let profile = &self.session.user.profile;
        tool.is_for(&profile.roles, &profile.groups)
    }

    /// Who calls, as tools see it.
    pub(crate) fn principal(&self) -> Principal {
        let user = &self.session.user;
        Principal {
            tenant_id: user.tenant_id.clone(),
            oid: user.oid.clone(),
            subject: self.session.outline.subject.clone(),
            name: user.profile.name.clone(),
            username: user.profile.username.clone(),
            roles: user.profile.roles.clone(),
            groups: user.profile.groups.clone(),
            // The token's: it may have been narrowed at a refresh (threat E7).
            scopes: self.scope.split(' ').map(str::to_owned).collect(),
        }
    }
}

/// A look-up under way.
#[derive(Debug)]
pub(crate) struct Authenticate {
    route: Route,
    lookup: SessionLookup,
}

impl Authenticate {
    /// Looks up the session of a token that was verified.
    pub(crate) fn start(route: Route, verified: Verified, cx: &mut Cx<'_>) -> Self {
        let lookup = SessionLookup::start(verified, cx);
        Self { route, lookup }
    }

    /// Takes the answer that was waited for.
    ///
    /// # Errors
    ///
    /// The response to give if the caller is refused, or cannot be known now.
    pub(crate) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Result<Box<Caller>, Box<Response<Bytes>>> {
        let route = self.route;
        match self.lookup.handle(answer, cx) {
            Ok(found) => {
                found.session.audit(cx);
                Ok(Box::new(Caller {
                    principal_id: found.session.principal,
                    scope: found.scope(),
                    session: found.session,
                    version: found.version,
                    verified: found.verified,
                }))
            }
            Err(LookupError::Unknown) => {
                cx.log(LogEventId::SessionUnknown);
                Err(Box::new(bearer::session_over(route, cx.env)))
            }
            Err(LookupError::Unavailable) => {
                cx.log(LogEventId::SessionUnavailable);
                Err(Box::new(response::unavailable()))
            }
        }
    }
}
