//! The calls that take a while, by the request that began them, so that a message can cancel one; and
//! the questions that they have asked the client, so that its answer finds the call.
//!
//! A call is found only by its owner, and within the same MCP session (threats I4, I8).

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::{FromHub, FromHubKind, HubOutput, counts::Counts};
use crate::{
    id::{ExchangeId, Owner, StreamId},
    limits,
    mcp::json_rpc::Id,
};

/// The calls and the questions.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<ExchangeId, Call>,
    questions: BTreeMap<StreamId, ExchangeId>,
    of_owner: Counts,
}

#[derive(Debug)]
struct Call {
    owner: Owner,
    session: StreamId,
    request: Id,
    questions: Vec<StreamId>,
}

impl Calls {
    /// How many calls are known.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// A call goes on, and it is the only one of its exchange. If there are too many, this one cannot be
    /// cancelled or ask anything.
    pub(super) fn begin(&mut self, from: ExchangeId, owner: Owner, session: StreamId, request: Id) {
        self.leave(from);
        if self.of_owner.of(owner) < limits::CALLS_PER_OWNER && self.calls.len() < limits::CALLS {
            self.of_owner.add(owner);
            let call = Call {
                owner,
                session,
                request,
                questions: Vec::new(),
            };
            self.calls.insert(from, call);
        }
    }

    /// A call has asked the client.
    pub(super) fn ask(&mut self, from: ExchangeId, question: StreamId) {
        if let Some(call) = self.calls.get_mut(&from)
            && call.questions.len() < limits::INPUT_REQUESTS
        {
            call.questions.push(question);
            self.questions.insert(question, from);
        }
    }

    /// The client has answered: handed on once, to the call that asked.
    pub(super) fn answer(
        &mut self,
        (owner, session): (Owner, StreamId),
        question: StreamId,
        result: Option<Box<Value>>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let Some(asker) = self.questions.get(&question).copied() else {
            return;
        };
        let Some(call) = self.calls.get_mut(&asker) else {
            return;
        };
        if call.owner != owner || call.session != session {
            return;
        }
        call.questions.retain(|asked| *asked != question);
        self.questions.remove(&question);
        let answered = FromHubKind::ClientAnswered(question, result);
        out.push_back(HubOutput::Deliver(asker, FromHub(answered)));
    }

    /// The client cancels a request.
    pub(super) fn cancel(
        &self,
        owner: Owner,
        session: StreamId,
        request: &Id,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_meant = |call: &Call| {
            call.owner == owner && call.session == session && call.request == *request
        };
        for (id, _) in self.calls.iter().filter(|(_, call)| is_meant(call)) {
            let cancelled = FromHubKind::Cancelled(request.clone());
            out.push_back(HubOutput::Deliver(*id, FromHub(cancelled)));
        }
    }

    /// Cancels all calls of an MCP session or stream that is gone.
    pub(super) fn cancel_all(
        &self,
        owner: Owner,
        session: StreamId,
        out: &mut VecDeque<HubOutput>,
    ) {
        for (id, call) in &self.calls {
            if call.owner == owner && call.session == session {
                let cancelled = FromHubKind::Cancelled(call.request.clone());
                out.push_back(HubOutput::Deliver(*id, FromHub(cancelled)));
            }
        }
    }

    /// Forgets a call that is over.
    pub(super) fn leave(&mut self, from: ExchangeId) {
        if let Some(call) = self.calls.remove(&from) {
            self.of_owner.remove(call.owner);
            for question in call.questions {
                self.questions.remove(&question);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Owner = Owner([1; 32]);
    const BOB: Owner = Owner([2; 32]);
    const SESSION: StreamId = StreamId([9; 16]);
    const OTHER: StreamId = StreamId([8; 16]);
    const QUESTION: StreamId = StreamId([7; 16]);

    fn asked() -> (Calls, VecDeque<HubOutput>) {
        let mut calls = Calls::default();
        calls.begin(ExchangeId(1), ALICE, SESSION, Id::Positive(5));
        calls.ask(ExchangeId(1), QUESTION);
        (calls, VecDeque::new())
    }

    // I4, K7: an answer counts once, and only from whom was asked.
    #[test]
    fn an_answer_is_handed_on_once_and_only_from_whom_was_asked() {
        let (mut calls, mut out) = asked();
        for (owner, session) in [(BOB, SESSION), (ALICE, OTHER)] {
            calls.answer((owner, session), QUESTION, None, &mut out);
            assert!(out.is_empty());
        }
        calls.answer((ALICE, SESSION), OTHER, None, &mut out);
        assert!(out.is_empty());
        calls.answer((ALICE, SESSION), QUESTION, None, &mut out);
        assert_eq!(out.len(), 1);
        calls.answer((ALICE, SESSION), QUESTION, None, &mut out);
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn nobody_cancels_the_call_of_another() {
        let (calls, mut out) = asked();
        calls.cancel(BOB, SESSION, &Id::Positive(5), &mut out);
        calls.cancel(ALICE, OTHER, &Id::Positive(5), &mut out);
        calls.cancel(ALICE, SESSION, &Id::Text("5".to_owned()), &mut out);
        calls.cancel_all(BOB, SESSION, &mut out);
        assert!(out.is_empty());
        calls.cancel(ALICE, SESSION, &Id::Positive(5), &mut out);
        calls.cancel_all(ALICE, SESSION, &mut out);
        assert_eq!(out.len(), 2);
    }

    // M: bounded, and nothing stays behind.
    #[test]
    fn calls_are_bounded_and_leave_nothing_behind() {
        let (mut calls, _) = asked();
        for number in 2..200 {
            calls.begin(ExchangeId(number), ALICE, SESSION, Id::Positive(0));
            for question in 0..100 {
                calls.ask(ExchangeId(number), StreamId([question; 16]));
            }
        }
        assert_eq!(calls.len(), limits::CALLS_PER_OWNER);
        for number in 1..200 {
            calls.leave(ExchangeId(number));
        }
        assert!(calls.calls.is_empty() && calls.questions.is_empty() && calls.of_owner.is_empty());
    }
}
