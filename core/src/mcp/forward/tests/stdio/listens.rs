//! What clients of 2026-07-28 listen for at a process.

use super::*;
use crate::{config::BackendShare, event::Event};

fn listen(world: &mut World, id: &str, wanted: &Value) -> ExchangeId {
    of_2026(
        world,
        id,
        "subscriptions/listen",
        &json!({"notifications": wanted}),
    )
}

/// A request of 2026-07-28.
fn of_2026(world: &mut World, id: &str, method: &str, params: &Value) -> ExchangeId {
    let mut params = params.clone();
    params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let mut headers = vec![
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    if method == "tools/call" {
        headers.push(("mcp-name", "echo"));
    }
    let request = world.request("alice", "POST", "/mcp", &headers, &body.to_string());
    world.begin(request)
}

fn call(world: &mut World) -> ExchangeId {
    of_2026(world, "call", "tools/call", &json!({"name": "echo"}))
}

/// The process does not know 2026-07-28, and opens a session.
fn has_sessions(world: &mut World, process: usize) {
    world.starts(process);
    let sent = world.reads(process);
    assert_eq!(sent["method"], "server/discover");
    let error = json!({"code": -32601, "message": "x"});
    world.writes(
        process,
        json!({"jsonrpc": "2.0", "id": sent["id"], "error": error}),
    );
    let sent = world.reads(process);
    assert_eq!(sent["method"], "initialize");
    let capabilities = json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}});
    let said = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": {"name": "o", "version": "1"}});
    world.writes(process, answer(&sent, &said));
    assert_eq!(world.reads(process)["method"], "notifications/initialized");
}

/// The process is asked this about a resource, which it does.
fn about_resource(world: &mut World, process: usize, method: &str, uri: &str) {
    let sent = world.reads(process);
    let asked = (&sent["method"], &sent["params"]["uri"]);
    assert_eq!(asked, (&json!(format!("resources/{method}")), &json!(uri)));
    world.writes(process, answer(&sent, &json!({})));
}

fn changed(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": format!("notifications/{method}"), "params": params})
}

/// What a stream was told, by the name that it has for it.
fn told(world: &World, stream: ExchangeId, id: &str) -> Vec<String> {
    let told = streamed(world, stream).into_iter().map(|message| {
        let meta = &message["params"]["_meta"];
        assert_eq!(
            meta["io.modelcontextprotocol/subscriptionId"], id,
            "{message}"
        );
        let method = message["method"].as_str().unwrap();
        method.replace("notifications/", "")
    });
    told.collect()
}

const ACKNOWLEDGED: &str = "subscriptions/acknowledged";

#[test]
fn listens_at_a_process_share_it_and_end_with_their_clients() {
    let mut world = world();
    let both = json!({"toolsListChanged": true, "resourceSubscriptions": ["a://1"]});
    let one = listen(&mut world, "one", &both);
    has_sessions(&mut world, 0);
    about_resource(&mut world, 0, "subscribe", "a://1");
    assert_eq!(told(&world, one, "one"), [ACKNOWLEDGED]);
    let two = listen(
        &mut world,
        "two",
        &json!({"resourceSubscriptions": ["a://1"]}),
    );
    assert_eq!(told(&world, two, "two"), [ACKNOWLEDGED]);
    assert!(world.has_read_all(0) && world.processes.len() == 1);
    world.writes(0, changed("tools/list_changed", &json!({})));
    world.writes(0, changed("resources/updated", &json!({"uri": "a://1"})));
    let heard = [ACKNOWLEDGED, "tools/list_changed", "resources/updated"];
    assert_eq!(told(&world, one, "one"), heard);
    assert_eq!(
        told(&world, two, "two"),
        [ACKNOWLEDGED, "resources/updated"]
    );
    world.handle(one, Event::Disconnected);
    assert!(world.has_read_all(0), "another listens for it");
    let before = told(&world, two, "two").len();
    world.writes(0, changed("resources/updated", &json!({"uri": "a://1"})));
    assert_eq!(told(&world, two, "two").len(), before + 1);
    world.handle(two, Event::Disconnected);
    about_resource(&mut world, 0, "unsubscribe", "a://1");
}

// R16
#[test]
fn listen_keeps_no_process_and_is_subscribed_to_at_the_next_one() {
    let mut world = world();
    let wanted = json!({"resourceSubscriptions": ["a://1"]});
    let id = listen(&mut world, "one", &wanted);
    has_sessions(&mut world, 0);
    about_resource(&mut world, 0, "subscribe", "a://1");
    world.wait(61);
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
    world.exits(0, Ok(ChildExit::Code(0)));
    world.wait(60);
    assert_eq!(world.processes.len(), 1, "none is begun to be listened to");
    call(&mut world);
    has_sessions(&mut world, 1);
    about_resource(&mut world, 1, "subscribe", "a://1");
    assert_eq!(world.reads(1)["method"], "tools/call");
    // What has changed meanwhile nobody has heard.
    assert_eq!(told(&world, id, "one"), [ACKNOWLEDGED, "resources/updated"]);
    world.writes(1, changed("resources/updated", &json!({"uri": "a://1"})));
    assert_eq!(told(&world, id, "one").len(), 3);
    // Who listens first begins one again.
    world.handle(id, Event::Disconnected);
    about_resource(&mut world, 1, "unsubscribe", "a://1");
}

#[test]
fn listen_at_a_process_that_has_ended_begins_another() {
    let mut world = world();
    call(&mut world);
    has_sessions(&mut world, 0);
    let sent = world.reads(0);
    world.writes(0, answer(&sent, &json!({"content": []})));
    world.exits(0, Ok(ChildExit::Code(0)));
    let id = listen(&mut world, "one", &json!({"toolsListChanged": true}));
    has_sessions(&mut world, 1);
    assert_eq!(told(&world, id, "one"), [ACKNOWLEDGED]);
    world.writes(1, changed("tools/list_changed", &json!({})));
    assert_eq!(told(&world, id, "one").len(), 2);
}

/// The process knows 2026-07-28 only.
fn is_stateless(world: &mut World, process: usize) {
    world.starts(process);
    let sent = world.reads(process);
    assert_eq!(sent["method"], "server/discover");
    let said: Value = serde_json::from_str(DISCOVERED).unwrap();
    world.writes(process, answer(&sent, &said));
}

fn named(id: &Value) -> Value {
    json!({"_meta": {"io.modelcontextprotocol/subscriptionId": id}})
}

// R5
#[test]
fn process_of_2026_07_28_is_listened_to_by_the_request_itself() {
    let mut world = world();
    let [one, two] = ["one", "two"].map(|id| {
        let stream = listen(&mut world, id, &json!({"toolsListChanged": true}));
        if id == "one" {
            is_stateless(&mut world, 0);
        }
        let sent = world.reads(0);
        assert_eq!(sent["method"], "subscriptions/listen");
        world.writes(0, changed(ACKNOWLEDGED, &named(&sent["id"])));
        (stream, sent["id"].clone())
    });
    let in_flight = call(&mut world);
    let sent = world.reads(0);
    world.writes(0, changed("tools/list_changed", &named(&two.1)));
    // Of nobody's.
    world.writes(0, changed("tools/list_changed", &named(&json!(7))));
    assert_eq!(told(&world, one.0, "one"), [ACKNOWLEDGED]);
    assert_eq!(
        told(&world, two.0, "two"),
        [ACKNOWLEDGED, "tools/list_changed"]
    );
    world.writes(
        0,
        answer(&sent, &json!({"content": [], "resultType": "complete"})),
    );
    assert!(world.is_over(in_flight));
    world.handle(two.0, Event::Disconnected);
    let left = world.reads(0);
    assert_eq!(left["method"], "notifications/cancelled");
    assert_eq!(left["params"]["requestId"], two.1);
    // A listen is nothing to do; the next process is listened to in its turn.
    world.wait(61);
    assert_eq!(world.process(0).ends, [ChildEnd::CloseInput]);
    world.exits(0, Ok(ChildExit::Code(0)));
    call(&mut world);
    is_stateless(&mut world, 1);
    let sent = world.reads(1);
    assert_eq!(sent["method"], "tools/call");
    world.wait(59);
    let sent = world.reads(1);
    assert_eq!(sent["method"], "subscriptions/listen");
    world.writes(1, changed("tools/list_changed", &named(&sent["id"])));
    assert_eq!(
        told(&world, one.0, "one"),
        [ACKNOWLEDGED, "tools/list_changed"]
    );
}

// R5
#[test]
fn of_a_process_that_sessions_share_nothing_is_listened_for() {
    for stateless in [false, true] {
        let mut world = World::new();
        let mut gateway = gateway_of_tests(BackendIdentity::ASSERTION);
        let share = BackendShare::User;
        gateway.backend = Backend::Stdio(Arc::new(BackendCommand { share, ..command() }));
        world.has_backend(gateway);
        let id = listen(&mut world, "one", &json!({"toolsListChanged": true}));
        match stateless {
            true => is_stateless(&mut world, 0),
            false => has_sessions(&mut world, 0),
        }
        let acknowledged = streamed(&world, id).remove(0);
        assert_eq!(acknowledged["params"]["notifications"], json!({}));
        assert!(world.has_read_all(0) && !world.is_over(id));
    }
}
