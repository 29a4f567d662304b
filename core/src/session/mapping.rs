//! Session mapping: from the text of a session token to the session that it stands for.
//!
//! ```text
//! presented --good signature, issuer, audience, time--> Mapping --found, same client--> Session
//!           \--anything else--> None                          \--gone--> Unknown
//! ```
//!
//! A good signature alone opens nothing: the session must still be there (threats.md F8).

use super::{
    record::{Hash, Session},
    token::{self, Verified},
};
use crate::{
    ask::{Awaiting, Store, Version},
    event::Event,
    exchange::Cx,
    fault::Fault,
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
        session: Session,
        /// Which writing of it.
        version: Version,
        /// What the token says.
        verified: Verified,
    },
    /// There is no such session any more.
    Unknown,
    /// It cannot be known now.
    Fault(Fault),
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
            Some(Err(_)) => return Mapped::Fault(Fault::Store),
            Some(Ok(None)) => return Mapped::Unknown,
            Some(Ok(Some(stored))) => stored,
        };
        let verified = self.verified;
        let keys = &cx.env.server.keys;
        let Some((session, version)) = Session::open(verified.session_id, &stored, keys) else {
            return Mapped::Unknown;
        };
        if session.client == Hash::of(verified.client_id.as_bytes()) {
            Mapped::Session {
                session,
                version,
                verified,
            }
        } else {
            Mapped::Unknown
        }
    }
}
