//! What a client of 2026-07-28 listens for (`subscriptions/listen`), which the backend answers.

use super::*;
use crate::{
    ask::PullFault,
    policy::{NamePattern, Policy, PolicyRule},
};

const LISTEN: &str = r#"{"jsonrpc":"2.0","id":"mine","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a://1","b://2"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// A client listens at a backend of 2026-07-28.
fn subscribe(world: &mut World) -> ExchangeId {
    let id = listen(world);
    is_discovered(world);
    id
}

fn listen(world: &mut World) -> ExchangeId {
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "subscriptions/listen"),
    ];
    let request = world.request("alice", "POST", "/mcp", &headers, LISTEN);
    world.begin(request)
}

/// A message about the subscription of this id.
fn of_subscription(method: &str, id: &str) -> String {
    event(&format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/{method}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}},"x":1.00}}}}"#
    ))
}

#[test]
fn subscription_of_2026_07_28_is_the_backends_under_the_id_of_the_client() {
    let mut world = world();
    let id = subscribe(&mut world);
    let sent = world.pulled();
    let mut own = id_of(&sent);
    assert_eq!(sent.text(), LISTEN.replace("\"mine\"", &own));
    assert_eq!(sent.header("mcp-method"), Some("subscriptions/listen"));
    assert!(sent.pull.limits.idle.is_none());
    world.head(&sent, 200, &STREAM);
    for message in ["subscriptions/acknowledged", "tools/list_changed"] {
        world.piece(&sent, &of_subscription(message, &own));
    }
    // Of another subscription.
    world.piece(&sent, &of_subscription("tools/list_changed", "1"));
    let heard = streamed(&world, id);
    assert_eq!(heard.len(), 2, "{heard:?}");
    for message in &heard {
        let name = &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        assert_eq!(*name, "mine");
    }
    assert!(world.sent(id).body.contains("\"x\":1.00"));
    // It breaks and is asked for again, which the client does not notice.
    world.end(sent, Err(PullFault::Broken));
    world.wait(1);
    let sent = world.pulled();
    let first = std::mem::replace(&mut own, id_of(&sent));
    assert_ne!(own, first);
    world.head(&sent, 200, &STREAM);
    // Of the request that is over, one comes late.
    let late = of_subscription("tools/list_changed", &first);
    world.piece(&sent, &late);
    for message in ["subscriptions/acknowledged", "tools/list_changed"] {
        world.piece(&sent, &of_subscription(message, &own));
    }
    assert_eq!(streamed(&world, id).len(), 3);
    let end = r#"{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":ID}}"#;
    let end = result(&sent, &end.replace("ID", &own));
    world.piece(&sent, &event(&end));
    let last = streamed(&world, id).pop().unwrap();
    assert_eq!(last["id"], "mine");
    assert_eq!(
        last["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        "mine"
    );
    assert!(world.is_over(id));
}

#[test]
fn subscription_that_the_backend_refuses_is_refused_in_its_words() {
    let mut world = world();
    let id = subscribe(&mut world);
    let sent = world.pulled();
    let own = id_of(&sent);
    let error =
        format!(r#"{{"jsonrpc":"2.0","id":{own},"error":{{"code":-32601,"message":"x"}}}}"#);
    world.answers(sent, 404, &error);
    assert_eq!(streamed(&world, id)[0]["error"]["code"], -32601);
    assert!(world.is_over(id));
    let id = listen(&mut world);
    let sent = world.pulled();
    world.end(sent, Err(PullFault::Unreachable));
    assert_eq!(streamed(&world, id)[0]["error"]["code"], -32603);
    assert!(world.is_over(id));
}

// R7
#[test]
fn hidden_resource_is_not_listened_for() {
    let mut world = world();
    world.server.policy = Policy {
        resources: vec![PolicyRule {
            hidden: true,
            ..PolicyRule::allowing(NamePattern::parse("b://*").unwrap())
        }],
        ..Policy::default()
    };
    let id = subscribe(&mut world);
    let sent = world.pulled();
    let uris = &sent.json()["params"]["notifications"]["resourceSubscriptions"];
    assert_eq!(*uris, json!(["a://1"]));
    world.head(&sent, 200, &STREAM);
    let updated = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"b://2","_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}}}}}"#,
        id_of(&sent)
    );
    world.piece(&sent, &event(&updated));
    assert!(streamed(&world, id).is_empty());
}
