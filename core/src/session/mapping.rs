//! Session mapping: from the text of a session token to the session that it stands for.
//!
//! ```text
//! presented --good signature, issuer, audience, time--> Mapping --found, and its own--> Session
//!           \--anything else--> None                          \--gone--> Unknown
//! ```
//!
//! A good signature alone opens nothing: the session must still be there, and the token's share must open
//! its record (threats F8, G3).

use super::{
    record::{Hash, Session},
    token::{self, Verified},
};
use crate::{
    ask::{Awaiting, Store, Version},
    event::Event,
    log_event::LogEventId,
    step::Cx,
};

/// A look-up under way.
#[derive(Debug)]
pub(crate) struct Mapping {
    verified: Verified,
    awaiting: Awaiting<Store>,
}

/// How far a look-up is.
#[derive(Debug)]
pub(crate) enum Mapped {
    /// It goes on.
    Waiting(Mapping),
    /// The session, and what the token says.
    Session {
        /// The session.
        session: Box<Session>,
        /// Which writing of it.
        version: Version,
        /// What the token says.
        verified: Verified,
    },
    /// There is no such session any more.
    Unknown,
    /// It cannot be known now: the store is out of reach.
    Fault,
}

impl Mapping {
    /// Verifies a session token and looks its session up; `None` if the token is not good.
    pub(crate) fn start(presented: &str, cx: &mut Cx<'_>) -> Option<Self> {
        let verified = token::verify(presented, cx.env.server, cx.env.now.unix)?;
        let awaiting = cx.store(Store::Get(verified.session_id.key()));
        Some(Self { verified, awaiting })
    }

    /// The next state after an event.
    pub(crate) fn handle(self, event: Event, cx: &mut Cx<'_>) -> Mapped {
        let Event::Stored(answered) = event else {
            return Mapped::Waiting(self);
        };
        let stored = match self.awaiting.take(answered) {
            None => return Mapped::Waiting(self),
            Some(Err(_)) => return Mapped::Fault,
            Some(Ok(None)) => return Mapped::Unknown,
            Some(Ok(Some(stored))) => stored,
        };
        let verified = self.verified;
        let opened = Session::open(verified.session_id, &stored, &verified.share, cx.env.server);
        let Some((session, version)) = opened else {
            cx.log(LogEventId::SessionNotOpened);
            return Mapped::Unknown;
        };
        let is_its_client = session.outline.client == Hash::of(verified.client_id.as_bytes());
        if is_its_client && session.resource == verified.resource {
            Mapped::Session {
                session: Box::new(session),
                version,
                verified,
            }
        } else {
            Mapped::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ask::{Guard, Stored},
        mcp::testing::World,
        session::record::SpentCode,
        testing::{entropy, session_of},
    };

    /// Whether Alice's token opens the MCP endpoint once her stored session was changed.
    fn opens(change: impl FnOnce(&mut Session)) -> u16 {
        let mut world = World::new();
        let keys = world.server.server.keys.clone();
        let mut session = world.session("alice");
        change(&mut session);
        let (own, _) = session_of("alice", "a client");
        let expires = session.expires(world.server.now.unix);
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
    fn a_token_opens_its_own_session_only() {
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
            code_challenge: String::new(),
            redeemed: session.created,
        };
        let other_code = |session: &mut Session| session.outline.spent_code = Some(spent_code);
        assert_eq!(opens(other_code), 200);
    }
}
