//! From an access token of Entra's to its caller, and the record that the caller has here.
//!
//! ```text
//! Finding --verified lately--------------------------------> Reading --its record--> the caller
//!    \--not--> verified --\--key unknown, once--> AwaitingKeys    \--none--> Creating --written--> the caller
//! ```
//!
//! A caller has a record as a session has: it names the MCP sessions that were ended, and holds the key of the caller's
//! tasks. It is of tenant, user and application, never of one token, so that it outlives a renewed one; and it holds no
//! token (threats D16, I2, I4).

mod groups_left_out;

use std::sync::Arc;

use ::http::{Response, StatusCode};
use bytes::Bytes;
use ring::digest::{SHA256, digest};

pub(crate) use self::groups_left_out::GroupsLeftOut;
use super::{
    bearer,
    caller::{Caller, LookedUp},
    entra_token::{self, EntraTokenError},
    response,
};
use crate::{
    ask::{Awaiting, Guard, Store, StoreFault, Stored, Version},
    catalog::{ClientInfo, Principal, PrincipalKind},
    entra_token::{EntraCaller, TokenHash},
    event::Answer,
    hub::{FindEntraCaller, KnownToken, NeedMetadata, PresentedTokenMessage, ToHub, ToHubKind},
    id::SessionId,
    keys::Purpose,
    log_event::{Field, LogEvent, LogEventId},
    route::Route,
    secret::Secret,
    session::{
        Share, allowed,
        lookup::SessionRecord,
        record::{Contexts, Hash, Outline, Profile, Session, User},
    },
    step::{Cx, Progress},
    time::UnixTime,
};

/// For the operator. Who is no user, or on whose behalf Entra gives no token, is in none (threat D21).
const MORE_GROUPS: &str = "who may sign in is limited, and its user is in more groups than a token names: have the \
                           registration name only those that are assigned to the application, or use app roles";

/// For the operator.
const REVOKED: &str = "Entra ID takes it no more: it was revoked, or its user was disabled";

/// A look-up under way.
#[derive(Debug)]
pub(crate) struct EntraLookup {
    route: Route,
    token: Secret<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Was the token verified lately?
    Finding(TokenHash, Awaiting<FindEntraCaller>),
    /// Entra's keys are not known, or the one that the token names is not.
    AwaitingKeys(TokenHash, Awaiting<NeedMetadata>),
    /// The caller's record is read.
    Reading(Box<Owner>, Record, Awaiting<Store>),
    /// It is written for the first time.
    Creating(Box<Owner>, Awaiting<Store>),
}

/// Whether the record was just written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    Old,
    New,
}

/// A caller, and what their record is called and opened by.
#[derive(Debug)]
struct Owner {
    caller: Arc<EntraCaller>,
    user: User,
    client: Hash,
    id: SessionId,
    share: Share,
}

/// How far it is. An error is the response to give.
pub(super) type EntraLookupProgress = Progress<EntraLookup, Result<LookedUp, Box<Response<Bytes>>>>;

impl EntraLookup {
    /// Looks up the caller of a token that nobody has looked at yet.
    pub(super) fn start(route: Route, token: Secret<String>, cx: &mut Cx<'_>) -> Self {
        let hash = hash_of(&token);
        let finding = cx.ask_hub(|ticket| {
            ToHubKind::PresentedTokens(PresentedTokenMessage::Find {
                ticket,
                token: hash,
            })
        });
        Self {
            route,
            token,
            state: State::Finding(hash, finding),
        }
    }

    pub(super) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> EntraLookupProgress {
        let Self {
            route,
            token,
            state,
        } = self;
        match state {
            State::Finding(hash, finding) => match finding.into_answer(answer) {
                KnownToken::Caller(caller) if cx.env.now.unix < caller.expires => {
                    Self::read(route, token, caller, cx)
                }
                KnownToken::Revoked => refuse(route, EntraTokenError::Invalid(REVOKED), cx),
                KnownToken::Caller(_) | KnownToken::Unknown => {
                    Self::verify(route, token, hash, true, cx)
                }
            },
            State::AwaitingKeys(hash, awaiting) => {
                awaiting.into_answer(answer);
                Self::verify(route, token, hash, false, cx)
            }
            State::Reading(owner, record, reading) => match reading.into_answer(answer) {
                Ok(Some(stored)) => match owner.open(&stored, cx) {
                    Some((session, version)) => ready(*owner, session, version, token, cx),
                    None => unavailable(LogEventId::SessionNotOpened, cx),
                },
                Ok(None) if record == Record::Old => Self::create(route, token, owner, cx),
                Ok(None) | Err(_) => unavailable(LogEventId::SessionUnavailable, cx),
            },
            State::Creating(owner, written) => match written.into_answer(answer) {
                // Read, for its version; or another exchange was faster.
                Ok(_) | Err(StoreFault::Conflict) => {
                    let reading = cx.store(Store::Get(owner.id.key()));
                    Self::waiting(route, token, State::Reading(owner, Record::New, reading))
                }
                Err(StoreFault::Unavailable) => unavailable(LogEventId::SessionNotStored, cx),
            },
        }
    }

    fn waiting(route: Route, token: Secret<String>, state: State) -> EntraLookupProgress {
        Progress::Pending(Self {
            route,
            token,
            state,
        })
    }

    /// Verifies the token. `may_wait`: for Entra's keys, if the one is not known that the token names.
    fn verify(
        route: Route,
        token: Secret<String>,
        hash: TokenHash,
        may_wait: bool,
        cx: &mut Cx<'_>,
    ) -> EntraLookupProgress {
        let Some(accepted) = cx.env.server.config.entra_tokens.as_ref() else {
            return refuse(route, EntraTokenError::Invalid("none are taken"), cx);
        };
        let metadata = cx.env.entra.metadata.clone();
        let verified = metadata
            .as_ref()
            .map(|metadata| entra_token::verify(token.expose(), accepted, metadata, cx.env));
        match verified {
            None | Some(Err(EntraTokenError::UnknownKey)) if may_wait => {
                let newer_than = cx.env.entra.revision;
                let awaiting = cx.ask_hub(|ticket| ToHubKind::NeedMetadata { ticket, newer_than });
                Self::waiting(route, token, State::AwaitingKeys(hash, awaiting))
            }
            None => unavailable(LogEventId::SignInUnavailable, cx),
            Some(Err(error)) => refuse(route, error, cx),
            Some(Ok(caller)) => {
                if metadata.is_some() && cx.env.entra.is_stale(cx.env.now) {
                    let newer_than = cx.env.entra.revision;
                    // Nobody waits for the answer.
                    drop(cx.ask_hub(|ticket| ToHubKind::NeedMetadata { ticket, newer_than }));
                }
                let caller = Arc::new(caller);
                let verified = PresentedTokenMessage::Verified {
                    token: hash,
                    caller: Arc::clone(&caller),
                };
                cx.to_hub(ToHub(ToHubKind::PresentedTokens(verified)));
                let event = LogEvent::new(LogEventId::EntraTokenAccepted)
                    .with(Field::Principal, caller.kind.as_str())
                    .with(Field::Application, &caller.application);
                audit(&caller, cx);
                cx.log(event);
                Self::read(route, token, caller, cx)
            }
        }
    }

    /// Reads the record of a caller whose groups are known, or make no difference.
    fn read(
        route: Route,
        token: Secret<String>,
        caller: Arc<EntraCaller>,
        cx: &mut Cx<'_>,
    ) -> EntraLookupProgress {
        audit(&caller, cx);
        let is_left_out = caller.has_more_groups && caller.kind == PrincipalKind::User;
        let owner = Box::new(Owner::of(caller, cx));
        if is_left_out {
            let left_out = GroupsLeftOut::new(route, token, owner);
            return Progress::Ready(Ok(LookedUp::GroupsLeftOut(Box::new(left_out))));
        }
        Self::read_record(route, token, owner, cx)
    }

    /// Reads the record of a caller who may use this server, as the settings and the list of clients are now.
    fn read_record(
        route: Route,
        token: Secret<String>,
        owner: Box<Owner>,
        cx: &mut Cx<'_>,
    ) -> EntraLookupProgress {
        if allowed::check(&owner.user, &owner.client, cx.env).is_err() {
            let reason = match owner.caller.has_more_groups {
                true => MORE_GROUPS,
                false => "who may sign in is limited, and this is none",
            };
            return refuse(route, EntraTokenError::Forbidden(reason), cx);
        }
        let reading = cx.store(Store::Get(owner.id.key()));
        Self::waiting(route, token, State::Reading(owner, Record::Old, reading))
    }

    fn create(
        route: Route,
        token: Secret<String>,
        owner: Box<Owner>,
        cx: &mut Cx<'_>,
    ) -> EntraLookupProgress {
        let (server, now) = (cx.env.server, cx.env.now.unix);
        let outline = Outline {
            client: owner.client,
            subject: owner.user.subject(&owner.client, &server.keys),
            ..Outline::default()
        };
        let granted = (String::new(), server.config.public_url.issuer().to_owned());
        let user = owner.user.clone();
        let mut session = Session::new(owner.id, outline, user, granted, now, cx.entropy);
        session.open_only_to(&owner.share, server);
        let expires = session.expires(now, &server.config.lifetimes);
        let put = session.put(Guard::Absent, expires, &server.keys, cx.entropy);
        let written = cx.store(put);
        Self::waiting(route, token, State::Creating(owner, written))
    }
}

impl Owner {
    fn of(caller: Arc<EntraCaller>, cx: &Cx<'_>) -> Self {
        let user = User {
            tenant_id: caller.tenant_id.clone(),
            oid: caller.oid.clone(),
            sub: None,
            profile: Profile {
                contexts: Contexts::default(),
                name: caller.name.clone(),
                username: caller.username.clone(),
                roles: caller.roles.clone(),
                groups: caller.groups.clone(),
                is_guest: caller.is_guest,
            },
        };
        // No `client_id` of the first door has the same hash, so none shares an owner with an application of Entra's.
        let client =
            Hash::of(format!("application of Entra ID\n{}", caller.application).as_bytes());
        let name = format!("{}|{}|{}", user.tenant_id, user.oid, caller.application);
        let derived = cx
            .env
            .server
            .keys
            .mac(Purpose::EntraCaller, name.as_bytes());
        let (id, share) = halves(&derived);
        Self {
            caller,
            user,
            client,
            id: SessionId::new(id),
            share: Share::new(share),
        }
    }

    fn open(&self, stored: &Stored, cx: &Cx<'_>) -> Option<(Session, Version)> {
        Session::open(self.id, stored, &self.share, cx.env.server)
    }
}

fn hash_of(token: &Secret<String>) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.expose().as_bytes()).as_ref());
    hash
}

fn halves(bytes: &[u8]) -> ([u8; 16], [u8; 16]) {
    let first = bytes.first_chunk().copied().unwrap_or_default();
    let last = bytes.last_chunk().copied().unwrap_or_default();
    (first, last)
}

/// Says for the audit log who calls.
fn audit(caller: &EntraCaller, cx: &mut Cx<'_>) {
    if let Some(audited) = cx.audited() {
        audited.tenant_id = Some(caller.tenant_id.clone());
        audited.object_id = Some(caller.oid.clone());
        audited.principal = Some(caller.kind.as_str().to_owned());
        audited.application = Some(caller.application.clone());
    }
}

fn ready(
    owner: Owner,
    mut session: Session,
    version: Version,
    token: Secret<String>,
    cx: &mut Cx<'_>,
) -> EntraLookupProgress {
    // The record has what was true when it was written.
    session.user = owner.user;
    if let Some(audited) = cx.audited() {
        audited.session = Some(session.id.to_string());
    }
    let lifetime = cx.env.server.config.lifetimes.session_token;
    let expires: UnixTime = owner.caller.expires.min(cx.env.now.unix.after(lifetime));
    let principal = Principal {
        kind: owner.caller.kind,
        application: Some(owner.caller.application.clone()),
        ..session.principal(&owner.caller.scope)
    };
    Progress::Ready(Ok(LookedUp::Caller(Box::new(Caller {
        principal_id: session.principal.at(cx.env.endpoint_name()),
        scope: owner.caller.scope.as_str().into(),
        principal: Arc::new(principal),
        session: Arc::clone(session.known()),
        record: SessionRecord::Opened(Box::new(session)),
        version,
        expires,
        entra: Some(Box::new((owner.caller, token))),
        client_info: ClientInfo::default(),
    }))))
}

fn refuse(route: Route, error: EntraTokenError, cx: &mut Cx<'_>) -> EntraLookupProgress {
    let event = LogEvent::new(LogEventId::EntraTokenRefused);
    cx.log(event.with_text(Field::Reason, error.as_str()));
    Progress::Ready(Err(Box::new(match error {
        EntraTokenError::UnknownKey | EntraTokenError::Invalid(_) => {
            bearer::entra_token_refused(route, cx.env)
        }
        EntraTokenError::NoScope => bearer::insufficient_scope(route, &[], "", cx.env),
        EntraTokenError::Forbidden(_) => {
            let text =
                "Who calls may not use this server: its operator finds the reason in its log.\n";
            response::text(StatusCode::FORBIDDEN, text)
        }
    })))
}

fn unavailable(event: LogEventId, cx: &mut Cx<'_>) -> EntraLookupProgress {
    cx.log(event);
    Progress::Ready(Err(Box::new(response::unavailable())))
}

#[cfg(test)]
mod tests;
