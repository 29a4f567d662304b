//! Several requests to Graph in one.

use super::*;
use crate::GraphError;

fn batch(world: &mut World, token: &str, requests: &Value) -> Response<Bytes> {
    let body = serde_json::json!({ "requests": requests }).to_string();
    let request = Request::post("/v1.0/$batch")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    world.ask(&request.body(body.into()).unwrap())
}

fn access_token(world: &mut World) -> String {
    let tokens = world.tokens("alice");
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn each_request_of_a_batch_is_answered_or_throttled_by_itself() {
    let mut world = World::new();
    let token = access_token(&mut world);
    world.control(Control::GraphError(GraphError {
        status: 429,
        retry_after: Some(7),
        ..GraphError::default()
    }));
    let check = serde_json::json!({"ids": ["5a1e5000-6c1d-4f38-9b52-1e8d7a3f4d01"]});
    let requests = serde_json::json!([
        {"id": "1", "method": "GET", "url": "/me"},
        {"id": "2", "method": "GET", "url": "/me?$select=displayName"},
        {"id": "3", "method": "GET", "url": "/me/calendarView"},
        {"id": "4", "method": "GET", "url": "/$batch"},
        {"id": "5", "method": "POST", "url": "/me/checkMemberObjects",
         "headers": {"Content-Type": "application/json"}, "body": check},
    ]);
    let answer = json(&batch(&mut world, &token, &requests));
    let answers = answer["responses"].as_array().unwrap();
    let statuses: Vec<_> = answers
        .iter()
        .map(|one| one["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [429, 200, 403, 400, 200]);
    assert_eq!(answers[0]["headers"]["retry-after"], "7");
    assert_eq!(answers[1]["body"]["displayName"], "Alice Adams");
    assert_eq!(answers[4]["body"]["value"], serde_json::json!([]));
}

#[test]
fn batch_of_too_many_or_without_a_token_is_refused() {
    let mut world = World::new();
    let token = access_token(&mut world);
    let one = |id: usize| serde_json::json!({"id": id.to_string(), "method": "GET", "url": "/me"});
    let many: Value = (0..21).map(one).collect();
    assert_eq!(batch(&mut world, &token, &many).status(), 400);
    let twice: Value = [one(1), one(1)].into_iter().collect();
    assert_eq!(batch(&mut world, &token, &twice).status(), 400);
    let alone: Value = [one(1)].into_iter().collect();
    let stranger = json(&batch(&mut world, "", &alone));
    assert_eq!(stranger["responses"][0]["status"], 401);
}
