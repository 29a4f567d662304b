//! What a process was asked and has not answered, and what it has asked.

use crate::{gateway::ProcessCall, json_rpc::Id, limits, time::Instant};

/// The requests in flight, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<InFlight>,
    /// The stream of the client.
    listener: Option<ProcessCall>,
    /// What it has asked, and whom.
    questions: Vec<(Id, ProcessCall)>,
    /// How many lines were too long, each of which must have answered one of the calls that were in flight then.
    too_long: usize,
}

#[derive(Debug)]
struct InFlight {
    /// What the process knows it as, and its progress token.
    id: Id,
    call: ProcessCall,
    until: Instant,
    may_be_asked: bool,
    /// Whether it is `subscriptions/listen`: it lasts, and is no work to be done.
    listens: bool,
    /// Whether its answer may have been too long.
    may_be_too_long: bool,
}

impl Calls {
    pub(super) fn begin(&mut self, id: Id, call: ProcessCall, until: Instant, may_be_asked: bool) {
        self.calls.push(InFlight {
            id,
            call,
            until,
            may_be_asked,
            listens: false,
            may_be_too_long: false,
        });
    }

    /// A client listens by this request.
    pub(super) fn begin_listening(&mut self, id: Id, call: ProcessCall, until: Instant) {
        self.calls.push(InFlight {
            id,
            call,
            until,
            may_be_asked: false,
            listens: true,
            may_be_too_long: false,
        });
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.iter().all(|call| call.listens)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.calls.iter().map(|call| call.until).min()
    }

    /// The request of this id, which is answered.
    pub(super) fn answer(&mut self, id: &Id) -> Option<ProcessCall> {
        let place = self.calls.iter().position(|call| call.id == *id)?;
        Some(self.calls.remove(place).call)
    }

    /// The request of this id.
    pub(super) fn find(&self, id: &Id) -> Option<ProcessCall> {
        let found = self.calls.iter().find(|call| call.id == *id);
        found.map(|call| call.call)
    }

    /// This is the stream of the client from now on.
    pub(super) fn listen(&mut self, call: ProcessCall) {
        self.listener = Some(call);
    }

    /// The stream of the client has ended; whether it was this one.
    pub(super) fn leave_listener(&mut self, call: ProcessCall) -> bool {
        self.listener
            .take_if(|listener| *listener == call)
            .is_some()
    }

    /// Who hears what is for no request: the stream of the client, or else the oldest request.
    pub(super) fn hearer(&self) -> Option<ProcessCall> {
        self.listener.or_else(|| self.oldest())
    }

    /// The one that hears what is for no other.
    fn oldest(&self) -> Option<ProcessCall> {
        let oldest = self.calls.iter().find(|call| call.may_be_asked);
        oldest.map(|call| call.call)
    }

    /// Nobody waits for the answer to this one: what the process knows it as, and whether it may be told so.
    pub(super) fn leave(&mut self, call: ProcessCall) -> Option<(Id, bool)> {
        let place = self.calls.iter().position(|one| one.call == call)?;
        let left = self.calls.remove(place);
        Some((left.id, left.may_be_asked || left.listens))
    }

    pub(super) fn take_all(&mut self) -> Vec<ProcessCall> {
        self.questions.clear();
        let calls = std::mem::take(&mut self.calls);
        let calls = calls.into_iter().map(|call| call.call);
        calls.chain(self.listener.take()).collect()
    }

    /// Those that have taken too long.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<(Id, ProcessCall, bool)> {
        let late = self.calls.extract_if(.., |call| now >= call.until);
        late.map(|call| (call.id, call.call, call.may_be_asked || call.listens))
            .collect()
    }

    /// Whom the process asks this: the oldest request, which it is probably for, or else the stream of the client. Nobody, if
    /// there is neither, or too much is asked.
    pub(super) fn ask(&mut self, question: &Id) -> Option<ProcessCall> {
        let asked = self.oldest().or(self.listener)?;
        if self.questions.len() >= limits::PROCESS_QUESTIONS {
            return None;
        }
        self.questions.push((question.clone(), asked));
        Some(asked)
    }

    /// Whom the process has asked this.
    pub(super) fn asked(&self, question: &Id) -> Option<ProcessCall> {
        let asked = self.questions.iter().find(|(id, _)| id == question);
        asked.map(|(_, call)| *call)
    }

    /// This was answered; whether it was asked.
    pub(super) fn settle_question(&mut self, question: Option<&Id>) -> bool {
        let asked = self
            .questions
            .iter()
            .position(|(id, _)| Some(id) == question);
        asked.map(|place| self.questions.remove(place)).is_some()
    }

    /// Questions whose requests are over.
    pub(super) fn take_questions_of_nobody(&mut self) -> Vec<Id> {
        let (calls, listener) = (&self.calls, self.listener);
        let is_over = |(_, asked): &mut (Id, ProcessCall)| {
            listener != Some(*asked) && calls.iter().all(|call| call.call != *asked)
        };
        let over = self.questions.extract_if(.., is_over);
        over.map(|(id, _)| id).collect()
    }

    /// A line was too long: an answer, for what else is as long.
    pub(super) fn line_too_long(&mut self) {
        self.too_long += 1;
        for call in self.calls.iter_mut().filter(|call| !call.listens) {
            call.may_be_too_long = true;
        }
    }

    /// The requests whose answers were too long, once it is certain which they are: no others are left that it may be.
    pub(super) fn take_too_long(&mut self) -> Vec<ProcessCall> {
        let candidates = self.calls.iter().filter(|call| call.may_be_too_long);
        if self.too_long == 0 || candidates.count() > self.too_long {
            return Vec::new();
        }
        self.too_long = 0;
        let found = self.calls.extract_if(.., |call| call.may_be_too_long);
        found.map(|call| call.call).collect()
    }
}
