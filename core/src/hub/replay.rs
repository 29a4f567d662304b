//! The events of responses, kept for clients that lost the connection or were told to come back for the
//! rest (`Last-Event-ID`): bounded for each owner, each stream and in all.
//!
//! Source: MCP specification 2025-11-25, basic/transports, resumability and redelivery.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{FromHub, FromHubKind, HubOutput};
use crate::{
    id::{ExchangeId, McpSessionId, PrincipalId, StreamId},
    limits,
    time::Instant,
};

/// The events that are kept, by stream.
#[derive(Debug, Default)]
pub(super) struct ReplayBuffers {
    buffers: BTreeMap<StreamId, Buffer>,
    /// The bytes of all of them.
    bytes: usize,
    followers: BTreeMap<ExchangeId, StreamId>,
}

#[derive(Debug)]
struct Buffer {
    principal: PrincipalId,
    mcp_session: McpSessionId,
    /// The events that are still there, the first of which has this number.
    first: u64,
    events: VecDeque<Bytes>,
    bytes: usize,
    /// The exchange that has resumed the stream.
    follower: Option<ExchangeId>,
    /// When the stream ended, if it has; when it began.
    ended: Option<Instant>,
    began: Instant,
}

impl ReplayBuffers {
    /// How many streams have a buffer.
    pub(super) fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Begins to keep the events of a stream. The oldest buffer makes room.
    pub(super) fn open(
        &mut self,
        stream: StreamId,
        principal: PrincipalId,
        mcp_session: McpSessionId,
        now: Instant,
        out: &mut VecDeque<HubOutput>,
    ) {
        let expired = |ended: Instant| now.since(ended) >= limits::REPLAY_RETENTION;
        self.remove_where(|_, buffer| buffer.ended.is_some_and(expired), out);
        let of_principal = self
            .buffers
            .values()
            .filter(|buffer| buffer.principal == principal);
        if of_principal.count() >= limits::REPLAY_BUFFERS_PER_PRINCIPAL {
            self.drop_oldest(|buffer| buffer.principal == principal, out);
        }
        if self.buffers.len() >= limits::REPLAY_BUFFERS {
            self.drop_oldest(|_| true, out);
        }
        let buffer = Buffer {
            principal,
            mcp_session,
            first: 0,
            events: VecDeque::new(),
            bytes: 0,
            follower: None,
            ended: None,
            began: now,
        };
        self.buffers.insert(stream, buffer);
    }

    /// Drops the oldest, of those that have ended first.
    fn drop_oldest(&mut self, of: impl Fn(&Buffer) -> bool, out: &mut VecDeque<HubOutput>) {
        let candidates = self.buffers.iter().filter(|(_, buffer)| of(buffer));
        let oldest = candidates.min_by_key(|(_, buffer)| (buffer.ended.is_none(), buffer.began));
        if let Some(oldest) = oldest.map(|(stream, _)| *stream) {
            self.remove_where(|stream, _| *stream == oldest, out);
        }
    }

    /// Removes buffers. The streams of those who follow them end.
    fn remove_where(
        &mut self,
        is_meant: impl Fn(&StreamId, &Buffer) -> bool,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.buffers
            .retain(|stream, buffer| !is_meant(stream, buffer));
        self.bytes = self.buffers.values().map(|buffer| buffer.bytes).sum();
        let buffers = &self.buffers;
        self.followers.retain(|follower, stream| {
            let stays = buffers.contains_key(stream);
            if !stays {
                out.push_back(end_stream(*follower));
            }
            stays
        });
    }

    /// Keeps an event, and hands it to whoever has resumed the stream.
    pub(super) fn append(&mut self, stream: StreamId, event: Bytes, out: &mut VecDeque<HubOutput>) {
        let Some(buffer) = self.buffers.get_mut(&stream) else {
            return;
        };
        if let Some(follower) = buffer.follower {
            let deliver = FromHubKind::Deliver(event.clone());
            out.push_back(HubOutput::Deliver(follower, FromHub(deliver)));
        }
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
            self.drop_oldest(|_| true, out);
        }
    }

    /// The stream has ended: nothing will be added.
    pub(super) fn close(&mut self, stream: StreamId, now: Instant, out: &mut VecDeque<HubOutput>) {
        if let Some(buffer) = self.buffers.get_mut(&stream) {
            buffer.ended = Some(now);
            if let Some(follower) = buffer.follower.take() {
                self.followers.remove(&follower);
                out.push_back(end_stream(follower));
            }
        }
    }

    /// Hands out what followed an event. Only to the owner, within the same MCP session; the answer is the
    /// same whatever else is wrong (threat I4).
    pub(super) fn resume(
        &mut self,
        from: ExchangeId,
        (stream, after): (StreamId, u64),
        principal: PrincipalId,
        mcp_session: McpSessionId,
        out: &mut VecDeque<HubOutput>,
    ) {
        let buffer = self.buffers.get_mut(&stream);
        let buffer =
            buffer.filter(|one| one.principal == principal && one.mcp_session == mcp_session);
        let skipped = |buffer: &Buffer| (after + 1).checked_sub(buffer.first);
        let Some((buffer, skipped)) =
            buffer.and_then(|buffer| skipped(buffer).map(|skip| (buffer, skip)))
        else {
            let unknown = FromHubKind::Resumed(None);
            out.push_back(HubOutput::Deliver(from, FromHub(unknown)));
            return;
        };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let events: Vec<Bytes> = buffer.events.iter().skip(skipped).cloned().collect();
        let is_live = buffer.ended.is_none();
        if is_live && let Some(before) = buffer.follower.replace(from) {
            self.followers.remove(&before);
            out.push_back(end_stream(before));
        }
        if is_live {
            self.followers.insert(from, stream);
        }
        let resumed = FromHubKind::Resumed(Some((events, is_live)));
        out.push_back(HubOutput::Deliver(from, FromHub(resumed)));
    }

    /// Forgets an exchange that followed.
    pub(super) fn leave(&mut self, from: ExchangeId) {
        if let Some(stream) = self.followers.remove(&from)
            && let Some(buffer) = self.buffers.get_mut(&stream)
        {
            buffer.follower = None;
        }
    }

    /// Drops what belongs to an MCP session that was ended.
    pub(super) fn end_session(
        &mut self,
        mcp_session: McpSessionId,
        principal: PrincipalId,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.remove_where(
            |_, buffer| buffer.mcp_session == mcp_session && buffer.principal == principal,
            out,
        );
    }
}

fn end_stream(to: ExchangeId) -> HubOutput {
    HubOutput::Deliver(to, FromHub(FromHubKind::EndStream))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: PrincipalId = PrincipalId([1; 32]);
    const BOB: PrincipalId = PrincipalId([2; 32]);
    const SESSION: McpSessionId = McpSessionId([9; 16]);

    fn now(seconds: u64) -> Instant {
        Instant::default().after(std::time::Duration::from_secs(seconds))
    }

    fn stream(number: u64) -> StreamId {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        StreamId(name)
    }

    #[derive(Default)]
    struct Table {
        buffers: ReplayBuffers,
        out: VecDeque<HubOutput>,
    }

    impl Table {
        fn with(events: usize) -> Self {
            let mut table = Self::default();
            table
                .buffers
                .open(stream(1), ALICE, SESSION, now(0), &mut table.out);
            for event in 0..events {
                table.keep(&event.to_string());
            }
            table
        }

        fn keep(&mut self, event: &str) {
            let event = Bytes::from(event.to_owned());
            self.buffers.append(stream(1), event, &mut self.out);
        }

        fn resume(
            &mut self,
            from: u64,
            after: u64,
            principal: PrincipalId,
            session: McpSessionId,
        ) -> String {
            let at = (stream(1), after);
            self.buffers
                .resume(ExchangeId(from), at, principal, session, &mut self.out);
            self.told()
        }

        fn told(&mut self) -> String {
            let mut told = Vec::new();
            while let Some(output) = self.out.pop_front() {
                let HubOutput::Deliver(to, FromHub(message)) = output else {
                    continue;
                };
                told.push(match message {
                    FromHubKind::Resumed(None) => "unknown".to_owned(),
                    FromHubKind::Resumed(Some((events, is_live))) => {
                        let events: Vec<_> = events
                            .iter()
                            .map(|event| String::from_utf8_lossy(event))
                            .collect();
                        format!("{} {is_live}", events.join(","))
                    }
                    FromHubKind::Deliver(event) => {
                        format!("{}: {}", to.0, String::from_utf8_lossy(&event))
                    }
                    FromHubKind::EndStream => format!("{}: end", to.0),
                    _ => String::new(),
                });
            }
            told.join(" | ")
        }
    }

    #[test]
    fn a_resumed_stream_gets_what_followed_and_what_comes_after() {
        let mut table = Table::with(3);
        assert_eq!(table.resume(7, 0, ALICE, SESSION), "1,2 true");
        table.keep("3");
        assert_eq!(table.told(), "7: 3");
        assert_eq!(table.resume(8, 3, ALICE, SESSION), "7: end |  true");
        table.buffers.leave(ExchangeId(7));
        table.keep("4");
        table.buffers.close(stream(1), now(0), &mut table.out);
        assert_eq!(table.told(), "8: 4 | 8: end");
        assert_eq!(table.resume(9, 2, ALICE, SESSION), "3,4 false");
        assert!(table.buffers.followers.is_empty());
    }

    // I4
    #[test]
    fn a_stream_is_resumed_by_its_owner_in_its_session_only() {
        let mut table = Table::with(3);
        assert_eq!(table.resume(7, 0, BOB, SESSION), "unknown");
        assert_eq!(table.resume(7, 0, ALICE, McpSessionId([5; 16])), "unknown");
        table.buffers.end_session(SESSION, BOB, &mut table.out);
        assert_eq!(table.buffers.len(), 1);
        table.buffers.end_session(SESSION, ALICE, &mut table.out);
        assert_eq!(table.resume(7, 0, ALICE, SESSION), "unknown");
    }

    #[test]
    fn a_resumed_stream_ends_when_its_buffer_is_dropped() {
        let mut table = Table::with(1);
        assert_eq!(table.resume(7, 0, ALICE, SESSION), " true");
        for number in 2..10 {
            table
                .buffers
                .open(stream(number), ALICE, SESSION, now(number), &mut table.out);
        }
        assert_eq!(table.told(), "7: end");
    }

    // M: bounded; and what is lost is not skipped in silence.
    #[test]
    fn replay_buffers_are_bounded() {
        let mut table = Table::with(1);
        let big = "x".repeat(limits::REPLAY_BUFFER_BYTES / 2 + 1);
        table.keep(&big);
        table.keep(&big);
        assert_eq!(table.resume(7, 0, ALICE, SESSION), "unknown");
        table.keep(&"x".repeat(limits::REPLAY_BUFFER_BYTES + 1));
        assert_eq!(
            table.buffers.bytes, 0,
            "what is too large is not kept at all"
        );
        for number in 2..100 {
            table
                .buffers
                .open(stream(number), ALICE, SESSION, now(number), &mut table.out);
        }
        assert_eq!(table.buffers.len(), limits::REPLAY_BUFFERS_PER_PRINCIPAL);
        for number in 0..u64::try_from(limits::REPLAY_BUFFERS).unwrap() + 10 {
            let mut principal = [7; 32];
            principal[..8].copy_from_slice(&number.to_be_bytes());
            table.buffers.open(
                stream(1000 + number),
                PrincipalId(principal),
                SESSION,
                now(200),
                &mut table.out,
            );
        }
        assert_eq!(table.buffers.len(), limits::REPLAY_BUFFERS);
    }

    #[test]
    fn all_replay_buffers_together_are_bounded() {
        let mut table = Table::default();
        let big = Bytes::from("x".repeat(limits::REPLAY_BUFFER_BYTES));
        for number in 0..200_u64 {
            let mut principal = [7; 32];
            principal[..8].copy_from_slice(&number.to_be_bytes());
            table.buffers.open(
                stream(number),
                PrincipalId(principal),
                SESSION,
                now(number),
                &mut table.out,
            );
            table
                .buffers
                .append(stream(number), big.clone(), &mut table.out);
            assert!(table.buffers.bytes <= limits::REPLAY_BYTES);
        }
        assert!(
            table.buffers.buffers.contains_key(&stream(199)),
            "the oldest went"
        );
        assert!(!table.buffers.buffers.contains_key(&stream(0)));
    }

    #[test]
    fn a_stream_that_ended_long_ago_is_dropped() {
        let mut table = Table::with(1);
        table.buffers.close(stream(1), now(10), &mut table.out);
        table.buffers.open(
            stream(2),
            BOB,
            SESSION,
            now(10 + limits::REPLAY_RETENTION.as_secs()),
            &mut table.out,
        );
        assert_eq!(table.buffers.len(), 1);
    }
}
