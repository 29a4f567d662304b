//! What a client says to a call that another replica performs, kept in the store for it besides.
//!
//! The word between replicas may be lost, and the client was told that its message is accepted. So its answer to a
//! question, and its cancellation of a request, are written down under a name that the call knows; where replicas
//! share the store, a call looks for them whenever it looks at its session, every [`limits::KEEP_ALIVE`] at the latest.

use std::ops::ControlFlow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use crate::{
    ask::{Awaiting, Guard, Key, Record, Store},
    event::Answer,
    id::{McpSessionId, PrincipalId, ServerRequestId},
    json_rpc::Id,
    limits,
    replicas::ReplicaMessage,
    session::record::Hash,
    step::Cx,
};

/// A message for a call, as it is to be kept.
#[derive(Debug)]
pub(crate) struct Undelivered {
    key: Key,
    sealed: Bytes,
}

impl Undelivered {
    /// The message as it is to be kept; `None` if this replica is the only one, or it is not for a call.
    pub(crate) fn of(message: &ReplicaMessage, cx: &mut Cx<'_>) -> Option<Self> {
        let key = match message {
            ReplicaMessage::ClientResponse { request, .. } => key_of_response(*request),
            ReplicaMessage::CancelRequest {
                principal,
                mcp_session,
                request,
            } => key_of_cancellation(*principal, *mcp_session, request),
            ReplicaMessage::EndSession(_)
            | ReplicaMessage::EndMcpSession { .. }
            | ReplicaMessage::NotifyChanged(_)
            | ReplicaMessage::WrongUserCode(_)
            | ReplicaMessage::RefusedCode(_) => return None,
        };
        let sealed = message.seal(cx.env.server, cx.env.now.unix, cx.entropy)?;
        Some(Self { key, sealed })
    }

    /// Writes it down.
    pub(crate) fn keep(self, cx: &mut Cx<'_>) -> Awaiting<Store> {
        let record = Record {
            bytes: self.sealed,
            expires: cx.env.now.unix.after(limits::REPLICA_MESSAGE_LEEWAY),
        };
        cx.store(Store::Put(self.key, record, Guard::Any))
    }
}

/// What a call is told: which it may have been told before.
#[derive(Debug)]
pub(crate) enum ForCall {
    /// The client's response to a request of the server.
    Response(ServerRequestId, Result<Box<serde_json::Value>, String>),
    /// The client cancels this request.
    Cancelled(Id),
}

/// The looks for such messages, one after the other: what one finds may end the call, and then the others have no sense.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    keys: Vec<Key>,
    reading: Option<Awaiting<Store>>,
}

impl Lookups {
    /// Looks for what the client may have said: about these requests of its own, and these of the server. While looks
    /// are under way, the store is slow, and is not asked for more.
    pub(crate) fn start<'a>(
        &mut self,
        (principal, mcp_session): (PrincipalId, McpSessionId),
        of_client: impl Iterator<Item = &'a Id>,
        of_server: impl Iterator<Item = ServerRequestId>,
        cx: &mut Cx<'_>,
    ) {
        if self.reading.is_none() && cx.env.server.has_replicas() {
            let cancellations = of_client.map(|id| key_of_cancellation(principal, mcp_session, id));
            self.keys = cancellations
                .chain(of_server.map(key_of_response))
                .collect();
            self.next(cx);
        }
    }

    /// Begins the next look.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) {
        self.reading = self.keys.pop().map(|key| cx.store(Store::Take(key)));
    }

    /// Takes the answer to the look that is under way: what was found. Another answer is given back.
    pub(crate) fn answered(
        &mut self,
        answer: Answer,
        (principal, mcp_session): (PrincipalId, Option<McpSessionId>),
        cx: &Cx<'_>,
    ) -> ControlFlow<Option<ForCall>, Answer> {
        let Some(reading) = self.reading.take_if(|reading| reading.id() == answer.ask()) else {
            return ControlFlow::Continue(answer);
        };
        // What cannot be read now is looked for again.
        let found = reading.into_answer(answer).ok().flatten();
        let (server, now) = (cx.env.server, cx.env.now.unix);
        let message =
            found.and_then(|stored| ReplicaMessage::open(&stored.record.bytes, server, now));
        let is_ours = |whose: PrincipalId, session: McpSessionId| {
            whose == principal && Some(session) == mcp_session
        };
        ControlFlow::Break(match message {
            Some(ReplicaMessage::ClientResponse {
                principal,
                mcp_session,
                request,
                result,
            }) if is_ours(principal, mcp_session) => Some(ForCall::Response(request, result)),
            Some(ReplicaMessage::CancelRequest {
                principal,
                mcp_session,
                request,
            }) if is_ours(principal, mcp_session) => Some(ForCall::Cancelled(request)),
            _ => None,
        })
    }
}

/// Nobody can guess the id of a request that was sent to somebody else.
fn key_of_response(request: ServerRequestId) -> Key {
    Key(format!("undelivered/{request}"))
}

fn key_of_cancellation(principal: PrincipalId, session: McpSessionId, request: &Id) -> Key {
    let request = serde_json::to_string(request).unwrap_or_default();
    let name = [&principal.0[..], &session.0, request.as_bytes()].concat();
    let name = URL_SAFE_NO_PAD.encode(Hash::of(&name).0);
    Key(format!("undelivered/{name}"))
}
