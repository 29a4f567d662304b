//! What a session says of itself.

use super::{ApprovedClient, Outline, User};
use crate::{
    catalog::{Principal, PrincipalKind},
    claims_challenge::ClaimsChallenge,
    id::{PrincipalId, SessionId},
    step::Cx,
    time::UnixTime,
};

/// What a session says of itself: all of it but what opens anything.
#[derive(Clone, Debug)]
pub(crate) struct KnownSession {
    /// The id, which the store key derives from.
    pub(crate) id: SessionId,
    /// What is known of it without a token of its client.
    pub(crate) outline: Outline,
    /// Tenant, user and client as one value.
    pub(crate) principal: PrincipalId,
    /// Who signed in.
    pub(crate) user: User,
    /// What the user knows of the client; nothing of sessions that were begun before it was kept.
    pub(crate) client: Option<ApprovedClient>,
    /// What was granted, as our own scopes, space separated.
    pub(crate) scope: String,
    /// The resource that the tokens are for: an MCP endpoint, or the whole server.
    pub(crate) resource: String,
    /// When the user signed in.
    pub(crate) created: UnixTime,
    /// What Entra wants of the user before anything more is done in the session.
    pub(crate) required_claims: Option<ClaimsChallenge>,
}

impl KnownSession {
    /// Whom it is of, as tools see them, with a token that allows these scopes: it may have been narrowed at a refresh
    /// (threat E7).
    pub(crate) fn principal(&self, scope: &str) -> Principal {
        let User {
            tenant_id,
            oid,
            profile,
            ..
        } = &self.user;
        Principal {
            tenant_id: tenant_id.clone(),
            oid: oid.clone(),
            kind: PrincipalKind::User,
            application: None,
            subject: self.outline.subject.clone(),
            name: profile.name.clone(),
            username: profile.username.clone(),
            roles: profile.roles.clone(),
            groups: profile.groups.clone(),
            scopes: scope.split(' ').map(str::to_owned).collect(),
        }
    }

    /// Says for the audit log whose session it is that something is done in.
    pub(crate) fn audit(&self, cx: &mut Cx<'_>) {
        self.user.audit(cx);
        self.outline.client.audit(cx);
        if let Some(audited) = cx.audited() {
            audited.session = Some(self.id.to_string());
        }
    }
}
