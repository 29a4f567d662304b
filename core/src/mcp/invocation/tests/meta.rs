//! `_meta` of what a call says, by revision.

use super::*;

const ALL: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", NEW];

fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

/// Notifies of progress and of a line of the log, both with `_meta`.
fn notifies(call: &Call) -> Step<ToolResult> {
    match call.results().len() {
        0 => {
            let half = ProgressNotification::new(1.0, 2.0);
            Step::effect(Effect::Progress(half.meta("com.example/page", 7)))
        }
        1 => {
            let line = LogNotification::new(LogLevel::Warning, "slow");
            Step::effect(Effect::Log(line.meta("com.example/span", "s")))
        }
        2 => Step::effect(Effect::progress(2.0, Some(2.0))),
        3 => Step::effect(Effect::log(LogLevel::Warning, "slower")),
        _ => Step::done("done"),
    }
}

/// Asks a question of the kind that the caller names, with `_meta`.
fn asks(call: &Call) -> Step<ToolResult> {
    let question = match call.text("kind") {
        "form" => {
            let form = ElicitationSchema::new().field("name", FieldSchema::text());
            InputRequest::form("Your name?", form)
        }
        "url" => InputRequest::url("Please go there.", "https://a.example/"),
        "sampling" => InputRequest::sample("A poem, please.", 100),
        _ => InputRequest::roots(),
    };
    let question = question
        .meta("com.example/why", 1)
        .result_meta("com.example/round", 2);
    Step::effect(Effect::request_input("key", question))
}

fn world() -> World {
    let mut catalog = offer(Catalog::builder());
    let kind = json!({"type": "object", "properties": {"kind": {"type": "string"}}});
    let asking = text("asks", asks);
    for (tool, handler) in [
        text("notifies", notifies),
        (asking.0.input_schema(kind), asking.1),
    ] {
        catalog = catalog.tool(tool, handler);
    }
    World::offering(catalog.build().unwrap())
}

#[test]
fn notification_has_the_meta_of_its_function_where_its_schema_has_it() {
    let mut world = world();
    for revision in ALL {
        let client = Client::new(&mut world, revision, able());
        client.ask(&mut world, "logging/setLevel", json!({"level": "debug"}));
        let mut params = json!({"name": "notifies", "_meta": {"progressToken": "p"}});
        if revision == NEW {
            params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
        }
        let id = client.begin(&mut world, "tools/call", params);
        let params: Vec<_> = messages(&world, id)
            .into_iter()
            .map(|message| message["params"].clone())
            .collect();
        let has = revision >= "2025-11-25";
        let (page, span) = (
            json!({"com.example/page": 7}),
            json!({"com.example/span": "s"}),
        );
        let expected = [
            Some(&page).filter(|_| has),
            Some(&span).filter(|_| has),
            None,
            None,
        ];
        let found: Vec<_> = params[..4].iter().map(|one| one.get("_meta")).collect();
        assert_eq!(found, expected, "{revision}");
    }
}

#[test]
fn question_has_the_meta_of_its_function_where_its_schema_has_it() {
    let mut world = world();
    for (kind, since, until) in [
        ("form", "2025-11-25", "2025-11-25"),
        ("url", "2025-11-25", "2025-11-25"),
        ("sampling", "2025-11-25", "2025-11-25"),
        ("roots", ALL[0], NEW),
    ] {
        for revision in ALL {
            let client = Client::new(&mut world, revision, able());
            let params = json!({"name": "asks", "arguments": {"kind": kind}});
            let id = client.begin(&mut world, "tools/call", params);
            let asked = match &world.sent(id).response {
                Some(response) => body(response)["result"].clone(),
                None => messages(&world, id)[0].clone(),
            };
            let question = match revision {
                NEW => {
                    assert_eq!(asked["_meta"]["com.example/round"], 2, "{kind}");
                    &asked["inputRequests"]["key"]
                }
                _ => &asked,
            };
            let has = (since..=until).contains(&revision);
            let meta = question["params"].get("_meta");
            let expected = json!({"com.example/why": 1});
            assert_eq!(meta, Some(&expected).filter(|_| has), "{kind} {revision}");
        }
    }
}
