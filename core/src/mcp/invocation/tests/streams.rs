//! What a call says before its answer, and streams that are lost and gone on with.

mod replicas;

use super::*;
use crate::{ask::InvokeOutput, event::Event, hub::ToHub, limits};

fn slow_params() -> Value {
    json!({"name": "slow", "arguments": {"whom": "Alice"}, "_meta": {"progressToken": "p"}})
}

#[test]
fn progress_precedes_the_response_on_its_stream() {
    let mut world = world();
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25", NEW] {
        let client = Client::new(&mut world, revision, json!({}));
        let id = client.begin(&mut world, "tools/call", slow_params());
        assert!(!world.is_over(id));
        world.wait(1);
        assert!(world.is_over(id) && world.sent(id).closed);
        let messages = messages(&world, id);
        let progress: Vec<_> = messages
            .iter()
            .map(|one| one["params"]["progress"].clone())
            .collect();
        assert_eq!(progress, [json!(0), json!(2), Value::Null], "{revision}");
        assert_eq!(messages[0]["params"]["progressToken"], "p");
        assert_eq!(
            messages[2]["result"]["content"][0]["text"],
            "slept for Alice"
        );
    }
}

#[test]
fn request_without_progress_token_gets_json() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let params = json!({"name": "slow", "arguments": {"whom": "Alice"}});
    let id = client.begin(&mut world, "tools/call", params);
    world.wait(1);
    assert_eq!(answer(&world, id)["content"][0]["text"], "slept for Alice");
    assert!(world.sent(id).head.is_none());
}

#[test]
fn log_notifications_respect_the_level() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let params = || json!({"name": "slow", "arguments": {"whom": "Alice"}});
    let levels = |world: &mut World, params: Value, client: &Client| {
        let id = client.begin(world, "tools/call", params);
        world.wait(1);
        let messages = messages(world, id);
        let levels = messages
            .iter()
            .filter_map(|one| one["params"]["level"].as_str());
        levels.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(levels(&mut world, params(), &client).is_empty());
    let set = client.ask(&mut world, "logging/setLevel", json!({"level": "debug"}));
    assert_eq!(set, json!({}));
    assert_eq!(levels(&mut world, params(), &client), ["debug"]);
    // I4: the level of one session is nothing to another.
    let other = Client::of("bob", &mut world, "2025-11-25", json!({}));
    assert!(levels(&mut world, params(), &other).is_empty());
    let odd = client.ask(&mut world, "logging/setLevel", json!({"level": "loud"}));
    assert_eq!(odd["code"], -32602);
    let modern = Client::new(&mut world, NEW, json!({}));
    assert!(levels(&mut world, params(), &modern).is_empty());
    let mut asked = params();
    asked["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
    assert_eq!(levels(&mut world, asked, &modern), ["debug"]);
}

fn last_event_id(world: &World, id: ExchangeId) -> String {
    let lines = world.sent(id).body.lines();
    let mut ids = lines.filter_map(|line| line.strip_prefix("id: "));
    ids.next_back().unwrap().to_owned()
}

fn resume(world: &mut World, user: &str, client: &Client, last: &str) -> ExchangeId {
    let session = client.session.clone().unwrap();
    let fields = [
        ("mcp-session-id", session.as_str()),
        ("last-event-id", last),
    ];
    let request = world.request(user, "GET", "/mcp", &fields, "");
    world.begin(request)
}

#[test]
fn interrupted_stream_is_resumed() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = client.begin(&mut world, "tools/call", slow_params());
    assert!(world.sent(id).body.starts_with("id: 0-"), "primed");
    let last = last_event_id(&world, id);
    world.handle(id, Event::Disconnected);
    assert!(!world.is_over(id), "the call goes on");
    let back = resume(&mut world, "alice", &client, &last);
    assert!(messages(&world, back).is_empty());
    world.wait(1);
    let after = messages(&world, back);
    assert_eq!(after[0]["params"]["progress"], 2);
    assert_eq!(after[1]["result"]["content"][0]["text"], "slept for Alice");
    assert!(world.is_over(id) && world.sent(back).closed);
    // Once more, now that all is over.
    let again = resume(&mut world, "alice", &client, &last);
    assert_eq!(messages(&world, again), after);
    assert!(world.sent(again).closed);
}

// I4, I5
#[test]
fn stream_is_not_resumed_by_another_user() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let bob = Client::of("bob", &mut world, "2025-11-25", json!({}));
    let id = client.begin(&mut world, "tools/call", slow_params());
    let last = last_event_id(&world, id);
    let other = Client::new(&mut world, "2025-11-25", json!({}));
    for (user, client, status) in [
        ("bob", &bob, 400),
        ("bob", &client, 404),
        ("alice", &other, 400),
    ] {
        let back = resume(&mut world, user, client, &last);
        assert_eq!(world.sent(back).response.as_ref().unwrap().status(), status);
    }
}

#[test]
fn polling_client_finds_the_response_when_it_returns() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = client.begin(&mut world, "tools/call", json!({"name": "away"}));
    let sent = world.sent(id);
    assert!(
        sent.closed && sent.body.contains("retry: 500"),
        "{}",
        sent.body
    );
    assert!(messages(&world, id).is_empty());
    let last = last_event_id(&world, id);
    let back = resume(&mut world, "alice", &client, &last);
    world.wait(2);
    assert_eq!(
        messages(&world, back)[0]["result"]["content"][0]["text"],
        "welcome back"
    );
    // A revision that does not know it waits.
    let old = Client::new(&mut world, "2025-06-18", json!({}));
    let id = old.begin(&mut world, "tools/call", json!({"name": "away"}));
    assert!(!world.sent(id).closed);
    world.wait(2);
    assert_eq!(answer(&world, id)["content"][0]["text"], "welcome back");
}

#[test]
fn closed_stream_of_2026_cancels_its_call() {
    let mut world = world();
    let client = Client::new(&mut world, NEW, json!({}));
    let id = client.begin(&mut world, "tools/call", slow_params());
    world.handle(id, Event::Disconnected);
    assert!(world.is_over(id));
}

#[test]
fn long_call_sends_keep_alives_and_ends_with_its_session() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let params = json!({"name": "native"});
    let id = client.begin(&mut world, "tools/call", params);
    assert!(world.sent(id).head.is_none());
    world.wait(16);
    assert!(world.sent(id).body.ends_with(": keep-alive\n\n"));
    // I7
    world.revoke("alice");
    world.wait(16);
    assert!(world.is_over(id) && world.sent(id).closed);
    assert_eq!(world.cancelled, 1);
}

// Found by the simulator, seed 655: it waited for a moment that was past.
#[test]
fn token_that_expires_at_the_start_does_not_end_the_call() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = client.begin(&mut world, "tools/call", json!({"name": "native"}));
    world.server.now.unix.0 += limits::SESSION_TOKEN_LIFETIME.as_secs();
    world.handle(id, Event::Tick);
    assert!(!world.is_over(id));
    assert!(world.sent(id).response.is_none());
}

#[test]
fn change_is_sent_to_its_listeners_only() {
    let mut world = world();
    let session = Client::new(&mut world, "2025-11-25", json!({}));
    let name = session.session.clone().unwrap();
    let request = world.request("alice", "GET", "/mcp", &[("mcp-session-id", &name)], "");
    let stream = world.begin(request);
    let modern = Client::new(&mut world, NEW, json!({}));
    let listen = |world: &mut World, notifications: Value| {
        let params = json!({"notifications": notifications});
        modern.begin(world, "subscriptions/listen", params)
    };
    let tools = listen(&mut world, json!({"toolsListChanged": true}));
    let prompts = listen(&mut world, json!({"promptsListChanged": true}));
    let uris = json!({"resourceSubscriptions": ["a://static", "b://unknown"]});
    let resource = listen(&mut world, uris);
    let methods = |world: &World, id: ExchangeId| {
        let messages = messages(world, id);
        let methods = messages
            .iter()
            .map(|one| one["method"].as_str().unwrap().to_owned());
        methods
            .map(|method| method.replace("notifications/", ""))
            .collect::<Vec<_>>()
    };
    modern.call(&mut world, "change", json!({}));
    assert_eq!(methods(&world, stream), ["tools/list_changed"]);
    assert_eq!(
        methods(&world, tools),
        ["subscriptions/acknowledged", "tools/list_changed"]
    );
    assert_eq!(methods(&world, prompts), ["subscriptions/acknowledged"]);
    assert_eq!(
        methods(&world, resource),
        ["subscriptions/acknowledged", "resources/updated"]
    );
    for id in [tools, resource] {
        for message in messages(&world, id) {
            let meta = &message["params"]["_meta"];
            assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], 1);
        }
    }
    let agreed = &messages(&world, resource)[0]["params"]["notifications"];
    assert_eq!(*agreed, json!({"resourceSubscriptions": ["a://static"]}));
    // In a session one subscribes by a request of its own.
    let uri = json!({"uri": "a://static"});
    assert_eq!(
        session.ask(&mut world, "resources/subscribe", uri.clone()),
        json!({})
    );
    modern.call(&mut world, "change", json!({}));
    assert_eq!(
        methods(&world, stream)[1..],
        ["tools/list_changed", "resources/updated"]
    );
    session.ask(&mut world, "resources/unsubscribe", uri);
    modern.call(&mut world, "change", json!({}));
    assert_eq!(methods(&world, stream).len(), 4);
}

// I6
#[test]
fn response_that_is_resumed_elsewhere_ends_on_its_first_stream() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = client.begin(&mut world, "tools/call", slow_params());
    let last = last_event_id(&world, id);
    let before = messages(&world, id).len();
    let back = resume(&mut world, "alice", &client, &last);
    assert!(world.sent(id).closed && !world.is_over(id));
    world.wait(1);
    assert_eq!(messages(&world, id).len(), before);
    let after = messages(&world, back);
    assert_eq!(after[1]["result"]["content"][0]["text"], "slept for Alice");
}

#[test]
fn call_that_ends_before_its_resumed_stream_reads_loses_nothing() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = client.begin(&mut world, "tools/call", slow_params());
    let last = last_event_id(&world, id);
    world.handle(id, Event::Disconnected);
    let back = resume(&mut world, "alice", &client, &last);
    world.stall(back);
    world.wait(1);
    assert!(world.is_over(id) && messages(&world, back).is_empty());
    world.read_all(back);
    let after = messages(&world, back);
    assert_eq!(after[1]["result"]["content"][0]["text"], "slept for Alice");
    assert!(world.sent(back).closed);
}

// M5
#[test]
fn result_too_large_to_be_kept_is_an_error_for_a_client_that_comes_back() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let id = client.begin(&mut world, "tools/call", json!({"name": "native"}));
    world.wait(16);
    let last = last_event_id(&world, id);
    let (_, ticket, _) = world.calls.pop_front().unwrap();
    let large = "x".repeat(limits::REPLAY_BUFFER_BYTES);
    let result = InvokeOutput::Tool(large.into());
    world.handle(id, ticket.answer(Ok(result)));
    assert!(answer(&world, id).get("content").is_some(), "it was read");
    let back = resume(&mut world, "alice", &client, &last);
    let error = &messages(&world, back)[0];
    assert_eq!(
        (&error["id"], &error["error"]["code"]),
        (&json!(1), &json!(-32603))
    );
    assert!(world.sent(back).closed);
}

// M5
#[test]
fn call_whose_events_are_not_kept_says_so_and_ends_with_its_stream() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    for _ in 0..limits::REPLAY_BUFFERS_PER_PRINCIPAL {
        client.begin(&mut world, "tools/call", json!({"name": "away"}));
    }
    // Their responses are there, and nobody has come for them yet.
    world.wait(2);
    let id = client.begin(&mut world, "tools/call", slow_params());
    assert!(world.sent(id).body.ends_with("cannot be resumed\n\n"));
    assert!(!world.is_over(id));
    world.handle(id, Event::Disconnected);
    assert!(world.is_over(id));
}

// Found by the simulator, seed 19: clients were told to come back for what was not kept.
#[test]
fn stream_whose_events_are_not_kept_is_not_closed_for_a_while() {
    let mut world = world();
    let client = Client::new(&mut world, "2025-11-25", json!({}));
    let away = json!({"name": "away"});
    let most = limits::REPLAY_BUFFERS_PER_PRINCIPAL;
    let begin = |world: &mut World| client.begin(world, "tools/call", away.clone());
    let away: Vec<_> = (0..most).map(|_| begin(&mut world)).collect();
    assert!(away.iter().all(|id| world.sent(*id).closed));
    // Their responses are there, and nobody has come for them yet.
    world.wait(2);
    let last = begin(&mut world);
    assert!(!world.sent(last).closed);
    world.wait(2);
    let answer = answer(&world, last);
    assert_eq!(answer["content"][0]["text"], "welcome back");
    for id in away {
        let last = last_event_id(&world, id);
        let back = resume(&mut world, "alice", &client, &last);
        assert_eq!(messages(&world, back).len(), 1);
    }
}

#[test]
fn subscription_of_a_server_that_shuts_down_gets_its_result() {
    let mut world = world();
    let client = Client::new(&mut world, NEW, json!({}));
    let params = json!({"notifications": {"toolsListChanged": true}});
    let id = client.begin(&mut world, "subscriptions/listen", params);
    world
        .hub
        .handle(ExchangeId(999), ToHub::shut_down(), world.server.now);
    world.handle(ExchangeId(999), Event::Tick);
    assert!(world.sent(id).closed && world.is_over(id));
    let result = messages(&world, id).pop().unwrap();
    assert_eq!(
        (&result["id"], &result["result"]["resultType"]),
        (&json!(1), &json!("complete"))
    );
}

#[test]
fn stream_of_a_server_that_shuts_down_is_told_when_to_come_back() {
    let mut world = world();
    let name = world.initialize("alice", "2025-11-25");
    let request = world.request("alice", "GET", "/mcp", &[("mcp-session-id", &name)], "");
    let id = world.begin(request);
    world
        .hub
        .handle(ExchangeId(999), ToHub::shut_down(), world.server.now);
    world.handle(ExchangeId(999), Event::Tick);
    assert!(world.sent(id).closed && world.is_over(id));
    let body = &world.sent(id).body;
    let retry = body.lines().find_map(|line| line.strip_prefix("retry: "));
    let milliseconds: u64 = retry.unwrap().parse().unwrap();
    assert!(limits::COME_BACK.contains(&milliseconds), "{body}");
}
