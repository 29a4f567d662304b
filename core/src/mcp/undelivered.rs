//! What a client says to a call that another replica performs, kept in the store for it besides.
//!
//! The word between replicas may be lost, and the client was told that its message is accepted. So its answer to a
//! question, and its cancellation of a request, are written down under a name that the call knows; where replicas
//! share the store, a call looks for them whenever it looks at its session, every [`limits::KEEP_ALIVE`] at the latest.
//!
//! A user's client has [`limits::UNDELIVERED_MESSAGES`] places for them, whatever it posts: of two in one place the later one is kept.

use std::ops::ControlFlow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use crate::{
    ask::{Awaiting, Guard, Key, Record, Store},
    event::Answer,
    hub::ToCall,
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
            ReplicaMessage::ClientResponse {
                principal, request, ..
            } => key_of_response(*principal, *request),
            ReplicaMessage::CancelRequest {
                principal,
                mcp_session,
                request,
            } => key_of_cancellation(*principal, *mcp_session, request),
            ReplicaMessage::EndSession(_)
            | ReplicaMessage::EndMcpSession { .. }
            | ReplicaMessage::Subscribed(..)
            | ReplicaMessage::Announced(_)
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

/// The looks for such messages, one after the other: what one finds may end the call, and the others are not needed then.
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
            let responses = of_server.map(|id| key_of_response(principal, id));
            self.keys = cancellations.chain(responses).collect();
            self.next(cx);
        }
    }

    /// Begins the next look. What is found stays, for it may be for another call; whoever was told it before hears nothing new.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) {
        self.reading = self.keys.pop().map(|key| cx.store(Store::Get(key)));
    }

    /// Takes the answer to the look that is under way: what was found. Another answer is given back.
    pub(crate) fn answered(
        &mut self,
        answer: Answer,
        (principal, mcp_session): (PrincipalId, Option<McpSessionId>),
        cx: &Cx<'_>,
    ) -> ControlFlow<Option<ToCall>, Answer> {
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
            }) if is_ours(principal, mcp_session) => Some(ToCall::ClientResponse(request, result)),
            Some(ReplicaMessage::CancelRequest {
                principal,
                mcp_session,
                request,
            }) if is_ours(principal, mcp_session) => Some(ToCall::Cancelled(request)),
            _ => None,
        })
    }
}

fn key_of_response(principal: PrincipalId, request: ServerRequestId) -> Key {
    key(principal, &request.0)
}

fn key_of_cancellation(principal: PrincipalId, session: McpSessionId, request: &Id) -> Key {
    let request = serde_json::to_string(request).unwrap_or_default();
    key(principal, &[&session.0, request.as_bytes()].concat())
}

/// The place of what is about this request among those of its client.
fn key(principal: PrincipalId, request: &[u8]) -> Key {
    let [first, ..] = Hash::of(request).0;
    let place = usize::from(first) % limits::UNDELIVERED_MESSAGES;
    let whose = URL_SAFE_NO_PAD.encode(Hash::of(&principal.0).0);
    Key(format!("undelivered/{whose}/{place}"))
}
