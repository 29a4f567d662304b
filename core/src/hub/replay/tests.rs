use super::*;

const ALICE: PrincipalId = PrincipalId([1; 32]);
const BOB: PrincipalId = PrincipalId([2; 32]);
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
        table.0.open(stream(1), owner(ALICE), now(0));
        for event in 0..events {
            table.append(&event.to_string());
        }
        table
    }

    fn append(&mut self, event: &str) {
        self.0.append(stream(1), Bytes::from(event.to_owned()));
    }

    fn has(&self, after: u64) -> bool {
        self.0.has((stream(1), after), ALICE, MCP_SESSION)
    }

    fn follow(&mut self, from: u64, after: u64) {
        self.0.follow(ExchangeId(from), (stream(1), after));
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
    table.0.close(stream(1), now(0));
    assert_eq!(table.read(7), (String::new(), Some(EndReason::Complete)));
}

// The call ends before the stream that resumes it has read anything.
#[test]
fn response_that_ends_before_its_resumed_stream_reads_is_read_whole() {
    let mut table = Table::with(1);
    table.follow(7, 0);
    table.append("result");
    table.0.close(stream(1), now(0));
    let whole = ("result".to_owned(), Some(EndReason::Complete));
    assert_eq!(table.read(7), whole);
}

// I6
#[test]
fn stream_that_is_resumed_elsewhere_ends() {
    let mut table = Table::with(2);
    table.follow(7, 0);
    table.follow(8, 0);
    assert_eq!(table.read(7), (String::new(), Some(EndReason::TakenOver)));
    table.0.leave(ExchangeId(7));
    assert_eq!(table.read(8), ("1".to_owned(), None));
    table.0.leave(ExchangeId(8));
    assert!(table.0.followers.is_empty());
    assert!(table.0.buffers[&stream(1)].follower.is_none());
}

// I4
#[test]
fn stream_is_resumed_by_its_owner_in_its_session_only() {
    let table = Table::with(3);
    assert!(table.has(0));
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
}

// M7
#[test]
fn resumed_stream_is_given_a_bounded_part_at_a_time() {
    let mut table = Table::with(1);
    table.follow(7, 0);
    for _ in 0..3 {
        table.append(&"x".repeat(limits::STREAM_QUEUE_BYTES));
    }
    table.0.close(stream(1), now(0));
    for end in [None, None, Some(EndReason::Complete)] {
        let (events, ended) = table.read(7);
        assert_eq!(events.len(), limits::STREAM_QUEUE_BYTES);
        assert_eq!(ended, end);
    }
}

// M5: bounded; and what is lost is not skipped in silence.
#[test]
fn replay_buffers_are_bounded() {
    let mut table = Table::with(1);
    let big = "x".repeat(limits::REPLAY_BUFFER_BYTES / 2 + 1);
    table.append(&big);
    table.append(&big);
    assert!(!table.has(0));
    table.append(&"x".repeat(limits::REPLAY_BUFFER_BYTES + 1));
    assert_eq!(table.0.bytes, 0, "what is too large is not kept at all");
    for number in 2..100 {
        table.0.open(stream(number), owner(ALICE), now(number));
    }
    assert_eq!(table.0.len(), limits::REPLAY_BUFFERS_PER_PRINCIPAL);
    for number in 0..u64::try_from(limits::REPLAY_BUFFERS).unwrap() + 10 {
        let owner = owner(user(number));
        table.0.open(stream(1000 + number), owner, now(200));
    }
    assert_eq!(table.0.len(), limits::REPLAY_BUFFERS);
}

// M5
#[test]
fn all_replay_buffers_together_are_bounded() {
    let mut table = Table::default();
    for number in 0..200_u64 {
        table
            .0
            .open(stream(number), owner(user(number)), now(number));
        let event = text(limits::REPLAY_BUFFER_BYTES);
        table.0.append(stream(number), event);
        assert!(table.0.bytes <= limits::REPLAY_BYTES);
    }
    assert!(table.0.buffers.contains_key(&stream(199)));
    assert!(!table.0.buffers.contains_key(&stream(0)), "the oldest went");
}

// M5
#[test]
fn buffer_of_a_stream_that_ended_long_ago_is_dropped_by_itself() {
    let mut table = Table::with(1);
    table.0.expire(now(100_000));
    assert_eq!(table.0.len(), 1, "its call still runs");
    table.0.close(stream(1), now(10));
    table.0.close(stream(1), now(20));
    table.0.expire(now(9 + limits::REPLAY_RETENTION.as_secs()));
    assert_eq!(table.0.len(), 1);
    table.0.expire(now(10 + limits::REPLAY_RETENTION.as_secs()));
    assert!(table.0.len() == 0 && table.0.bytes == 0 && table.0.ended.is_empty());
}
