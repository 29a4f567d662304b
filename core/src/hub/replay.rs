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
    config::Capacity,
    id::{ExchangeId, McpSessionId, PrincipalId, SessionId, StreamId},
    limits,
    time::Instant,
};

/// The events that are kept, by stream.
#[derive(Debug, Default)]
pub(super) struct ReplayBuffers {
    capacity: Capacity,
    buffers: BTreeMap<StreamId, Buffer>,
    /// The bytes of all of them.
    bytes: usize,
    /// How many buffers each owner has, and their bytes.
    of_principal: BTreeMap<PrincipalId, (usize, usize)>,
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
    /// The events that are kept, with their numbers: some of those between may not be.
    events: Vec<(u64, Bytes)>,
    bytes: usize,
    /// The number of the next event.
    next: u64,
    /// The exchange that sends the events to the client itself, until another exchange does.
    writer: Option<ExchangeId>,
    /// The exchange that has resumed the stream.
    follower: Option<ExchangeId>,
    has_ended: bool,
    /// Whether its client was sent all of it.
    is_sent: bool,
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
    /// Nothing yet, and room for this much.
    pub(super) fn with_capacity(capacity: Capacity) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// How many streams have a buffer.
    pub(super) fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Begins to keep the events of a stream. `false` if there is no room: of those that have ended the oldest
    /// makes room, but not a call that runs, nor a response whose client has had no time yet to come back for it.
    pub(super) fn open(
        &mut self,
        from: ExchangeId,
        stream: StreamId,
        owner: ReplayOwner,
        now: Instant,
    ) -> bool {
        let principal = owner.principal;
        while self.used(principal).0 >= self.capacity.calls_per_user {
            if !self.drop_ended(Some(principal), now) {
                return false;
            }
        }
        while self.buffers.len() >= limits::REPLAY_BUFFERS {
            if !self.drop_ended(None, now) {
                return false;
            }
        }
        let buffer = Buffer {
            owner,
            events: Vec::new(),
            bytes: 0,
            next: 0,
            writer: Some(from),
            follower: None,
            has_ended: false,
            is_sent: false,
        };
        self.buffers.insert(stream, buffer);
        self.of_principal.entry(principal).or_default().0 += 1;
        true
    }

    /// How many buffers an owner has, and their bytes.
    fn used(&self, principal: PrincipalId) -> (usize, usize) {
        let used = self.of_principal.get(&principal);
        used.copied().unwrap_or_default()
    }

    /// Drops the buffer of the oldest stream that has ended, of an owner or of all. `false` if there is none that
    /// may go.
    fn drop_ended(&mut self, of: Option<PrincipalId>, now: Instant) -> bool {
        let may_go = |ended: Instant, stream: &StreamId| {
            self.buffers.get(stream).is_some_and(|buffer| {
                let is_of = of.is_none_or(|principal| buffer.owner.principal == principal);
                is_of && (buffer.is_sent || now.since(ended) >= limits::REPLAY_RETURN)
            })
        };
        let mut ended = self.ended.iter();
        let oldest = ended.find(|(ended, stream)| may_go(*ended, stream));
        let oldest = oldest.map(|(_, stream)| *stream);
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
        oldest.is_some()
    }

    /// Whether there is room for so many bytes of an owner's; buffers of streams that have ended make some.
    fn make_room(&mut self, principal: PrincipalId, bytes: usize, now: Instant) -> bool {
        while self.used(principal).1 + bytes > limits::REPLAY_BYTES_PER_PRINCIPAL {
            if !self.drop_ended(Some(principal), now) {
                return false;
            }
        }
        while self.bytes + bytes > limits::REPLAY_BYTES {
            if !self.drop_ended(None, now) {
                return false;
            }
        }
        true
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
        let principal = buffer.owner.principal;
        let (buffers, bytes) = self.used(principal);
        if buffers > 1 {
            let rest = (buffers - 1, bytes - buffer.bytes);
            self.of_principal.insert(principal, rest);
        } else {
            self.of_principal.remove(&principal);
        }
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

    /// Keeps an event, or else what it is given instead.
    pub(super) fn append(
        &mut self,
        stream: StreamId,
        (number, event): (u64, Bytes),
        instead: Option<Bytes>,
        now: Instant,
    ) {
        let Some(buffer) = self.buffers.get(&stream) else {
            return;
        };
        // What comes before a response takes nothing of its room.
        let most = match &instead {
            Some(_) => limits::REPLAY_MESSAGE_BYTES + limits::REPLAY_BUFFER_BYTES,
            None => limits::REPLAY_MESSAGE_BYTES,
        };
        let fits = event.len() <= limits::REPLAY_BUFFER_BYTES && buffer.bytes + event.len() <= most;
        let principal = buffer.owner.principal;
        let is_kept = fits && self.make_room(principal, event.len(), now);
        let stored = if is_kept { Some(event) } else { instead };
        let Some(buffer) = self.buffers.get_mut(&stream) else {
            return;
        };
        buffer.next = number.saturating_add(1);
        if let Some(event) = stored {
            buffer.bytes += event.len();
            self.bytes += event.len();
            self.of_principal.entry(principal).or_default().1 += event.len();
            buffer.events.push((number, event));
            self.woken.extend(buffer.follower);
        }
    }

    /// The stream has ended: nothing will be added. `is_sent` if its client was sent all of it.
    pub(super) fn close(&mut self, stream: StreamId, is_sent: bool, now: Instant) {
        if let Some(buffer) = self.buffers.get_mut(&stream)
            && !std::mem::replace(&mut buffer.has_ended, true)
        {
            buffer.writer = None;
            buffer.is_sent = is_sent;
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
            is_theirs && after < buffer.next
        })
    }

    /// From now on an exchange sends what followed an event. Whoever did so before ends; gives the exchange of
    /// the call, if it did so itself.
    pub(super) fn follow(
        &mut self,
        from: ExchangeId,
        (stream, after): (StreamId, u64),
    ) -> Option<ExchangeId> {
        let buffer = self.buffers.get_mut(&stream)?;
        let writer = buffer.writer.take();
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
        writer
    }

    /// What a follower sends next, and why it ends after that, if it does.
    pub(super) fn read(&mut self, from: ExchangeId) -> Option<(Vec<Bytes>, Option<EndReason>)> {
        let follower = self.followers.get_mut(&from)?;
        if follower.end.is_some() {
            return Some((Vec::new(), follower.end));
        }
        let buffer = self.buffers.get_mut(&follower.stream)?;
        let skipped = buffer
            .events
            .partition_point(|(number, _)| *number < follower.next);
        let (mut events, mut bytes) = (Vec::new(), 0);
        for (number, event) in buffer.events.iter().skip(skipped) {
            if bytes >= limits::STREAM_QUEUE_BYTES {
                return Some((events, None));
            }
            bytes += event.len();
            follower.next = number.saturating_add(1);
            events.push(event.clone());
        }
        buffer.is_sent |= buffer.has_ended;
        Some((events, buffer.has_ended.then_some(EndReason::Complete)))
    }

    /// The followers for which there is something new.
    pub(super) fn take_woken(&mut self) -> Vec<ExchangeId> {
        std::mem::take(&mut self.woken)
    }

    /// Forgets an exchange that followed.
    pub(super) fn forget(&mut self, from: ExchangeId) {
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
