//! Calls that the runtime performs.

use super::*;
use crate::{
    ask::{InvokeOutput, Target},
    catalog::{EffectResult, GraphRequest, VerifiedBy},
    event::Event,
    limits,
    log_event::{Field, LogEvent, LogEventId},
};

fn begin(world: &mut World, client: &Client) -> ExchangeId {
    let params = json!({"name": "native", "_meta": {"progressToken": 7}});
    client.begin(world, "tools/call", params)
}

#[test]
fn runtime_handler_gets_the_results_of_its_effects() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    let (asked, ticket, perform) = world.calls.pop_front().unwrap();
    assert_eq!(
        (asked, perform.target),
        (id, Target::Tool("native".to_owned()))
    );
    assert_eq!(perform.call.principal().oid, "alice");
    world.handle(id, ticket.effect(Effect::progress(1.0, None)));
    world.handle(id, ticket.effect(Effect::Sleep(Duration::from_secs(1))));
    // While it sleeps, another effect waits its turn.
    world.handle(id, ticket.effect(Effect::progress(2.0, None)));
    assert_eq!((world.granted.len(), messages(&world, id).len()), (1, 1));
    world.wait(1);
    assert_eq!((world.granted.len(), messages(&world, id).len()), (3, 2));
    world.handle(id, ticket.answer(Ok(InvokeOutput::Tool("done".into()))));
    assert_eq!(answer(&world, id)["content"][0]["text"], "done");
}

/// Its bytes go to the function, past the exchange, which says whose they are.
#[test]
fn answer_of_graph_that_is_a_stream_is_kept_open_for_its_function() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    for (status, is_open) in [(200, true), (404, false)] {
        world.graph_responds(status, &json!({"value": "x".repeat(100)}));
        let request = Box::new(GraphRequest::get_path("v1.0/me/big"));
        world.handle(id, ticket.effect(Effect::GraphStream(request)));
        match world.granted.pop().unwrap() {
            EffectResult::GraphStream(head, _) => {
                assert!(is_open && head.status() == 200 && head.body().is_empty());
            }
            EffectResult::Graph(Err(error)) => assert!(!is_open && error.status == Some(404)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn client_of_a_call_is_told_in_every_revision() {
    for revision in OLD.into_iter().chain([NEW]) {
        let mut world = world();
        let client = Client::new(&mut world, revision, json!({"sampling": {}}));
        begin(&mut world, &client);
        let (_, _, perform) = world.calls.pop_front().unwrap();
        let through = perform.call.client();
        assert_eq!(through.info.name.as_deref(), Some("a test"), "{revision}");
        assert_eq!(through.info.version.as_deref(), Some("1"));
        assert_eq!(through.approved_as.as_deref(), Some("a client"));
        let site = VerifiedBy::Site("client.example".to_owned());
        assert_eq!(through.verified_by, site);
        assert_eq!(through.id, world.session("alice").outline.client.name());
        assert_eq!(through.revision, revision);
        assert!(through.capabilities.sampling && !through.capabilities.roots);
    }
}

// M5: as often as it likes, at the cost of nobody.
#[test]
fn progress_is_reported_without_a_limit_and_coalesced() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    for number in 0..2 * limits::CALL_EFFECTS {
        let progress = f64::from(u32::try_from(number).unwrap());
        world.handle(id, ticket.effect(Effect::progress(progress, None)));
    }
    assert_eq!(world.granted.len(), 2 * limits::CALL_EFFECTS);
    let burst = usize::try_from(limits::PROGRESS_BURST).unwrap();
    assert_eq!(messages(&world, id).len(), burst);
    world.wait(1);
    let latest = messages(&world, id).pop().unwrap();
    assert_eq!(latest["params"]["progress"], 19_999.0);
    world.handle(id, ticket.effect(Effect::progress(20_000.0, None)));
    world.handle(id, ticket.answer(Ok(InvokeOutput::Tool("done".into()))));
    assert_eq!(messages(&world, id).len(), burst + 3);
}

// O8
#[test]
fn panic_is_told_to_the_log_alone() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    let words = format!("It said: {}\nforged {}", "very secret", "x".repeat(5000));
    world.handle(id, ticket.answer(Err(CallError::Internal(words))));
    let told = answer(&world, id);
    assert_eq!(told["code"], -32603);
    assert!(!told.to_string().contains("secret"), "{told}");
    let audited = |line: &LogEvent| line.audit_line("2026-03-01T10:00:00Z");
    let audit = world.logged.iter().filter_map(audited);
    assert!(audit.into_iter().all(|line| !line.contains("secret")));
    let failed = |line: &&LogEvent| line.id() == LogEventId::CallFailed;
    let failed = world.logged.iter().find(failed).unwrap();
    let words = failed.field(Field::Error).unwrap();
    assert!(words.contains("very secret") && !words.contains('\n'));
    assert!(words.len() < 5000, "{}", words.len());
}

#[test]
fn result_of_another_kind_is_an_internal_error() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    world.handle(
        id,
        ticket.answer(Ok(InvokeOutput::Values(CompleteResult::default()))),
    );
    assert_eq!(answer(&world, id)["code"], -32603);
}

#[test]
fn input_request_of_2026_ends_the_round() {
    let mut world = world();
    let client = Client::new(&mut world, NEW, json!({"elicitation": {}}));
    let id = begin(&mut world, &client);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    let form = || {
        InputRequest::form(
            "Sure?",
            ElicitationSchema::new().field("ok", FieldSchema::boolean()),
        )
    };
    world.handle(id, ticket.effect(Effect::request_input("sure", form())));
    assert_eq!(answer(&world, id)["resultType"], "input_required");
    assert_eq!(world.cancelled, 1);
    // The next round finds the answer.
    let accepted = json!({"action": "accept", "content": {"ok": true}});
    let params = json!({"name": "native", "inputResponses": {"sure": accepted}});
    let id = client.begin(&mut world, "tools/call", params);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    world.handle(id, ticket.effect(Effect::request_input("sure", form())));
    let Some(EffectResult::Input(answers)) = world.granted.last() else {
        panic!("it was answered");
    };
    assert_eq!(answers["sure"].response().get("ok"), Some(&json!(true)));
}

#[test]
fn cancelled_notification_cancels_the_call_of_its_sender() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let bob = Client::of("bob", &mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 1}});
    assert_eq!(bob.post(&mut world, &cancel), 202);
    assert!(!world.is_over(id));
    assert_eq!(client.post(&mut world, &cancel), 202);
    assert!(world.is_over(id));
    let answer = world.sent(id).response.as_ref().unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().len()), (202, 0));
    assert_eq!(world.cancelled, 1);
}

#[test]
fn late_cancellation_in_a_batch_does_not_cancel_the_next() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-03-26", json!({}));
    let session = client.session.clone().unwrap();
    let params = json!({"name": "slow", "arguments": {"whom": "Alice"}});
    let other = json!({"name": "getUserDetails"});
    world.server.server.catalog = crate::tools::register(offer(Catalog::builder()))
        .build()
        .unwrap();
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": other},
    ]);
    let fields = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "POST", "/mcp", &fields, &batch.to_string());
    let id = world.begin(request);
    world.wait(1);
    let cancel = |id: u64| json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    client.post(&mut world, &cancel(1));
    assert!(!world.is_over(id));
    world.graph_responds(200, &crate::mcp::testing::profile("alice"));
    world.wait(1);
    assert!(world.is_over(id));
    let answers = body(world.sent(id).response.as_ref().unwrap());
    assert_eq!(answers.as_array().unwrap().len(), 3, "{answers}");
}

#[test]
fn queued_request_of_a_batch_can_be_cancelled() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-03-26", json!({}));
    let session = client.session.clone().unwrap();
    let call = |id: u64, name: &str| {
        let arguments = if name == "slow" {
            json!({"whom": "Alice"})
        } else {
            json!({})
        };
        let params = json!({"name": name, "arguments": arguments});
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
    };
    let batch = json!([call(1, "slow"), call(2, "native"), call(3, "slow")]);
    let fields = [("mcp-session-id", session.as_str())];
    let request = world.request("alice", "POST", "/mcp", &fields, &batch.to_string());
    let id = world.begin(request);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 2}});
    client.post(&mut world, &cancel);
    world.wait(2);
    assert!(world.is_over(id));
    assert!(world.calls.is_empty(), "it never began");
    let answers = body(world.sent(id).response.as_ref().unwrap());
    let ids: Vec<_> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [1, 3]);
}

#[test]
fn call_outlives_its_token_and_ends_with_its_session() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    world.server.now.unix.0 += limits::SESSION_TOKEN_LIFETIME.as_secs();
    world.wait(20);
    assert!(!world.is_over(id));
    world.revoke("alice");
    world.wait(20);
    assert!(world.is_over(id));
    assert_eq!(world.cancelled, 1);
}

#[test]
fn call_over_its_deadline_is_ended() {
    let mut world = world();
    for revision in ["2025-11-25", NEW] {
        let client = Client::new(&mut world, revision, json!({}));
        let id = begin(&mut world, &client);
        world.wait(limits::CALL_TIMEOUT.as_secs());
        assert!(world.is_over(id), "{revision}");
        assert!(
            answer(&world, id)["message"]
                .as_str()
                .unwrap()
                .contains("too long")
        );
    }
    assert_eq!(world.cancelled, 2);
}

#[test]
fn call_takes_no_longer_than_the_operator_says() {
    let mut world = world();
    world.server.server.config.call_limits.call = Duration::from_secs(30);
    let client = Client::new(&mut world, NEW, json!({}));
    let id = begin(&mut world, &client);
    assert_eq!(world.calls[0].2.within, Duration::from_secs(30));
    world.wait(30);
    assert!(world.is_over(id));
}

#[test]
fn disconnect_before_the_response_cancels_the_call() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    world.handle(id, Event::Disconnected);
    assert!(world.is_over(id));
    assert_eq!(world.cancelled, 1);
}

// What is MCP's own is not the tool's business, and proves nothing either.
#[test]
fn handler_gets_meta_of_extensions_and_the_request_id() {
    for revision in ["2025-11-25", NEW] {
        let mut world = world();
        let client = Client::new(&mut world, revision, json!({}));
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let meta = json!({"progressToken": 7, "traceparent": trace, "com.example/a": {"b": 1}});
        let id = client.begin(
            &mut world,
            "tools/call",
            json!({"name": "native", "_meta": meta}),
        );
        let (_, ticket, invoke) = world.calls.pop_front().unwrap();
        let expected = json!({"traceparent": trace, "com.example/a": {"b": 1}});
        assert_eq!(Value::Object(invoke.call.meta().clone()), expected);
        let request_id = invoke.call.request_id().to_string();
        world.handle(id, ticket.answer(Ok(InvokeOutput::Tool("done".into()))));
        let sent = world.sent(id);
        let streamed = sent.head.as_ref().map(::http::Response::headers);
        let whole = sent.response.as_ref().map(::http::Response::headers);
        assert_eq!(whole.or(streamed).unwrap()["x-request-id"], *request_id);
    }
}

#[test]
fn call_that_outlasts_the_timeout_of_its_tool_fails_and_is_cancelled() {
    let timeout = Duration::from_secs(5);
    let tool = Tool::new("native", "Of the runtime").timeout(timeout);
    let catalog = Catalog::builder().tool(tool, Handler::Runtime);
    let mut world = World::offering(catalog.build().unwrap());
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = begin(&mut world, &client);
    let (_, _ticket, invoke) = world.calls.pop_front().unwrap();
    assert_eq!(invoke.within, timeout);
    world.wait(4);
    assert!(!world.is_over(id));
    world.wait(1);
    let answer = answer(&world, id);
    assert_eq!(answer["isError"], true, "{answer}");
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("longer than 5 s"), "{text}");
    assert_eq!(world.cancelled, 1);
}
