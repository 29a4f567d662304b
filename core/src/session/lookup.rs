//! Session look-up: from what a session token says to the session that it stands for.
//!
//! ```text
//! verified --> AwaitingSession --found, and its own--> the session
//!                     \--gone, or another's--> Unknown
//! ```
//!
//! A good signature alone opens nothing: the session must still be there, and the token's share must open
//! its record (threats F8, G3).

use super::{
    record::Session,
    token::{ClientRef, Verified},
};
use crate::{
    ask::{Awaiting, Store, Stored, Version},
    event::Answer,
    log_event::LogEventId,
    step::Cx,
};

/// A look-up under way.
#[derive(Debug)]
pub(crate) struct SessionLookup {
    verified: Verified,
    read: Awaiting<Store>,
}

/// The session that a token stands for.
#[derive(Debug)]
pub(crate) struct FoundSession {
    pub(crate) session: Session,
    /// Which writing of it.
    pub(crate) version: Version,
    /// What the token says.
    pub(crate) verified: Verified,
}

impl FoundSession {
    /// The scopes that the token allows, space separated.
    pub(crate) fn scope(&self) -> String {
        match &self.verified.narrowed {
            None => self.session.scope.clone(),
            Some(mask) => mask.apply(&self.session.scope),
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
    pub(crate) fn start(verified: Verified, cx: &mut Cx<'_>) -> Self {
        let read = cx.store(Store::Get(verified.session_id.key()));
        Self { verified, read }
    }

    pub(crate) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Result<FoundSession, LookupError> {
        let Self { verified, read } = self;
        match read.into_answer(answer) {
            Err(_) => Err(LookupError::Unavailable),
            Ok(stored) => stored
                .and_then(|stored| open(verified, &stored, cx))
                .ok_or(LookupError::Unknown),
        }
    }
}

/// Opens the session of a token, if it is the token's own.
fn open(verified: Verified, stored: &Stored, cx: &mut Cx<'_>) -> Option<FoundSession> {
    let share = &verified.share;
    let opened = Session::open(verified.session_id, stored, share, cx.env.server);
    let Some((session, version)) = opened else {
        cx.log(LogEventId::SessionNotOpened);
        return None;
    };
    let is_its_client = verified.client == ClientRef::of(&session.outline.client);
    let public_url = &cx.env.server.config.public_url;
    let is_its_resource = public_url.covers(&session.resource, &verified.resource);
    (is_its_client && is_its_resource).then_some(FoundSession {
        session,
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

    /// Whether Alice's token opens the MCP endpoint once her stored session was changed.
    fn opens(change: impl FnOnce(&mut Session)) -> u16 {
        let mut world = World::new();
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
        let hello = crate::mcp::testing::initialize("2025-11-25");
        world.post("alice", &[], hello).status().as_u16()
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
}
