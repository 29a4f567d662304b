//! Batches (2025-03-26), whose requests are answered one after the other.

use super::*;
use crate::ask::InvokeOutput;

#[test]
fn answer_of_the_hub_to_a_cancelled_request_does_not_answer_the_next() {
    let mut world = world();
    let (stream, target) = http_sse::open(&mut world, "alice");
    let hello = crate::mcp::testing::initialize("2025-03-26");
    http_sse::post(&mut world, "alice", &target, &hello);
    let request = |id: u64, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let set_level = |id| request(id, "logging/setLevel", json!({"level": "debug"}));
    let call = request(1, "tools/call", json!({"name": "native"}));
    let batch = json!([call, set_level(2), set_level(3)]).to_string();
    let id = http_sse::post(&mut world, "alice", &target, &batch);
    world.stall(id);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 2}});
    http_sse::post(&mut world, "alice", &target, &cancel.to_string());
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    let result = InvokeOutput::Tool("done".into());
    world.handle(id, ticket.answer(Ok(result)));
    assert_eq!(world.unread(id), 2, "the cancellation, and an answer");
    world.read_one(id);
    assert_eq!(world.unread(id), 2, "the answer to 2, and that to 3");
    world.read_one(id);
    let answers = |world: &World| {
        let last = http_sse::sent_events(world, stream).pop().unwrap();
        let answers = last.as_array().cloned().unwrap_or_default();
        let ids = answers.iter().map(|one| one["id"].clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(
        answers(&world),
        Vec::<Value>::new(),
        "3 is not answered yet"
    );
    world.read_one(id);
    assert_eq!(answers(&world), [1, 3]);
}

#[test]
fn later_requests_of_a_batch_find_the_settings_of_the_earlier_ones() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-03-26", json!({}));
    let set = |id: u64, level: &str| json!({"jsonrpc": "2.0", "id": id, "method": "logging/setLevel", "params": {"level": level}});
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call",
        "params": {"name": "slow", "arguments": {"whom": "Alice"}}});
    for (levels, lines) in [(["info", "debug"], 1), (["debug", "info"], 0)] {
        let batch = json!([set(1, levels[0]), set(2, levels[1]), call]).to_string();
        let session = client.session.clone().unwrap();
        let fields = [("mcp-session-id", session.as_str())];
        let id = world.begin(world.request("alice", "POST", "/mcp", &fields, &batch));
        world.wait(1);
        let logged =
            |world: &World, id| world.sent(id).body.matches("notifications/message").count();
        assert_eq!(logged(&world, id), lines, "{levels:?}");
        let params = json!({"name": "slow", "arguments": {"whom": "Alice"}});
        let later = client.begin(&mut world, "tools/call", params);
        world.wait(1);
        assert_eq!(logged(&world, later), lines, "{levels:?}");
    }
}
