//! What clients of 2026-07-28 listen for at a backend with sessions: all of one client share a session there, and one stream of it.

mod ends;
mod questions;

use ::http::Method;

use super::*;
use crate::{
    ask::PullFault,
    event::Event,
    policy::{NamePattern, Policy, PolicyRule},
};

/// What a backend with sessions says of itself.
const OFFERS: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true}},"serverInfo":{"name":"orders","version":"1.0"}}"#;

fn world() -> World {
    let mut world = super::world();
    world.pulls.has_streams = true;
    world
}

/// A client listens for these, by a request of this id.
fn listen(world: &mut World, user: &str, id: &str, wanted: &Value) -> ExchangeId {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {"roots": {}}});
    let params = json!({"notifications": wanted, "_meta": meta});
    let body =
        json!({"jsonrpc": "2.0", "id": id, "method": "subscriptions/listen", "params": params});
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "subscriptions/listen"),
    ];
    let request = world.request(user, "POST", "/mcp", &headers, &body.to_string());
    world.begin(request)
}

/// The backend does not know 2026-07-28, and opens a session.
fn has_sessions(world: &mut World, session: &str) {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "server/discover");
    world.answers(sent, 404, "");
    opens_again(world, session);
}

fn opens_again(world: &mut World, session: &str) {
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "initialize", "{}", sent.text());
    let answer = result(&sent, OFFERS);
    let headers = [
        ("content-type", "application/json"),
        ("mcp-session-id", session),
    ];
    world.answers_with(sent, 200, &headers, &answer);
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "notifications/initialized");
    world.answers(sent, 202, "");
}

/// The backend is asked this about a resource.
fn about_resource(world: &mut World, method: &str, uri: &str) -> Sent {
    let sent = world.pulled();
    let json = sent.json();
    assert_eq!(
        (&json["method"], &json["params"]["uri"]),
        (&json!(format!("resources/{method}")), &json!(uri))
    );
    assert!(sent.header("entra-mcp-assertion").is_some());
    sent
}

fn accepts(world: &mut World, sent: Sent) {
    let answer = result(&sent, "{}");
    world.answers(sent, 200, &answer);
}

/// The stream that the backend is asked for, which it opens.
fn is_heard(world: &mut World, session: &str) -> Sent {
    let sent = world.pulled();
    assert_eq!(sent.pull.method, Method::GET);
    assert_eq!(sent.header("mcp-session-id"), Some(session));
    world.head(&sent, 200, &STREAM);
    sent
}

/// The backend says this on its stream.
fn says(world: &mut World, stream: &Sent, method: &str, params: &Value) {
    let said =
        json!({"jsonrpc": "2.0", "method": format!("notifications/{method}"), "params": params});
    world.piece(stream, &event(&said.to_string()));
}

/// What a stream was sent: of which kind each message is, and about what. All of it names the request of this id.
fn told(world: &World, stream: ExchangeId, id: &str) -> Vec<String> {
    let told = streamed(world, stream).into_iter().map(|message| {
        let meta = match message.get("result") {
            Some(result) => &result["_meta"],
            None => &message["params"]["_meta"],
        };
        assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], id);
        let params = &message["params"];
        match message["method"].as_str() {
            Some("notifications/subscriptions/acknowledged") => params["notifications"].to_string(),
            Some("notifications/resources/updated") => {
                format!("updated {}", params["uri"].as_str().unwrap())
            }
            Some(method) => method.replace("notifications/", ""),
            None => {
                assert_eq!(
                    (&message["id"], &message["result"]["resultType"]),
                    (&json!(id), &json!("complete"))
                );
                "result".to_owned()
            }
        }
    });
    told.collect()
}

fn everything() -> Value {
    json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
        "resourceSubscriptions": ["a://1", "a://2"]})
}

/// Alice's client listens for everything, which is the first thing that it does.
fn first(world: &mut World) -> (ExchangeId, Sent) {
    let id = listen(world, "alice", "one", &everything());
    has_sessions(world, "theirs");
    for uri in ["a://1", "a://2"] {
        let sent = about_resource(world, "subscribe", uri);
        assert_eq!(sent.header("mcp-session-id"), Some("theirs"));
        accepts(world, sent);
    }
    assert!(streamed(world, id).is_empty());
    let stream = is_heard(world, "theirs");
    (id, stream)
}

const HONOURED: &str = r#"{"resourceSubscriptions":["a://1","a://2"],"toolsListChanged":true}"#;

// R31
#[test]
fn listens_share_a_session_and_a_stream_of_the_backend_and_each_has_its_filter() {
    let mut world = world();
    let (one, stream) = first(&mut world);
    assert_eq!(told(&world, one, "one"), [HONOURED]);
    let uris = json!({"resourceSubscriptions": ["a://2"]});
    let two = listen(&mut world, "alice", "two", &uris);
    assert_eq!(told(&world, two, "two"), [uris.to_string()]);
    assert!(world.pulls.is_empty(), "nothing is asked for twice");
    says(&mut world, &stream, "tools/list_changed", &json!({}));
    says(&mut world, &stream, "prompts/list_changed", &json!({}));
    says(
        &mut world,
        &stream,
        "message",
        &json!({"level": "error", "data": 1}),
    );
    for uri in ["a://1", "a://2", "a://3"] {
        says(
            &mut world,
            &stream,
            "resources/updated",
            &json!({"uri": uri}),
        );
    }
    let heard = [
        HONOURED,
        "tools/list_changed",
        "updated a://1",
        "updated a://2",
    ];
    assert_eq!(told(&world, one, "one"), heard);
    assert_eq!(told(&world, two, "two")[1..], ["updated a://2"]);
    // Of another user nothing is shared.
    let bobs = listen(
        &mut world,
        "bob",
        "bobs",
        &json!({"toolsListChanged": true}),
    );
    has_sessions(&mut world, "for bob");
    let for_bob = is_heard(&mut world, "for bob");
    says(&mut world, &for_bob, "tools/list_changed", &json!({}));
    assert_eq!(told(&world, bobs, "bobs").len(), 2);
    assert_eq!(told(&world, one, "one").len(), 4);
}

#[test]
fn what_the_backend_does_not_offer_or_refuses_is_not_acknowledged() {
    let mut world = world();
    let uris = json!({"resourceSubscriptions": ["a://no", "a://2"], "promptsListChanged": true});
    let id = listen(&mut world, "alice", "mine", &uris);
    has_sessions(&mut world, "theirs");
    let sent = about_resource(&mut world, "subscribe", "a://no");
    let error = r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32002,"message":"x"}}"#;
    let error = error.replace("ID", &id_of(&sent));
    world.answers(sent, 200, &error);
    let sent = about_resource(&mut world, "subscribe", "a://2");
    accepts(&mut world, sent);
    is_heard(&mut world, "theirs");
    let honoured = r#"{"resourceSubscriptions":["a://2"]}"#;
    assert_eq!(told(&world, id, "mine"), [honoured]);
    // Where nothing is left there is nothing to hear.
    let nothing = listen(
        &mut world,
        "alice",
        "nothing",
        &json!({"promptsListChanged": true}),
    );
    assert_eq!(told(&world, nothing, "nothing"), ["{}"]);
    let bobs = listen(
        &mut world,
        "bob",
        "bobs",
        &json!({"toolsListChanged": true}),
    );
    has_sessions(&mut world, "for bob");
    let sent = world.pulled();
    assert_eq!(sent.pull.method, Method::GET);
    world.answers(sent, 405, "");
    assert_eq!(told(&world, bobs, "bobs"), ["{}"]);
    assert!(!world.is_over(bobs) && world.pulls.is_empty());
}

#[test]
fn filter_that_cannot_be_understood_and_backend_that_cannot_be_reached_are_told() {
    let mut world = world();
    let too_many: Vec<String> = (0..65).map(|uri| format!("a://{uri}")).collect();
    let wrong = listen(
        &mut world,
        "alice",
        "mine",
        &json!({"resourceSubscriptions": too_many}),
    );
    has_sessions(&mut world, "theirs");
    assert_eq!(streamed(&world, wrong)[0]["error"]["code"], -32602);
    assert!(world.is_over(wrong));
    let id = listen(
        &mut world,
        "alice",
        "mine",
        &json!({"toolsListChanged": true}),
    );
    let sent = world.pulled();
    world.end(sent, Err(PullFault::Unreachable));
    assert_eq!(streamed(&world, id)[0]["error"]["code"], -32603);
    assert!(world.is_over(id));
}

#[test]
fn backend_whose_stream_begins_late_is_taken_to_be_heard_after_a_second() {
    let mut world = world();
    let id = listen(
        &mut world,
        "alice",
        "mine",
        &json!({"toolsListChanged": true}),
    );
    has_sessions(&mut world, "theirs");
    let sent = world.pulled();
    assert!(streamed(&world, id).is_empty());
    world.wait(1);
    let honoured = r#"{"toolsListChanged":true}"#;
    assert_eq!(told(&world, id, "mine"), [honoured]);
    world.head(&sent, 200, &STREAM);
    says(&mut world, &sent, "tools/list_changed", &json!({}));
    assert_eq!(told(&world, id, "mine"), [honoured, "tools/list_changed"]);
}

#[test]
fn session_that_was_lost_is_opened_again_with_what_is_subscribed_to_and_all_hear_of_it() {
    let mut world = world();
    let (one, stream) = first(&mut world);
    let two = listen(
        &mut world,
        "alice",
        "two",
        &json!({"resourceSubscriptions": ["a://2"]}),
    );
    world.end(stream, Err(PullFault::Broken));
    world.wait(1);
    let again = world.pulled();
    assert_eq!(again.pull.method, Method::GET);
    world.answers(again, 404, "");
    let ping = world.pulled();
    assert_eq!(ping.json()["method"], "ping");
    world.answers(ping, 404, "");
    let sent = world.pulled();
    assert_eq!(sent.json()["method"], "server/discover");
    world.answers(sent, 404, "");
    opens_again(&mut world, "second");
    for uri in ["a://1", "a://2"] {
        let sent = about_resource(&mut world, "subscribe", uri);
        assert_eq!(sent.header("mcp-session-id"), Some("second"));
        accepts(&mut world, sent);
    }
    let stream = is_heard(&mut world, "second");
    // What has changed meanwhile nobody has heard.
    let may_have = ["tools/list_changed", "updated a://1", "updated a://2"];
    assert_eq!(told(&world, one, "one")[1..], may_have);
    assert_eq!(told(&world, two, "two")[1..], ["updated a://2"]);
    says(
        &mut world,
        &stream,
        "resources/updated",
        &json!({"uri": "a://2"}),
    );
    assert_eq!(told(&world, two, "two").len(), 3);
}

// R7, R31
#[test]
fn hidden_resource_is_neither_subscribed_to_nor_heard_of() {
    let mut world = world();
    world.server.policy = Policy {
        resources: vec![PolicyRule {
            hidden: true,
            ..PolicyRule::allowing(NamePattern::parse("b://*").unwrap())
        }],
        ..Policy::default()
    };
    let wanted = json!({"resourceSubscriptions": ["b://1", "a://1"]});
    let id = listen(&mut world, "alice", "mine", &wanted);
    has_sessions(&mut world, "theirs");
    let sent = about_resource(&mut world, "subscribe", "a://1");
    accepts(&mut world, sent);
    let stream = is_heard(&mut world, "theirs");
    for uri in ["b://1", "a://1"] {
        says(
            &mut world,
            &stream,
            "resources/updated",
            &json!({"uri": uri}),
        );
    }
    let honoured = r#"{"resourceSubscriptions":["a://1"]}"#;
    assert_eq!(told(&world, id, "mine"), [honoured, "updated a://1"]);
}

#[test]
fn what_can_be_listened_for_is_said_of_the_backend() {
    let mut world = world();
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}});
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "server/discover"),
    ];
    let request = world.request("alice", "POST", "/mcp", &headers, &body.to_string());
    let id = world.begin(request);
    has_sessions(&mut world, "theirs");
    let capabilities = &body_of(&world, id)["result"]["capabilities"];
    let expected =
        json!({"tools": {"listChanged": true}, "prompts": {}, "resources": {"subscribe": true}});
    assert_eq!(*capabilities, expected);
}

// R7
#[test]
fn resource_is_not_heard_of_while_its_user_has_not_the_role() {
    let mut world = world();
    world.server.policy = Policy {
        resources: vec![PolicyRule {
            roles: vec!["Orders.Admin".to_owned()],
            ..PolicyRule::allowing(NamePattern::parse("a://1").unwrap())
        }],
        ..Policy::default()
    };
    world.has_roles("alice", &["Orders.Admin"]);
    let (id, stream) = first(&mut world);
    let updated = |world: &mut World| {
        for uri in ["a://1", "a://2"] {
            says(world, &stream, "resources/updated", &json!({"uri": uri}));
        }
        told(world, id, "one").len()
    };
    assert_eq!(updated(&mut world), 3);
    world.has_roles("alice", &[]);
    world.wait(crate::limits::KEEP_ALIVE.as_secs());
    assert_eq!(updated(&mut world), 4);
    assert_eq!(told(&world, id, "one")[3], "updated a://2");
    world.has_roles("alice", &["Orders.Admin"]);
    world.wait(crate::limits::KEEP_ALIVE.as_secs());
    assert_eq!(updated(&mut world), 6);
}
