//! A session that is being ended: its record is deleted, and only then is it said to have ended and do its
//! calls, tasks and streams end (threat I7).

use super::record::{Hash, Outline};
use crate::{
    ask::{Awaiting, Store},
    event::Answer,
    fault::Fault,
    id::SessionId,
    log_event::{Field, LogEvent, LogEventId},
    replicas::ReplicaMessage,
    step::Cx,
};

/// A session whose record is being deleted.
#[derive(Debug)]
pub(crate) struct EndingSession {
    id: SessionId,
    subject: String,
    client: Hash,
    deleted: Awaiting<Store>,
}

impl EndingSession {
    /// Deletes the record.
    pub(crate) fn start(id: SessionId, outline: &Outline, cx: &mut Cx<'_>) -> Self {
        Self {
            id,
            subject: outline.subject.clone(),
            client: outline.client,
            deleted: cx.store(Store::Delete(id.key())),
        }
    }

    /// Takes the answer of the store: a fault if the record is still there, for then the session lives.
    pub(crate) fn handle(self, answer: Answer, cx: &mut Cx<'_>) -> Result<(), Fault> {
        if self.deleted.into_answer(answer).is_err() {
            return Err(Fault::Store);
        }
        self.client.audit(cx);
        if let Some(audited) = cx.audited() {
            audited.session = Some(self.id.to_string());
        }
        let ended = LogEvent::new(LogEventId::SessionEnded);
        cx.log(ended.with(Field::Subject, &self.subject));
        cx.to_every_hub(ReplicaMessage::EndSession(self.id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::Action,
        ask::StoreFault,
        event::Input,
        request_id::RequestId,
        step::Outbox,
        testing::{TestServer, entropy, session_of},
    };

    /// What ending a session results in, and how many actions there were before and after the answer,
    /// besides the deletion itself.
    fn end(answer: Result<(), StoreFault>) -> (Result<(), Fault>, usize, usize) {
        let server = TestServer::dev();
        let (session, _) = session_of("alice", "a client");
        let mut outbox = Outbox::new(server.now.instant, RequestId::own(1));
        let mut entropy = entropy(1);
        let mut cx = Cx {
            env: server.env(),
            entropy: &mut entropy,
            out: &mut outbox,
        };
        let ending = EndingSession::start(session.id, &session.outline, &mut cx);
        let mut actions: Vec<Action> = std::iter::from_fn(|| cx.out.pop()).collect();
        let Some(Action::Store(ticket, Store::Delete(_))) = actions.pop() else {
            panic!("the record is deleted");
        };
        let event = ticket.answer(answer.map(|()| None));
        let Input::Answer(answer) = event.into_input() else {
            panic!("a ticket makes an answer");
        };
        let result = ending.handle(answer, &mut cx);
        let after = std::iter::from_fn(|| cx.out.pop()).count();
        (result, actions.len(), after)
    }

    // D11: otherwise the log says of a session that lives that it ended.
    #[test]
    fn end_of_a_session_follows_its_deletion_in_the_store() {
        assert_eq!(end(Ok(())), (Ok(()), 0, 2));
        let failed = end(Err(StoreFault::Unavailable));
        assert_eq!(failed, (Err(Fault::Store), 0, 0));
    }
}
