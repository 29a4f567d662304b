//! The events of responses, kept for clients that lost the connection or were told to come back for the
//! rest (`Last-Event-ID`): bounded for each owner, each stream and in all.
//!
//! A stream that was resumed has a position here and reads from it at its own pace; nothing is sent to it
//! without being asked for.
//!
//! Source: MCP specification 2025-11-25, basic/transports, resumability and redelivery.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::EndReason;
use crate::{
    id::{ExchangeId, McpSessionId, PrincipalId, SessionId, StreamId},
    limits,
    time::Instant,
};

/// The events that are kept, by stream.
#[derive(Debug, Default)]
pub(super) struct ReplayBuffers {
    buffers: BTreeMap<StreamId, Buffer>,
    /// The bytes of all of them.
    bytes: usize,
    followers: BTreeMap<ExchangeId, Follower>,
    /// The streams that have ended, in this order.
    ended: VecDeque<(Instant, StreamId)>,
    /// The followers for which there is something new.
    woken: Vec<ExchangeId>,
}

/// Whose a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplayOwner {
    pub(super) principal: PrincipalId,
    pub(super) session: SessionId,
    pub(super) mcp_session: McpSessionId,
}

#[derive(Debug)]
struct Buffer {
    owner: ReplayOwner,
    /// The events that are still there, the first of which has this number.
    first: u64,
    events: VecDeque<Bytes>,
    bytes: usize,
    /// The exchange that has resumed the stream.
    follower: Option<ExchangeId>,
    has_ended: bool,
    began: Instant,
}

/// An exchange that has resumed a stream.
#[derive(Debug)]
struct Follower {
    stream: StreamId,
    /// The number of the next event that it sends.
    next: u64,
    /// Why it has to end though the response is not complete.
    end: Option<EndReason>,
}

impl ReplayBuffers {
    /// How many streams have a buffer.
    pub(super) fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Begins to keep the events of a stream. The oldest buffer makes room.
    pub(super) fn open(&mut self, stream: StreamId, owner: ReplayOwner, now: Instant) {
        let of_principal = self
            .buffers
            .values()
            .filter(|buffer| buffer.owner.principal == owner.principal);
        if of_principal.count() >= limits::REPLAY_BUFFERS_PER_PRINCIPAL {
            self.drop_oldest(|buffer| buffer.owner.principal == owner.principal);
        }
        if self.buffers.len() >= limits::REPLAY_BUFFERS {
            self.drop_oldest(|_| true);
        }
        let buffer = Buffer {
            owner,
            first: 0,
            events: VecDeque::new(),
            bytes: 0,
            follower: None,
            has_ended: false,
            began: now,
        };
        self.buffers.insert(stream, buffer);
    }

    /// Drops the oldest, of those that have ended first.
    fn drop_oldest(&mut self, of: impl Fn(&Buffer) -> bool) {
        let candidates = self.buffers.iter().filter(|(_, buffer)| of(buffer));
        let oldest = candidates.min_by_key(|(_, buffer)| (!buffer.has_ended, buffer.began));
        if let Some(oldest) = oldest.map(|(stream, _)| *stream) {
            self.remove(oldest);
        }
    }

    /// Drops the buffers of streams that ended long ago.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((ended, stream)) = self.ended.front()
            && now.since(*ended) >= limits::REPLAY_RETENTION
        {
            let stream = *stream;
            self.ended.pop_front();
            self.remove(stream);
        }
    }

    /// Drops the buffers of a session that was revoked.
    pub(super) fn end_session(&mut self, session: SessionId) {
        self.remove_where(|owner| owner.session == session);
    }

    /// Drops the buffers of an MCP session that was ended.
    pub(super) fn end_mcp_session(&mut self, mcp_session: McpSessionId, principal: PrincipalId) {
        self.remove_where(|owner| owner.mcp_session == mcp_session && owner.principal == principal);
    }

    fn remove_where(&mut self, is_meant: impl Fn(&ReplayOwner) -> bool) {
        let meant = self.buffers.iter().filter(|(_, one)| is_meant(&one.owner));
        let meant: Vec<StreamId> = meant.map(|(stream, _)| *stream).collect();
        for stream in meant {
            self.remove(stream);
        }
    }

    fn remove(&mut self, stream: StreamId) {
        let Some(buffer) = self.buffers.remove(&stream) else {
            return;
        };
        self.bytes -= buffer.bytes;
        if buffer.has_ended {
            self.ended.retain(|(_, ended)| *ended != stream);
        }
        if let Some(follower) = buffer.follower {
            self.end_follower(follower, EndReason::ReplayDropped);
        }
    }

    fn end_follower(&mut self, id: ExchangeId, reason: EndReason) {
        if let Some(follower) = self.followers.get_mut(&id) {
            follower.end.get_or_insert(reason);
            self.woken.push(id);
        }
    }

    /// Keeps an event.
    pub(super) fn append(&mut self, stream: StreamId, event: Bytes) {
        let Some(buffer) = self.buffers.get_mut(&stream) else {
            return;
        };
        self.woken.extend(buffer.follower);
        buffer.bytes += event.len();
        self.bytes += event.len();
        buffer.events.push_back(event);
        while buffer.bytes > limits::REPLAY_BUFFER_BYTES
            && let Some(dropped) = buffer.events.pop_front()
        {
            buffer.bytes -= dropped.len();
            self.bytes -= dropped.len();
            buffer.first += 1;
        }
        while self.bytes > limits::REPLAY_BYTES {
            self.drop_oldest(|_| true);
        }
    }

    /// The stream has ended: nothing will be added.
    pub(super) fn close(&mut self, stream: StreamId, now: Instant) {
        if let Some(buffer) = self.buffers.get_mut(&stream)
            && !std::mem::replace(&mut buffer.has_ended, true)
        {
            self.ended.push_back((now, stream));
            self.woken.extend(buffer.follower);
        }
    }

    /// Whether there is such an event to go on from: only for the owner, within the same MCP session (threat
    /// I4).
    pub(super) fn has(
        &self,
        (stream, after): (StreamId, u64),
        principal: PrincipalId,
        mcp_session: McpSessionId,
    ) -> bool {
        self.buffers.get(&stream).is_some_and(|buffer| {
            let is_theirs =
                buffer.owner.principal == principal && buffer.owner.mcp_session == mcp_session;
            is_theirs && buffer.first <= after.saturating_add(1)
        })
    }

    /// From now on an exchange sends what followed an event. Whoever did so before ends.
    pub(super) fn follow(&mut self, from: ExchangeId, (stream, after): (StreamId, u64)) {
        let Some(buffer) = self.buffers.get_mut(&stream) else {
            return;
        };
        let before = buffer.follower.replace(from);
        let follower = Follower {
            stream,
            next: after.saturating_add(1),
            end: None,
        };
        self.followers.insert(from, follower);
        if let Some(before) = before {
            self.end_follower(before, EndReason::TakenOver);
        }
    }

    /// What a follower sends next, and why it ends after that, if it does.
    pub(super) fn read(&mut self, from: ExchangeId) -> Option<(Vec<Bytes>, Option<EndReason>)> {
        let follower = self.followers.get_mut(&from)?;
        if follower.end.is_some() {
            return Some((Vec::new(), follower.end));
        }
        let buffer = self.buffers.get(&follower.stream)?;
        let Some(skipped) = follower.next.checked_sub(buffer.first) else {
            return Some((Vec::new(), Some(EndReason::ReplayDropped)));
        };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let (mut events, mut bytes) = (Vec::new(), 0);
        for event in buffer.events.iter().skip(skipped) {
            if bytes >= limits::STREAM_QUEUE_BYTES {
                return Some((events, None));
            }
            bytes += event.len();
            follower.next += 1;
            events.push(event.clone());
        }
        Some((events, buffer.has_ended.then_some(EndReason::Complete)))
    }

    /// The followers for which there is something new.
    pub(super) fn take_woken(&mut self) -> Vec<ExchangeId> {
        std::mem::take(&mut self.woken)
    }

    /// Forgets an exchange that followed.
    pub(super) fn leave(&mut self, from: ExchangeId) {
        if let Some(follower) = self.followers.remove(&from)
            && let Some(buffer) = self.buffers.get_mut(&follower.stream)
            && buffer.follower == Some(from)
        {
            buffer.follower = None;
        }
    }
}

#[cfg(test)]
mod tests;
