//! An access token for a call of somebody: that of their session, or one on behalf of the access token that they present.

use std::{borrow::Cow, sync::Arc};

use super::{
    access_token::{AccessToken, AccessTokenError, AccessTokenProgress, AcquireToken},
    on_behalf_of::{OnBehalfOf, OnBehalfOfProgress, Reason},
    permission::Permission,
    session_token::{SessionToken, SessionTokenProgress},
};
use crate::{
    admit::caller::Caller,
    ask::Version,
    catalog::{PrincipalKind, scope::Scope},
    claims_challenge::ClaimsChallenge,
    entra_token::EntraCaller,
    env::Server,
    event::Answer,
    fault::Fault,
    secret::Secret,
    session::record::{Session, User},
    step::{Cx, Progress},
};

/// For the model and the user.
const NO_USER: &str = "This acts as a user, and an application without a user calls. Call it with the access token of a \
                       user.";

/// What a caller shows to Entra for a token.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// The session, and which writing of it.
    Session(Box<Session>, Version),
    /// The access token that was presented, and the scopes that it has here.
    Assertion(Box<Assertion>),
}

/// An access token for this application, as an assertion of whom it is of (RFC 7523 section 2.1).
#[derive(Clone, Debug)]
pub(crate) struct Assertion {
    pub(super) caller: Arc<EntraCaller>,
    pub(super) token: Secret<String>,
    pub(super) user: User,
}

impl Assertion {
    /// Whether its client takes claims challenges.
    pub(crate) fn takes_challenges(&self) -> bool {
        self.caller.takes_challenges
    }
}

impl Credentials {
    pub(crate) fn of(caller: &Caller, server: &Server) -> Self {
        match caller.entra.as_deref() {
            None => Self::Session(Box::new(caller.whole_session(server)), caller.version),
            Some((entra, token)) => Self::of_presented(entra, token, &caller.session.user),
        }
    }

    /// Those of whoever presents an access token.
    pub(crate) fn of_presented(
        caller: &Arc<EntraCaller>,
        token: &Secret<String>,
        user: &User,
    ) -> Self {
        Self::Assertion(Box::new(Assertion {
            caller: Arc::clone(caller),
            token: token.clone(),
            user: user.clone(),
        }))
    }

    /// The user whose requests are counted.
    pub(crate) fn user(&self) -> &User {
        match self {
            Self::Session(session, _) => &session.user,
            Self::Assertion(assertion) => &assertion.user,
        }
    }
}

/// Says to model and user why there is no token.
pub(crate) fn no_token(fault: Fault) -> Cow<'static, str> {
    Cow::Borrowed(match fault {
        Fault::Throttled(seconds) => {
            return Cow::Owned(format!(
                "Microsoft Entra ID has had too many requests. Please try again in {seconds} seconds."
            ));
        }
        Fault::Entra => {
            "Microsoft Entra ID cannot be reached at the moment. Please try again later."
        }
        Fault::Configuration => {
            "Microsoft Entra ID refuses what this server asks for: it does not pass, and its operator must look at its log."
        }
        Fault::Store => {
            "This server cannot read its sessions at the moment. Please try again later."
        }
    })
}

/// A token that is being got.
#[derive(Debug)]
pub(crate) enum CallerToken {
    Session(Box<AcquireToken>),
    OnDemand(Box<SessionToken>),
    OnBehalfOf(Box<OnBehalfOf>),
}

/// How far it is, and what it results in.
pub(crate) type CallerTokenProgress =
    Progress<CallerToken, Result<Secret<String>, AccessTokenError>>;

impl CallerToken {
    /// A token for Microsoft Graph.
    pub(crate) fn for_graph(credentials: &Credentials, cx: &mut Cx<'_>) -> CallerTokenProgress {
        match credentials {
            Credentials::Session(session, version) => {
                of_session(AcquireToken::start(session, *version, cx))
            }
            Credentials::Assertion(assertion) => graph_on_behalf_of(assertion, Reason::Needed, cx),
        }
    }

    /// A new one: Graph has refused the other, and may want these claims.
    pub(crate) fn renew(
        credentials: &Credentials,
        claims: Option<ClaimsChallenge>,
        cx: &mut Cx<'_>,
    ) -> CallerTokenProgress {
        match credentials {
            Credentials::Session(session, version) => {
                of_session(AcquireToken::renew(session, *version, claims, cx))
            }
            Credentials::Assertion(assertion) => {
                graph_on_behalf_of(assertion, Reason::Refused(claims), cx)
            }
        }
    }

    /// A token for a permission of any resource, if the caller was granted a scope that stands for it.
    pub(crate) fn for_scope(
        permission: &str,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> CallerTokenProgress {
        let credentials = Credentials::of(caller, cx.env.server);
        if let Credentials::Assertion(assertion) = &credentials
            && let Err(error) = has_user(assertion.caller.kind)
        {
            return Progress::Ready(Err(error));
        }
        let permission = match granted(permission, caller, cx) {
            Ok(permission) => permission,
            Err(reason) => return Progress::Ready(Err(AccessTokenError::Denied(reason))),
        };
        let (session, version) = match credentials {
            Credentials::Session(session, version) => (session, version),
            Credentials::Assertion(assertion) => {
                let scope = permission.to_resource_scope();
                return on_behalf_of(OnBehalfOf::start(&assertion, scope, Reason::Needed, cx));
            }
        };
        match AcquireToken::is_covered(&permission, &session, cx) {
            Some(true) => of_session(AcquireToken::start(&session, version, cx)),
            Some(false) => {
                let reason = Reason::Needed;
                on_demand(SessionToken::start(
                    permission, reason, &session, version, cx,
                ))
            }
            None => Progress::Ready(Err(AccessTokenError::SessionEnded)),
        }
    }

    /// A token for the application that a backend of the gateway is, as the operator has set it and the consent page has said;
    /// another than the one before if that was refused, which may have wanted claims.
    pub(crate) fn for_backend(
        scopes: &str,
        refused: Option<ClaimsChallenge>,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> CallerTokenProgress {
        let reason = match refused {
            None => Reason::Needed,
            claims @ Some(_) => Reason::Refused(claims),
        };
        let Some(permission) = Permission::parse(scopes, &cx.env.server.config.entra) else {
            let reason = "The scopes of the server behind this gateway are none of Entra ID's.";
            return Progress::Ready(Err(AccessTokenError::Denied(reason.into())));
        };
        match Credentials::of(caller, cx.env.server) {
            Credentials::Session(session, version) => on_demand(SessionToken::start(
                permission, reason, &session, version, cx,
            )),
            Credentials::Assertion(assertion) => match has_user(assertion.caller.kind) {
                Ok(()) => {
                    let scope = permission.to_resource_scope();
                    on_behalf_of(OnBehalfOf::start(&assertion, scope, reason, cx))
                }
                Err(error) => Progress::Ready(Err(error)),
            },
        }
    }

    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> CallerTokenProgress {
        match self {
            Self::Session(access) => of_session(access.handle(answer, cx)),
            Self::OnDemand(request) => on_demand(request.handle(answer, cx)),
            Self::OnBehalfOf(request) => on_behalf_of(request.handle(answer, cx)),
        }
    }
}

fn graph_on_behalf_of(
    assertion: &Assertion,
    reason: Reason,
    cx: &mut Cx<'_>,
) -> CallerTokenProgress {
    if let Err(error) = has_user(assertion.caller.kind) {
        return Progress::Ready(Err(error));
    }
    let server = cx.env.server;
    let scope = server.scopes.held(&assertion.caller.scope);
    let scope = scope.to_resource_scope(&server.config.entra);
    on_behalf_of(OnBehalfOf::start(assertion, scope, reason, cx))
}

/// Entra refuses an application's token as an assertion; it is not asked.
fn has_user(kind: PrincipalKind) -> Result<(), AccessTokenError> {
    match kind.has_user() {
        true => Ok(()),
        false => Err(AccessTokenError::Denied(NO_USER.into())),
    }
}

/// What a tool asks a token for, if the caller was granted that: what the consent page said holds, whatever else the user
/// has consented to at Entra (threat P1).
fn granted(wanted: &str, caller: &Caller, cx: &Cx<'_>) -> Result<Permission, Cow<'static, str>> {
    let server = cx.env.server;
    let entra = &server.config.entra;
    let Some(permission) = Permission::parse(wanted, entra) else {
        return Err("The tool asked for a token that Entra ID does not have.".into());
    };
    let is_one_of = |scope: Scope| permission.is_among(&scope, entra);
    if is_one_of(server.scopes.held(&caller.scope)) {
        return Ok(permission);
    }
    Err(match is_one_of(server.scopes.all()) {
        true => {
            let needed = server.scopes.standing_for(|scope| permission.needs(scope, entra));
            format!(
                "This session was not granted `{needed}`. The tool must require that scope (`requires_scope`), so that the \
                 client has its user sign in for it."
            )
        }
        false => "This server offers no scope that stands for the permission that the tool needs, so that no user can \
                  grant it: its author must define one (`ScopeDefinition`), and have the tool require it."
            .to_owned(),
    }
    .into())
}

fn of_session(progress: AccessTokenProgress) -> CallerTokenProgress {
    secret(progress.map_pending(CallerToken::Session))
}

fn on_demand(progress: SessionTokenProgress) -> CallerTokenProgress {
    secret(progress.map_pending(|request| CallerToken::OnDemand(Box::new(request))))
}

fn secret(
    progress: Progress<CallerToken, Result<AccessToken, AccessTokenError>>,
) -> CallerTokenProgress {
    match progress {
        Progress::Pending(pending) => Progress::Pending(pending),
        Progress::Ready(result) => Progress::Ready(result.map(|token| token.secret)),
    }
}

fn on_behalf_of(progress: OnBehalfOfProgress) -> CallerTokenProgress {
    progress.map_pending(|request| CallerToken::OnBehalfOf(Box::new(request)))
}
