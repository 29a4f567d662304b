//! What a user has connected: the list of their sessions, each session's own record, and their approvals.
//!
//! ```text
//! List --> Session, each in turn --> Consents --> loaded
//! ```

use super::user::ConnectionsUser;
use crate::{
    ask::{Awaiting, Guard, Store, StoreFault},
    event::Answer,
    oauth::user_consents::UserConsents,
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
    List(Awaiting<Store>),
    Session(ListedSession, Vec<ListedSession>, Awaiting<Store>),
    Consents(Awaiting<Store>),
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
    pub(super) consents: UserConsents,
    /// Which writing of the approvals it is.
    pub(super) guard: Guard,
}

impl Loading {
    pub(super) fn start(user: ConnectionsUser, cx: &mut Cx<'_>) -> Self {
        let key = user_sessions::key(&user.user, &cx.env.server.keys);
        let state = State::List(cx.store(Store::Get(key)));
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
            State::List(awaiting) => match awaiting.into_answer(answer) {
                Ok(stored) => user_sessions::listed(stored, &self.user.user, keys),
                Err(fault) => return Progress::Ready(Err(fault)),
            },
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
            State::Consents(awaiting) => {
                let stored = awaiting.into_answer(answer);
                return Progress::Ready(stored.map(|stored| {
                    let lifetime = cx.env.server.config.lifetimes.consent;
                    let open = |stored| UserConsents::open(&self.user.user, stored, lifetime, keys);
                    let consents = stored.as_ref().map(open);
                    Loaded {
                        consents: consents.unwrap_or_else(|| UserConsents::none(lifetime)),
                        guard: stored
                            .map_or(Guard::Absent, |stored| Guard::Version(stored.version)),
                        user: self.user,
                        sessions: self.found,
                    }
                }));
            }
        };
        self.state = Self::next(&self.user, rest, cx);
        Progress::Pending(self)
    }

    /// The newest session is the last one.
    fn next(user: &ConnectionsUser, mut rest: Vec<ListedSession>, cx: &mut Cx<'_>) -> State {
        match rest.pop() {
            Some(listed) => {
                let awaiting = cx.store(Store::Get(listed.id.key()));
                State::Session(listed, rest, awaiting)
            }
            None => {
                let key = UserConsents::key(&user.user, &cx.env.server.keys);
                State::Consents(cx.store(Store::Get(key)))
            }
        }
    }
}
