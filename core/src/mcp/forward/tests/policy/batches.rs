//! Requests that come together (2025-03-26): the policy is asked of each for what reaches the backend.

use super::*;

/// Alice's MCP session of the revision that has batches, under a policy that hides some tools.
fn of_batches() -> (World, String) {
    let mut world = world();
    world.server.policy = Policy {
        tools: vec![hidden("delete_*")],
        ..Policy::default()
    };
    let body = initialize_with("2025-03-26", &json!({}));
    let request = world.request("alice", "POST", "/mcp", &[], &body);
    let id = world.begin(request);
    let sent = world.pulled();
    let answer = result(&sent, &RESULT.replace("2025-11-25", "2025-03-26"));
    world.answers(sent, 200, &answer);
    let sent = world.pulled();
    world.answers(sent, 202, "");
    let response = world.sent(id).response.as_ref().unwrap();
    let session = testing::header(response, "mcp-session-id").to_owned();
    (world, session)
}

// R7: which of two requests of one id is meant nobody can say, and what is said of one counts for the other.
#[test]
fn hidden_tool_is_not_called_by_a_request_of_the_same_id_as_another() {
    let call = call("delete_all");
    let list = request("tools/list", &json!({"name": "delete_all"}));
    for (first, second) in [(&call, &list), (&list, &call)] {
        let (mut world, session) = of_batches();
        let id = send(
            &mut world,
            "alice",
            &session,
            &format!("[{first},{second}]"),
        );
        while !world.is_over(id) {
            let sent = world.pulled();
            assert!(!sent.text().contains("delete_all"), "{}", sent.text());
            let empty = result(&sent, r#"{"tools":[]}"#);
            world.answers(sent, 200, &empty);
        }
    }
}
