//! What a client says to another replica than the one that performs its call.

use super::*;
use crate::{entropy::Seed, event::Event, limits, replicas};

fn able() -> Value {
    json!({"elicitation": {}})
}

fn accept(request: &Value, name: &str) -> Value {
    let result = json!({"action": "accept", "content": {"name": name}});
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}

fn cancellation() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
}

/// A call that asks its user, on one of several replicas; and what it asks.
fn asked(world: &mut World) -> (Client, ExchangeId, Value) {
    world.share_store();
    let client = Client::new(world, "2025-11-25", able());
    let id = client.begin(world, "tools/call", json!({"name": "ask"}));
    let question = messages(world, id)[0].clone();
    assert_eq!(question["method"], "elicitation/create");
    (client, id, question)
}

/// The client posts this to another replica; the word of that one is lost unless it is delivered afterwards.
fn post_elsewhere(world: &mut World, client: &Client, message: &Value) -> u16 {
    let own = world.go_to_another_replica();
    let status = client.post(world, message);
    world.hub = own;
    status
}

fn deliver(world: &mut World) {
    let now = world.server.now;
    for message in std::mem::take(&mut world.published) {
        let opened = replicas::open_message(&message, &world.server.server, now.unix)
            .and_then(replicas::FromReplica::for_hub);
        world.hub.handle(ExchangeId(999), opened.unwrap(), now);
    }
    // Whatever it is, the hub does what it says.
    world.handle(ExchangeId(999), Event::Tick);
}

#[test]
fn answer_to_another_replica_reaches_the_call_at_once() {
    let mut world = world();
    let (client, id, question) = asked(&mut world);
    let answer = accept(&question, "Alice");
    assert_eq!(post_elsewhere(&mut world, &client, &answer), 202);
    deliver(&mut world);
    assert_eq!(messages(&world, id).len(), 2, "the next question");
}

// Q9
#[test]
fn answer_to_another_replica_is_found_in_the_store_though_its_word_is_lost() {
    let mut world = world();
    let (client, id, question) = asked(&mut world);
    let answer = accept(&question, "Alice");
    assert_eq!(post_elsewhere(&mut world, &client, &answer), 202);
    assert_eq!(messages(&world, id).len(), 1);
    world.wait(limits::KEEP_ALIVE.as_secs());
    let second = messages(&world, id)[1].clone();
    assert_ne!(second["id"], question["id"]);
    // An answer counts once, whichever way it comes.
    deliver(&mut world);
    assert_eq!(messages(&world, id).len(), 2);
}

#[test]
fn cancellation_by_another_replica_is_found_in_the_store_though_its_word_is_lost() {
    let mut world = world();
    let (client, id, _) = asked(&mut world);
    assert_eq!(post_elsewhere(&mut world, &client, &cancellation()), 202);
    assert!(!world.is_over(id));
    world.wait(limits::KEEP_ALIVE.as_secs());
    assert!(world.is_over(id));
}

// I4
#[test]
fn answer_and_cancellation_of_another_user_are_not_found_for_the_call() {
    let mut world = world();
    let (_, id, question) = asked(&mut world);
    let bob = Client::of("bob", &mut world, "2025-11-25", able());
    for message in [cancellation(), accept(&question, "Mallory")] {
        assert_eq!(post_elsewhere(&mut world, &bob, &message), 202);
    }
    world.wait(limits::KEEP_ALIVE.as_secs());
    assert!(!world.is_over(id));
    assert_eq!(messages(&world, id).len(), 1);
}

// Q4: what cannot be kept is not accepted.
#[test]
fn answer_that_the_store_does_not_keep_is_not_accepted() {
    let mut world = world();
    let (client, id, question) = asked(&mut world);
    let answer = accept(&question, "Alice");
    assert_eq!(post_elsewhere(&mut world, &client, &answer), 202);
    world.conflicts = 1;
    assert_eq!(post_elsewhere(&mut world, &client, &answer), 503);
    assert!(!world.is_over(id));
}

#[test]
fn change_on_another_replica_is_announced_to_a_stream() {
    let mut world = world();
    let stream = changed_elsewhere(&mut world);
    deliver(&mut world);
    assert_eq!(changes(&world, stream), 1);
}

/// A client with a stream on one of two replicas.
fn listening(world: &mut World) -> (Client, ExchangeId) {
    let client = Client::new(world, "2025-11-25", json!({}));
    world.share_store();
    let session = client.session.clone().unwrap();
    let fields = [("mcp-session-id", session.as_str())];
    let stream = world.request("alice", "GET", "/mcp", &fields, "");
    let stream = world.begin(stream);
    (client, stream)
}

/// The same, while a call on the other one announces a change.
fn changed_elsewhere(world: &mut World) -> ExchangeId {
    let (client, stream) = listening(world);
    let own = world.go_to_another_replica();
    client.call(world, "change", json!({}));
    world.hub = own;
    stream
}

fn changes(world: &World, stream: ExchangeId) -> usize {
    let said = messages(world, stream);
    let is_change = |one: &&Value| one["method"] == "notifications/tools/list_changed";
    said.iter().filter(is_change).count()
}

// Q9
#[test]
fn change_whose_message_is_lost_is_found_in_the_store_and_announced_once() {
    let mut world = world();
    let stream = changed_elsewhere(&mut world);
    world.wait(limits::KEEP_ALIVE.as_secs() - 1);
    assert_eq!(changes(&world, stream), 0);
    world.wait(2);
    assert_eq!(changes(&world, stream), 1);
    // The message was late, and it is read again.
    deliver(&mut world);
    world.wait(2 * limits::KEEP_ALIVE.as_secs());
    assert_eq!(changes(&world, stream), 1);
}

#[test]
fn change_that_the_store_does_not_take_is_written_down_later() {
    let mut world = world();
    let (_, stream) = listening(&mut world);
    let own = world.go_to_another_replica();
    world.store_is_down = true;
    let (now, seed) = (world.server.now, Seed::new([7; 32]));
    let server = &world.server.server;
    let (here, _) = replicas::announce(ChangeNotification::Tools, None, server, now.unix, &seed);
    world.hub.handle(ExchangeId(999), here, now);
    world.handle(ExchangeId(999), Event::Tick);
    world.wait(2);
    world.store_is_down = false;
    assert!(!world.store.contains_key("announcements"));
    world.wait(4);
    assert!(world.store.contains_key("announcements"));
    world.hub = own;
    world.wait(limits::KEEP_ALIVE.as_secs());
    assert_eq!(changes(&world, stream), 1);
}

// Q9: whoever can write to the store announces nothing, and stops nothing.
#[test]
fn announcements_that_were_made_up_are_not_made() {
    let mut world = world();
    let stream = changed_elsewhere(&mut world);
    let kept = world.store.get_mut("announcements").unwrap();
    let mut changed = kept.record.bytes.to_vec();
    changed[20] ^= 1;
    kept.record.bytes = changed.into();
    world.wait(2 * limits::KEEP_ALIVE.as_secs());
    assert_eq!(changes(&world, stream), 0);
    assert!(!world.is_over(stream));
}

// M8: what a client says of requests that nobody has made.
#[test]
fn messages_that_are_kept_for_calls_are_bounded() {
    let mut world = world();
    let (client, _, _) = asked(&mut world);
    for id in 1000..1400 {
        let params = json!({"requestId": id});
        let message =
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        assert_eq!(client.post(&mut world, &message), 202);
    }
    let is_kept = |key: &&String| key.starts_with("undelivered/");
    let kept = world.store.keys().filter(is_kept).count();
    let most = limits::UNDELIVERED_MESSAGES;
    assert!((most / 2..=most).contains(&kept), "{kept}");
}
