//! What a user has connected: the list of their sessions, each session's own record, and their approvals.
//!
//! ```text
//! List, those of former master keys too --> Session, each in turn --> Consents --> loaded
//! ```

use super::user::ConnectionsUser;
use crate::{
    ask::{Awaiting, Key, Store, StoreFault},
    event::Answer,
    oauth::user_consents::{ReadingConsents, StoredConsents},
    session::{
        record::Outline,
        sealed::SealedSession,
        user_sessions::{self, ListedSession},
    },
    step::{Cx, Progress},
    time::UnixTime,
};

/// What is being read.
#[derive(Debug)]
pub(crate) struct Loading {
    user: ConnectionsUser,
    found: Vec<LiveSession>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A list, those that are still to be read, and what the lists so far name.
    List(Key, Vec<Key>, Vec<ListedSession>, Awaiting<Store>),
    Session(ListedSession, Vec<ListedSession>, Awaiting<Store>),
    Consents(ReadingConsents),
}

/// A session of the user that lives.
#[derive(Debug)]
pub(super) struct LiveSession {
    pub(super) listed: ListedSession,
    pub(super) outline: Outline,
    /// When its record ends unless it is written again.
    pub(super) expires: UnixTime,
}

/// Everything that a user has connected.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) user: ConnectionsUser,
    /// The newest first.
    pub(super) sessions: Vec<LiveSession>,
    pub(super) approved: StoredConsents,
}

impl Loading {
    pub(super) fn start(user: ConnectionsUser, cx: &mut Cx<'_>) -> Self {
        let lists = user_sessions::keys_of(&user.user, &cx.env.server.keys);
        let state = Self::read(&user, lists, Vec::new(), cx);
        Self {
            user,
            found: Vec::new(),
            state,
        }
    }

    pub(super) fn handle(
        mut self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<Loaded, StoreFault>> {
        let keys = &cx.env.server.keys;
        let rest = match self.state {
            State::List(list, others, mut listed, awaiting) => {
                match awaiting.into_answer(answer) {
                    Ok(Some(stored)) => {
                        listed.extend(user_sessions::listed_under(&list, &stored, keys));
                    }
                    Ok(None) => {}
                    Err(fault) => return Progress::Ready(Err(fault)),
                }
                self.state = Self::read(&self.user, others, listed, cx);
                return Progress::Pending(self);
            }
            State::Session(listed, rest, awaiting) => match awaiting.into_answer(answer) {
                Ok(stored) => {
                    let sealed = stored.as_ref().and_then(|stored| {
                        let sealed = SealedSession::read(listed.id, stored, keys)?;
                        Some((sealed.outline().clone(), stored.record.expires))
                    });
                    self.found
                        .extend(sealed.map(|(outline, expires)| LiveSession {
                            listed,
                            outline,
                            expires,
                        }));
                    rest
                }
                Err(fault) => return Progress::Ready(Err(fault)),
            },
            State::Consents(reading) => {
                let read = match reading.handle(answer, &self.user.user, cx) {
                    Progress::Pending(reading) => {
                        self.state = State::Consents(reading);
                        return Progress::Pending(self);
                    }
                    Progress::Ready(read) => read,
                };
                return Progress::Ready(read.map(|approved| Loaded {
                    approved,
                    user: self.user,
                    sessions: self.found,
                }));
            }
        };
        self.state = Self::next(&self.user, rest, cx);
        Progress::Pending(self)
    }

    /// Reads the lists from the last one on, which is the oldest.
    fn read(
        user: &ConnectionsUser,
        mut lists: Vec<Key>,
        listed: Vec<ListedSession>,
        cx: &mut Cx<'_>,
    ) -> State {
        match lists.pop() {
            Some(list) => {
                let awaiting = cx.store(Store::Get(list.clone()));
                State::List(list, lists, listed, awaiting)
            }
            None => Self::next(user, listed, cx),
        }
    }

    /// The newest session is the last one.
    fn next(user: &ConnectionsUser, mut rest: Vec<ListedSession>, cx: &mut Cx<'_>) -> State {
        match rest.pop() {
            Some(listed) => {
                let awaiting = cx.store(Store::Get(listed.id.key()));
                State::Session(listed, rest, awaiting)
            }
            None => State::Consents(ReadingConsents::start(&user.user, cx)),
        }
    }
}
