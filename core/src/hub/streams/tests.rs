use super::*;
use crate::{
    hub::{FromHub, FromHubKind, HubAnswer, HubAsk},
    id::ResourceId,
    ticket::{AskId, Ticket},
};

const ALICE: PrincipalId = PrincipalId([1; 32]);
const BOB: PrincipalId = PrincipalId([2; 32]);

fn mcp_session(byte: u8) -> McpSessionId {
    McpSessionId([byte; 16])
}

fn session(byte: u8) -> SessionId {
    SessionId::new([byte; 16])
}

fn waiter<A: HubAsk>(id: u64) -> Waiter<A> {
    Waiter::new(ExchangeId(id), Ticket::new(AskId(0)))
}

#[derive(Default)]
struct Table {
    streams: Streams,
    out: VecDeque<HubOutput>,
}

impl Table {
    fn open(
        &mut self,
        id: u64,
        principal: PrincipalId,
        kind: fn(McpSessionId) -> StreamKind,
    ) -> bool {
        let byte = u8::try_from(id % 200).unwrap();
        let (kind, token) = (kind(mcp_session(byte)), (session(byte), UnixTime(0)));
        let owner = (principal, UserId(principal.0));
        let opened = self.streams.open(ExchangeId(id), owner, token, kind);
        opened.is_ok()
    }

    fn read(&mut self, id: u64) {
        self.streams.read(waiter(id), &mut self.out);
    }

    fn deliver(&mut self, from: u64, to: McpSessionId, principal: PrincipalId, event: &str) {
        let (from, events) = (waiter(from), vec![Bytes::from(event.to_owned())]);
        let out = &mut self.out;
        self.streams.deliver(from, to, principal, events, out);
    }

    fn find(&mut self, from: u64, to: McpSessionId, principal: PrincipalId) {
        let token = (session(1), UnixTime(0));
        let out = &mut self.out;
        self.streams.find(waiter(from), to, principal, token, out);
    }

    fn close(&mut self, id: u64) {
        self.streams.close(ExchangeId(id), &mut self.out);
    }

    fn change(&mut self, change: &ChangeNotification) {
        self.streams.notify_changed((change, None), &mut self.out);
    }

    /// What the exchanges were sent, one line each.
    fn delivered(&mut self) -> Vec<String> {
        let lines = self.out.drain(..).filter_map(|output| match output {
            HubOutput::Deliver(to, FromHub(message)) => Some((to.0, message)),
            _ => None,
        });
        let lines = lines.map(|(to, message)| match message {
            FromHubKind::Answer(HubAnswer::ReadStream(answered)) => {
                let next = answered.answer;
                let events = next.events.concat();
                let (events, changes) = (String::from_utf8_lossy(&events), next.changes.len());
                format!("{to}: {events} {changes} {:?}", next.end)
            }
            FromHubKind::Answer(HubAnswer::Deliver(answered)) => {
                format!("{to}: Delivered({})", answered.answer)
            }
            FromHubKind::Answer(HubAnswer::FindStream(answered)) => {
                format!("{to}: StreamFound({:?})", answered.answer)
            }
            other => panic!("no such message is sent here: {other:?}"),
        });
        lines.collect()
    }
}

// I2, I4
#[test]
fn stream_of_another_user_or_session_is_not_delivered_to() {
    let mut table = Table::default();
    assert!(table.open(1, ALICE, StreamKind::Sse));
    table.read(1);
    table.deliver(5, mcp_session(1), BOB, "x");
    table.deliver(5, mcp_session(2), ALICE, "x");
    assert_eq!(table.delivered(), ["5: Delivered(false)"; 2]);
    table.deliver(5, mcp_session(1), ALICE, "x");
    assert_eq!(table.delivered(), ["1: x 0 None", "5: Delivered(true)"]);
}

// I3
#[test]
fn ids_of_the_transports_are_not_interchangeable() {
    let mut table = Table::default();
    assert!(table.open(1, ALICE, StreamKind::Standalone));
    table.read(1);
    table.deliver(5, mcp_session(1), ALICE, "x");
    assert_eq!(table.delivered(), ["5: Delivered(false)"]);
}

// I6, M4
#[test]
fn streams_of_one_user_are_bounded_and_closing_makes_room() {
    let mut table = Table::default();
    let limit = u64::try_from(limits::STREAMS_PER_PRINCIPAL).unwrap();
    for id in 0..limit {
        assert!(table.open(id, ALICE, StreamKind::Sse));
    }
    assert!(!table.open(limit, ALICE, StreamKind::Sse));
    assert!(table.open(limit + 1, BOB, StreamKind::Sse));
    table.close(0);
    assert!(table.open(limit, ALICE, StreamKind::Sse));
}

// I6, M4
#[test]
fn streams_of_one_user_are_as_many_as_are_set() {
    let mut table = Table::default();
    table.streams.capacity.streams_per_user = 1;
    assert!(table.open(0, ALICE, StreamKind::Sse));
    assert!(!table.open(1, ALICE, StreamKind::Sse));
    assert!(table.open(2, BOB, StreamKind::Sse));
}

#[test]
fn streams_of_the_server_are_bounded() {
    let mut table = Table::default();
    for id in 0..u64::try_from(limits::STREAMS).unwrap() {
        let mut principal = [0; 32];
        principal[..8].copy_from_slice(&id.to_be_bytes());
        assert!(table.open(id, PrincipalId(principal), StreamKind::Sse));
    }
    assert!(!table.open(u64::MAX, BOB, StreamKind::Sse));
}

// M7: neither the number of messages nor that of changes cuts anybody off.
#[test]
fn stream_that_is_writing_gets_everything_in_one_message_when_it_asks() {
    let mut table = Table::default();
    assert!(table.open(1, ALICE, StreamKind::Sse));
    let negotiated = Negotiated::new(
        crate::revision::Revision::V2025_11_25,
        crate::catalog::ClientCapabilities::default(),
        crate::catalog::ClientInfo::default(),
    );
    table.streams.negotiated(mcp_session(1), ALICE, negotiated);
    for _ in 0..1000 {
        table.deliver(5, mcp_session(1), ALICE, "x");
        table.change(&ChangeNotification::Tools);
    }
    let delivered = table.delivered();
    assert!(delivered.iter().all(|one| one == "5: Delivered(true)"));
    table.read(1);
    assert_eq!(
        table.delivered(),
        [format!("1: {} 1 None", "x".repeat(1000))]
    );
    table.read(1);
    assert!(table.delivered().is_empty());
}

// M7
#[test]
fn producer_of_a_full_stream_waits_until_it_is_read() {
    let mut table = Table::default();
    assert!(table.open(1, ALICE, StreamKind::Sse));
    let big = "x".repeat(limits::STREAM_QUEUE_BYTES);
    table.deliver(5, mcp_session(1), ALICE, &big);
    table.deliver(6, mcp_session(1), ALICE, "y");
    table.find(7, mcp_session(1), ALICE);
    assert!(table.delivered().is_empty());
    table.read(1);
    let delivered = table.delivered();
    assert_eq!(delivered[0].len(), format!("1: {big}y 0 None").len());
    assert_eq!(
        delivered[1..3],
        ["5: Delivered(true)", "6: Delivered(true)"]
    );
    assert!(delivered[3].starts_with("7: StreamFound(Ok"));
}

// M7
#[test]
fn waiters_of_a_full_stream_are_bounded_and_answered_when_it_closes() {
    let mut table = Table::default();
    assert!(table.open(1, ALICE, StreamKind::Sse));
    let big = "x".repeat(limits::STREAM_QUEUE_BYTES);
    table.deliver(5, mcp_session(1), ALICE, &big);
    for finder in 0..u64::try_from(limits::STREAM_WAITERS).unwrap() {
        table.find(100 + finder, mcp_session(1), ALICE);
    }
    assert!(table.delivered().is_empty());
    table.find(99, mcp_session(1), ALICE);
    assert_eq!(table.delivered(), ["99: StreamFound(Err(Busy))"]);
    table.close(1);
    let delivered = table.delivered();
    assert_eq!(delivered.len(), limits::STREAM_WAITERS + 1);
    assert_eq!(delivered[0], "5: Delivered(false)");
    assert_eq!(delivered[1], "100: StreamFound(Err(NotFound))");
}

// I7
#[test]
fn stream_of_a_revoked_session_ends_and_its_name_is_gone() {
    let mut table = Table::default();
    table.open(1, ALICE, StreamKind::Sse);
    table.open(2, ALICE, StreamKind::Sse);
    table.deliver(5, mcp_session(1), ALICE, "last");
    table
        .streams
        .end_session(session(1), |_| false, &mut table.out);
    table.deliver(6, mcp_session(1), ALICE, "x");
    table.read(1);
    table.read(2);
    assert_eq!(
        table.delivered(),
        [
            "5: Delivered(true)",
            "6: Delivered(false)",
            "1: last 0 Some(SessionRevoked)"
        ]
    );
    table.close(1);
    table.close(2);
    assert!(table.streams.of_principal.is_empty() && table.streams.sse.is_empty());
}

// I2
#[test]
fn stream_is_ended_by_its_owner_only() {
    let mut table = Table::default();
    table.open(1, ALICE, StreamKind::Standalone);
    table.read(1);
    table.streams.end(mcp_session(1), BOB, &mut table.out);
    assert!(table.delivered().is_empty());
    table.streams.end(mcp_session(1), ALICE, &mut table.out);
    assert_eq!(table.delivered(), ["1:  0 Some(McpSessionEnded)"]);
}

// I6
#[test]
fn change_is_sent_on_one_stream_of_a_session() {
    let mut table = Table::default();
    // The same session twice, and another.
    for id in [1, 201, 2] {
        assert!(table.open(id, ALICE, StreamKind::Standalone));
        table.read(id);
    }
    table.change(&ChangeNotification::Tools);
    assert_eq!(table.delivered(), ["1:  1 None", "2:  1 None"]);
}

// I6: each change is sent on one stream, so it would be lost with that.
#[test]
fn undelivered_changes_of_a_closed_stream_go_to_another_of_its_session() {
    let mut table = Table::default();
    for id in [1, 201, 2] {
        assert!(table.open(id, ALICE, StreamKind::Standalone));
    }
    assert!(table.open(401, BOB, StreamKind::Standalone));
    table.change(&ChangeNotification::Tools);
    for id in [1, 201, 401] {
        table.close(id);
        assert!(table.delivered().is_empty());
        if id == 1 {
            table.read(201);
            assert_eq!(table.delivered(), ["201:  1 None"]);
        }
    }
}

// P8
#[test]
fn change_for_one_user_is_sent_on_no_stream_of_another() {
    let mut table = Table::default();
    for (id, user) in [(1, ALICE), (2, BOB), (3, ALICE)] {
        assert!(table.open(id, user, StreamKind::Standalone));
        table.read(id);
    }
    let alice = Some(UserId(ALICE.0));
    let change = (&ChangeNotification::Resources, alice);
    table.streams.notify_changed(change, &mut table.out);
    assert_eq!(table.delivered(), ["1:  1 None", "3:  1 None"]);
}

#[test]
fn streams_end_when_the_server_shuts_down_and_none_is_opened() {
    let mut table = Table::default();
    assert!(table.open(1, ALICE, StreamKind::Standalone));
    table.read(1);
    table.streams.shut_down(&mut table.out);
    assert_eq!(table.delivered(), ["1:  0 Some(ShuttingDown)"]);
    assert!(!table.open(2, ALICE, StreamKind::Standalone));
}

// I4: those of one sign-in and MCP session are no others', and what was so earlier is not so again.
#[test]
fn subscriptions_reach_the_streams_of_their_sign_in_and_session_only_and_the_latest_count() {
    let mut table = Table::default();
    assert!(table.open(1, ALICE, StreamKind::Standalone));
    table.read(1);
    let (change, resource) = (
        ChangeNotification::Resource("a://b".to_owned()),
        ResourceId::of("a://b"),
    );
    let subscribe = |table: &mut Table, (sign_in, mcp): (u8, u8), number, is_subscribed| {
        let resources = if is_subscribed {
            vec![resource]
        } else {
            vec![]
        };
        let subscriptions = Subscriptions {
            number,
            resources: resources.into_iter().collect(),
        };
        let whose = (session(sign_in), mcp_session(mcp));
        table.streams.subscribed(whose, &subscriptions);
        table.change(&change);
        table.delivered()
    };
    assert!(subscribe(&mut table, (2, 1), 7, true).is_empty());
    assert!(subscribe(&mut table, (1, 2), 7, true).is_empty());
    assert_eq!(subscribe(&mut table, (1, 1), 7, true), ["1:  1 None"]);
    table.read(1);
    assert_eq!(subscribe(&mut table, (1, 1), 6, false), ["1:  1 None"]);
    table.read(1);
    assert!(subscribe(&mut table, (1, 1), 8, false).is_empty());
}
