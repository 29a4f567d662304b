//! Batches (2025-03-26), whose requests are answered one after the other.

use super::*;
use crate::ask::InvokeOutput;

#[test]
fn answer_of_the_hub_to_a_cancelled_request_does_not_answer_the_next() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-03-26", json!({}));
    let session = client.session.clone().unwrap();
    let request = |id: u64, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let set_level = |id| request(id, "logging/setLevel", json!({"level": "debug"}));
    let call = request(1, "tools/call", json!({"name": "native"}));
    let batch = json!([call, set_level(2), set_level(3)]).to_string();
    let fields = [("mcp-session-id", session.as_str())];
    let id = world.begin(world.request("alice", "POST", "/mcp", &fields, &batch));
    world.stall(id);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 2}});
    client.post(&mut world, &cancel);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    let result = InvokeOutput::Tool("done".into());
    world.handle(id, ticket.answer(Ok(result)));
    assert_eq!(world.unread(id), 2, "the cancellation, and an answer");
    world.read_one(id);
    assert_eq!(world.unread(id), 2, "the answer to 2, and that to 3");
    world.read_one(id);
    assert!(!world.is_over(id), "3 is not answered yet");
    world.read_one(id);
    let answers = body(world.sent(id).response.as_ref().unwrap());
    let ids: Vec<_> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [1, 3]);
}
