//! The requests that take a while, by the exchange that answers each, so that a message can cancel one;
//! and the requests that the server has sent the client for them, so that the response finds the call.
//!
//! A request is found only by its owner, and within the same MCP session (threats I4, I8).

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::{FromHub, FromHubKind, HubOutput, counts::Counts};
use crate::{
    id::{ExchangeId, McpSessionId, PrincipalId, ServerRequestId},
    json_rpc::Id,
    limits,
};

/// The requests of clients in flight, and those of the server.
#[derive(Debug, Default)]
pub(super) struct InFlightRequests {
    requests: BTreeMap<ExchangeId, InFlight>,
    server_requests: BTreeMap<ServerRequestId, ExchangeId>,
    of_principal: Counts,
}

#[derive(Debug)]
struct InFlight {
    principal: PrincipalId,
    mcp_session: McpSessionId,
    ids: Vec<Id>,
    server_requests: Vec<ServerRequestId>,
}

impl InFlight {
    fn is_of(&self, principal: PrincipalId, mcp_session: McpSessionId) -> bool {
        self.principal == principal && self.mcp_session == mcp_session
    }
}

impl InFlightRequests {
    /// How many requests of clients are in flight.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Registers the requests of an exchange. If too many are in flight, these cannot be cancelled or
    /// request input.
    pub(super) fn register(
        &mut self,
        from: ExchangeId,
        principal: PrincipalId,
        mcp_session: McpSessionId,
        ids: Vec<Id>,
    ) {
        self.forget(from);
        if self.of_principal.of(principal) < limits::CALLS_PER_PRINCIPAL
            && self.requests.len() < limits::CALLS
        {
            self.of_principal.add(principal);
            let in_flight = InFlight {
                principal,
                mcp_session,
                ids,
                server_requests: Vec::new(),
            };
            self.requests.insert(from, in_flight);
        }
    }

    /// Registers a request that a call has sent the client.
    pub(super) fn register_server_request(&mut self, from: ExchangeId, request: ServerRequestId) {
        if let Some(in_flight) = self.requests.get_mut(&from)
            && in_flight.server_requests.len() < limits::INPUT_REQUESTS
        {
            in_flight.server_requests.push(request);
            self.server_requests.insert(request, from);
        }
    }

    /// Forgets a request that a call has sent the client.
    pub(super) fn withdraw_server_request(&mut self, from: ExchangeId, request: ServerRequestId) {
        if let Some(in_flight) = self.requests.get_mut(&from) {
            in_flight.server_requests.retain(|sent| *sent != request);
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
        let in_flight = self.requests.get_mut(&sender);
        let Some(in_flight) = in_flight.filter(|one| one.is_of(principal, mcp_session)) else {
            return;
        };
        in_flight.server_requests.retain(|sent| *sent != request);
        self.server_requests.remove(&request);
        let response = FromHubKind::ClientResponse(request, result);
        out.push_back(HubOutput::Deliver(sender, FromHub(response)));
    }

    /// Tells whoever answers this request that the client has cancelled it.
    pub(super) fn cancel(
        &self,
        principal: PrincipalId,
        mcp_session: McpSessionId,
        request: &Id,
        out: &mut VecDeque<HubOutput>,
    ) {
        let of_client = self.of_client(principal, mcp_session);
        for (id, _) in of_client.filter(|(_, one)| one.ids.contains(request)) {
            let cancelled = FromHubKind::Cancelled(request.clone());
            out.push_back(HubOutput::Deliver(id, FromHub(cancelled)));
        }
    }

    /// Tells whoever answers a request of this MCP session that the session has ended.
    pub(super) fn end_session(
        &self,
        principal: PrincipalId,
        mcp_session: McpSessionId,
        out: &mut VecDeque<HubOutput>,
    ) {
        for (id, _) in self.of_client(principal, mcp_session) {
            out.push_back(HubOutput::Deliver(
                id,
                FromHub(FromHubKind::McpSessionEnded),
            ));
        }
    }

    fn of_client(
        &self,
        principal: PrincipalId,
        mcp_session: McpSessionId,
    ) -> impl Iterator<Item = (ExchangeId, &InFlight)> {
        let all = self.requests.iter().map(|(id, one)| (*id, one));
        all.filter(move |(_, one)| one.is_of(principal, mcp_session))
    }

    /// Forgets the request of an exchange that is over.
    pub(super) fn forget(&mut self, from: ExchangeId) {
        if let Some(in_flight) = self.requests.remove(&from) {
            self.of_principal.remove(in_flight.principal);
            for request in in_flight.server_requests {
                self.server_requests.remove(&request);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PrincipalId = PrincipalId([1; 32]);
    const BOB: PrincipalId = PrincipalId([2; 32]);
    const SESSION: McpSessionId = McpSessionId([9; 16]);
    const OTHER: McpSessionId = McpSessionId([8; 16]);
    const REQUEST: ServerRequestId = ServerRequestId([7; 16]);

    fn requested() -> (InFlightRequests, VecDeque<HubOutput>) {
        let mut calls = InFlightRequests::default();
        calls.register(ExchangeId(1), ALICE, SESSION, vec![Id::Positive(5)]);
        calls.register_server_request(ExchangeId(1), REQUEST);
        (calls, VecDeque::new())
    }

    // I4, K7: an answer counts once, and only from whom was asked.
    #[test]
    fn a_client_response_is_delivered_once_and_from_the_owner_only() {
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
    fn a_request_is_cancelled_by_its_owner_in_its_session_only() {
        let (calls, mut out) = requested();
        calls.cancel(BOB, SESSION, &Id::Positive(5), &mut out);
        calls.cancel(ALICE, OTHER, &Id::Positive(5), &mut out);
        calls.cancel(ALICE, SESSION, &Id::Text("5".to_owned()), &mut out);
        calls.end_session(BOB, SESSION, &mut out);
        assert!(out.is_empty());
        calls.cancel(ALICE, SESSION, &Id::Positive(5), &mut out);
        calls.end_session(ALICE, SESSION, &mut out);
        assert_eq!(out.len(), 2);
    }

    // M: bounded, and nothing stays behind.
    #[test]
    fn requests_in_flight_are_bounded_and_leave_nothing_behind() {
        let (mut calls, _) = requested();
        for number in 2..200 {
            calls.register(ExchangeId(number), ALICE, SESSION, vec![Id::Positive(0)]);
            for request in 0..100 {
                calls.register_server_request(ExchangeId(number), ServerRequestId([request; 16]));
            }
        }
        assert_eq!(calls.len(), limits::CALLS_PER_PRINCIPAL);
        for number in 1..200 {
            calls.forget(ExchangeId(number));
        }
        assert!(
            calls.requests.is_empty()
                && calls.server_requests.is_empty()
                && calls.of_principal.is_empty()
        );
    }
}
