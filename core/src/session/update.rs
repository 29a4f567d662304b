//! Updates of a session's record: a change counts only if no other exchange has written since it was read, and
//! otherwise is decided anew on what is there now.
//!
//! ```text
//! Reading --record--> the caller decides --write--> Writing --written--> done
//!    ^                                                 |
//!    \--------------------- conflict ------------------/
//! ```
//!
//! So of any number of exchanges, on any number of replicas, one changes the record at a time (threat E3).

use super::record::Session;
use crate::{
    ask::{Awaiting, Guard, Store, StoreFault, Stored, Version},
    event::Answer,
    id::SessionId,
    limits,
    step::{Cx, Progress},
};

/// An update under way. `T` is what the caller goes on with once the record is written.
#[derive(Debug)]
pub(crate) struct Update<T = ()> {
    id: SessionId,
    attempt: Attempt,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Reading(Awaiting<Store>),
    Writing(Awaiting<Store>, T),
}

/// How often the record was read again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempt(u8);

/// How far an update is when its caller is to decide.
#[derive(Debug)]
pub(crate) enum Updated<T = ()> {
    /// The record as it is now; `None` if the session is over. [`Update::write`] goes on.
    Read(Option<Stored>, Attempt),
    /// It is written.
    Written(T),
}

/// Why a record was not updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdateError {
    /// It could not be read: whether the session lives is not known.
    NotRead,
    /// It could not be written, or other exchanges were always faster.
    NotWritten,
}

impl<T> Update<T> {
    /// Reads the record.
    pub(crate) fn read(id: SessionId, cx: &mut Cx<'_>) -> Self {
        Self::reading(id, Attempt::default(), cx)
    }

    fn reading(id: SessionId, attempt: Attempt, cx: &mut Cx<'_>) -> Self {
        let state = State::Reading(cx.store(Store::Get(id.key())));
        Self { id, attempt, state }
    }
}

impl Update {
    /// Writes a session that was changed, unless it is no longer as it was read.
    pub(crate) fn write(
        session: &Session,
        read: Version,
        attempt: Attempt,
        cx: &mut Cx<'_>,
    ) -> Self {
        let expires = session.expires(cx.env.now.unix, &cx.env.server.config.lifetimes);
        let keys = &cx.env.server.keys;
        let put = session.put(Guard::Version(read), expires, keys, cx.entropy);
        Self {
            id: session.id,
            attempt,
            state: State::Writing(cx.store(put), ()),
        }
    }

    /// What to go on with once the record is written.
    pub(crate) fn then<T>(self, then: T) -> Update<T> {
        let Self { id, attempt, state } = self;
        let state = match state {
            State::Reading(read) => State::Reading(read),
            State::Writing(written, ()) => State::Writing(written, then),
        };
        Update { id, attempt, state }
    }
}

impl<T> Update<T> {
    pub(crate) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<Updated<T>, UpdateError>> {
        let attempt = self.attempt;
        Progress::Ready(match self.state {
            State::Reading(read) => match read.into_answer(answer) {
                Ok(stored) => Ok(Updated::Read(stored, attempt)),
                Err(_) => Err(UpdateError::NotRead),
            },
            State::Writing(written, then) => match written.into_answer(answer) {
                Ok(_) => Ok(Updated::Written(then)),
                Err(StoreFault::Conflict) if attempt.0 < limits::SESSION_UPDATE_ATTEMPTS => {
                    let next = Attempt(attempt.0 + 1);
                    return Progress::Pending(Self::reading(self.id, next, cx));
                }
                Err(_) => Err(UpdateError::NotWritten),
            },
        })
    }
}
