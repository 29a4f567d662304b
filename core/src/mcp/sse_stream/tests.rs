//! Threats C15, I1, I2, I6, I7, M4.

use std::time::Duration;

use ::http::StatusCode;

use crate::{
    catalog::ChangeNotification,
    event::Event,
    hub::{ToHub, ToHubKind},
    id::ExchangeId,
    limits,
    mcp::testing::World,
    testing::header,
};

fn listen(world: &mut World, user: &str) -> ExchangeId {
    let request = world.request(user, "GET", "/sse", &[], "");
    world.begin(request)
}

fn listen_streamable(world: &mut World, user: &str, id: &str) -> ExchangeId {
    let named = [("mcp-session-id", id)];
    let request = world.request(user, "GET", "/mcp", &named, "");
    world.begin(request)
}

fn pass(world: &mut World, duration: Duration) {
    world.server.now.instant = world.server.now.instant.after(duration);
    world.server.now.unix = world.server.now.unix.after(duration);
}

// C15, I1
#[test]
fn http_sse_stream_begins_with_an_unguessable_endpoint_of_this_origin() {
    let mut world = World::new();
    let (first, second) = (listen(&mut world, "alice"), listen(&mut world, "alice"));
    let head = world.sent(first).head.as_ref().unwrap();
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    assert_eq!(head.headers()["cache-control"], "no-store, no-transform");
    let path = |id| {
        let body = &world.sent(id).body;
        let path = body.strip_prefix("event: endpoint\ndata: ").unwrap();
        path.strip_suffix("\n\n").unwrap().to_owned()
    };
    let name = path(first);
    let name = name.strip_prefix("/message?sessionId=").unwrap();
    assert_eq!(name.len(), 22, "128 bits");
    assert_ne!(path(first), path(second));
}

// I6, Q3: nobody knows when such a token ends.
#[test]
fn stream_ends_when_the_clock_is_set_back_before_its_token_began() {
    let mut world = World::new();
    let stream = listen(&mut world, "alice");
    world.server.now.unix.0 -= 24 * 3600;
    world.wait(limits::KEEP_ALIVE.as_secs());
    assert!(world.is_over(stream));
}

// I6, M4
#[test]
fn streams_of_a_user_over_the_limit_get_429() {
    let mut world = World::new();
    let mut last = ExchangeId(0);
    for _ in 0..limits::STREAMS_PER_PRINCIPAL {
        last = listen(&mut world, "alice");
        assert!(world.sent(last).head.is_some());
    }
    let request = world.request("alice", "GET", "/sse", &[], "");
    assert_eq!(world.send(request).status(), StatusCode::TOO_MANY_REQUESTS);
    let bobs = listen(&mut world, "bob");
    assert!(world.sent(bobs).head.is_some());
    world.handle(last, Event::Disconnected);
    assert!(world.is_over(last));
    let again = listen(&mut world, "alice");
    assert!(world.sent(again).head.is_some());
}

#[test]
fn idle_stream_sends_keep_alives() {
    let mut world = World::new();
    let id = listen(&mut world, "alice");
    for _ in 0..3 {
        pass(&mut world, limits::KEEP_ALIVE);
        world.handle(id, Event::Tick);
    }
    let comments = world.sent(id).body.matches(": keep-alive\n\n").count();
    assert_eq!(comments, 3);
    world.handle(id, Event::Tick);
    assert_eq!(
        world.sent(id).body.matches(": keep-alive").count(),
        3,
        "an early tick"
    );
}

// I7
#[test]
fn stream_of_a_session_revoked_on_any_replica_ends() {
    let mut world = World::new();
    let id = listen(&mut world, "alice");
    world.revoke("alice");
    pass(&mut world, limits::KEEP_ALIVE);
    world.handle(id, Event::Tick);
    assert!(world.sent(id).closed && world.is_over(id));

    let mut world = World::new();
    let (alices, bobs) = (listen(&mut world, "alice"), listen(&mut world, "bob"));
    let session = world.session("alice").id;
    let revoked = ToHub(ToHubKind::EndSession(session));
    world.hub.handle(ExchangeId(999), revoked, world.server.now);
    world.handle(bobs, Event::Tick);
    assert!(world.sent(alices).closed && world.is_over(alices));
    assert!(!world.sent(bobs).closed);
}

#[test]
fn stream_survives_a_store_that_is_down() {
    let mut world = World::new();
    let id = listen(&mut world, "alice");
    world.store_is_down = true;
    pass(&mut world, limits::KEEP_ALIVE);
    world.handle(id, Event::Tick);
    assert!(!world.sent(id).closed);
}

// I7: a revocation that another replica took is seen a second after the store is back.
#[test]
fn session_is_looked_at_again_soon_after_the_store_failed() {
    let mut world = World::new();
    let id = listen(&mut world, "alice");
    world.revoke("alice");
    world.store_is_down = true;
    pass(&mut world, limits::KEEP_ALIVE);
    world.handle(id, Event::Tick);
    assert!(!world.sent(id).closed);
    world.store_is_down = false;
    pass(&mut world, Duration::from_secs(1));
    world.handle(id, Event::Tick);
    assert!(world.sent(id).closed && world.is_over(id));
}

#[test]
fn store_that_stays_down_is_asked_ever_more_seldom() {
    let mut world = World::new();
    let id = listen(&mut world, "alice");
    world.store_is_down = true;
    pass(&mut world, limits::KEEP_ALIVE);
    world.handle(id, Event::Tick);
    let mut looks = 0;
    for _ in 0..150 {
        let before = world.sent(id).body.len();
        pass(&mut world, Duration::from_secs(1));
        world.handle(id, Event::Tick);
        // There is a comment with each look.
        looks += usize::from(world.sent(id).body.len() > before);
    }
    assert!(looks <= 13, "{looks} looks in 150 seconds");
}

// I7
#[test]
fn stream_ends_when_its_token_expires() {
    let mut world = World::new();
    let id = listen(&mut world, "alice");
    pass(&mut world, limits::SESSION_TOKEN_LIFETIME);
    world.handle(id, Event::Tick);
    assert!(world.sent(id).closed && world.is_over(id));
}

// I7
#[test]
fn stream_of_an_ended_mcp_session_ends() {
    let mut world = World::new();
    let name = world.initialize("alice", "2025-11-25");
    let id = listen_streamable(&mut world, "alice", &name);
    assert_eq!(world.sent(id).body, ": keep-alive\n\n");
    let named = [("mcp-session-id", name.as_str())];
    let delete = world.request("alice", "DELETE", "/mcp", &named, "");
    assert_eq!(world.send(delete).status(), 204);
    assert!(world.sent(id).closed && world.is_over(id));
}

// I2, I6
#[test]
fn stream_of_the_mcp_session_of_another_user_is_refused() {
    let mut world = World::new();
    let name = world.initialize("alice", "2025-11-25");
    for (user, fields, status) in [
        ("bob", vec![("mcp-session-id", name.as_str())], 404),
        ("alice", vec![("mcp-session-id", "made-up")], 404),
        ("alice", vec![], 400),
        ("alice", vec![("mcp-protocol-version", "2026-07-28")], 405),
        ("alice", vec![("mcp-protocol-version", "1999-01-01")], 400),
    ] {
        let request = world.request(user, "GET", "/mcp", &fields, "");
        assert_eq!(world.send(request).status(), status, "{fields:?}");
    }
}

// F8
#[test]
fn stream_without_an_mcp_session_is_refused() {
    let mut world = World::new();
    world.revoke("alice");
    let request = world.request("alice", "GET", "/sse", &[], "");
    let response = world.send(request);
    assert_eq!(response.status(), 401);
    assert!(header(&response, "www-authenticate").contains("oauth-protected-resource/sse"));
}

// I5
#[test]
fn invalid_last_event_id_is_400_and_replays_nothing() {
    let mut world = World::new();
    let name = world.initialize("alice", "2025-11-25");
    for last in ["0", "1", "made-up", name.as_str()] {
        let fields = [("mcp-session-id", name.as_str()), ("last-event-id", last)];
        let request = world.request("alice", "GET", "/mcp", &fields, "");
        let response = world.send(request);
        assert_eq!(response.status(), 400, "{last}");
    }
}

// M7: 65 announcements in a row once cut everybody's streams.
#[test]
fn changes_in_a_row_reach_a_stalled_stream_once() {
    let mut world = World::new();
    let name = world.initialize("alice", "2025-11-25");
    let id = listen_streamable(&mut world, "alice", &name);
    world.stall(id);
    for _ in 0..1000 {
        let changed = ToHub::notify_changed(ChangeNotification::Tools);
        world.hub.handle(ExchangeId(999), changed, world.server.now);
    }
    world.handle(ExchangeId(999), Event::Tick);
    assert!(world.unread(id) <= 1);
    world.read_all(id);
    assert!(!world.sent(id).closed);
    let changes = world.sent(id).body.matches("tools/list_changed").count();
    assert_eq!(changes, 2, "the first, and those while it was written");
}
