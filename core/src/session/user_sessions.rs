//! The sessions of one user, over all clients: bounded, so that nobody fills the store by signing in. A sign-in
//! beyond the bound ends the session that was used longest ago.
//!
//! ```text
//! ReadingList --room--> WritingList --written--> done
//!    ^   \--full--> Looking, at each in turn --> Ending the idlest --> WritingList
//!    \------------------------------------------- conflict --/
//! ```
//!
//! A record for each user lists the sessions by name. It is written before the session is, so it lacks none;
//! those that have ended otherwise are found gone when the list is full.

mod listed;
#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

pub(crate) use self::listed::{AboutSession, ListedSession, VerifiedBy};
use super::{
    ending::EndingSession,
    record::{Outline, User},
    sealed::SealedSession,
};
use crate::{
    ask::{Ask, Awaiting, Guard, Key, Record, Store, StoreFault, Stored, Version},
    event::Answer,
    fault::Fault,
    id::SessionId,
    keys::{Keyring, MAC_BYTES, Purpose},
    limits,
    step::{Cx, Progress},
    time::UnixTime,
};

/// Room that is being made for one more session of a user.
#[derive(Debug)]
pub(crate) struct UserSessions {
    key: Key,
    session: ListedSession,
    attempts: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    ReadingList(Awaiting<Store>),
    Looking(Box<Looking>, Awaiting<Store>),
    Ending(List, EndingSession),
    WritingList(Awaiting<Store>),
}

/// The list as it was read.
#[derive(Debug)]
struct List {
    sessions: Vec<ListedSession>,
    version: Option<Version>,
}

/// What is known of the sessions of a full list.
#[derive(Debug)]
struct Looking {
    list: List,
    current: ListedSession,
    rest: Vec<ListedSession>,
    /// The one that was used longest ago, so far: it expires first.
    idlest: Option<(UnixTime, SessionId, Outline)>,
}

impl UserSessions {
    /// Reads the list of this user, to put this session on it.
    pub(crate) fn make_room(user: &User, session: ListedSession, cx: &mut Cx<'_>) -> Self {
        let key = key(user, &cx.env.server.keys);
        let read = cx.store(Store::Get(key.clone()));
        Self {
            key,
            session,
            attempts: 0,
            state: State::ReadingList(read),
        }
    }

    /// Takes an answer. Ready once there is room and the session is on the list.
    pub(crate) fn handle(
        mut self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<(), Fault>> {
        let step = match self.state {
            State::ReadingList(read) => match read.into_answer(answer) {
                Ok(stored) => List::open(stored, &self.key, &cx.env.server.keys).step(
                    &self.session,
                    &self.key,
                    cx,
                ),
                Err(_) => Err(Fault::Store),
            },
            State::Looking(looking, look) => {
                looking.looked(look.into_answer(answer), &self.session, &self.key, cx)
            }
            State::Ending(list, ending) => match ending.handle(answer, cx) {
                Ok(()) => Ok(Some(list.write(&self.session, &self.key, cx))),
                Err(fault) => Err(fault),
            },
            State::WritingList(written) => match written.into_answer(answer) {
                Ok(_) => Ok(None),
                Err(StoreFault::Conflict) if self.attempts < limits::SESSION_UPDATE_ATTEMPTS => {
                    self.attempts += 1;
                    let read = cx.store(Store::Get(self.key.clone()));
                    Ok(Some(State::ReadingList(read)))
                }
                Err(_) => Err(Fault::Store),
            },
        };
        match step {
            Ok(Some(state)) => Progress::Pending(Self { state, ..self }),
            Ok(None) => Progress::Ready(Ok(())),
            Err(fault) => Progress::Ready(Err(fault)),
        }
    }
}

/// The next state; none, if the session is on the list.
type Step = Result<Option<State>, Fault>;

impl List {
    /// Opens a list. One that another key sealed is as if there were none.
    fn open(stored: Option<Stored>, key: &Key, keys: &Keyring) -> Self {
        let version = stored.as_ref().map(|stored| stored.version);
        let open = |stored: Stored| {
            let bytes = &stored.record.bytes;
            let text = keys.open(Purpose::UserSessions, key.0.as_bytes(), b"", bytes)?;
            serde_json::from_slice(&text).ok()
        };
        let sessions = stored.and_then(open).unwrap_or_default();
        Self { sessions, version }
    }

    fn step(mut self, session: &ListedSession, key: &Key, cx: &mut Cx<'_>) -> Step {
        if self.sessions.iter().any(|one| one.id == session.id) {
            return Ok(None);
        }
        if self.sessions.len() < cx.env.server.config.sessions_per_user {
            return Ok(Some(self.write(session, key, cx)));
        }
        let mut rest = std::mem::take(&mut self.sessions);
        let Some(current) = rest.pop() else {
            return Ok(Some(self.write(session, key, cx)));
        };
        let look = cx.store(Store::Get(current.id.key()));
        let looking = Looking {
            list: self,
            current,
            rest,
            idlest: None,
        };
        Ok(Some(State::Looking(Box::new(looking), look)))
    }

    fn write(mut self, session: &ListedSession, key: &Key, cx: &mut Cx<'_>) -> State {
        self.sessions.push(session.clone());
        let text = serde_json::to_vec(&self.sessions).expect("they are plain data");
        let keys = &cx.env.server.keys;
        let context = key.0.as_bytes();
        let sealed = keys.seal(Purpose::UserSessions, context, b"", &text, cx.entropy);
        let bytes = sealed.into();
        let expires = cx
            .env
            .now
            .unix
            .after(cx.env.server.config.lifetimes.session_absolute);
        let guard = self.version.map_or(Guard::Absent, Guard::Version);
        let put = Store::Put(key.clone(), Record { bytes, expires }, guard);
        State::WritingList(cx.store(put))
    }
}

impl Looking {
    /// One session was looked at.
    fn looked(
        mut self,
        answer: <Store as Ask>::Answer,
        session: &ListedSession,
        key: &Key,
        cx: &mut Cx<'_>,
    ) -> Step {
        let stored = answer.map_err(|_| Fault::Store)?;
        let keys = &cx.env.server.keys;
        let read = |stored: &Stored| {
            let sealed = SealedSession::read(self.current.id, stored, keys)?;
            Some((
                stored.record.expires,
                self.current.id,
                sealed.outline().clone(),
            ))
        };
        // What is gone leaves the list.
        if let Some(found) = stored.as_ref().and_then(read) {
            self.list.sessions.push(self.current);
            // They are looked at from the last one on: of those that were used in the same second, the first one goes.
            if self
                .idlest
                .as_ref()
                .is_none_or(|idlest| found.0 <= idlest.0)
            {
                self.idlest = Some(found);
            }
        }
        if let Some(current) = self.rest.pop() {
            let look = cx.store(Store::Get(current.id.key()));
            let looking = Box::new(Self { current, ..self });
            return Ok(Some(State::Looking(looking, look)));
        }
        let mut list = self.list;
        list.sessions.reverse();
        let most = cx.env.server.config.sessions_per_user;
        match self.idlest {
            Some((_, idlest, outline)) if list.sessions.len() >= most => {
                list.sessions.retain(|session| session.id != idlest);
                let ending = EndingSession::start(idlest, &outline, cx);
                Ok(Some(State::Ending(list, ending)))
            }
            _ => Ok(Some(list.write(session, key, cx))),
        }
    }
}

/// Returns the sessions on a list that was read from this key, whoever's it is.
pub(crate) fn listed_under(key: &Key, stored: Stored, keys: &Keyring) -> Vec<ListedSession> {
    List::open(Some(stored), key, keys).sessions
}

/// Where the list of a user is stored: who that is does not show.
pub(crate) fn key(user: &User, keys: &Keyring) -> Key {
    named(keys.mac(Purpose::UserSessions, user.key().as_bytes()))
}

/// Where lists of a user may be: the present one first, and those from before the master key was changed, to which nothing
/// is added.
pub(crate) fn keys_of(user: &User, keys: &Keyring) -> Vec<Key> {
    let user = user.key();
    let names = keys.macs(Purpose::UserSessions, user.as_bytes());
    names.map(named).collect()
}

fn named(mac: [u8; MAC_BYTES]) -> Key {
    Key(format!("user/{}", URL_SAFE_NO_PAD.encode(mac)))
}
