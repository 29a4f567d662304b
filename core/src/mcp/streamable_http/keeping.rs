//! A client's answers and cancellations are accepted once they are written down for whichever replica has the call.

use ::http::StatusCode;

use super::Streamable;
use crate::{
    ask::{Awaiting, Store},
    event::Answer,
    http::response,
    mcp::undelivered::Undelivered,
    step::{Cx, Progress},
};

/// They are being written.
#[derive(Debug)]
pub(crate) struct Keeping {
    writing: Vec<Awaiting<Store>>,
    has_failed: bool,
}

impl Keeping {
    pub(super) fn start(undelivered: Vec<Undelivered>, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let keep = |one: Undelivered| one.keep(cx);
        let keeping = Self {
            writing: undelivered.into_iter().map(keep).collect(),
            has_failed: false,
        };
        keeping.next(cx)
    }

    pub(super) fn handle(mut self, answer: Answer, cx: &mut Cx<'_>) -> Progress<Streamable> {
        let place = self.writing.iter().position(|one| one.id() == answer.ask());
        if let Some(place) = place {
            let written = self.writing.swap_remove(place).into_answer(answer);
            self.has_failed |= written.is_err();
        }
        self.next(cx)
    }

    fn next(self, cx: &mut Cx<'_>) -> Progress<Streamable> {
        if !self.writing.is_empty() {
            return Progress::Pending(Streamable::Keeping(self));
        }
        cx.done(match self.has_failed {
            true => response::unavailable(),
            false => response::empty(StatusCode::ACCEPTED),
        })
    }
}
