//! The record of what a user has approved, read and written. Its name follows from the master key: after that was changed,
//! what stands under a former name is read too, and moved to the present one with the next writing.
//!
//! ```text
//! ReadingConsents, each name in turn --> the approvals, changed --> WritingConsents --> former names deleted, each in turn
//! ```

use super::UserConsents;
use crate::{
    ask::{Awaiting, Guard, Key, Store, StoreFault},
    event::Answer,
    session::record::User,
    step::{Cx, Progress},
};

/// The approvals of a user, which are being read.
#[derive(Debug)]
pub(crate) struct ReadingConsents {
    /// The names that are still to be read, the present one last.
    rest: Vec<Key>,
    key: Key,
    consents: UserConsents,
    former: Vec<Key>,
    reading: Awaiting<Store>,
}

/// The approvals of a user, as they were read.
#[derive(Debug)]
pub(crate) struct StoredConsents {
    pub(crate) consents: UserConsents,
    /// Which writing of the present record it is.
    guard: Guard,
    /// Under which former names there is something.
    former: Vec<Key>,
}

impl ReadingConsents {
    pub(crate) fn start(user: &User, cx: &mut Cx<'_>) -> Self {
        let server = cx.env.server;
        let present = UserConsents::key(user, &server.keys);
        let mut rest = UserConsents::former_keys(user, &server.keys);
        rest.insert(0, present.clone());
        let key = rest.pop().unwrap_or(present);
        Self {
            reading: cx.store(Store::Get(key.clone())),
            rest,
            key,
            consents: UserConsents::none(server.config.lifetimes.consent),
            former: Vec::new(),
        }
    }

    /// Takes an answer; the user is the same in each step.
    pub(crate) fn handle(
        mut self,
        answer: Answer,
        user: &User,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<StoredConsents, StoreFault>> {
        let stored = match self.reading.into_answer(answer) {
            Ok(stored) => stored,
            Err(fault) => return Progress::Ready(Err(fault)),
        };
        if let Some(stored) = &stored {
            let lifetime = cx.env.server.config.lifetimes.consent;
            let keys = &cx.env.server.keys;
            self.consents
                .merge(UserConsents::open(user, stored, lifetime, keys));
        }
        let Some(next) = self.rest.pop() else {
            let version = stored.map(|stored| stored.version);
            return Progress::Ready(Ok(StoredConsents {
                consents: self.consents,
                guard: version.map_or(Guard::Absent, Guard::Version),
                former: self.former,
            }));
        };
        if stored.is_some() {
            self.former.push(self.key);
        }
        Progress::Pending(Self {
            reading: cx.store(Store::Get(next.clone())),
            key: next,
            rest: self.rest,
            consents: self.consents,
            former: self.former,
        })
    }
}

impl StoredConsents {
    /// Whether some of it stands under a former name.
    pub(crate) fn has_former(&self) -> bool {
        !self.former.is_empty()
    }

    /// The operations that write these approvals in place of those that were read, to be done in this order.
    pub(crate) fn replaced_by(
        &self,
        consents: &UserConsents,
        user: &User,
        cx: &mut Cx<'_>,
    ) -> Option<Vec<Store>> {
        let keys = &cx.env.server.keys;
        let put = consents.put(user, self.guard, keys, cx.entropy)?;
        let deleted = self.former.iter().map(|key| Store::Delete(key.clone()));
        Some(std::iter::once(put).chain(deleted).collect())
    }
}

/// Approvals that are being written.
#[derive(Debug)]
pub(crate) struct WritingConsents {
    rest: std::vec::IntoIter<Store>,
    writing: Awaiting<Store>,
}

impl WritingConsents {
    /// Does these operations in turn; `None` if there is none.
    pub(crate) fn start(operations: Vec<Store>, cx: &mut Cx<'_>) -> Option<Self> {
        let mut rest = operations.into_iter();
        let writing = cx.store(rest.next()?);
        Some(Self { rest, writing })
    }

    /// Takes an answer. Ready once all is done, or at the first that is not.
    pub(crate) fn handle(
        self,
        answer: Answer,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<(), StoreFault>> {
        let Self { mut rest, writing } = self;
        match writing.into_answer(answer) {
            Ok(_) => match rest.next() {
                Some(next) => {
                    let writing = cx.store(next);
                    Progress::Pending(Self { rest, writing })
                }
                None => Progress::Ready(Ok(())),
            },
            Err(fault) => Progress::Ready(Err(fault)),
        }
    }
}
