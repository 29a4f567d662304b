use super::*;

const ALICE: PrincipalId = PrincipalId([1; 32]);
const BOB: PrincipalId = PrincipalId([2; 32]);
const WRITER: ExchangeId = ExchangeId(1);
const MCP_SESSION: McpSessionId = McpSessionId([9; 16]);

fn now(seconds: u64) -> Instant {
    Instant::default().after(std::time::Duration::from_secs(seconds))
}

fn stream(number: u64) -> StreamId {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&number.to_be_bytes());
    StreamId(name)
}

fn user(number: u64) -> PrincipalId {
    let mut principal = [7; 32];
    principal[..8].copy_from_slice(&number.to_be_bytes());
    PrincipalId(principal)
}

fn owner(principal: PrincipalId) -> ReplayOwner {
    ReplayOwner {
        principal,
        session: SessionId::new([3; 16]),
        mcp_session: MCP_SESSION,
    }
}

fn text(length: usize) -> Bytes {
    Bytes::from("x".repeat(length))
}

#[derive(Default)]
struct Table(ReplayBuffers);

impl Table {
    /// A stream of Alice's with so many events.
    fn with(events: usize) -> Self {
        let mut table = Self::default();
        assert!(table.open(1, ALICE));
        for event in 0..events {
            table.append(&event.to_string());
        }
        table
    }

    fn open(&mut self, number: u64, principal: PrincipalId) -> bool {
        self.0
            .open(WRITER, stream(number), owner(principal), now(0))
    }

    /// A message before the response.
    fn append(&mut self, event: &str) {
        let event = Bytes::from(event.to_owned());
        self.append_to(1, event, None);
    }

    fn append_to(&mut self, number: u64, event: Bytes, instead: Option<&'static str>) {
        let next = self.0.buffers[&stream(number)].next;
        let instead = instead.map(|text| Bytes::from_static(text.as_bytes()));
        self.0
            .append(stream(number), (next, event), instead, now(0));
    }

    fn has(&self, after: u64) -> bool {
        self.0.has((stream(1), after), ALICE, MCP_SESSION)
    }

    fn follow(&mut self, from: u64, after: u64) -> Option<ExchangeId> {
        self.0.follow(ExchangeId(from), (stream(1), after))
    }

    /// What a follower is given: events, and why it ends.
    fn read(&mut self, from: u64) -> (String, Option<EndReason>) {
        let (events, end) = self.0.read(ExchangeId(from)).unwrap();
        let events = events.iter().map(|one| String::from_utf8_lossy(one));
        (events.collect::<Vec<_>>().join(","), end)
    }
}

#[test]
fn resumed_stream_reads_what_followed_and_what_comes_after() {
    let mut table = Table::with(3);
    table.follow(7, 0);
    assert_eq!(table.read(7), ("1,2".to_owned(), None));
    assert_eq!(table.read(7), (String::new(), None));
    table.append("3");
    assert_eq!(table.0.take_woken(), [ExchangeId(7)]);
    assert_eq!(table.read(7), ("3".to_owned(), None));
    table.0.close(stream(1), true, now(0));
    assert_eq!(table.read(7), (String::new(), Some(EndReason::Complete)));
}

// The call ends before the stream that resumes it has read anything.
#[test]
fn response_that_ends_before_its_resumed_stream_reads_is_read_whole() {
    let mut table = Table::with(1);
    table.follow(7, 0);
    table.append("result");
    table.0.close(stream(1), true, now(0));
    let whole = ("result".to_owned(), Some(EndReason::Complete));
    assert_eq!(table.read(7), whole);
}

// I6
#[test]
fn stream_that_is_resumed_elsewhere_ends() {
    let mut table = Table::with(2);
    assert_eq!(table.follow(7, 0), Some(WRITER), "the call's own stream");
    assert_eq!(table.follow(8, 0), None);
    assert_eq!(table.read(7), (String::new(), Some(EndReason::TakenOver)));
    table.0.forget(ExchangeId(7));
    assert_eq!(table.read(8), ("1".to_owned(), None));
    table.0.forget(ExchangeId(8));
    assert!(table.0.followers.is_empty());
    assert!(table.0.buffers[&stream(1)].follower.is_none());
}

// I4
#[test]
fn stream_is_resumed_by_its_owner_in_its_session_only() {
    let table = Table::with(3);
    assert!(table.has(0) && table.has(2));
    assert!(!table.has(3), "nothing was sent with that number");
    let at = (stream(1), 0);
    assert!(!table.0.has(at, BOB, MCP_SESSION));
    assert!(!table.0.has(at, ALICE, McpSessionId([5; 16])));
    assert!(!table.0.has((stream(2), 0), ALICE, MCP_SESSION));
}

// I7
#[test]
fn buffers_of_an_ended_session_are_dropped_and_their_streams_end() {
    let mut table = Table::with(1);
    table.follow(7, 0);
    table.0.end_mcp_session(MCP_SESSION, BOB);
    table.0.end_session(SessionId::new([4; 16]));
    assert_eq!(table.0.len(), 1);
    table.0.end_session(SessionId::new([3; 16]));
    assert_eq!(table.0.len(), 0);
    assert_eq!(
        table.read(7),
        (String::new(), Some(EndReason::ReplayDropped))
    );
    let mut table = Table::with(1);
    table.0.end_mcp_session(MCP_SESSION, ALICE);
    assert!(table.0.len() == 0 && table.0.bytes == 0);
    assert!(table.0.of_principal.is_empty());
}

// M7
#[test]
fn resumed_stream_is_given_a_bounded_part_at_a_time() {
    let mut table = Table::with(1);
    table.follow(7, 0);
    for _ in 0..3 {
        table.append_to(1, text(limits::STREAM_QUEUE_BYTES), Some("too large"));
    }
    table.0.close(stream(1), true, now(0));
    for end in [None, None, Some(EndReason::Complete)] {
        let (events, ended) = table.read(7);
        assert_eq!(events.len(), limits::STREAM_QUEUE_BYTES);
        assert_eq!(ended, end);
    }
}

// M5
#[test]
fn response_too_large_to_be_kept_leaves_an_error_in_its_place() {
    let mut table = Table::with(1);
    table.append_to(1, text(limits::REPLAY_MESSAGE_BYTES), None);
    table.append_to(1, text(2 * limits::REPLAY_BUFFER_BYTES), Some("too large"));
    table.0.close(stream(1), true, now(0));
    table.follow(7, 0);
    let error = ("too large".to_owned(), Some(EndReason::Complete));
    assert_eq!(table.read(7), error);
}

#[test]
fn messages_before_a_response_take_nothing_of_its_room() {
    let mut table = Table::with(1);
    for _ in 0..2 * limits::REPLAY_MESSAGE_BYTES / 1000 {
        table.append_to(1, text(1000), None);
    }
    assert!(table.0.bytes <= limits::REPLAY_MESSAGE_BYTES);
    table.append_to(1, text(limits::REPLAY_BUFFER_BYTES), Some("too large"));
    let last = table.0.buffers[&stream(1)].events.last().unwrap();
    assert_eq!(last.1.len(), limits::REPLAY_BUFFER_BYTES);
}

// M5
#[test]
fn call_that_runs_keeps_its_buffer_however_many_others_begin() {
    let mut table = Table::default();
    let most = u64::try_from(limits::REPLAY_BUFFERS_PER_PRINCIPAL).unwrap();
    for number in 0..most {
        assert!(table.open(number, ALICE));
    }
    assert!(!table.open(most, ALICE), "all of them run");
    assert!(table.open(most, BOB));
    table.0.close(stream(3), true, now(1));
    table.0.close(stream(2), true, now(2));
    assert!(table.open(most + 1, ALICE));
    assert!(!table.0.buffers.contains_key(&stream(3)), "it ended first");
    assert!(table.0.buffers.contains_key(&stream(2)));
}

// M5
#[test]
fn response_that_its_client_has_yet_to_come_back_for_makes_no_room() {
    let most = u64::try_from(limits::REPLAY_BUFFERS_PER_PRINCIPAL).unwrap();
    let full = || {
        let mut table = Table::with(2);
        for number in 2..=most {
            assert!(table.open(number, ALICE));
        }
        table.0.close(stream(1), false, now(0));
        table
    };
    let mut table = full();
    assert!(!table.open(most + 1, ALICE));
    table.follow(7, 0);
    assert_eq!(table.read(7), ("1".to_owned(), Some(EndReason::Complete)));
    assert!(table.open(most + 1, ALICE), "it was read to its end");
    let mut table = full();
    let later = Instant::default().after(limits::REPLAY_RETURN);
    let of_alice = owner(ALICE);
    assert!(table.0.open(WRITER, stream(most + 1), of_alice, later));
}

// M5
#[test]
fn replay_buffers_are_bounded() {
    let mut table = Table::default();
    let most = u64::try_from(limits::REPLAY_BUFFERS).unwrap();
    for number in 0..most {
        assert!(table.open(number, user(number)));
    }
    assert!(!table.open(most, user(most)));
    table.0.close(stream(1), true, now(1));
    assert!(table.open(most, user(most)));
    assert_eq!(table.0.len(), limits::REPLAY_BUFFERS);
}

// M5
#[test]
fn kept_bytes_are_bounded_for_each_user_and_in_all() {
    let mut table = Table::default();
    let event = text(limits::REPLAY_BUFFER_BYTES);
    for number in 0..600_u64 {
        let principal = user(number % 100);
        assert!(table.open(number, principal));
        table.append_to(number, event.clone(), Some("x"));
        assert!(table.0.used(principal).1 <= limits::REPLAY_BYTES_PER_PRINCIPAL + 40);
        assert!(table.0.bytes <= limits::REPLAY_BYTES + 600);
        if number % 2 == 0 {
            table.0.close(stream(number), true, now(number));
        }
    }
    let sum: usize = table.0.buffers.values().map(|buffer| buffer.bytes).sum();
    assert_eq!(sum, table.0.bytes);
}

// M5
#[test]
fn buffer_of_a_stream_that_ended_long_ago_is_dropped_by_itself() {
    let mut table = Table::with(1);
    table.0.expire(now(100_000));
    assert_eq!(table.0.len(), 1, "its call still runs");
    table.0.close(stream(1), true, now(10));
    table.0.close(stream(1), true, now(20));
    table.0.expire(now(9 + limits::REPLAY_RETENTION.as_secs()));
    assert_eq!(table.0.len(), 1);
    table.0.expire(now(10 + limits::REPLAY_RETENTION.as_secs()));
    assert!(table.0.len() == 0 && table.0.bytes == 0 && table.0.ended.is_empty());
}
