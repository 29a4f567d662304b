//! Tasks: begun, asked about, answered, cancelled; by their owner only.

mod ends;
mod sealed;
mod told;

use std::time::Duration;

use ::http::Request;
use bytes::Bytes;

use serde_json::{Value, json};

use crate::{
    catalog::{
        Call, CallError, Catalog, Effect, ElicitationSchema, FieldSchema, Handler, InputRequest,
        ProgressNotification, Step, TaskSupport, Tool, ToolResult,
    },
    event::Event,
    id::ExchangeId,
    limits,
    mcp::testing::{World, rpc},
    testing::json as body,
};

fn slow(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::Sleep(Duration::from_secs(5))),
        _ => Step::done("slept"),
    }
}

fn fails(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::Sleep(Duration::from_secs(1))),
        _ => Step::failed(CallError::JsonRpc(-32603, "as it should".to_owned(), None)),
    }
}

/// Asks two things at once, after a while; or at once, if it is called `first`.
fn asks(call: &Call) -> Step<ToolResult> {
    if call.name() != "first" && call.results().is_empty() {
        return Step::effect(Effect::Sleep(Duration::from_secs(1)));
    }
    let input_request = || {
        InputRequest::form(
            "Sure?",
            ElicitationSchema::new().field("ok", FieldSchema::boolean()),
        )
    };
    match (call.answer("a"), call.answer("b"), call.results().len()) {
        (Some(_), Some(_), 2) if call.name() == "first" => Step::done("both"),
        (Some(_), Some(_), 1) if call.name() == "first" => {
            Step::effect(Effect::Sleep(Duration::from_secs(1)))
        }
        (Some(_), Some(_), _) => Step::done("both"),
        _ => Step::effect(Effect::RequestInput(
            ["a", "b"]
                .map(|key| (key.to_owned(), input_request()))
                .into(),
        )),
    }
}

fn catalog() -> Catalog {
    let tool = |name: &str, tasks| Tool::new(name, "A tool of a test").tasks(tasks);
    let catalog = Catalog::builder()
        .tool(tool("slow", TaskSupport::Optional), Handler::Step(slow))
        .tool(tool("long", TaskSupport::Optional), Handler::Step(long))
        .tool(tool("fails", TaskSupport::Required), Handler::Step(fails))
        .tool(tool("asks", TaskSupport::Optional), Handler::Step(asks))
        .tool(tool("first", TaskSupport::Optional), Handler::Step(asks))
        .tool(told::tool(), Handler::Step(told::tells))
        .tool(tool("native", TaskSupport::Optional), Handler::Runtime);
    catalog.build().unwrap()
}

fn world() -> World {
    World::offering(catalog())
}

fn knows_tasks() -> Value {
    json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}})
}

fn begin(
    world: &mut World,
    user: &str,
    method: &str,
    params: Value,
    capabilities: Value,
) -> ExchangeId {
    let request = request(world, user, method, params, capabilities);
    world.begin(request)
}

fn request(
    world: &World,
    user: &str,
    method: &str,
    mut params: Value,
    capabilities: Value,
) -> Request<Bytes> {
    let name = params.get("name").or_else(|| params.get("taskId"));
    let name = name.and_then(Value::as_str).unwrap_or_default().to_owned();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    });
    let fields = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
        ("mcp-name", name.as_str()),
    ];
    world.request(user, "POST", "/mcp", &fields, &rpc(1, method, &params))
}

fn ask(world: &mut World, user: &str, method: &str, params: Value) -> Value {
    let id = begin(world, user, method, params, knows_tasks());
    answer(world, id)
}

fn answer(world: &World, id: ExchangeId) -> Value {
    let response = world.sent(id).response.as_ref().expect("it is answered");
    let answer = body(response);
    match answer.get("result") {
        Some(result) => result.clone(),
        None => answer["error"].clone(),
    }
}

fn call(world: &mut World, tool: &str) -> (ExchangeId, String) {
    let id = begin(
        world,
        "alice",
        "tools/call",
        json!({"name": tool}),
        knows_tasks(),
    );
    let result = answer(world, id);
    assert_eq!(
        (&result["resultType"], &result["status"]),
        (&json!("task"), &json!("working"))
    );
    (id, result["taskId"].as_str().unwrap().to_owned())
}

fn get(world: &mut World, task: &str) -> Value {
    ask(world, "alice", "tasks/get", json!({"taskId": task}))
}

fn status(world: &mut World, task: &str) -> String {
    get(world, task)["status"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

#[test]
fn task_goes_on_after_its_response_and_without_its_client() {
    let mut world = world();
    let (id, task) = call(&mut world, "slow");
    world.handle(id, Event::Disconnected);
    let working = get(&mut world, &task);
    assert_eq!(
        (&working["status"], &working["resultType"]),
        (&json!("working"), &json!("complete"))
    );
    assert!(working.get("result").is_none());
    world.wait(5);
    assert!(world.is_over(id));
    let done = get(&mut world, &task);
    assert_eq!(done["result"]["content"][0]["text"], "slept");
    assert_eq!(done["result"]["resultType"], "complete");
    assert!(done["createdAt"].as_str().unwrap() < done["lastUpdatedAt"].as_str().unwrap());
    // Saying something so late is no fault.
    let late = ask(&mut world, "alice", "tasks/cancel", json!({"taskId": task}));
    assert_eq!(late["resultType"], "complete");
    assert_eq!(status(&mut world, &task), "completed");
}

fn long(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => Step::effect(Effect::Sleep(
            limits::CALL_TIMEOUT + Duration::from_secs(60),
        )),
        _ => Step::done("slept long"),
    }
}

#[test]
fn task_has_a_longer_deadline_than_a_call() {
    let mut world = world();
    let (_, task) = call(&mut world, "long");
    let (_, native) = call(&mut world, "native");
    assert_eq!(world.calls[0].2.within, limits::TASK_TIMEOUT);
    world.wait(limits::CALL_TIMEOUT.as_secs() + 10);
    assert_eq!(status(&mut world, &task), "working");
    assert_eq!(status(&mut world, &native), "working");
    world.wait(60);
    assert_eq!(
        get(&mut world, &task)["result"]["content"][0]["text"],
        "slept long"
    );
}

#[test]
fn task_whose_call_ends_with_a_protocol_error_is_failed() {
    let mut world = world();
    let (_, task) = call(&mut world, "fails");
    world.wait(1);
    let failed = get(&mut world, &task);
    assert_eq!(
        (&failed["status"], &failed["error"]["code"]),
        (&json!("failed"), &json!(-32603))
    );
}

#[test]
fn client_without_tasks_waits_for_the_result_or_gets_what_it_lacks() {
    let mut world = world();
    let id = begin(
        &mut world,
        "alice",
        "tools/call",
        json!({"name": "slow"}),
        json!({}),
    );
    assert!(world.sent(id).response.is_none());
    world.wait(5);
    assert_eq!(answer(&world, id)["content"][0]["text"], "slept");
    for (method, params) in [
        ("tools/call", json!({"name": "fails"})),
        ("tasks/get", json!({"taskId": "x"})),
        ("tasks/cancel", json!({"taskId": "x"})),
    ] {
        let id = begin(&mut world, "alice", method, params, json!({}));
        let error = answer(&world, id);
        let lacking = &error["data"]["requiredCapabilities"]["extensions"];
        assert_eq!(error["code"], -32021);
        assert_eq!(*lacking, json!({"io.modelcontextprotocol/tasks": {}}));
    }
}

#[test]
fn input_requests_of_a_task_are_answered_one_by_one() {
    let mut world = world();
    let (_, task) = call(&mut world, "asks");
    world.wait(1);
    let asked = get(&mut world, &task);
    assert_eq!(asked["status"], "input_required");
    assert_eq!(asked["inputRequests"]["a"]["method"], "elicitation/create");
    let mut update = |key: &str, ok: Value| {
        let answer = json!({"action": "accept", "content": {"ok": ok}});
        let params = json!({"taskId": task, "inputResponses": {key: answer}});
        let acknowledged = ask(&mut world, "alice", "tasks/update", params);
        assert_eq!(acknowledged["resultType"], "complete");
        get(&mut world, &task)
    };
    let partly = update("a", json!(true));
    assert_eq!(partly["inputRequests"].as_object().unwrap().len(), 1);
    assert_eq!(update("b", json!("no boolean"))["status"], "input_required");
    assert_eq!(update("other", json!(true))["status"], "input_required");
    assert_eq!(
        update("b", json!(true))["result"]["content"][0]["text"],
        "both"
    );
}

#[test]
fn input_request_before_anything_else_comes_before_the_task() {
    let mut world = world();
    let first = ask(&mut world, "alice", "tools/call", json!({"name": "first"}));
    assert_eq!(first["resultType"], "input_required");
    let answer = json!({"action": "accept", "content": {"ok": true}});
    let params = json!({"name": "first", "requestState": first["requestState"],
        "inputResponses": {"a": answer, "b": answer}});
    let second = ask(&mut world, "alice", "tools/call", params);
    assert_eq!(second["resultType"], "task");
}

#[test]
fn cancelled_task_cancels_its_handler() {
    let mut world = world();
    let (id, task) = call(&mut world, "native");
    ask(&mut world, "alice", "tasks/cancel", json!({"taskId": task}));
    assert_eq!(status(&mut world, &task), "cancelled");
    assert_eq!(world.cancelled, 1);
    assert!(world.is_over(id));
}

// I4: for another user it is not there, whatever they know.
#[test]
fn task_of_another_user_is_unknown() {
    let mut world = world();
    let (_, task) = call(&mut world, "slow");
    let unknown = ask(&mut world, "bob", "tasks/get", json!({"taskId": "nothing"}));
    assert_eq!(unknown["code"], -32602);
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let params = json!({"taskId": task, "inputResponses": {}});
        assert_eq!(ask(&mut world, "bob", method, params), unknown, "{method}");
    }
    assert_eq!(status(&mut world, &task), "working");
}

#[test]
fn update_on_another_replica_is_found_a_moment_later() {
    let mut world = world();
    let (_, task) = call(&mut world, "asks");
    world.wait(1);
    // The other replica's hub does not know the task.
    let here = std::mem::take(&mut world.hub);
    ask(&mut world, "alice", "tasks/cancel", json!({"taskId": task}));
    assert_eq!(status(&mut world, &task), "input_required");
    world.hub = here;
    world.wait(2);
    assert_eq!(status(&mut world, &task), "cancelled");
}

#[test]
fn task_is_rewritten_while_it_runs_and_expires_with_its_server() {
    let mut world = world();
    let (_, task) = call(&mut world, "native");
    let expires = |world: &World| {
        let (_, stored) = world
            .store
            .iter()
            .find(|(key, _)| key.starts_with("task/"))
            .unwrap();
        stored.record.expires
    };
    let first = expires(&world);
    world.wait(60);
    assert!(expires(&world) > first);
    assert!(expires(&world) <= world.server.now.unix.after(limits::TASK_HEARTBEAT));
    assert_eq!(status(&mut world, &task), "working");
}

// Found by the simulator, seed 2052: it waited for a deadline that was past.
#[test]
fn task_over_its_deadline_fails_also_while_the_store_is_down() {
    let mut world = world();
    let (id, task) = call(&mut world, "native");
    world.wait(limits::TASK_TIMEOUT.as_secs() - 10);
    world.store_is_down = true;
    world.wait(20);
    assert!(!world.is_over(id), "it is not written yet");
    world.store_is_down = false;
    world.wait(20);
    assert!(world.is_over(id));
    assert_eq!(status(&mut world, &task), "failed");
}

#[test]
fn task_outlasts_a_store_that_is_down_for_a_while() {
    let mut world = world();
    let (_, task) = call(&mut world, "slow");
    world.store_is_down = true;
    world.wait(10);
    world.store_is_down = false;
    world.wait(20);
    assert_eq!(
        status(&mut world, &task),
        "completed",
        "it was written once that was possible"
    );
}
