//! Streams whose clients come back to another replica.

use super::*;

// Q5: in words where its events are not, and with its events where they are.
#[test]
fn stream_is_resumed_on_the_replica_that_keeps_its_events_only() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    world.share_store();
    let id = client.begin(&mut world, "tools/call", slow_params());
    let last = last_event_id(&world, id);
    world.handle(id, Event::Disconnected);
    let own = world.go_to_another_replica();
    let elsewhere = resume(&mut world, "alice", &client, &last);
    let refused = world.sent(elsewhere).response.as_ref().unwrap();
    assert_eq!(refused.status(), 400);
    assert!(crate::testing::text(refused).contains("another replica"));
    world.hub = own;
    let back = resume(&mut world, "alice", &client, &last);
    world.wait(1);
    let after = messages(&world, back);
    assert_eq!(after[1]["result"]["content"][0]["text"], "slept for Alice");
}

const DEBUG: fn() -> Value = || json!({"level": "debug"});
const STATIC: fn() -> Value = || json!({"uri": "a://static"});

/// The GET stream of a session.
fn listen(world: &mut World, client: &Client) -> ExchangeId {
    let session = client.session.clone().unwrap();
    let named = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "GET", "/mcp", &named, "");
    world.begin(request)
}

/// How many lines of the log a call is sent.
fn lines(world: &mut World, client: &Client) -> usize {
    let params = json!({"name": "slow", "arguments": {"whom": "Alice"}});
    let id = client.begin(world, "tools/call", params);
    world.wait(1);
    let messages = messages(world, id);
    let logged = |one: &&Value| one["method"] == "notifications/message";
    messages.iter().filter(logged).count()
}

/// How often a stream was told that the resource has changed, once it changes.
fn updates(world: &mut World, stream: ExchangeId) -> usize {
    let modern = Client::new(world, NEW, json!({}));
    modern.call(world, "change", json!({}));
    let messages = messages(world, stream);
    let told = |one: &&Value| one["method"] == "notifications/resources/updated";
    messages.iter().filter(told).count()
}

/// What another replica was told, if it was not lost.
fn tell(world: &mut World) {
    for message in std::mem::take(&mut world.published) {
        let (server, now) = (&world.server.server, world.server.now);
        let message = crate::replicas::open_message(&message, server, now.unix);
        let message = message.and_then(crate::replicas::FromReplica::for_hub);
        world.hub.handle(ExchangeId(999), message.unwrap(), now);
    }
}

#[test]
fn settings_of_a_session_hold_on_every_replica_and_after_a_restart() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    assert_eq!(
        client.ask(&mut world, "logging/setLevel", DEBUG()),
        json!({})
    );
    let subscribed = client.ask(&mut world, "resources/subscribe", STATIC());
    assert_eq!(subscribed, json!({}));
    world.go_to_another_replica();
    assert_eq!(lines(&mut world, &client), 1);
    let stream = listen(&mut world, &client);
    assert_eq!(updates(&mut world, stream), 1);
    client.ask(&mut world, "resources/unsubscribe", STATIC());
    assert_eq!(updates(&mut world, stream), 1, "not any more");
    let other = Client::new(&mut world, "2025-11-25", json!({}));
    assert_eq!(lines(&mut world, &other), 0);
    let others = listen(&mut world, &other);
    assert_eq!(updates(&mut world, others), 0);
}

// Q9
#[test]
fn subscription_on_another_replica_reaches_a_stream_at_once_or_at_its_next_look_if_the_message_is_lost()
 {
    for is_lost in [false, true] {
        let mut world = world();
        world.share_store();
        let client = Client::new(&mut world, "2025-11-25", json!({}));
        let stream = listen(&mut world, &client);
        for (method, before, after) in [
            ("resources/subscribe", 0, 1),
            ("resources/unsubscribe", 2, 2),
        ] {
            world.published.clear();
            let here = world.go_to_another_replica();
            assert_eq!(client.ask(&mut world, method, STATIC()), json!({}));
            world.hub = here;
            match is_lost {
                true => {
                    let unheard = updates(&mut world, stream);
                    assert_eq!(unheard, before, "{method}: nobody has told it");
                    world.wait(limits::KEEP_ALIVE.as_secs());
                }
                false => tell(&mut world),
            }
            let heard = updates(&mut world, stream);
            let expected = match is_lost {
                true => after,
                false => 1,
            };
            assert_eq!(heard, expected, "{method}, {is_lost}");
        }
    }
}

// What is acknowledged holds; what the store did not take is an error.
#[test]
fn setting_that_the_store_does_not_take_is_an_error_and_one_that_others_were_faster_than_is_set() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    world.conflicts = 2;
    assert_eq!(
        client.ask(&mut world, "logging/setLevel", DEBUG()),
        json!({})
    );
    assert_eq!(lines(&mut world, &client), 1);
    world.conflicts = usize::from(limits::SESSION_UPDATE_ATTEMPTS) + 1;
    let refused = client.ask(&mut world, "resources/subscribe", STATIC());
    assert_eq!(refused["code"], -32603, "{refused}");
    world.conflicts = 0;
    let stream = listen(&mut world, &client);
    assert_eq!(updates(&mut world, stream), 0);
    let is_logged = |line: &crate::log_event::LogEvent| {
        line.id() == crate::log_event::LogEventId::SessionNotStored
    };
    assert!(world.logged.iter().any(is_logged));
}

// I4, M5: the settings of an MCP session end with it, and are nobody else's.
#[test]
fn settings_of_an_ended_session_leave_its_record() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    client.ask(&mut world, "logging/setLevel", DEBUG());
    client.ask(&mut world, "resources/subscribe", STATIC());
    let session = client.session.clone().unwrap();
    let named = [("mcp-session-id", session.as_str())];
    let bobs = rpc(1, "resources/subscribe", &STATIC());
    assert_eq!(world.post("bob", &named, bobs).status(), 404);
    let settings = |world: &World, user: &str| world.session(user).outline.mcp_settings.clone();
    assert!(settings(&world, "bob").is_empty());
    let with = format!("{:?}", settings(&world, "alice"));
    assert!(with.contains("Debug, resources: {ResourceId"), "{with}");
    let delete = world.request("alice", "DELETE", "/mcp", &named, "");
    assert_eq!(world.send(delete).status(), 204);
    let without = format!("{:?}", settings(&world, "alice"));
    assert!(without.ends_with("sessions: [] }"), "{without}");
}
