//! The sessions of one user, over all clients: bounded, so that nobody fills the store by signing in. A sign-in
//! beyond the bound ends the session that was used longest ago.
//!
//! ```text
//! ReadingList, each --room--> WritingList --written--> Deleting, each that was moved --> done
//!    ^   \--full--> Looking, at each session in turn --> Ending the idlest --> room?
//!    \------------------------- conflict --/
//! ```
//!
//! A record for each user lists the sessions by name. It is written before the session is, so it lacks none;
//! those that have ended otherwise are found gone when the list is full. One that was listed a moment ago may be another replica's,
//! which has not written it yet: it stays.
//!
//! The name of the list follows from the master key. After that was changed, what stands on a list of a former name is moved
//! to the present one when the user signs in, or one of their sessions is refreshed.

mod listed;
#[cfg(test)]
mod tests;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

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
    keys::{KeyNumber, Keyring, MAC_BYTES, Purpose},
    limits,
    step::{Cx, Progress},
    time::UnixTime,
};

/// Room that is being made for one more session of a user, or a list that is moved to its present name.
#[derive(Debug)]
pub(crate) struct UserSessions {
    /// Where lists of the user may be, the present one first.
    keys: Vec<Key>,
    /// What is to be on the list besides.
    session: Option<ListedSession>,
    attempts: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The list that is read, those that are still to be read, and what was read so far.
    ReadingList(Key, Vec<Key>, List, Awaiting<Store>),
    Looking(Box<Looking>, Awaiting<Store>),
    Ending(List, EndingSession),
    WritingList(Vec<Former>, Awaiting<Store>),
    Deleting(Vec<Former>, Awaiting<Store>),
}

/// The list as it was read.
#[derive(Debug, Default)]
struct List {
    sessions: Vec<ListedSession>,
    /// Of the record of the present name.
    version: Option<Version>,
    /// The records of former names.
    former: Vec<Former>,
}

/// The record of a former name, as it was read.
type Former = (Key, Version);

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
        Self::start(user, Some(session), cx)
    }

    /// Moves to the list of this user what stands on those of former names.
    pub(crate) fn move_former(user: &User, cx: &mut Cx<'_>) -> Self {
        Self::start(user, None, cx)
    }

    fn start(user: &User, session: Option<ListedSession>, cx: &mut Cx<'_>) -> Self {
        let keys = keys_of(user, &cx.env.server.keys);
        Self {
            state: read(keys.clone(), List::default(), cx),
            keys,
            session,
            attempts: 0,
        }
    }

    /// Takes an answer. Ready once there is room and the session is on the list.
    pub(crate) fn handle(
        mut self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<(), Fault>> {
        let wanted = Wanted {
            session: self.session.as_ref(),
            keys: &self.keys,
        };
        let step = match self.state {
            State::ReadingList(key, rest, mut list, reading) => match reading.into_answer(answer) {
                Ok(stored) => {
                    list.add(stored, &key, &self.keys, &cx.env.server.keys);
                    match rest.is_empty() {
                        true => list.step(wanted, cx),
                        false => Ok(Some(read(rest, list, cx))),
                    }
                }
                Err(_) => Err(Fault::Store),
            },
            State::Looking(looking, look) => looking.looked(look.into_answer(answer), wanted, cx),
            State::Ending(list, ending) => match ending.handle(answer, cx) {
                Ok(()) => list.step(wanted, cx),
                Err(fault) => Err(fault),
            },
            State::WritingList(former, written) => match written.into_answer(answer) {
                Ok(_) => Ok(delete(former, cx)),
                Err(StoreFault::Conflict) if self.attempts < limits::SESSION_UPDATE_ATTEMPTS => {
                    self.attempts += 1;
                    Ok(Some(read(self.keys.clone(), List::default(), cx)))
                }
                Err(_) => Err(Fault::Store),
            },
            State::Deleting(former, deleted) => {
                // What is left of it, or was added by a replica that has the former key alone, is moved the next time.
                let _ = deleted.into_answer(answer);
                Ok(delete(former, cx))
            }
        };
        match step {
            Ok(Some(state)) => Progress::Pending(Self { state, ..self }),
            Ok(None) => Progress::Ready(Ok(())),
            Err(fault) => Progress::Ready(Err(fault)),
        }
    }
}

/// What is to be on the list, and where the lists are.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    session: Option<&'a ListedSession>,
    keys: &'a [Key],
}

/// The next state; none, if the session is on the list.
type Step = Result<Option<State>, Fault>;

/// Reads the first of these lists.
fn read(mut keys: Vec<Key>, list: List, cx: &mut Cx<'_>) -> State {
    let key = keys.remove(0);
    let reading = cx.store(Store::Get(key.clone()));
    State::ReadingList(key, keys, list, reading)
}

/// Ends the record of a former name, unless it was written since it was read; `None` if there is none left.
fn delete(mut former: Vec<Former>, cx: &mut Cx<'_>) -> Option<State> {
    let (key, version) = former.pop()?;
    let record = Record {
        bytes: Bytes::new(),
        expires: cx.env.now.unix.after(Duration::from_secs(1)),
    };
    let put = Store::Put(key, record, Guard::Version(version));
    Some(State::Deleting(former, cx.store(put)))
}

impl List {
    /// Adds what stands in the record of one name. One that another key sealed is as if there were none.
    fn add(&mut self, stored: Option<Stored>, key: &Key, all: &[Key], keys: &Keyring) {
        let Some(stored) = stored else {
            return;
        };
        let version = stored.version;
        let sessions = listed_under(key, &stored, keys).into_iter();
        match all.first() == Some(key) {
            true => self.version = Some(version),
            false => self.former.push((key.clone(), version)),
        }
        // What stands under a former name is older.
        let known = std::mem::take(&mut self.sessions);
        let is_new = |one: &ListedSession| known.iter().all(|other| other.id != one.id);
        self.sessions = sessions.filter(is_new).collect();
        self.sessions.extend(known);
    }

    fn step(mut self, wanted: Wanted<'_>, cx: &mut Cx<'_>) -> Step {
        let is_listed =
            |session: &ListedSession| self.sessions.iter().any(|one| one.id == session.id);
        if wanted.session.is_none_or(is_listed) {
            return Ok((!self.former.is_empty()).then(|| self.write(wanted, cx)));
        }
        if self.sessions.len() < cx.env.server.config.sessions_per_user {
            return Ok(Some(self.write(wanted, cx)));
        }
        let mut rest = std::mem::take(&mut self.sessions);
        let Some(current) = rest.pop() else {
            return Ok(Some(self.write(wanted, cx)));
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

    fn write(mut self, wanted: Wanted<'_>, cx: &mut Cx<'_>) -> State {
        let is_listed =
            |session: &&ListedSession| self.sessions.iter().any(|one| one.id == session.id);
        let added = wanted
            .session
            .filter(|session| !is_listed(session))
            .cloned();
        self.sessions.extend(added);
        let text = serde_json::to_vec(&self.sessions).expect("they are plain data");
        let keys = &cx.env.server.keys;
        let key = wanted.keys.first().expect("a user has a list");
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
        State::WritingList(self.former, cx.store(put))
    }
}

impl Looking {
    /// One session was looked at.
    fn looked(
        mut self,
        answer: <Store as Ask>::Answer,
        wanted: Wanted<'_>,
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
        let is_new = self.current.may_still_be_written(cx.env.now.unix);
        let found = stored.as_ref().and_then(read);
        if found.is_none() && is_new {
            self.list.sessions.push(self.current);
        } else if let Some(found) = found {
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
            _ => {
                // All are to be written still: the earliest will hardly be.
                let excess = (list.sessions.len() + 1).saturating_sub(most);
                list.sessions.drain(..excess);
                Ok(Some(list.write(wanted, cx)))
            }
        }
    }
}

/// Returns the sessions on a list that was read from this key, whoever's it is; none, if another key sealed it.
pub(crate) fn listed_under(key: &Key, stored: &Stored, keys: &Keyring) -> Vec<ListedSession> {
    let bytes = &stored.record.bytes;
    let text = keys.open(Purpose::UserSessions, key.0.as_bytes(), b"", bytes);
    let sessions = text.and_then(|text| serde_json::from_slice(&text).ok());
    sessions.unwrap_or_default()
}

/// Which master key this list needs; `None` if no key opens it.
pub(crate) fn key_of(key: &Key, stored: &Stored, keys: &Keyring) -> Option<KeyNumber> {
    let bytes = &stored.record.bytes;
    keys.sealed_with(Purpose::UserSessions, key.0.as_bytes(), bytes)
}

/// Where the list of a user is stored: who that is does not show.
#[cfg(test)]
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
