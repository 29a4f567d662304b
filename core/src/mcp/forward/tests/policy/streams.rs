//! What a stream tells of its own accord.

use super::*;
use crate::limits;

// R7
#[test]
fn stream_tells_no_more_of_what_its_user_has_lost_the_role_for() {
    let (mut world, _) = under(Policy {
        resources: vec![PolicyRule {
            roles: vec!["Orders.Admin".to_owned()],
            ..rule("orders://*")
        }],
        ..Policy::default()
    });
    world.has_roles("alice", &["Orders.Admin"]);
    let session = begin(&mut world, "alice", "theirs");
    let headers = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "GET", "/mcp", &headers, "");
    let stream = world.begin(request);
    let sent = world.pulled();
    world.head(&sent, 200, &STREAM);
    let params = json!({"uri": "orders://1"});
    let message =
        json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params});
    let told = event(&message.to_string());
    world.piece(&sent, &told);
    assert_eq!(streamed(&world, stream).len(), 1);
    world.has_roles("alice", &[]);
    world.wait(limits::KEEP_ALIVE.as_secs());
    world.piece(&sent, &told);
    assert_eq!(streamed(&world, stream).len(), 1);
    world.has_roles("alice", &["Orders.Admin"]);
    world.wait(limits::KEEP_ALIVE.as_secs());
    world.piece(&sent, &told);
    assert_eq!(streamed(&world, stream).len(), 2);
}
