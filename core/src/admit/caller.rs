//! Who calls: from the session token of a request to the session that it stands for.
//!
//! The user comes from the token only: never from arguments, `_meta` or other headers
//! (threat P2). A token whose session is gone is 401, so that the client signs in again
//! (threat F8).

use std::sync::Arc;

use ::http::Response;
use bytes::Bytes;

pub(crate) use super::entra_lookup::GroupsLeftOut;
use super::{
    bearer::{self, Credential},
    entra_lookup::{EntraLookup, EntraLookupProgress},
};
use crate::{
    ask::Version,
    catalog::{
        Audience, Client, ClientCapabilities, ClientInfo, Principal, PrincipalKind, VerifiedBy,
    },
    entra_token::EntraCaller,
    env::Server,
    event::Answer,
    http::response,
    id::PrincipalId,
    log_event::LogEventId,
    opened_session::OpenedSession,
    planted::Planted,
    revision::Revision,
    route::Route,
    secret::Secret,
    session::{
        lookup::{KnownCaller, LookupError, SessionLookup, SessionRecord},
        record::{KnownSession, Session},
    },
    step::{Cx, Progress},
    time::UnixTime,
};

/// Who calls, proven by a session token that maps to a session, or by an access token of Entra's.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) session: Arc<KnownSession>,
    pub(crate) record: SessionRecord,
    /// Which writing of the session.
    pub(crate) version: Version,
    /// When the token ends, or is looked at again.
    pub(crate) expires: UnixTime,
    /// What the token allows: the scopes of the session, or fewer.
    pub(crate) scope: Arc<str>,
    /// Who calls, as tools see it.
    pub(crate) principal: Arc<Principal>,
    /// Whom an access token of Entra's stands for, and that token; `None` with a session token.
    pub(crate) entra: Option<Box<(Arc<EntraCaller>, Secret<String>)>>,
    /// Tenant, user and client as one value: MCP sessions and streams are bound to it, so that they
    /// outlive a renewed token and nobody else's token opens them (threats I2, I9).
    pub(crate) principal_id: PrincipalId,
    /// Which program the client says that it is, where its MCP session knows.
    pub(crate) client_info: ClientInfo,
}

impl Caller {
    /// The session with what is sealed in it.
    pub(crate) fn whole_session(&self, server: &Server) -> Session {
        self.record.open(self.session.id, server)
    }

    /// Whether the token allows what needs this scope.
    pub(crate) fn may(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|held| held == scope)
    }

    /// Whether something is for a user of these roles and groups; for the others it is not there
    /// (threat P1).
    pub(crate) fn may_see(&self, audience: &Audience) -> bool {
        let profile = &self.session.user.profile;
        audience.includes(&profile.roles, &profile.groups)
    }

    /// What kind of caller it is.
    pub(crate) fn kind(&self) -> PrincipalKind {
        let entra = self.entra.as_ref();
        entra.map_or(PrincipalKind::User, |entra| entra.0.kind)
    }

    /// Through which client, as tools see it.
    pub(crate) fn client(&self, revision: Revision, capabilities: ClientCapabilities) -> Client {
        let client = Client {
            info: self.client_info.clone(),
            id: self.session.outline.client.name(),
            ..Client::of_revision(revision, capabilities)
        };
        match (&self.entra, &self.session.client) {
            (Some(_), _) => Client {
                verified_by: VerifiedBy::Entra,
                ..client
            },
            (None, Some(approved)) => Client {
                approved_as: approved.name.clone(),
                verified_by: approved.verified_by.clone(),
                ..client
            },
            (None, None) => client,
        }
    }
}

/// A look-up under way.
#[derive(Debug)]
pub(crate) enum CallerLookup {
    /// Of the session of a session token.
    Session(Route, Box<SessionLookup>),
    /// Of the caller of another token.
    Entra(Box<EntraLookup>),
}

/// What a look-up comes to.
#[derive(Debug)]
pub(crate) enum LookedUp {
    /// It is known who calls.
    Caller(Box<Caller>),
    /// First Graph must say in which groups they are.
    GroupsLeftOut(Box<GroupsLeftOut>),
}

/// How far it is. An error is the response to give if the caller is refused, or cannot be known now.
pub(crate) type LookupProgress = Progress<CallerLookup, Result<LookedUp, Box<Response<Bytes>>>>;

impl CallerLookup {
    /// Looks up whose a token is.
    pub(crate) fn start(
        route: Route,
        credential: Credential,
        opened: Option<OpenedSession>,
        cx: &mut Cx<'_>,
    ) -> Self {
        match credential {
            Credential::Session(verified) => {
                Self::Session(route, Box::new(SessionLookup::start(verified, opened, cx)))
            }
            Credential::Entra(token) => {
                Self::Entra(Box::new(EntraLookup::start(route, *token, cx)))
            }
        }
    }

    /// Takes the answer that was waited for.
    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> LookupProgress {
        match self {
            Self::Session(route, lookup) => {
                Progress::Ready(found(route, *lookup, answer, cx).map(LookedUp::Caller))
            }
            Self::Entra(lookup) => Self::of_entra(lookup.handle(answer, cx)),
        }
    }

    /// Goes on with the caller of an access token of Entra's.
    pub(super) fn of_entra(progress: EntraLookupProgress) -> LookupProgress {
        progress.map_pending(|lookup| Self::Entra(Box::new(lookup)))
    }
}

/// Takes the session that was looked up.
fn found(
    route: Route,
    lookup: SessionLookup,
    answer: Answer,
    cx: &mut Cx<'_>,
) -> Result<Box<Caller>, Box<Response<Bytes>>> {
    match lookup.handle(answer, cx) {
        Ok(found) => {
            let KnownCaller {
                session,
                scope,
                principal,
            } = &*found.known;
            session.audit(cx);
            let endpoint = cx.env.endpoint_name();
            let endpoint = endpoint.filter(|_| !cx.env.server.has(Planted::EndpointsNotApart));
            Ok(Box::new(Caller {
                principal_id: session.principal.at(endpoint),
                scope: Arc::clone(scope),
                principal: Arc::clone(principal),
                session: Arc::clone(session),
                record: found.record,
                version: found.version,
                expires: found.verified.expires,
                entra: None,
                client_info: ClientInfo::default(),
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
