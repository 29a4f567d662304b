//! What is said before an answer, and what is asked, by revision.

use super::*;
use crate::event::Event;

#[test]
fn progress() {
    each(|world, client, revision| {
        let params = json!({"name": "with_message", "_meta": {"progressToken": "p"}});
        let id = client.begin(world, "tools/call", params);
        let notified = messages(world, id)[0]["params"].clone();
        assert_eq!(notified["progress"], 1, "{revision}");
        assert_eq!(
            notified["message"] == "one",
            revision >= "2025-03-26",
            "{revision}"
        );
    });
}

#[test]
fn logging() {
    each(|world, client, revision| {
        let mut params = json!({"name": "slow", "arguments": {"whom": "Alice"}});
        if revision == NEW {
            params["_meta"] = json!({"io.modelcontextprotocol/logLevel": "debug"});
        }
        let set = client.ask(world, "logging/setLevel", json!({"level": "debug"}));
        assert_eq!(set == json!({}), revision != NEW, "{revision}");
        let id = client.begin(world, "tools/call", params);
        assert_eq!(
            messages(world, id)[0]["params"]["data"],
            "half way",
            "{revision}"
        );
    });
}

#[test]
fn cancellation() {
    each(|world, client, revision| {
        let before = world.cancelled;
        let id = client.begin(world, "tools/call", json!({"name": "native"}));
        if revision == NEW {
            world.handle(id, Event::Disconnected);
        } else {
            let message = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
                "params": {"requestId": 1}});
            client.post(world, &message);
        }
        assert!(world.is_over(id), "{revision}");
        assert_eq!(world.cancelled, before + 1, "{revision}");
    });
}

#[test]
fn list_changes_and_subscriptions() {
    each(|world, client, revision| {
        let uri = json!({"uri": "a://static"});
        let subscribed = client.ask(world, "resources/subscribe", uri);
        assert_eq!(subscribed == json!({}), revision != NEW, "{revision}");
        let stream = match &client.session {
            Some(session) => {
                let named = [("mcp-session-id", session.as_str())];
                let request = world.request("alice", "GET", "/mcp", &named, "");
                world.begin(request)
            }
            None => {
                let wanted =
                    json!({"toolsListChanged": true, "resourceSubscriptions": ["a://static"]});
                client.begin(
                    world,
                    "subscriptions/listen",
                    json!({"notifications": wanted}),
                )
            }
        };
        client.call(world, "change", json!({}));
        let notified = world.sent(stream).body.clone();
        assert!(notified.contains("tools/list_changed"), "{revision}");
        assert!(notified.contains("resources/updated"), "{revision}");
        world.handle(stream, Event::Disconnected);
    });
}

/// What a call asks: a request on its stream, or what its result requires.
fn asked(world: &mut World, client: &Client, tool: &str) -> Value {
    let id = client.begin(world, "tools/call", json!({"name": tool}));
    let sent = world.sent(id);
    match &sent.response {
        Some(response) => {
            let requests = body(response)["result"]["inputRequests"].clone();
            let first = requests
                .as_object()
                .and_then(|requests| requests.values().next());
            first.cloned().unwrap_or_default()
        }
        None => messages(world, id)[0].clone(),
    }
}

#[test]
fn elicitation_by_form() {
    each(|world, client, revision| {
        let input_request = asked(world, client, "ask");
        let has = input_request["params"]["requestedSchema"].is_object();
        assert_eq!(has, revision >= "2025-06-18", "{revision}");
    });
}

#[test]
fn elicitation_by_url() {
    each(|world, client, revision| {
        let input_request = asked(world, client, "url");
        let has = input_request["params"]["mode"] == "url";
        assert_eq!(has, revision >= "2025-11-25", "{revision}");
    });
}

#[test]
fn sampling_and_roots() {
    each(|world, client, revision| {
        for (tool, method) in [
            ("sample", "sampling/createMessage"),
            ("roots", "roots/list"),
        ] {
            let input_request = asked(world, client, tool);
            assert_eq!(input_request["method"], method, "{revision}");
            assert_eq!(
                input_request.get("id").is_some(),
                revision != NEW,
                "{revision}"
            );
        }
    });
}

#[test]
fn stream_resumption_by_last_event_id() {
    each(|world, client, revision| {
        let params = json!({"name": "slow", "arguments": {"whom": "Alice"},
            "_meta": {"progressToken": "p"}});
        let id = client.begin(world, "tools/call", params);
        let has_ids = world.sent(id).body.contains("id: 0-");
        assert_eq!(has_ids, revision != NEW, "{revision}");
        world.handle(id, Event::Disconnected);
        assert_eq!(world.is_over(id), revision == NEW, "{revision}");
    });
}

#[test]
fn sse_polling_with_retry() {
    each(|world, client, revision| {
        let id = client.begin(world, "tools/call", json!({"name": "away"}));
        assert_eq!(
            world.sent(id).closed,
            revision == "2025-11-25",
            "{revision}"
        );
    });
}

#[test]
fn batches() {
    each(|world, client, revision| {
        let batch = json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"},
            {"jsonrpc": "2.0", "id": 2, "method": "ping"}]);
        let status = client.post(world, &batch);
        assert_eq!(status == 200, revision == "2025-03-26", "{revision}");
    });
}

#[test]
fn session_termination_by_delete() {
    each(|world, client, revision| {
        let session = client.session.clone().unwrap_or_default();
        let fields = [
            ("mcp-protocol-version", revision),
            ("mcp-session-id", session.as_str()),
        ];
        let request = world.request("alice", "DELETE", "/mcp", &fields, "");
        let status = world.send(request).status().as_u16();
        assert_eq!(
            status,
            if revision == NEW { 405 } else { 204 },
            "{revision}"
        );
    });
}

#[test]
fn header_body_consistency() {
    each(|world, client, revision| {
        let params = json!({"name": "mirrored", "arguments": {"region": "eu"}});
        let answer = client.ask(world, "tools/call", params);
        assert_eq!(answer["code"] == -32020, revision == NEW, "{revision}");
    });
}

#[test]
fn caching_hints() {
    each(|world, client, revision| {
        for (method, params) in [
            ("tools/list", json!({})),
            ("prompts/list", json!({})),
            ("resources/list", json!({})),
            ("resources/templates/list", json!({})),
            ("resources/read", json!({"uri": "a://static"})),
        ] {
            let result = client.ask(world, method, params);
            let has = result["ttlMs"].is_u64() && result["cacheScope"] == "private";
            assert_eq!(has, revision == NEW, "{revision} {method}");
        }
    });
}

// What it says before it becomes a task has nowhere to go: the request is answered once.
#[test]
fn tasks() {
    let mut world = world();
    let capabilities = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    for revision in ALL {
        let client = Client::new(&mut world, revision, capabilities.clone());
        let id = client.begin(&mut world, "tools/call", json!({"name": "job"}));
        let begun = world
            .sent(id)
            .response
            .as_ref()
            .map(body)
            .unwrap_or_default();
        assert_eq!(
            begun["result"]["resultType"] == "task",
            revision == NEW,
            "{revision}"
        );
    }
}
