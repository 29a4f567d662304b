//! The open streams: bounded for each owner and in all.
//!
//! The id of an MCP session is a name, not a credential: whoever delivers to a stream or ends one must be
//! its owner, and the names of one transport are unknown to the other (threats I2, I4, M4).

mod changes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::{
    Deliver, EndReason, FindRefusal, FindStream, HubOutput, Negotiated, ReadStream, StreamKind,
    StreamRefusal, Subscriptions, asks::Waiter, counts::Counts, stream_queue::StreamQueue,
};
use crate::{
    catalog::ChangeNotification,
    config::Capacity,
    id::{ExchangeId, McpSessionId, PrincipalId, SessionId, UserId},
    limits,
    time::UnixTime,
};

impl StreamKind {
    pub(super) fn mcp_session(&self) -> Option<McpSessionId> {
        match self {
            Self::Sse(mcp_session)
            | Self::Standalone(mcp_session)
            | Self::Resumed { mcp_session, .. } => Some(*mcp_session),
            Self::Subscription(_) => None,
        }
    }
}

/// An open stream.
#[derive(Debug)]
struct Stream {
    principal: PrincipalId,
    user: UserId,
    session: SessionId,
    token_expires: UnixTime,
    kind: StreamKind,
    negotiated: Option<Negotiated>,
    /// What its MCP session is subscribed to.
    subscriptions: Subscriptions,
    queue: StreamQueue,
    /// Whether its session was revoked: it ends as soon as its calls have.
    awaits_calls: bool,
}

/// The open streams. One that has to end is counted until its exchange has left it.
#[derive(Debug, Default)]
pub(super) struct Streams {
    capacity: Capacity,
    open: BTreeMap<ExchangeId, Stream>,
    sse: BTreeMap<McpSessionId, ExchangeId>,
    of_principal: Counts,
    is_shutting_down: bool,
}

impl Streams {
    /// Nothing yet, and room for this much.
    pub(super) fn with_capacity(capacity: Capacity) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// How many streams are open, and the most of one owner.
    pub(super) fn load(&self) -> (usize, usize) {
        (self.open.len(), self.of_principal.most())
    }

    /// Opens a stream, if there is room.
    pub(super) fn open(
        &mut self,
        from: ExchangeId,
        (principal, user): (PrincipalId, UserId),
        (session, token_expires): (SessionId, UnixTime),
        kind: StreamKind,
    ) -> Result<(), StreamRefusal> {
        if self.is_shutting_down {
            return Err(StreamRefusal::ShuttingDown);
        }
        if self.of_principal.of(principal) >= self.capacity.streams_per_user
            || self.open.len() >= limits::STREAMS
        {
            return Err(StreamRefusal::TooMany);
        }
        self.of_principal.add(principal);
        if let StreamKind::Sse(mcp_session) = kind {
            self.sse.insert(mcp_session, from);
        }
        let stream = Stream {
            principal,
            user,
            session,
            token_expires,
            kind,
            negotiated: None,
            subscriptions: Subscriptions::default(),
            queue: StreamQueue::default(),
            awaits_calls: false,
        };
        self.open.insert(from, stream);
        Ok(())
    }

    pub(super) fn close(&mut self, from: ExchangeId, out: &mut VecDeque<HubOutput>) {
        let Some(mut stream) = self.open.remove(&from) else {
            return;
        };
        if let StreamKind::Sse(mcp_session) = stream.kind {
            self.sse.remove(&mcp_session);
        }
        self.of_principal.remove(stream.principal);
        refuse_waiters(&mut stream.queue, out);
        if let StreamKind::Standalone(mcp_session) = stream.kind
            && !stream.queue.is_ending
        {
            let changes = std::mem::take(&mut stream.queue.next.changes);
            self.hand_over(changes, mcp_session, stream.principal, out);
        }
    }

    /// Changes that a stream did not send before it closed go to another one of its session, if there is one:
    /// each is sent on one stream, so no other has it.
    fn hand_over(
        &mut self,
        changes: BTreeSet<ChangeNotification>,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        out: &mut VecDeque<HubOutput>,
    ) {
        let kind = StreamKind::Standalone(mcp_session);
        let other = self.open.values_mut().find(|stream| {
            stream.principal == principal && stream.kind == kind && !stream.queue.is_ending
        });
        if let Some(stream) = other {
            stream.queue.next.changes.extend(changes);
            flush(stream, out);
        }
    }

    /// A stream has sent what it was given, and wants more.
    pub(super) fn read(&mut self, reader: Waiter<ReadStream>, out: &mut VecDeque<HubOutput>) {
        if let Some(stream) = self.open.get_mut(&reader.exchange) {
            stream.queue.reader = Some(reader);
            flush(stream, out);
        }
    }

    /// Whether a stream has sent what it was given.
    pub(super) fn has_reader(&self, id: ExchangeId) -> bool {
        let stream = self.open.get(&id);
        stream.is_some_and(|stream| stream.queue.reader.is_some())
    }

    /// Gives a stream what it sends next, and the reason to end after that, if there is one.
    pub(super) fn push(
        &mut self,
        id: ExchangeId,
        events: Vec<Bytes>,
        end: Option<EndReason>,
        out: &mut VecDeque<HubOutput>,
    ) {
        if let Some(stream) = self.open.get_mut(&id) {
            stream.queue.push(events);
            if let Some(reason) = end {
                stream.queue.end(reason);
            }
            flush(stream, out);
        }
    }

    /// Finds a HTTP+SSE stream. It lives on with a newer token of its session. While there is no room on it,
    /// the answer waits: the message is not accepted yet, so nothing of it is lost.
    pub(super) fn find(
        &mut self,
        finder: Waiter<FindStream>,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        (session, token_expires): (SessionId, UnixTime),
        out: &mut VecDeque<HubOutput>,
    ) {
        let Some(stream) = self.sse(mcp_session, principal) else {
            out.push_back(finder.answer(Err(FindRefusal::NotFound)));
            return;
        };
        if stream.session == session && stream.token_expires < token_expires {
            stream.token_expires = token_expires;
            stream.queue.next.token_expires = Some(token_expires);
            flush(stream, out);
        }
        if stream.queue.has_room() {
            out.push_back(finder.answer(Ok(stream.negotiated.clone())));
        } else if stream.queue.finders.len() < limits::STREAM_WAITERS {
            stream.queue.finders.push(finder);
        } else {
            out.push_back(finder.answer(Err(FindRefusal::Busy)));
        }
    }

    pub(super) fn negotiated(
        &mut self,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        negotiated: Negotiated,
    ) {
        if let Some(stream) = self.sse(mcp_session, principal) {
            stream.negotiated = Some(negotiated);
        }
    }

    /// Puts events on a HTTP+SSE stream. Its producer is answered once there is room for more; it waits for
    /// that before it sends more, so each has no more in the queue than what one step of it sends.
    pub(super) fn deliver(
        &mut self,
        producer: Waiter<Deliver>,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        events: Vec<Bytes>,
        out: &mut VecDeque<HubOutput>,
    ) {
        let Some(stream) = self.sse(mcp_session, principal) else {
            out.push_back(producer.answer(false));
            return;
        };
        stream.queue.push(events);
        stream.queue.producers.insert(producer.exchange, producer);
        flush(stream, out);
    }

    /// Ends all streams, and opens none any more.
    pub(super) fn shut_down(&mut self, out: &mut VecDeque<HubOutput>) {
        self.is_shutting_down = true;
        self.end_where(|_| true, EndReason::ShuttingDown, out);
    }

    /// A session was revoked: its streams end; one of HTTP+SSE after its calls, whose errors it sends.
    pub(super) fn end_session(
        &mut self,
        session: SessionId,
        has_calls: impl Fn(McpSessionId) -> bool,
        out: &mut VecDeque<HubOutput>,
    ) {
        for stream in self.open.values_mut() {
            let has_calls =
                matches!(stream.kind, StreamKind::Sse(mcp_session) if has_calls(mcp_session));
            stream.awaits_calls |= stream.session == session && has_calls;
        }
        let is_meant = |stream: &Stream| stream.session == session && !stream.awaits_calls;
        self.end_where(is_meant, EndReason::SessionRevoked, out);
    }

    /// The last call that kept a stream of a revoked session open has ended.
    pub(super) fn calls_ended(
        &mut self,
        session: SessionId,
        mcp_session: McpSessionId,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_its = |stream: &Stream| stream.session == session && stream.awaits_calls;
        let kind = StreamKind::Sse(mcp_session);
        let is_meant = |stream: &Stream| is_its(stream) && stream.kind == kind;
        self.end_where(is_meant, EndReason::SessionRevoked, out);
    }

    pub(super) fn end(
        &mut self,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        out: &mut VecDeque<HubOutput>,
    ) {
        let is_meant = |stream: &Stream| {
            stream.principal == principal && stream.kind.mcp_session() == Some(mcp_session)
        };
        self.end_where(is_meant, EndReason::McpSessionEnded, out);
    }

    fn end_where(
        &mut self,
        ends: impl Fn(&Stream) -> bool,
        reason: EndReason,
        out: &mut VecDeque<HubOutput>,
    ) {
        for stream in self.open.values_mut() {
            if ends(stream) {
                if let StreamKind::Sse(mcp_session) = stream.kind {
                    self.sse.remove(&mcp_session);
                }
                stream.queue.end(reason);
                flush(stream, out);
            }
        }
    }

    /// The MCP session of the HTTP+SSE stream that an exchange holds, if it holds one.
    pub(super) fn sse_of(&self, id: ExchangeId) -> Option<(McpSessionId, PrincipalId)> {
        let stream = self.open.get(&id)?;
        match stream.kind {
            StreamKind::Sse(mcp_session) => Some((mcp_session, stream.principal)),
            StreamKind::Standalone(_)
            | StreamKind::Resumed { .. }
            | StreamKind::Subscription(_) => None,
        }
    }

    /// The HTTP+SSE stream of this MCP session, if it is this owner's.
    fn sse(&mut self, mcp_session: McpSessionId, principal: PrincipalId) -> Option<&mut Stream> {
        let stream = self.open.get_mut(self.sse.get(&mcp_session)?)?;
        (stream.principal == principal).then_some(stream)
    }
}

/// Hands a stream what waits for it, if it has sent what it was given before, and answers whoever waits for
/// room.
fn flush(stream: &mut Stream, out: &mut VecDeque<HubOutput>) {
    out.extend(stream.queue.take());
    if stream.queue.is_ending {
        refuse_waiters(&mut stream.queue, out);
    } else if stream.queue.has_room() {
        let producers = std::mem::take(&mut stream.queue.producers);
        out.extend(
            producers
                .into_values()
                .map(|producer| producer.answer(true)),
        );
        for finder in std::mem::take(&mut stream.queue.finders) {
            out.push_back(finder.answer(Ok(stream.negotiated.clone())));
        }
    }
}

/// Tells whoever waits for room on a stream that it is gone.
fn refuse_waiters(queue: &mut StreamQueue, out: &mut VecDeque<HubOutput>) {
    for producer in std::mem::take(&mut queue.producers).into_values() {
        out.push_back(producer.answer(false));
    }
    for finder in std::mem::take(&mut queue.finders) {
        out.push_back(finder.answer(Err(FindRefusal::NotFound)));
    }
}

#[cfg(test)]
mod tests;
