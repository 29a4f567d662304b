//! Session look-up: from what a session token says to the session that it stands for.
//!
//! ```text
//! verified --> AwaitingSession --found, and its own--> the session
//!                     \--gone, or another's--> Unknown
//! ```
//!
//! A good signature alone opens nothing: the session must still be there, and the token's share must open
//! its record (threats F8, G3).

use std::sync::Arc;

use super::{
    Share,
    record::{KnownSession, Session},
    token::{ClientRef, Verified},
};
use crate::{
    ask::{Awaiting, Store, Stored, Version},
    catalog::Principal,
    env::Server,
    event::Answer,
    id::SessionId,
    log_event::LogEventId,
    opened_session::OpenedSession,
    step::Cx,
};

/// A look-up under way.
#[derive(Debug)]
pub(crate) struct SessionLookup {
    verified: Verified,
    /// What is kept of the session.
    opened: Option<OpenedSession>,
    read: Awaiting<Store>,
}

/// What a token stands for.
#[derive(Debug)]
pub(crate) struct KnownCaller {
    pub(crate) session: Arc<KnownSession>,
    /// The scopes that the token allows, space separated.
    pub(crate) scope: Arc<str>,
    /// Who calls, as tools see it.
    pub(crate) principal: Arc<Principal>,
}

/// The session that a token stands for.
#[derive(Debug)]
pub(crate) struct FoundSession {
    pub(crate) known: Arc<KnownCaller>,
    pub(crate) record: SessionRecord,
    /// Which writing of it.
    pub(crate) version: Version,
    /// What the token says.
    pub(crate) verified: Verified,
}

/// What opens a session whole: few requests need that.
#[derive(Debug)]
pub(crate) enum SessionRecord {
    /// It is open.
    Opened(Box<Session>),
    /// The record as it is stored, and the share that has opened it before.
    Sealed(Stored, Share),
}

impl SessionRecord {
    /// The whole session.
    pub(crate) fn open(&self, id: SessionId, server: &Server) -> Session {
        match self {
            Self::Opened(session) => (**session).clone(),
            Self::Sealed(stored, share) => {
                let opened = Session::open(id, stored, share, server);
                opened
                    .expect("the same share has opened the same record before")
                    .0
            }
        }
    }
}

impl KnownCaller {
    fn new(session: &Arc<KnownSession>, verified: &Verified) -> Self {
        let scope: Arc<str> = match &verified.narrowed {
            None => session.scope.as_str().into(),
            Some(mask) => mask.apply(&session.scope).into(),
        };
        Self {
            session: Arc::clone(session),
            principal: Arc::new(session.principal(&scope)),
            scope,
        }
    }
}

/// Why a token stands for no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookupError {
    /// There is no such session any more.
    Unknown,
    /// It cannot be known now: the store is out of reach.
    Unavailable,
}

impl SessionLookup {
    /// Looks up the session of a token that was verified.
    pub(crate) fn start(
        verified: Verified,
        opened: Option<OpenedSession>,
        cx: &mut Cx<'_>,
    ) -> Self {
        let read = cx.store(Store::Get(verified.session_id.key()));
        Self {
            verified,
            opened,
            read,
        }
    }

    pub(crate) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Result<FoundSession, LookupError> {
        let Self {
            verified,
            opened,
            read,
        } = self;
        match read.into_answer(answer) {
            Err(_) => Err(LookupError::Unavailable),
            Ok(None) => Err(LookupError::Unknown),
            Ok(Some(stored)) => match opened.and_then(|opened| known(opened, &verified, &stored)) {
                Some(known) => Ok(FoundSession {
                    known,
                    version: stored.version,
                    record: SessionRecord::Sealed(stored, verified.share.clone()),
                    verified,
                }),
                None => open(verified, stored, cx).ok_or(LookupError::Unknown),
            },
        }
    }
}

/// What was opened before, if the same token has opened the same record.
fn known(opened: OpenedSession, verified: &Verified, stored: &Stored) -> Option<Arc<KnownCaller>> {
    let is_same = opened.session == verified.session_id
        && opened.token == verified.mac
        && opened.record == stored.record.bytes;
    let known = is_same.then_some(opened.known)?;
    known.downcast().ok()
}

/// Opens the session of a token, if it is the token's own.
fn open(verified: Verified, stored: Stored, cx: &mut Cx<'_>) -> Option<FoundSession> {
    let share = &verified.share;
    let opened = Session::open(verified.session_id, &stored, share, cx.env.server);
    let Some((session, version)) = opened else {
        cx.log(LogEventId::SessionNotOpened);
        return None;
    };
    let is_its_client = verified.client == ClientRef::of(&session.outline.client);
    let public_url = &cx.env.server.config.public_url;
    let is_its_resource = public_url.covers(&session.resource, &verified.resource);
    // An organization that the settings name no more is out at once, not when Entra is asked again (threat D24).
    let is_taken = cx
        .env
        .server
        .config
        .entra
        .takes_tenant(&session.user.tenant_id);
    if !is_its_client || !is_its_resource || !is_taken {
        return None;
    }
    let known = Arc::new(KnownCaller::new(session.known(), &verified));
    cx.remember(OpenedSession {
        session: verified.session_id,
        token: verified.mac,
        record: stored.record.bytes,
        known: Arc::clone(&known) as _,
    });
    Some(FoundSession {
        known,
        record: SessionRecord::Opened(Box::new(session)),
        version,
        verified,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ask::Guard,
        mcp::testing::World,
        session::record::{Hash, SpentCode},
        testing::{entropy, session_of},
    };

    /// Whether Alice's token opens the MCP endpoint once her stored session was changed, though it has opened it before.
    fn opens(change: impl FnOnce(&mut Session)) -> u16 {
        let mut world = World::new();
        let hello = || crate::mcp::testing::initialize("2025-11-25");
        assert_eq!(world.post("alice", &[], hello()).status(), 200);
        let keys = world.server.server.keys.clone();
        let mut session = world.session("alice");
        change(&mut session);
        let (own, _) = session_of("alice", "a client");
        let expires = session.expires(world.server.now.unix, &crate::config::Lifetimes::default());
        let put = session.put(Guard::Any, expires, &keys, &mut entropy(1));
        let Store::Put(_, record, _) = put else {
            panic!("a session is put");
        };
        let stored = Stored {
            record,
            version: Version(9),
        };
        world.store.insert(own.id.key().0, stored);
        world.post("alice", &[], hello()).status().as_u16()
    }

    // D24
    #[test]
    fn session_of_an_organization_that_is_named_no_more_is_over() {
        const NAMED: &str = "aaaaaaaa-2222-2222-2222-222222222222";
        let of_user = |tenant: &str| {
            let mut world = World::new();
            let entra = &mut world.server.server.config.entra;
            entra.tenant = crate::config::ORGANIZATIONS.to_owned();
            entra.tenants = crate::config::Tenants::Listed([NAMED.to_owned()].into());
            let keys = world.server.server.keys.clone();
            let mut session = world.session("alice");
            tenant.clone_into(&mut session.user.tenant_id);
            let lifetimes = crate::config::Lifetimes::default();
            let expires = session.expires(world.server.now.unix, &lifetimes);
            let put = session.put(Guard::Any, expires, &keys, &mut entropy(1));
            let Store::Put(key, record, _) = put else {
                panic!("a session is put");
            };
            let version = Version(9);
            world.store.insert(key.0, Stored { record, version });
            let hello = crate::mcp::testing::initialize("2025-11-25");
            world.post("alice", &[], hello).status().as_u16()
        };
        assert_eq!(of_user(NAMED), 200);
        assert_eq!(of_user("bbbbbbbb-2222-2222-2222-222222222222"), 401);
    }

    // F6, F8, G3
    #[test]
    fn session_token_opens_its_own_session_only() {
        assert_eq!(opens(|_| {}), 200);
        assert_eq!(opens(|session| session.refresh = None), 200);
        let other_client =
            |session: &mut Session| session.outline.client = Hash::of(b"another client");
        assert_eq!(opens(other_client), 401);
        let other_resource =
            |session: &mut Session| session.resource = "http://localhost:3001/sse".to_owned();
        assert_eq!(opens(other_resource), 401);
        let (session, _) = session_of("bob", "a client");
        let bobs = session.id;
        let swapped = |session: &mut Session| session.id = bobs;
        assert_eq!(opens(swapped), 401, "a swapped record does not open");
        let spent_code = SpentCode {
            hash: Hash::of(b"another code"),
            code_challenge: None,
            redeemed: session.created,
        };
        let other_code = |session: &mut Session| session.outline.spent_code = Some(spent_code);
        assert_eq!(opens(other_code), 200);
    }

    // F6, F8, G3
    #[test]
    fn opened_session_is_taken_for_the_same_token_and_record_only() {
        let mut world = World::new();
        let hello = || crate::mcp::testing::initialize("2025-11-25");
        let session = world.session("alice");
        assert_eq!(world.post("alice", &[], hello()).status(), 200);
        let opened = world.opened.get(session.id).expect("it is kept");
        let verified = || {
            let (token, server) = (world.token("alice"), &world.server);
            super::super::token::verify(&token, &server.server, server.now.unix).unwrap()
        };
        let stored = || world.store[&session.id.key().0].clone();
        let is_taken = |opened: OpenedSession, verified: Verified, stored: Stored| {
            known(opened, &verified, &stored).is_some_and(|known| *known.scope == session.scope)
        };
        assert!(is_taken(opened.clone(), verified(), stored()));
        let other_token = Verified {
            mac: [1; 32],
            ..verified()
        };
        assert!(!is_taken(opened.clone(), other_token, stored()));
        let mut other_record = stored();
        other_record.record.bytes = [&other_record.record.bytes[..], b"."].concat().into();
        assert!(!is_taken(opened.clone(), verified(), other_record));
        let other_session = OpenedSession {
            session: SessionId::new([1; 16]),
            ..opened
        };
        assert!(!is_taken(other_session, verified(), stored()));
    }

    // G4
    #[test]
    fn opened_session_that_is_kept_opens_nothing() {
        let mut world = World::new();
        let hello = crate::mcp::testing::initialize("2025-11-25");
        assert_eq!(world.post("alice", &[], hello).status(), 200);
        let session = world.session("alice");
        let opened = world.opened.get(session.id).expect("it is kept");
        let known: Arc<KnownCaller> = opened.known.downcast().unwrap();
        let kept = format!("{known:?}");
        assert!(kept.contains("alice"), "{kept}");
        let token = world.token("alice");
        for secret in token.split('.').chain(["SealingKey", "Opener", "Share"]) {
            assert!(!kept.contains(secret), "{secret} in {kept}");
        }
    }
}
