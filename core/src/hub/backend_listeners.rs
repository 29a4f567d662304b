//! Which stream of a client gets what its backend sends of its own accord: one of each MCP session, for a message is sent on
//! one stream only (MCP specification 2025-11-25, basic/transports, multiple connections), and a backend has one for each of its
//! sessions. When that ends, the next one takes its place.

use std::collections::{BTreeMap, VecDeque};

use super::{
    FromHub, FromHubKind, HubOutput, ToCall,
    asks::{FindBackendSession, ListenToBackend, Waiter},
    backend_sessions::BackendOwner,
    from_hub::{BackendSession, BackendSessionFound},
};
use crate::{
    gateway::{MessageKind, RawMessage},
    id::ExchangeId,
};

/// The streams of one MCP session.
#[derive(Debug)]
struct Streams {
    /// The one that listens.
    listener: ExchangeId,
    /// Whether that is a call, which makes room for a stream.
    is_call: bool,
    /// Those that would.
    waiters: VecDeque<Waiter<ListenToBackend>>,
    /// The one that listens, if it waits until a session is opened.
    unopened: Option<Waiter<FindBackendSession>>,
}

impl Streams {
    fn of(listener: ExchangeId, is_call: bool) -> Self {
        Self {
            listener,
            is_call,
            waiters: VecDeque::new(),
            unopened: None,
        }
    }
}

/// All of them. There are no more than streams.
#[derive(Debug, Default)]
pub(super) struct BackendListeners {
    sessions: BTreeMap<BackendOwner, Streams>,
    owners: BTreeMap<ExchangeId, BackendOwner>,
    /// The calls whose questions another hears, the oldest first.
    calls: BTreeMap<ExchangeId, BackendOwner>,
}

impl BackendListeners {
    /// A stream wants to listen: it is answered once it is the one.
    pub(super) fn listen(
        &mut self,
        waiter: Waiter<ListenToBackend>,
        owner: BackendOwner,
        out: &mut VecDeque<HubOutput>,
    ) {
        let exchange = waiter.exchange;
        if self.owners.insert(exchange, owner).is_some() {
            return;
        }
        match self.sessions.get_mut(&owner) {
            Some(streams) if streams.is_call => {
                let left = FromHub(FromHubKind::Call(ToCall::ClientListens));
                out.push_back(HubOutput::Deliver(streams.listener, left));
                self.owners.remove(&streams.listener);
                self.calls.insert(streams.listener, owner);
                (streams.listener, streams.is_call) = (exchange, false);
                out.push_back(waiter.answer(true));
            }
            Some(streams) => streams.waiters.push_back(waiter),
            None => {
                self.sessions.insert(owner, Streams::of(exchange, false));
                out.push_back(waiter.answer(true));
            }
        }
    }

    /// A call wants to listen, unless another does.
    pub(super) fn listen_for_call(
        &mut self,
        waiter: Waiter<ListenToBackend>,
        owner: BackendOwner,
        out: &mut VecDeque<HubOutput>,
    ) {
        let exchange = waiter.exchange;
        let is_first = !self.sessions.contains_key(&owner) && !self.owners.contains_key(&exchange);
        if is_first {
            self.sessions.insert(owner, Streams::of(exchange, true));
            self.owners.insert(exchange, owner);
        } else {
            self.calls.insert(exchange, owner);
        }
        out.push_back(waiter.answer(is_first));
    }

    /// The backend asks something on the stream that this one hears, or takes that back. Which call it is for nobody knows: the one
    /// that has been in flight for longest is asked. Without one it comes back, to be refused.
    pub(super) fn asked(
        &self,
        from: ExchangeId,
        owner: BackendOwner,
        message: Box<RawMessage>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_question = matches!(message.kind(), MessageKind::Request { .. });
        let calls = self.calls.iter().filter(|(_, of)| **of == owner);
        let mut calls: Vec<ExchangeId> = calls.map(|(id, _)| *id).collect();
        if is_question {
            calls.truncate(1);
            if calls.is_empty() {
                calls.push(from);
            }
        }
        for call in calls {
            let asked = FromHub(FromHubKind::Call(ToCall::BackendAsks(message.clone())));
            out.push_back(HubOutput::Deliver(call, asked));
        }
    }

    /// The one that listens waits until a session is opened.
    pub(super) fn await_opened(&mut self, waiter: Waiter<FindBackendSession>, owner: BackendOwner) {
        if let Some(streams) = self.sessions.get_mut(&owner)
            && streams.listener == waiter.exchange
        {
            streams.unopened = Some(waiter);
        }
    }

    /// A session was opened.
    pub(super) fn opened(
        &mut self,
        owner: BackendOwner,
        session: &BackendSession,
        out: &mut VecDeque<HubOutput>,
    ) {
        let streams = self.sessions.get_mut(&owner);
        if let Some(waiter) = streams.and_then(|streams| streams.unopened.take()) {
            out.push_back(waiter.answer(BackendSessionFound::Open(session.clone())));
        }
    }

    /// A stream has ended.
    pub(super) fn forget(&mut self, id: ExchangeId, out: &mut VecDeque<HubOutput>) {
        self.calls.remove(&id);
        let Some(owner) = self.owners.remove(&id) else {
            return;
        };
        let Some(streams) = self.sessions.get_mut(&owner) else {
            return;
        };
        streams.waiters.retain(|waiter| waiter.exchange != id);
        if streams.listener != id {
            return;
        }
        match streams.waiters.pop_front() {
            Some(next) => {
                streams.listener = next.exchange;
                streams.unopened = None;
                out.push_back(next.answer(true));
            }
            None => drop(self.sessions.remove(&owner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hub::HubAnswer,
        id::{McpSessionId, PrincipalId},
        ticket::{AskId, Ticket},
    };

    fn listening(out: &mut VecDeque<HubOutput>) -> Vec<u64> {
        let outputs = out.drain(..);
        let listening = outputs.map(|output| match output {
            HubOutput::Deliver(id, FromHub(FromHubKind::Answer(HubAnswer::ListenToBackend(_)))) => {
                id.0
            }
            other => panic!("a stream listens, not {other:?}"),
        });
        listening.collect()
    }

    #[test]
    fn one_stream_of_a_session_listens_and_the_next_after_it() {
        let (mut listeners, mut out) = (BackendListeners::default(), VecDeque::new());
        let owner = |session| (PrincipalId([1; 32]), McpSessionId([session; 16]));
        for (stream, session) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
            let waiter = Waiter::new(ExchangeId(stream), Ticket::new(AskId(0)));
            listeners.listen(waiter, owner(session), &mut out);
        }
        assert_eq!(listening(&mut out), [1, 4]);
        listeners.forget(ExchangeId(2), &mut out);
        assert!(listening(&mut out).is_empty());
        listeners.forget(ExchangeId(1), &mut out);
        assert_eq!(listening(&mut out), [3]);
        listeners.forget(ExchangeId(3), &mut out);
        listeners.forget(ExchangeId(4), &mut out);
        assert!(listeners.sessions.is_empty() && listeners.owners.is_empty());
    }

    #[test]
    fn call_listens_until_its_client_has_a_stream() {
        let (mut listeners, mut out) = (BackendListeners::default(), VecDeque::new());
        let owner = (PrincipalId([1; 32]), McpSessionId([1; 16]));
        let waiter = |exchange| Waiter::new(ExchangeId(exchange), Ticket::new(AskId(0)));
        listeners.listen_for_call(waiter(1), owner, &mut out);
        listeners.listen_for_call(waiter(2), owner, &mut out);
        let answers = |out: &mut VecDeque<HubOutput>| -> Vec<bool> {
            let answers = out.drain(..).map(|output| match output {
                HubOutput::Deliver(
                    _,
                    FromHub(FromHubKind::Answer(HubAnswer::ListenToBackend(answered))),
                ) => answered.answer,
                other => panic!("it is answered, not {other:?}"),
            });
            answers.collect()
        };
        assert_eq!(answers(&mut out), [true, false]);
        listeners.listen(waiter(3), owner, &mut out);
        let left = out.pop_front();
        let is_told = |output: &HubOutput| {
            matches!(
                output,
                HubOutput::Deliver(
                    ExchangeId(1),
                    FromHub(FromHubKind::Call(ToCall::ClientListens))
                )
            )
        };
        assert!(left.as_ref().is_some_and(is_told), "{left:?}");
        assert_eq!(answers(&mut out), [true]);
        listeners.forget(ExchangeId(1), &mut out);
        listeners.listen_for_call(waiter(4), owner, &mut out);
        assert_eq!(answers(&mut out), [false]);
        listeners.forget(ExchangeId(3), &mut out);
        assert!(listeners.sessions.is_empty() && listeners.owners.is_empty());
    }
}
