//! The calls in flight, by the exchange that answers each, bounded for each owner and in all: so a message
//! can cancel one, and the end of their session ends them; and the requests that the server has sent the
//! client for them, so that the response finds the call.
//!
//! A call is found only by its owner, and within the same MCP session (threats I4, I8).

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

use serde_json::Value;

use super::{
    AdmitCall, FromHub, FromHubKind, HubOutput, TableFull, ToCall, asks::Waiter, counts::Counts,
};
use crate::{
    config::Capacity,
    id::{ExchangeId, McpSessionId, PrincipalId, ServerRequestId, SessionId},
    json_rpc::Id,
    limits,
};

/// The requests of clients in flight, and those of the server.
#[derive(Debug, Default)]
pub(super) struct InFlightRequests {
    capacity: Capacity,
    calls: BTreeMap<ExchangeId, Call>,
    server_requests: BTreeMap<ServerRequestId, ExchangeId>,
    of_principal: Counts,
    /// How many of the calls are streams.
    streams: usize,
}

/// The requests that one exchange answers.
#[derive(Debug)]
pub(super) struct Call {
    principal: PrincipalId,
    session: SessionId,
    mcp_session: Option<McpSessionId>,
    ids: Vec<Id>,
    server_requests: Vec<ServerRequestId>,
    /// Whether it is no call: a stream on which the server asks the client. It is counted among streams.
    is_stream: bool,
}

impl Call {
    pub(super) fn new(
        principal: PrincipalId,
        session: SessionId,
        mcp_session: Option<McpSessionId>,
        ids: Vec<Id>,
    ) -> Self {
        Self {
            principal,
            session,
            mcp_session,
            ids,
            server_requests: Vec::new(),
            is_stream: false,
        }
    }

    /// A stream on which requests of the server are sent.
    pub(super) fn of_stream(
        (principal, mcp_session): (PrincipalId, McpSessionId),
        session: SessionId,
    ) -> Self {
        Self {
            is_stream: true,
            ..Self::new(principal, session, Some(mcp_session), Vec::new())
        }
    }

    fn is_of(&self, principal: PrincipalId, mcp_session: McpSessionId) -> bool {
        self.principal == principal && self.mcp_session == Some(mcp_session)
    }
}

impl InFlightRequests {
    /// Nothing yet, and room for this much.
    pub(super) fn with_capacity(capacity: Capacity) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// How many calls are in flight.
    pub(super) fn len(&self) -> usize {
        self.calls.len() - self.streams
    }

    /// A stream may send the client requests.
    pub(super) fn add_stream(&mut self, from: ExchangeId, stream: Call) {
        if let Entry::Vacant(place) = self.calls.entry(from) {
            place.insert(stream);
            self.streams += 1;
        }
    }

    /// Admits a call, if there is room, and answers whether it was.
    pub(super) fn admit(
        &mut self,
        waiter: Waiter<AdmitCall>,
        call: Call,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.forget(waiter.exchange);
        let of_principal = self.of_principal.of(call.principal);
        let admitted = if of_principal >= self.capacity.calls_per_user {
            Err(TableFull::OfPrincipal)
        } else if self.len() >= limits::CALLS {
            Err(TableFull::OfServer)
        } else {
            self.of_principal.add(call.principal);
            self.calls.insert(waiter.exchange, call);
            Ok(())
        };
        out.push_back(waiter.answer(admitted));
    }

    /// Registers a request that a call has sent the client.
    pub(super) fn register_server_request(&mut self, from: ExchangeId, request: ServerRequestId) {
        if let Some(call) = self.calls.get_mut(&from)
            && call.server_requests.len() < limits::INPUT_REQUESTS
        {
            call.server_requests.push(request);
            self.server_requests.insert(request, from);
        }
    }

    /// Forgets a request that a call has sent the client.
    pub(super) fn withdraw_server_request(&mut self, from: ExchangeId, request: ServerRequestId) {
        if let Some(call) = self.calls.get_mut(&from) {
            call.server_requests.retain(|sent| *sent != request);
            self.server_requests.remove(&request);
        }
    }

    /// Hands the client's response, once, to the call that sent the request.
    pub(super) fn client_response(
        &mut self,
        (principal, mcp_session): (PrincipalId, McpSessionId),
        request: ServerRequestId,
        result: Result<Box<Value>, String>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let Some(sender) = self.server_requests.get(&request).copied() else {
            return;
        };
        let call = self.calls.get_mut(&sender);
        let Some(call) = call.filter(|call| call.is_of(principal, mcp_session)) else {
            return;
        };
        call.server_requests.retain(|sent| *sent != request);
        self.server_requests.remove(&request);
        let response = ToCall::ClientResponse(request, result);
        out.push_back(deliver(sender, response));
    }

    /// Tells whoever answers this request that the client has cancelled it.
    pub(super) fn cancel(
        &mut self,
        principal: PrincipalId,
        mcp_session: McpSessionId,
        request: &Id,
        out: &mut VecDeque<HubOutput>,
    ) {
        for (id, call) in &mut self.calls {
            if call.is_of(principal, mcp_session) && call.ids.contains(request) {
                // A request is cancelled once: a client that says so again fills no mailbox (threat M7).
                call.ids.retain(|one| one != request);
                out.push_back(deliver(*id, ToCall::Cancelled(request.clone())));
            }
        }
    }

    /// The client has ended an MCP session: its calls end.
    pub(super) fn end_mcp_session(
        &self,
        principal: PrincipalId,
        mcp_session: McpSessionId,
        out: &mut VecDeque<HubOutput>,
    ) {
        for (id, _) in self.of_client(principal, mcp_session) {
            out.push_back(deliver(id, ToCall::McpSessionEnded));
        }
    }

    /// A session was revoked: its calls end.
    pub(super) fn end_session(&self, session: SessionId, out: &mut VecDeque<HubOutput>) {
        for (id, _) in self.calls.iter().filter(|(_, one)| one.session == session) {
            out.push_back(deliver(*id, ToCall::SessionEnded));
        }
    }

    /// Whether a call of this session is in flight within this MCP session.
    pub(super) fn has_call(&self, session: SessionId, mcp_session: McpSessionId) -> bool {
        let mut calls = self.calls.values();
        calls.any(|call| {
            !call.is_stream && call.session == session && call.mcp_session == Some(mcp_session)
        })
    }

    fn of_client(
        &self,
        principal: PrincipalId,
        mcp_session: McpSessionId,
    ) -> impl Iterator<Item = (ExchangeId, &Call)> {
        let all = self.calls.iter().map(|(id, call)| (*id, call));
        all.filter(move |(_, call)| call.is_of(principal, mcp_session))
    }

    /// Forgets the call of an exchange, and returns of which session and MCP session it was.
    pub(super) fn forget(&mut self, from: ExchangeId) -> Option<(SessionId, Option<McpSessionId>)> {
        let call = self.calls.remove(&from)?;
        match call.is_stream {
            true => self.streams -= 1,
            false => self.of_principal.remove(call.principal),
        }
        for request in call.server_requests {
            self.server_requests.remove(&request);
        }
        Some((call.session, call.mcp_session))
    }
}

fn deliver(to: ExchangeId, message: ToCall) -> HubOutput {
    HubOutput::Deliver(to, FromHub(FromHubKind::Call(message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hub::HubAnswer,
        ticket::{AskId, Ticket},
    };

    const ALICE: PrincipalId = PrincipalId([1; 32]);
    const BOB: PrincipalId = PrincipalId([2; 32]);
    const SESSION: McpSessionId = McpSessionId([9; 16]);
    const OTHER: McpSessionId = McpSessionId([8; 16]);
    const REQUEST: ServerRequestId = ServerRequestId([7; 16]);

    fn call_of(principal: PrincipalId, id: Id) -> Call {
        let session = SessionId::new([principal.0[0]; 16]);
        Call::new(principal, session, Some(SESSION), vec![id])
    }

    fn waiter(number: u64) -> Waiter<AdmitCall> {
        Waiter::new(ExchangeId(number), Ticket::new(AskId(0)))
    }

    fn requested() -> (InFlightRequests, VecDeque<HubOutput>) {
        let (mut calls, mut out) = (InFlightRequests::default(), VecDeque::new());
        calls.admit(waiter(1), call_of(ALICE, Id::Positive(5)), &mut out);
        calls.register_server_request(ExchangeId(1), REQUEST);
        out.clear();
        (calls, out)
    }

    fn admit(
        calls: &mut InFlightRequests,
        number: u64,
        principal: PrincipalId,
    ) -> Result<(), TableFull> {
        let mut out = VecDeque::new();
        let call = call_of(principal, Id::Positive(0));
        calls.admit(waiter(number), call, &mut out);
        match out.pop_back() {
            Some(HubOutput::Deliver(
                _,
                FromHub(FromHubKind::Answer(HubAnswer::AdmitCall(admitted))),
            )) => admitted.answer,
            other => panic!("it is answered, not {other:?}"),
        }
    }

    // I4, K7: an answer counts once, and only from whom was asked.
    #[test]
    fn client_response_is_delivered_once_and_from_the_owner_only() {
        let (mut calls, mut out) = requested();
        for (principal, session) in [(BOB, SESSION), (ALICE, OTHER)] {
            calls.client_response((principal, session), REQUEST, Err(String::new()), &mut out);
            assert!(out.is_empty());
        }
        calls.client_response(
            (ALICE, SESSION),
            ServerRequestId([1; 16]),
            Err(String::new()),
            &mut out,
        );
        assert!(out.is_empty());
        calls.client_response((ALICE, SESSION), REQUEST, Err(String::new()), &mut out);
        assert_eq!(out.len(), 1);
        calls.client_response((ALICE, SESSION), REQUEST, Err(String::new()), &mut out);
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn request_is_cancelled_by_its_owner_in_its_session_only() {
        let (mut calls, mut out) = requested();
        calls.cancel(BOB, SESSION, &Id::Positive(5), &mut out);
        calls.cancel(ALICE, OTHER, &Id::Positive(5), &mut out);
        calls.cancel(ALICE, SESSION, &Id::Text("5".to_owned()), &mut out);
        calls.end_mcp_session(BOB, SESSION, &mut out);
        calls.end_session(SessionId::new(BOB.0[..16].try_into().unwrap()), &mut out);
        assert!(out.is_empty());
        calls.cancel(ALICE, SESSION, &Id::Positive(5), &mut out);
        calls.end_mcp_session(ALICE, SESSION, &mut out);
        calls.end_session(SessionId::new(ALICE.0[..16].try_into().unwrap()), &mut out);
        assert_eq!(out.len(), 3);
    }

    // M7
    #[test]
    fn request_that_is_cancelled_again_sends_its_call_one_message() {
        let (mut calls, mut out) = requested();
        for _ in 0..1000 {
            calls.cancel(ALICE, SESSION, &Id::Positive(5), &mut out);
        }
        assert_eq!(out.len(), 1);
    }

    // M5
    #[test]
    fn calls_of_one_user_are_as_many_as_are_set() {
        let mut calls = InFlightRequests::with_capacity(Capacity {
            calls_per_user: 2,
            ..Capacity::default()
        });
        let admitted = [1, 2, 3].map(|number| admit(&mut calls, number, ALICE).is_ok());
        assert_eq!(admitted, [true, true, false]);
        assert_eq!(admit(&mut calls, 4, BOB), Ok(()));
    }

    // M5: bounded for each user and in all, and nothing stays behind.
    #[test]
    fn calls_over_the_limit_are_refused_and_leave_nothing_behind() {
        let (mut calls, _) = requested();
        let limit = u64::try_from(limits::CALLS_PER_PRINCIPAL).unwrap();
        for number in 2..=limit {
            assert_eq!(admit(&mut calls, number, ALICE), Ok(()));
            for request in 0..100 {
                calls.register_server_request(ExchangeId(number), ServerRequestId([request; 16]));
            }
        }
        assert_eq!(
            admit(&mut calls, limit + 1, ALICE),
            Err(TableFull::OfPrincipal)
        );
        let all = u64::try_from(limits::CALLS).unwrap();
        for number in limit + 1..=all {
            let mut principal = [3; 32];
            principal[..8].copy_from_slice(&number.to_be_bytes());
            assert_eq!(admit(&mut calls, number, PrincipalId(principal)), Ok(()));
        }
        assert_eq!(admit(&mut calls, all + 1, BOB), Err(TableFull::OfServer));
        for number in 1..=all {
            calls.forget(ExchangeId(number));
        }
        assert!(
            calls.calls.is_empty()
                && calls.server_requests.is_empty()
                && calls.of_principal.is_empty()
        );
        assert_eq!(admit(&mut calls, 1, ALICE), Ok(()));
    }
}
