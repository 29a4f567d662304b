//! Moving what is stored of a user to the names that follow from the present master key, after it was changed: the list of
//! their sessions, and what they have approved. Nobody but the user, or a session of theirs, knows who that is, and so where it
//! is (threat F15).
//!
//! ```text
//! Sessions --moved--> ReadingConsents --found under a former name--> WritingConsents --> done
//! ```

use super::user_consents::{ReadingConsents, WritingConsents};
use crate::{
    event::Answer,
    fault::Fault,
    session::{record::User, user_sessions::UserSessions},
    step::{Cx, Progress},
};

/// Records of a user that are being moved.
#[derive(Debug)]
pub(crate) enum MovingRecords {
    Sessions(Box<UserSessions>),
    ReadingConsents(Box<ReadingConsents>),
    WritingConsents(WritingConsents),
}

impl MovingRecords {
    pub(crate) fn start(user: &User, cx: &mut Cx<'_>) -> Self {
        Self::Sessions(Box::new(UserSessions::move_former(user, cx)))
    }

    /// Takes an answer; the user is the same in each step.
    pub(crate) fn handle(
        self,
        answer: Answer,
        user: &User,
        cx: &mut Cx<'_>,
    ) -> Progress<Self, Result<(), Fault>> {
        let next = match self {
            Self::Sessions(sessions) => match sessions.handle(answer, cx) {
                Progress::Pending(sessions) => Self::Sessions(Box::new(sessions)),
                Progress::Ready(Ok(())) => {
                    Self::ReadingConsents(Box::new(ReadingConsents::start(user, cx)))
                }
                Progress::Ready(Err(fault)) => return Progress::Ready(Err(fault)),
            },
            Self::ReadingConsents(reading) => match reading.handle(answer, user, cx) {
                Progress::Pending(reading) => Self::ReadingConsents(Box::new(reading)),
                Progress::Ready(Ok(stored)) => {
                    let is_moved = stored.has_former();
                    let operations = is_moved
                        .then(|| stored.replaced_by(&stored.consents, user, cx))
                        .flatten();
                    let writing =
                        operations.and_then(|operations| WritingConsents::start(operations, cx));
                    match writing {
                        Some(writing) => Self::WritingConsents(writing),
                        None => return Progress::Ready(Ok(())),
                    }
                }
                Progress::Ready(Err(_)) => return Progress::Ready(Err(Fault::Store)),
            },
            Self::WritingConsents(writing) => match writing.handle(answer, cx) {
                Progress::Pending(writing) => Self::WritingConsents(writing),
                // An approval that is lost is asked for once more.
                Progress::Ready(_) => return Progress::Ready(Ok(())),
            },
        };
        Progress::Pending(next)
    }
}
