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
