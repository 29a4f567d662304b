//! The sessions that have ended lately. A request may be authenticated just before its session ends, and ask to
//! be counted just after: it is ended then, for the hub did not know of it before (threat I7).

use std::collections::VecDeque;

use crate::{id::SessionId, limits, time::Instant};

/// The sessions that have ended within the time that a request may take to be counted.
#[derive(Debug, Default)]
pub(super) struct EndedSessions {
    /// The first one that ended first.
    ended: VecDeque<(Instant, SessionId)>,
}

impl EndedSessions {
    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.ended.len()
    }

    /// Remembers that a session has ended. If there are too many, the first goes: whoever began in it finds out
    /// when it next looks at its session.
    pub(super) fn end(&mut self, session: SessionId, now: Instant) {
        let is_over = |ended: Instant| now.since(ended) >= limits::EXCHANGE_TIMEOUT;
        while self.ended.front().is_some_and(|(ended, _)| is_over(*ended))
            || self.ended.len() >= limits::ENDED_SESSIONS
        {
            self.ended.pop_front();
        }
        self.ended.push_back((now, session));
    }

    /// Whether a session has ended.
    pub(super) fn has(&self, session: SessionId) -> bool {
        self.ended.iter().any(|(_, ended)| *ended == session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hub::{
            EndReason, FromHub, FromHubKind, Hub, HubAnswer, HubOutput, StreamKind, Subscriptions,
            ToCall, ToHub, ToHubKind, ToTask,
        },
        id::{ExchangeId, McpSessionId, PrincipalId, TaskId},
        json_rpc::Id,
        ticket::{AskId, Ticket},
        time::{Now, UnixTime},
    };

    const PRINCIPAL: PrincipalId = PrincipalId([1; 32]);
    const SESSION: SessionId = SessionId::new([2; 16]);

    fn at(second: u64) -> Now {
        Now {
            instant: Instant(second * 1000),
            unix: UnixTime(1_790_000_000 + second),
        }
    }

    /// The messages that an exchange gets which asks for something after its session has ended.
    fn messages(ask: ToHubKind) -> Vec<FromHubKind> {
        let (mut hub, exchange) = (Hub::new(), ExchangeId(2));
        let end = ToHub(ToHubKind::EndSession(SESSION));
        hub.handle(ExchangeId(1), end, at(0));
        hub.handle(exchange, ToHub(ask), at(1));
        hub.handle(
            exchange,
            ToHub(ToHubKind::ReadStream(Ticket::new(AskId(1)))),
            at(1),
        );
        let mut messages = Vec::new();
        while let HubOutput::Deliver(_, FromHub(message)) = hub.poll() {
            messages.push(message);
        }
        messages
    }

    // I7
    #[test]
    fn call_task_or_stream_that_begins_just_after_its_session_ended_is_ended() {
        let call = ToHubKind::AdmitCall {
            ticket: Ticket::new(AskId(0)),
            principal: PRINCIPAL,
            session: SESSION,
            mcp_session: None,
            requests: vec![Id::Positive(1)],
        };
        let task = ToHubKind::AdmitTask {
            ticket: Ticket::new(AskId(0)),
            task: TaskId([3; 16]),
            principal: PRINCIPAL,
            session: SESSION,
        };
        for ask in [call, task] {
            let messages = messages(ask);
            let last = messages.last();
            let is_ended = matches!(
                last,
                Some(
                    FromHubKind::Call(ToCall::SessionEnded)
                        | FromHubKind::Task(ToTask::SessionEnded)
                )
            );
            assert!(is_ended, "{messages:?}");
        }
        let stream = ToHubKind::OpenStream {
            subscriptions: Subscriptions::default(),
            ticket: Ticket::new(AskId(0)),
            principal: PRINCIPAL,
            user: crate::id::UserId([3; 32]),
            session: SESSION,
            token_expires: UnixTime(1_800_000_000),
            kind: StreamKind::Standalone(McpSessionId([4; 16])),
        };
        let messages = messages(stream);
        let Some(FromHubKind::Answer(HubAnswer::ReadStream(last))) = messages.last() else {
            panic!("the stream is ended, not {messages:?}");
        };
        assert_eq!(last.answer.end, Some(EndReason::SessionRevoked));
    }

    #[test]
    fn ended_sessions_are_bounded_in_time_and_number() {
        let mut sessions = EndedSessions::default();
        sessions.end(SESSION, at(0).instant);
        assert!(sessions.has(SESSION));
        let other = SessionId::new([5; 16]);
        sessions.end(other, Instant::default().after(limits::EXCHANGE_TIMEOUT));
        assert!(!sessions.has(SESSION) && sessions.has(other));
        for _ in 0..2 * limits::ENDED_SESSIONS {
            sessions.end(other, at(61).instant);
        }
        assert_eq!(sessions.ended.len(), limits::ENDED_SESSIONS);
    }
}
