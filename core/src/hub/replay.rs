//! What was sent on the streams of calls, kept for clients that lost the connection or were sent away
//! to come back for the rest (`Last-Event-ID`): bounded for each owner, each stream and in all.
//!
//! Source: MCP specification 2025-11-25, basic/transports, resumability and redelivery.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{FromHub, FromHubKind, HubOutput};
use crate::{
    id::{ExchangeId, Owner, StreamId},
    limits,
    time::{Instant, Now},
};

/// The streams that are kept, by name.
#[derive(Debug, Default)]
pub(super) struct Kept {
    streams: BTreeMap<StreamId, Stream>,
    /// The bytes of all of them.
    bytes: usize,
    followers: BTreeMap<ExchangeId, StreamId>,
}

#[derive(Debug)]
struct Stream {
    owner: Owner,
    /// The MCP session that it belongs to.
    session: StreamId,
    /// The events that are still there, the first of which has this number.
    first: u64,
    events: VecDeque<Bytes>,
    bytes: usize,
    /// Who has come back for it.
    follower: Option<ExchangeId>,
    /// When it ended, if it has; when it began.
    ended: Option<Instant>,
    began: Instant,
}

impl Kept {
    /// How many streams are kept.
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Begins to keep a stream. The oldest makes room.
    pub(super) fn begin(
        &mut self,
        (stream, session): (StreamId, StreamId),
        owner: Owner,
        now: Now,
        out: &mut VecDeque<HubOutput>,
    ) {
        let over = |ended: Instant| now.instant.since(ended) >= limits::REPLAY_RETENTION;
        self.remove_where(|_, kept| kept.ended.is_some_and(over), out);
        let of_owner = self.streams.values().filter(|kept| kept.owner == owner);
        if of_owner.count() >= limits::REPLAY_BUFFERS_PER_OWNER {
            self.drop_oldest(|kept| kept.owner == owner, out);
        }
        if self.streams.len() >= limits::REPLAY_BUFFERS {
            self.drop_oldest(|_| true, out);
        }
        let kept = Stream {
            owner,
            session,
            first: 0,
            events: VecDeque::new(),
            bytes: 0,
            follower: None,
            ended: None,
            began: now.instant,
        };
        self.streams.insert(stream, kept);
    }

    /// Those that have ended go first.
    fn drop_oldest(&mut self, of: impl Fn(&Stream) -> bool, out: &mut VecDeque<HubOutput>) {
        let candidates = self.streams.iter().filter(|(_, kept)| of(kept));
        let oldest = candidates.min_by_key(|(_, kept)| (kept.ended.is_none(), kept.began));
        if let Some(oldest) = oldest.map(|(name, _)| *name) {
            self.remove_where(|name, _| *name == oldest, out);
        }
    }

    /// Whoever follows one of them is sent away.
    fn remove_where(
        &mut self,
        is_meant: impl Fn(&StreamId, &Stream) -> bool,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.streams.retain(|name, kept| !is_meant(name, kept));
        self.bytes = self.streams.values().map(|kept| kept.bytes).sum();
        let streams = &self.streams;
        self.followers.retain(|follower, name| {
            let stays = streams.contains_key(name);
            if !stays {
                out.push_back(HubOutput::Deliver(
                    *follower,
                    FromHub(FromHubKind::EndStream),
                ));
            }
            stays
        });
    }

    /// Keeps an event, and hands it to whoever has come back.
    pub(super) fn keep(&mut self, stream: StreamId, event: Bytes, out: &mut VecDeque<HubOutput>) {
        let Some(kept) = self.streams.get_mut(&stream) else {
            return;
        };
        if let Some(follower) = kept.follower {
            let deliver = FromHubKind::Deliver(event.clone());
            out.push_back(HubOutput::Deliver(follower, FromHub(deliver)));
        }
        kept.bytes += event.len();
        self.bytes += event.len();
        kept.events.push_back(event);
        while kept.bytes > limits::REPLAY_BUFFER_BYTES
            && let Some(dropped) = kept.events.pop_front()
        {
            kept.bytes -= dropped.len();
            self.bytes -= dropped.len();
            kept.first += 1;
        }
        while self.bytes > limits::REPLAY_BYTES {
            self.drop_oldest(|_| true, out);
        }
    }

    /// The stream has ended: nothing will be added.
    pub(super) fn end(&mut self, stream: StreamId, now: Now, out: &mut VecDeque<HubOutput>) {
        if let Some(kept) = self.streams.get_mut(&stream) {
            kept.ended = Some(now.instant);
            if let Some(follower) = kept.follower.take() {
                self.followers.remove(&follower);
                out.push_back(HubOutput::Deliver(
                    follower,
                    FromHub(FromHubKind::EndStream),
                ));
            }
        }
    }

    /// Somebody comes back for what followed an event. Only the owner, within the same MCP session; the
    /// answer is the same whatever else is wrong (threat I4).
    pub(super) fn resume(
        &mut self,
        from: ExchangeId,
        (stream, after): (StreamId, u64),
        owner: Owner,
        session: StreamId,
        out: &mut VecDeque<HubOutput>,
    ) {
        let kept = self.streams.get_mut(&stream);
        let kept = kept.filter(|kept| kept.owner == owner && kept.session == session);
        let skipped = |kept: &Stream| (after + 1).checked_sub(kept.first);
        let Some((kept, skipped)) = kept.and_then(|kept| skipped(kept).map(|skip| (kept, skip)))
        else {
            out.push_back(HubOutput::Deliver(
                from,
                FromHub(FromHubKind::Resumed(None)),
            ));
            return;
        };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let events: Vec<Bytes> = kept.events.iter().skip(skipped).cloned().collect();
        let goes_on = kept.ended.is_none();
        if goes_on && let Some(before) = kept.follower.replace(from) {
            self.followers.remove(&before);
            out.push_back(HubOutput::Deliver(before, FromHub(FromHubKind::EndStream)));
        }
        if goes_on {
            self.followers.insert(from, stream);
        }
        let resumed = FromHubKind::Resumed(Some((events, goes_on)));
        out.push_back(HubOutput::Deliver(from, FromHub(resumed)));
    }

    /// Forgets an exchange that followed.
    pub(super) fn leave(&mut self, from: ExchangeId) {
        if let Some(stream) = self.followers.remove(&from)
            && let Some(kept) = self.streams.get_mut(&stream)
        {
            kept.follower = None;
        }
    }

    /// Drops what belongs to an MCP session that was ended.
    pub(super) fn end_session(
        &mut self,
        session: StreamId,
        owner: Owner,
        out: &mut VecDeque<HubOutput>,
    ) {
        self.remove_where(
            |_, kept| kept.session == session && kept.owner == owner,
            out,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixTime;

    const ALICE: Owner = Owner([1; 32]);
    const BOB: Owner = Owner([2; 32]);
    const SESSION: StreamId = StreamId([9; 16]);

    fn now(seconds: u64) -> Now {
        let start = Instant::default();
        Now {
            instant: start.after(std::time::Duration::from_secs(seconds)),
            unix: UnixTime(seconds),
        }
    }

    fn stream(number: u64) -> StreamId {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        StreamId(name)
    }

    #[derive(Default)]
    struct Table {
        kept: Kept,
        out: VecDeque<HubOutput>,
    }

    impl Table {
        fn with(events: usize) -> Self {
            let mut table = Self::default();
            table
                .kept
                .begin((stream(1), SESSION), ALICE, now(0), &mut table.out);
            for event in 0..events {
                table.keep(&event.to_string());
            }
            table
        }

        fn keep(&mut self, event: &str) {
            let event = Bytes::from(event.to_owned());
            self.kept.keep(stream(1), event, &mut self.out);
        }

        fn resume(&mut self, from: u64, after: u64, owner: Owner, session: StreamId) -> String {
            let at = (stream(1), after);
            self.kept
                .resume(ExchangeId(from), at, owner, session, &mut self.out);
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
                    FromHubKind::Resumed(Some((events, goes_on))) => {
                        let events: Vec<_> = events
                            .iter()
                            .map(|event| String::from_utf8_lossy(event))
                            .collect();
                        format!("{} {goes_on}", events.join(","))
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
    fn who_comes_back_gets_what_followed_and_what_comes_after() {
        let mut table = Table::with(3);
        assert_eq!(table.resume(7, 0, ALICE, SESSION), "1,2 true");
        table.keep("3");
        assert_eq!(table.told(), "7: 3");
        assert_eq!(table.resume(8, 3, ALICE, SESSION), "7: end |  true");
        table.kept.leave(ExchangeId(7));
        table.keep("4");
        table.kept.end(stream(1), now(0), &mut table.out);
        assert_eq!(table.told(), "8: 4 | 8: end");
        assert_eq!(table.resume(9, 2, ALICE, SESSION), "3,4 false");
        assert!(table.kept.followers.is_empty());
    }

    // I4
    #[test]
    fn nobody_resumes_the_stream_of_another_or_of_another_session() {
        let mut table = Table::with(3);
        assert_eq!(table.resume(7, 0, BOB, SESSION), "unknown");
        assert_eq!(table.resume(7, 0, ALICE, stream(5)), "unknown");
        table.kept.end_session(SESSION, BOB, &mut table.out);
        assert_eq!(table.kept.len(), 1);
        table.kept.end_session(SESSION, ALICE, &mut table.out);
        assert_eq!(table.resume(7, 0, ALICE, SESSION), "unknown");
    }

    #[test]
    fn who_follows_what_makes_room_is_sent_away() {
        let mut table = Table::with(1);
        assert_eq!(table.resume(7, 0, ALICE, SESSION), " true");
        for number in 2..10 {
            table.kept.begin(
                (stream(number), SESSION),
                ALICE,
                now(number),
                &mut table.out,
            );
        }
        assert_eq!(table.told(), "7: end");
    }

    // M: bounded; and what is lost is not skipped in silence.
    #[test]
    fn what_is_kept_is_bounded() {
        let mut table = Table::with(1);
        let big = "x".repeat(limits::REPLAY_BUFFER_BYTES / 2 + 1);
        table.keep(&big);
        table.keep(&big);
        assert_eq!(table.resume(7, 0, ALICE, SESSION), "unknown");
        table.keep(&"x".repeat(limits::REPLAY_BUFFER_BYTES + 1));
        assert_eq!(table.kept.bytes, 0, "what is too large is not kept at all");
        for number in 2..100 {
            table.kept.begin(
                (stream(number), SESSION),
                ALICE,
                now(number),
                &mut table.out,
            );
        }
        assert_eq!(table.kept.len(), limits::REPLAY_BUFFERS_PER_OWNER);
        for number in 0..u64::try_from(limits::REPLAY_BUFFERS).unwrap() + 10 {
            let mut owner = [7; 32];
            owner[..8].copy_from_slice(&number.to_be_bytes());
            table.kept.begin(
                (stream(1000 + number), SESSION),
                Owner(owner),
                now(200),
                &mut table.out,
            );
        }
        assert_eq!(table.kept.len(), limits::REPLAY_BUFFERS);
    }

    #[test]
    fn all_streams_together_are_bounded() {
        let mut table = Table::default();
        let big = Bytes::from("x".repeat(limits::REPLAY_BUFFER_BYTES));
        for number in 0..200_u64 {
            let mut owner = [7; 32];
            owner[..8].copy_from_slice(&number.to_be_bytes());
            table.kept.begin(
                (stream(number), SESSION),
                Owner(owner),
                now(number),
                &mut table.out,
            );
            table.kept.keep(stream(number), big.clone(), &mut table.out);
            assert!(table.kept.bytes <= limits::REPLAY_BYTES);
        }
        assert!(
            table.kept.streams.contains_key(&stream(199)),
            "the oldest went"
        );
        assert!(!table.kept.streams.contains_key(&stream(0)));
    }

    #[test]
    fn what_ended_long_ago_is_dropped() {
        let mut table = Table::with(1);
        table.kept.end(stream(1), now(10), &mut table.out);
        table.kept.begin(
            (stream(2), SESSION),
            BOB,
            now(10 + limits::REPLAY_RETENTION.as_secs()),
            &mut table.out,
        );
        assert_eq!(table.kept.len(), 1);
    }
}
