//! Tasks that end with their session or at a bound, or never begin.

use super::*;
use crate::ask::InvokeOutput;

// M: bounded, also in time.
#[test]
fn task_that_can_never_be_stored_ends_when_it_would_expire() {
    let mut world = world();
    let (id, _) = call(&mut world, "slow");
    world.store_is_down = true;
    world.wait(limits::TASK_TTL.as_secs() - 1);
    assert!(!world.is_over(id));
    world.wait(40);
    assert!(world.is_over(id));
}

// M: bounded.
#[test]
fn tasks_of_one_user_are_bounded() {
    let mut world = world();
    for _ in 0..limits::TASKS_PER_PRINCIPAL {
        call(&mut world, "native");
    }
    let refused = ask(&mut world, "alice", "tools/call", json!({"name": "native"}));
    assert_eq!(refused["code"], -32603);
    let message = refused["message"].as_str().unwrap();
    assert!(message.starts_with("Too many tasks: 16"), "{message}");
    assert_eq!(
        world.calls.len(),
        limits::TASKS_PER_PRINCIPAL,
        "it never began"
    );
}

// I7: a task belongs to the session that began it, also for the user who signs in again.
#[test]
fn task_of_a_revoked_session_ends_at_once_and_its_result_is_gone() {
    let mut world = world();
    let (running, _) = call(&mut world, "native");
    let (_, done) = call(&mut world, "slow");
    world.wait(5);
    assert_eq!(status(&mut world, &done), "completed");
    world.end_session("alice");
    assert!(world.is_over(running));
    assert_eq!(world.cancelled, 1);
    let gone = begin(
        &mut world,
        "alice",
        "tasks/get",
        json!({"taskId": done}),
        knows_tasks(),
    );
    assert_eq!(world.sent(gone).response.as_ref().unwrap().status(), 401);
    let sign_in = world.sign_in_anew("alice");
    for method in ["tasks/get", "tasks/cancel"] {
        let mut request = request(
            &world,
            "alice",
            method,
            json!({"taskId": done}),
            knows_tasks(),
        );
        let bearer = format!("Bearer {sign_in}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let answer = body(&world.send(request));
        assert_eq!(answer["error"]["code"], -32602, "{method}");
    }
}

// I7: a task outlives its token, but not the sign-in.
#[test]
fn task_ends_with_the_session_that_began_it() {
    let mut world = world();
    let (id, _) = call(&mut world, "native");
    world.revoke("alice");
    world.wait(20);
    assert!(world.is_over(id));
    assert_eq!(world.cancelled, 1);
}

// M5: results that are stored count until their time is over, whoever fetched them.
#[test]
fn stored_tasks_of_one_user_are_bounded() {
    let mut world = world();
    for _ in 0..limits::TASK_RECORDS_PER_PRINCIPAL {
        let (id, _) = call(&mut world, "native");
        let (_, ticket, _) = world.calls.pop_back().unwrap();
        world.handle(id, ticket.answer(Ok(InvokeOutput::Tool("done".into()))));
        assert!(world.is_over(id));
    }
    let refused = ask(&mut world, "alice", "tools/call", json!({"name": "native"}));
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("256 or 32 MiB are stored at most"),
        "{message}"
    );
    world.wait(limits::TASK_TTL.as_secs());
    call(&mut world, "native");
}

// M5
#[test]
fn input_response_over_the_limit_is_refused() {
    let mut world = world();
    let (_, task) = call(&mut world, "asks");
    let long = "x".repeat(limits::TASK_BYTES);
    let params = json!({"taskId": task, "inputResponses": {"a": long}});
    let refused = ask(&mut world, "alice", "tasks/update", params);
    assert_eq!(refused["code"], -32602);
    assert!(refused["message"].as_str().unwrap().contains("1 MiB"));
}

// Found by the simulator, seed 103: the look at the session was lost with the exchange.
#[test]
fn task_at_its_deadline_looks_at_its_session_no_more() {
    let mut world = world();
    let (id, task) = call(&mut world, "native");
    for _ in 0..limits::TASK_TIMEOUT.as_secs() / 15 {
        world.wait(15);
    }
    assert!(world.is_over(id));
    assert_eq!(status(&mut world, &task), "failed");
}
